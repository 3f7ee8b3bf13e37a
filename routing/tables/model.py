"""A city's transfer table (转接表): its lines, where each leads, and when. Data only; `resolve` reads it.

A table never changes: a change makes a new one with a new version, and calls under way keep theirs.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum

import msgspec

from config.workdays import Workdays
from routing.tables.hours import Opening


class LineMode(StrEnum):
    """How a line is joined to 12345 (国办发〔2020〕53号), or what else it is."""

    MERGED = "merged"  # 整体并入: the number is cancelled, its calls come here
    DUAL = "dual"  # 双号并行: the number is kept, its seats are 12345's
    SUB_CENTER = "sub_center"  # 设分中心: number and seats are kept elsewhere
    EXPERT = "expert"  # 专家座席: not merged yet; an expert seat is reached by phone
    UTILITY = "utility"  # 公共事业: water, power, gas …
    EMERGENCY = "emergency"  # 110, 119, 120, 122
    COUNTY = "county"  # 县区热线: a county's number that leads here
    ALIAS = "alias"  # 归并到另一号码: goes on as another row
    EXTERNAL = "external"  # 外部号码: not joined; calls are passed on to it


class LineStatus(StrEnum):
    OPEN = "open"  # 正常
    SUSPENDED = "suspended"  # 暂停服务: the caller is told, and 12345 takes the call
    RETIRED = "retired"  # 停用: the same, for good


class TargetKind(StrEnum):
    SKILL = "skill"  # stand in this queue
    PHONE = "phone"  # a number on the trunk
    BACKUP = "backup"  # the number on the second trunk; without one it fails at once
    DESK = "desk"  # a phone on a desk of ours
    LINE = "line"  # go on with another row


class Target(msgspec.Struct, frozen=True):
    """One place a call can go to. `ring_s` None: the city's usual time; for a skill the time in its queue."""

    kind: TargetKind
    to: str
    ring_s: float | None = None
    tries: int = 1

    @property
    def address(self) -> str:
        """As `ivr.call.Dial` wants it, for phones and desks: ``phone:12366``."""
        return f"{self.kind}:{self.to}"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table. The dates are whole days in China, `effective_to` the last of them."""

    number: str  # 3 to 11 digits
    name: str
    mode: LineMode
    unit: str = ""  # 责任单位; empty where the regulation names none
    status: LineStatus = LineStatus.OPEN
    targets: tuple[Target, ...] = ()  # empty: what the mode implies, see `targets_of`
    hours: tuple[Opening, ...] = ()  # empty: day and night
    expert: bool = False  # 设专家座席
    announcement: str = ""  # said to the caller before anything else happens
    effective_from: date | None = None
    effective_to: date | None = None
    confirm: bool = False  # 待确认: the city has still to confirm this row
    source: str = ""  # 宜春 §18, or default
    note: str = ""

    def holds(self, day: date) -> bool:
        """Whether the row is in force on a day."""
        begun = self.effective_from is None or self.effective_from <= day
        return begun and (self.effective_to is None or day <= self.effective_to)


class Table(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A whole table with what a resolution needs besides: pure data, encoded as JSON within a call's rules.

    Its `__dict__` is for what `resolve` remembers of it; that is never encoded or compared.
    """

    version: str
    city: str
    area_code: str  # 0795
    numbers: tuple[str, ...]  # the hotline's own, 12345 first
    general_skill: str  # of the people to whom everything leads in the end
    lines: Mapping[str, tuple[Line, ...]]  # by number; several rows in the order of their dates
    workdays: Workdays = Workdays()

    def rows(self) -> Iterable[Line]:
        """Every row, by number and date."""
        return (line for number in sorted(self.lines) for line in self.lines[number])


def by_number(lines: Iterable[Line]) -> dict[str, tuple[Line, ...]]:
    """The index of a table: rows by number, several rows of a number in the order of their dates."""
    found: dict[str, tuple[Line, ...]] = {}
    for line in lines:
        known = found.get(line.number)
        found[line.number] = (line,) if known is None else (*known, line)
    for number, rows in found.items():
        if len(rows) > 1:
            found[number] = tuple(sorted(rows, key=lambda row: row.effective_from or date.min))
    return found


OUTSIDE = frozenset({TargetKind.PHONE, TargetKind.BACKUP})
"""Targets that lead out of the house, over a trunk."""

_BY_PHONE = frozenset({LineMode.SUB_CENTER, LineMode.EXPERT, LineMode.UTILITY, LineMode.EMERGENCY, LineMode.EXTERNAL})


def targets_of(line: Line, general_skill: str) -> tuple[Target, ...]:
    """Where a line leads: what its row says, else what its mode implies. An alias without a target leads nowhere."""
    if line.targets:
        return line.targets
    if line.mode in _BY_PHONE:
        return (Target(TargetKind.PHONE, line.number),)
    if line.mode is LineMode.ALIAS:
        return ()
    return (Target(TargetKind.SKILL, general_skill),)
