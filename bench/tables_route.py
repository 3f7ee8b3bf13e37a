"""Nanoseconds to resolve a dialled number by a transfer table, and whether that grows with the table.

Baseline: a bare look-up of the same numbers in a dict of the same rows, the least that any design does.
"""

import random
import time
from collections.abc import Callable, Sequence
from functools import partial

from config.workdays import load_workdays
from routing.tables.hours import parse_hours
from routing.tables.model import Line, LineMode, Table, Target, TargetKind, by_number
from routing.tables.resolve import Route, resolve

SIZES = (100, 10_000, 1_000_000)
DIALLED = 20_000  # numbers of a round; spread over all rows, so that a large table's do not stay in the caches
ROUNDS = 5  # the best counts: what is slower was the machine's doing
AT = 1_795_200_000.0  # early on a Saturday in China
FIRST = 20_000_000_000  # number of the first row; 11 digits, so that a million rows have room
UNKNOWN = "12999"

_HOURS = parse_hours("工作日 08:30-12:00 14:00-17:30; 周六 09:00-12:00")
_SHARES = 10  # kinds of rows: four merged, two dual, two aliases, two with hours


def route_ns() -> dict[str, float]:
    """ns per number: ``route_<rows>`` through `resolve`, ``first_<rows>`` when each is dialled for the first time, and
    ``lookup_<rows>`` for the baseline. A tenth of the numbers dialled is in no row."""
    figures: dict[str, float] = {}
    for rows in SIZES:
        table, dialled = _table(rows), _dialled(rows)
        figures[f"lookup_{rows}"] = min(_round(table.lines.get, dialled) for _ in range(ROUNDS))
        figures[f"first_{rows}"] = _round(partial(_resolve, table), list(dict.fromkeys(dialled)))
        figures[f"route_{rows}"] = min(_round(partial(_resolve, table), dialled) for _ in range(ROUNDS))
    return figures


def _resolve(table: Table, number: str) -> Route:
    return resolve(number, AT, table)


def _round(once: Callable[[str], object], dialled: Sequence[str]) -> float:
    begun = time.process_time_ns()
    for number in dialled:
        once(number)
    return (time.process_time_ns() - begun) / len(dialled)


def _table(rows: int) -> Table:
    return Table(
        version="bench",
        city="bench",
        area_code="0795",
        numbers=("12345",),
        general_skill="general",
        lines=by_number(_line(index) for index in range(rows)),
        workdays=load_workdays(since=2025),
    )


def _line(index: int) -> Line:
    number, kind = str(FIRST + index), index % _SHARES
    if kind < 4:
        return Line(number=number, name="并入", mode=LineMode.MERGED)
    if kind < 6:
        own = Target(TargetKind.SKILL, "line")
        return Line(number=number, name="双号", mode=LineMode.DUAL, targets=(own, Target(TargetKind.SKILL, "general")))
    if kind < 8:
        other = Target(TargetKind.LINE, str(FIRST + index - 2))  # a dual one
        return Line(number=number, name="归并", mode=LineMode.ALIAS, targets=(other,))
    return Line(number=number, name="分中心", mode=LineMode.SUB_CENTER, hours=_HOURS)


def _dialled(rows: int) -> Sequence[str]:
    chance = random.Random(12345)
    return [UNKNOWN if chance.random() < 0.1 else str(FIRST + chance.randrange(rows)) for _ in range(DIALLED)]


if __name__ == "__main__":
    for name, value in route_ns().items():
        print(f"{name:16} {value:10,.0f} ns")
