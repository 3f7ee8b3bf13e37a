"""Slips: what the switch's dialplan wrote about calls that it served by itself, because no worker took them.

One file per call, named by the call's id, one ``key=value`` per line, appended as the call goes on; the dialplan in
`config/asterisk/extensions.conf.j2` is the only writer. Reading them changes nothing.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class Try:
    """One route of an emergency number, rung once. Times are UNIX seconds."""

    number: str
    address: str = field(repr=False)  # it may be somebody's own phone
    began: float
    answered: float | None = None
    ended: float | None = None  # None: it was answered, or the citizen left while it rang
    status: str = ""  # why it was not answered, in Asterisk's words (DIALSTATUS): BUSY, NOANSWER, CONGESTION …
    cause: int = 0  # the same by Q.850; 0 when the network said nothing


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
    phone: str | None = field(default=None, repr=False)  # address that answered: a duty phone's, or a route's
    answered: float | None = None
    ended: float | None = None
    desk: str | None = None  # name of the emergency desk that handed the citizen over
    emergency: float | None = None  # when the emergency key was noticed
    chosen: tuple[tuple[str, float], ...] = ()  # emergency numbers that the citizen asked for, and when
    tries: tuple[Try, ...] = ()  # in the order in which they were rung

    @property
    def by_operator(self) -> bool:
        """Whether it was an emergency number's route that answered, no duty phone."""
        return bool(self.tries) and self.tries[-1].answered is not None


def read_slip(path: Path) -> Slip | None:
    """The slip in a file; None when its beginning is not complete yet or not readable as a slip."""
    lines = path.read_text("utf-8", errors="replace").splitlines(keepends=True)
    pairs = [(pair[0], pair[2]) for line in lines if line.endswith("\n") and (pair := line[:-1].partition("="))[1]]
    last = dict(pairs)
    try:
        slip = Slip(
            call=path.name,
            dialled=last["dialled"],
            caller=last["caller"] or None,
            reason=last["reason"],
            began=float(last["began"]),
            desk=last.get("desk") or None,
        )
        for key, value in pairs:
            slip = _told(slip, key, value)
    except (KeyError, ValueError):
        return None
    return slip


def _told(slip: Slip, key: str, value: str) -> Slip:
    """The slip with what one line adds. Raises `ValueError`."""
    match key:
        case "phone":
            return replace(slip, phone=value)
        case "answered":
            return _answered(slip, float(value))
        case "ended":
            return replace(slip, ended=float(value))
        case "emergency":
            return slip if slip.emergency is not None else replace(slip, emergency=float(value))
        case "chosen":
            number, at = value.split(" ")
            return replace(slip, chosen=(*slip.chosen, (number, float(at))))
        case "try" if slip.chosen:
            address, at = value.split(" ")
            return replace(slip, tries=(*slip.tries, Try(slip.chosen[-1][0], address, float(at))))
        case "tried" if slip.tries:
            status, cause, at = value.split(" ")
            last = replace(slip.tries[-1], status=status, cause=int(cause or 0), ended=float(at))
            return replace(slip, tries=(*slip.tries[:-1], last))
    return slip


def _answered(slip: Slip, at: float) -> Slip:
    """Whoever rings when somebody picks up has picked up: nobody else rings then."""
    answered = replace(slip, answered=at)
    if not slip.tries or slip.tries[-1].ended is not None:
        return answered
    return replace(answered, tries=(*slip.tries[:-1], replace(slip.tries[-1], answered=at)))


def read_slips(folder: Path) -> list[Slip]:
    """All slips of a folder, in the order in which the calls began."""
    if not folder.is_dir():
        return []
    found = [slip for path in folder.iterdir() if path.is_file() and (slip := read_slip(path)) is not None]
    return sorted(found, key=lambda slip: slip.began)
