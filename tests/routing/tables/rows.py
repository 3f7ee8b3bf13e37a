"""Rows, tables and times for tests, in few words."""

from datetime import datetime

from config.chinatime import CHINA
from config.workdays import Workdays, load_workdays
from routing.tables import Line, Table, by_number
from routing.tables.cells import line_of

WORKDAYS = load_workdays(since=2025)


def row(number: str, mode: str, targets: str = "", **cells: str) -> Line:
    """A row by its cells, as in a file: ``to``, ``hours``, ``status`` …; ``since`` stands for ``from``."""
    if "since" in cells:
        cells["from"] = cells.pop("since")
    plain = {"name": f"热线{number}", "unit": "某局", "status": "open", "source": "§18"}
    return line_of(plain | {"number": number, "mode": mode, "targets": targets} | cells)


def table(*lines: Line, area_code: str = "0795", workdays: Workdays = WORKDAYS) -> Table:
    return Table(
        version="trial-1",
        city="trial",
        area_code=area_code,
        numbers=("12345",),
        general_skill="general",
        lines=by_number(lines),
        workdays=workdays,
    )


def china(text: str) -> float:
    """A time in China, as in ``2026-10-01 03:00``, as UNIX seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp()
