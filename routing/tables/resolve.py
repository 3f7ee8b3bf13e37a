"""Where does a call go? `resolve` answers for every number, at every time, with every table, and says why.

Pure and total: it raises nothing, and the last step of every route is a queue in which people answer.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

import msgspec

from config.chinatime import china_day
from routing.tables.hours import is_open, is_provisional
from routing.tables.model import Line, LineMode, LineStatus, Table, Target, TargetKind, targets_of
from routing.tables.numbers import bare_number

__all__ = ["EMERGENCY_LINES", "MAX_ROWS", "Reason", "Reception", "Route", "Why", "bare_number", "in_force", "resolve"]

MAX_ROWS = 32  # a chain of aliases longer than this is ended

# Danger to life is handed over at once in every city, whatever its table lacks or says of these four.
EMERGENCY_LINES = {
    number: Line(
        number=number,
        name=name,
        mode=LineMode.EMERGENCY,
        targets=(Target(TargetKind.PHONE, number),),
        source="default",
    )
    for number, name in (("110", "公安报警"), ("119", "火警"), ("120", "医疗急救"), ("122", "交通事故报警"))
}


class Reception(StrEnum):
    """What the caller is told about the number, before a person answers (the wording is the city's)."""

    OWN = "own"  # the hotline's own number, or one that no row knows
    MERGED = "merged"
    DUAL = "dual"
    COUNTY = "county"
    ALIAS = "alias"
    FORWARD = "forward"  # passed on to somewhere else
    SUSPENDED = "suspended"
    RETIRED = "retired"
    CLOSED = "closed"  # outside the line's service hours


class Why(StrEnum):
    """One step of a resolution; `explain` has the sentences."""

    OWN_NUMBER = "own_number"
    NORMALISED = "normalised"  # the number without area or country code
    UNKNOWN = "unknown"
    NOT_IN_FORCE = "not_in_force"  # rows exist, none for this day
    EMERGENCY = "emergency"  # 110, 119, 120 or 122 without a row of its own that leads to a phone
    ROW = "row"
    SUSPENDED = "suspended"
    RETIRED = "retired"
    CLOSED = "closed"
    PROVISIONAL = "provisional"  # the hours were judged by a calendar without its notice
    TARGET = "target"
    FOLLOW = "follow"
    CYCLE = "cycle"
    REPEATED = "repeated"  # the row was gone through before
    TOO_LONG = "too_long"  # more than `MAX_ROWS` rows on the way
    GENERAL = "general"


class Reason(msgspec.Struct, frozen=True, gc=False):
    """`number` is the row it is about, `detail` what else is to be said: a target, a normalised number."""

    why: Why
    number: str
    detail: str = ""


class Route(msgspec.Struct, frozen=True, gc=False):
    """Where a call goes: `steps` in order, skills and phones; the last is the general skill."""

    dialled: str
    number: str  # the row's, or the number as it was understood
    reception: Reception
    steps: tuple[Target, ...]
    reasons: tuple[Reason, ...]
    line: Line | None = None  # the row of `number`
    final: str = ""  # the row an alias led to
    emergency: bool = False


_RECEPTIONS = {
    LineMode.MERGED: Reception.MERGED,
    LineMode.DUAL: Reception.DUAL,
    LineMode.COUNTY: Reception.COUNTY,
    LineMode.ALIAS: Reception.ALIAS,
}
_REFUSALS = {
    Why.SUSPENDED: Reception.SUSPENDED,
    Why.RETIRED: Reception.RETIRED,
    Why.CLOSED: Reception.CLOSED,
}


def resolve(dialled: str, at: float, table: Table) -> Route:
    """The route of a call that dialled `dialled` at the UNIX time `at`. Looks rows up, never searches them."""
    remembered = _remembered(table)
    known = remembered.get(dialled)
    if known is not None:
        return known
    number, walk = dialled, _Walk(table, at)
    if number not in table.lines:
        number = bare_number(dialled, table.area_code)
        if number != dialled:
            walk.tell(Why.NORMALISED, dialled, number)
    line = walk.row(number)
    final = "" if line is None else walk.follow(line) or number
    reception = _reception(line, walk)
    walk.end_with_people(number)
    route = Route(dialled, number, reception, tuple(walk.steps), tuple(walk.reasons), line, final, walk.emergency)
    if walk.timeless and line is not None and dialled == number:
        remembered[number] = route
    return route


def in_force(rows: Iterable[Line], day: date) -> Line | None:
    """The row that holds on a day, of the rows of one number."""
    return next((row for row in rows if row.holds(day)), None)


def _remembered(table: Table) -> dict[str, Route]:
    """Routes by number that are the same at every time, at most one for each row; kept beside the table's data."""
    found: dict[str, Route] = table.__dict__.setdefault("_routes", {})
    return found


def _reception(line: Line | None, walk: "_Walk") -> Reception:
    if line is None:
        return Reception.OWN
    if not walk.steps:
        told = Reception.OWN if line.mode is LineMode.ALIAS else _RECEPTIONS.get(line.mode, Reception.OWN)
        return walk.refusal or told
    if walk.steps[0].kind is not TargetKind.SKILL:
        return Reception.FORWARD
    return _RECEPTIONS.get(line.mode, Reception.OWN)


class _Walk:
    """Goes through a row's targets and the rows they lead to, and gathers steps and reasons."""

    __slots__ = ("_at", "_path", "_seen", "_table", "emergency", "reasons", "refusal", "steps", "timeless")

    def __init__(self, table: Table, at: float) -> None:
        self._table, self._at = table, at
        self._path: list[str] = []  # from the dialled row to the one looked at
        self._seen: set[str] = set()
        self.steps: list[Target] = []
        self.reasons: list[Reason] = []
        self.refusal: Reception | None = None  # of the first row that takes no calls now
        self.emergency = False
        self.timeless = True  # nothing so far depended on the time

    def tell(self, why: Why, number: str, detail: str = "") -> None:
        self.reasons.append(Reason(why, number, detail))

    def row(self, number: str) -> Line | None:
        """The row of a number that holds now; without one the reason is told. Emergency numbers always have one."""
        rows = self._table.lines.get(number, ())
        line = self._in_force(rows)
        if number in EMERGENCY_LINES and (line is None or line.mode is not LineMode.EMERGENCY):
            self.tell(Why.EMERGENCY, number)
            return EMERGENCY_LINES[number]
        if line is not None:
            self.tell(Why.ROW, number)
        elif rows:
            self.tell(Why.NOT_IN_FORCE, number)
            line = next((row for row in reversed(rows) if row.mode is LineMode.EMERGENCY), None)
        else:
            self.tell(Why.OWN_NUMBER if number in self._table.numbers else Why.UNKNOWN, number)
        return line

    def _in_force(self, rows: tuple[Line, ...]) -> Line | None:
        if all(row.effective_from is None and row.effective_to is None for row in rows):
            return rows[0] if rows else None
        self.timeless = False
        return in_force(rows, china_day(self._at))

    def follow(self, line: Line) -> str:
        """Gather a row's steps. Returns the number of the row that gave the first; an empty text when none did."""
        refusal = self._refusal(line)
        if refusal is not None:
            self.tell(refusal, line.number)
            self.refusal = self.refusal or _REFUSALS[refusal]
            return ""
        self.emergency = self.emergency or (line.mode is LineMode.EMERGENCY and not self.steps)
        self._seen.add(line.number)
        self._path.append(line.number)
        before, final = len(self.steps), ""
        for target in targets_of(line, self._table.general_skill):
            reached = self._onward(line, target) if target.kind is TargetKind.LINE else self._step(line, target)
            final = final or reached
        if line.number in EMERGENCY_LINES and all(step.kind is TargetKind.SKILL for step in self.steps[before:]):
            self.steps[before:before] = EMERGENCY_LINES[line.number].targets
            self.tell(Why.EMERGENCY, line.number)
            final = line.number
        self._path.pop()
        return final

    def _step(self, line: Line, target: Target) -> str:
        self.tell(Why.TARGET, line.number, target.address)
        self.steps.append(target)
        return line.number

    def _onward(self, line: Line, target: Target) -> str:
        """Go on with another row, unless that would never end."""
        number, why = target.to, Why.FOLLOW
        if number in self._path:
            why = Why.CYCLE
        elif number in self._seen:
            why = Why.REPEATED
        elif len(self._seen) >= MAX_ROWS:
            why = Why.TOO_LONG
        self.tell(why, line.number, number)
        if why is not Why.FOLLOW:
            return ""
        found = self.row(number)
        if found is not None:
            return self.follow(found)
        if number in self._table.numbers:
            self.steps.append(Target(TargetKind.SKILL, self._table.general_skill))
            return number
        return ""

    def _refusal(self, line: Line) -> Why | None:
        """Why a row's own targets are not used now; an emergency line is never refused."""
        if line.mode is LineMode.EMERGENCY:
            return None
        if line.status is LineStatus.SUSPENDED:
            return Why.SUSPENDED
        if line.status is LineStatus.RETIRED:
            return Why.RETIRED
        if line.hours:
            self.timeless = False
            if is_provisional(line.hours, self._at, self._table.workdays):
                self.tell(Why.PROVISIONAL, line.number)
            if not is_open(line.hours, self._at, self._table.workdays):
                return Why.CLOSED
        return None

    def end_with_people(self, number: str) -> None:
        """The last step is the general skill, without an end to its waiting and not twice in a row."""
        general = Target(TargetKind.SKILL, self._table.general_skill)
        if not self.steps or not _same_queue(self.steps[-1], general):
            self.tell(Why.GENERAL, number, general.to)
        while self.steps and _same_queue(self.steps[-1], general):
            self.steps.pop()
        self.steps.append(general)


def _same_queue(one: Target, other: Target) -> bool:
    return one.kind is other.kind and one.to == other.to
