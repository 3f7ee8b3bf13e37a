"""Draws the stages of a call, from the table that the flow runs by, as a Mermaid state diagram.

`python -m ivr.flow.diagram` prints it; ARCHITECTURE.md holds the same text and a test compares the two.
"""

from ivr.call import Stage
from ivr.flow import LEADS_TO


def mermaid() -> str:
    """The diagram's text, without the fence."""
    lines = ["stateDiagram-v2", f"    [*] --> {Stage.ARRIVING}"]
    for stage, following in LEADS_TO.items():
        lines += [f"    {stage} --> {after}" for after in Stage if after in following]
    lines.append(f"    {Stage.CLOSED} --> [*]")
    return "\n".join(lines)


if __name__ == "__main__":
    print(mermaid())
