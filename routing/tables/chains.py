"""Where rows lead that go on as other rows (``line:``): loops, ways to nowhere, chains too long. Pure, linear in rows.

Judged from today on: what a row led to in the past does not matter any more.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import NamedTuple

from routing.tables.findings import Gathered
from routing.tables.model import Line, LineMode, LineStatus, Target, TargetKind
from routing.tables.resolve import EMERGENCY_LINES, MAX_ROWS

VISITS = 8 * MAX_ROWS  # of rows, from one row: a table that people understand needs a few
ALL_VISITS = 1_000_000  # from all rows: ten for each of the 100,000 that a table may have

Numbered = tuple[int, Line]


class Period(NamedTuple):
    """Days, both ends included."""

    begin: date
    end: date


class Rows:
    """The rows of every number in the order of their dates, which do not overlap."""

    def __init__(self, rows: Sequence[Numbered]) -> None:
        self._rows: dict[str, list[Numbered]] = {}
        for numbered in rows:
            self._rows.setdefault(numbered[1].number, []).append(numbered)
        for same in self._rows.values():
            same.sort(key=lambda numbered: begin_of(numbered[1]))
        self._begins = {number: [begin_of(line) for _, line in same] for number, same in self._rows.items()}

    def values(self) -> Iterator[Sequence[Numbered]]:
        return iter(self._rows.values())

    def of(self, number: str) -> Sequence[Numbered]:
        return self._rows.get(number, ())

    def during(self, number: str, period: Period) -> Iterator[tuple[Line, Period]]:
        """The rows that hold at some time of a period, each with the part of it in which it does."""
        same = self._rows.get(number)
        if same is None:
            return
        first = max(0, bisect_right(self._begins[number], period.begin) - 1)
        for position in range(first, len(same)):
            line = same[position][1]
            begin, end = begin_of(line), end_of(line)
            if begin > period.end:
                return
            if end >= period.begin:
                yield line, Period(max(begin, period.begin), min(end, period.end))


def begin_of(line: Line) -> date:
    return line.effective_from or date.min


def end_of(line: Line) -> date:
    return line.effective_to or date.max


def check_chains(rows: Rows, own: Collection[str], today: date, gathered: Gathered) -> None:
    """Report every ``line:`` target that leads in a circle, nowhere, or on for too long."""
    visits = 0
    for same in rows.values():
        for row, line in same:
            if _is_followed(line) and end_of(line) >= today and any(map(_goes_on, line.targets)):
                visits += _check_row(row, line, rows, own, today, gathered)
                if visits > ALL_VISITS:
                    gathered.error(None, "targets", "归并关系过于复杂，无法逐行检查；请把号码直接归并到最终的号码")
                    return


def _check_row(row: int, line: Line, rows: Rows, own: Collection[str], today: date, gathered: Gathered) -> int:
    """Returns how many rows were visited."""
    period = Period(max(begin_of(line), today), end_of(line))
    for target in filter(_goes_on, line.targets):
        if target.to not in own:
            _check_target(row, target.to, rows, period, gathered)
    walk = _Walk(rows, line.number)
    trouble = walk.trouble(line, period)
    if trouble is not None:
        gathered.error(row, "targets", trouble)
    return walk.visits


def _check_target(row: int, number: str, rows: Rows, period: Period, gathered: Gathered) -> None:
    """A row that another goes on with exists on every day on which that one holds, and takes calls."""
    if number in EMERGENCY_LINES:  # these four always lead somewhere
        return
    if not rows.of(number):
        gathered.error(row, "targets", f"归并到的号码{number}不在表中；请添加该号码，或改为其他目标")
        return
    covered, told = period.begin, set[LineStatus]()
    for found, part in islice(rows.during(number, period), VISITS):  # with more, the walk is too long as well
        if part.begin > covered:
            break
        covered = date.max if part.end == date.max else part.end + timedelta(days=1)
        if _is_followed(found) or found.status in told:
            continue
        told.add(found.status)
        if found.status is LineStatus.RETIRED:
            gathered.error(row, "targets", f"归并到的号码{number}已停用；请改为其他目标")
        else:
            gathered.warn(row, "targets", f"归并到的号码{number}暂停服务，期间由综合受理接听")
    if covered <= period.end and covered != date.max:
        gathered.error(row, "targets", f"归并到的号码{number}在{covered}没有生效的行；请调整两行的日期")


class _Walk:
    """Goes on from one row through all rows that it can lead to, with the days on which it can."""

    def __init__(self, rows: Rows, home: str) -> None:
        self._rows, self._home = rows, home
        self.visits = 0
        self._numbers = {home}
        self._path = [home]

    def trouble(self, line: Line, period: Period) -> str | None:
        """Why the way back out is never found, if so; loops elsewhere are told at the rows that are in them."""
        for target in filter(_goes_on, line.targets):
            if target.to == self._home:
                return f"转接成环：{'→'.join([*self._path, self._home])}；请改掉其中一个目标"
            if target.to in self._path:
                continue
            self._numbers.add(target.to)
            for found, part in self._rows.during(target.to, period):
                self.visits += 1
                if len(self._numbers) > MAX_ROWS or self.visits > VISITS:
                    return f"连续归并的号码过多，超过{MAX_ROWS}个；请直接归并到最终的号码"
                if not _is_followed(found):
                    continue
                self._path.append(target.to)
                trouble = self.trouble(found, part)
                self._path.pop()
                if trouble is not None:
                    return trouble
        return None


def _goes_on(target: Target) -> bool:
    return target.kind is TargetKind.LINE


def _is_followed(line: Line) -> bool:
    """Whether a row's targets are ever used: an emergency line is never out of service."""
    return line.mode is LineMode.EMERGENCY or line.status is LineStatus.OPEN
