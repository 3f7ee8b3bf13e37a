"""ARCHITECTURE.md and the code agree."""

from pathlib import Path

from ivr.flow.diagram import mermaid


def test_the_diagram_of_the_stages_is_the_one_drawn_from_the_code() -> None:
    page = (Path(__file__).parents[1] / "ARCHITECTURE.md").read_text("utf-8")
    assert f"```mermaid\n{mermaid()}\n```" in page, "run `python -m ivr.flow.diagram` and paste its output"
