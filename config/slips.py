"""Slips: what the switch's dialplan wrote about calls that it served by itself, because no worker took them.

One file per call, named by the call's id, one ``key=value`` per line, appended as the call goes on; the dialplan in
`config/asterisk/extensions.conf.j2` is the only writer. Reading them changes nothing.
"""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Slip:
    """One call of the fallback. Times are UNIX seconds; ``answered`` is None when nobody picked up,
    ``ended`` while the call goes on (or when the switch died with it).
    """

    call: str
    dialled: str
    caller: str | None = field(repr=False)  # None when withheld
    reason: str  # why no worker had it: FAILED (none there) or TIMEOUT (none answered in time)
    began: float
    phone: str | None = None  # address of the duty phone that answered
    answered: float | None = None
    ended: float | None = None


def read_slip(path: Path) -> Slip | None:
    """The slip in a file; None when its beginning is not complete yet or not readable as a slip."""
    lines = path.read_text("utf-8", errors="replace").splitlines(keepends=True)
    pairs = dict(line.rstrip("\n").split("=", 1) for line in lines if "=" in line and line.endswith("\n"))
    try:
        return Slip(
            call=path.name,
            dialled=pairs["dialled"],
            caller=pairs["caller"] or None,
            reason=pairs["reason"],
            began=float(pairs["began"]),
            phone=pairs.get("phone"),
            answered=float(pairs["answered"]) if "answered" in pairs else None,
            ended=float(pairs["ended"]) if "ended" in pairs else None,
        )
    except (KeyError, ValueError):
        return None


def read_slips(folder: Path) -> list[Slip]:
    """All slips of a folder, in the order in which the calls began."""
    if not folder.is_dir():
        return []
    found = [slip for path in folder.iterdir() if path.is_file() and (slip := read_slip(path)) is not None]
    return sorted(found, key=lambda slip: slip.began)
