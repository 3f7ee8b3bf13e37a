"""The transfer table that a city pack brings along: the default's ``lines.csv``, then the city's, row by row.

A city's rows replace the default's of the same number. Says what is wrong in the manner of packs: file, line, column.
"""

import re
import time
from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path

import msgspec

from config.chinatime import china_day
from config.packs import Notice, Pack
from config.packs.layers import DEFAULT
from config.packs.problems import Problems
from config.packs.tables import read_table
from config.workdays import Workdays
from routing.tables.cells import CellFaults, line_of
from routing.tables.chains import Numbered
from routing.tables.checks import Context, check
from routing.tables.columns import OPTIONAL, REQUIRED
from routing.tables.findings import Finding, Findings, Severity
from routing.tables.model import Line, Table, by_number

_ROW = re.compile(r"第([0-9]+)行")

Placed = tuple[Path, int, Line]
"""A row, the file in which it stands, and the line on which it begins."""


class PackFrame:
    """A pack and the working calendar as what stands around a table (`frame.Frame`)."""

    def __init__(self, pack: Pack, workdays: Workdays) -> None:
        self.pack, self.workdays = pack, workdays

    def table(self, version: str, lines: Iterable[Line]) -> Table:
        """The table that these rows make in this city."""
        return make_table(self.pack, version, lines, self.workdays)

    def check(self, lines: Sequence[Numbered], before: Sequence[Line] | None, at: float) -> Findings:
        """What is wrong with numbered rows that are to follow the table `before`, at a UNIX time."""
        return check(lines, context_of(self.pack, self.workdays, china_day(at), before))


def context_of(pack: Pack, workdays: Workdays, today: date, before: Sequence[Line] | None = None) -> Context:
    """What `checks` asks of a pack. `before`: the rows in force now."""
    addresses = (*(agent.address for agent in pack.agents), *pack.duty_phones)
    return Context(
        skills=pack.skills,
        general_skill=pack.general_skill,
        area_code=pack.city.area_code,
        numbers=tuple(pack.entry.numbers),
        today=today,
        workdays=workdays,
        before=None if before is None else tuple(before),
        desks=frozenset(address.removeprefix("desk:") for address in addresses if address.startswith("desk:")),
        regulation=pack.city.status,
        regulation_until=pack.city.valid_until,
    )


def make_table(pack: Pack, version: str, lines: Iterable[Line], workdays: Workdays) -> Table:
    """The table of these rows, with what the pack says besides. Checks nothing."""
    return Table(
        version=version,
        city=pack.id,
        area_code=pack.city.area_code,
        numbers=tuple(pack.entry.numbers),
        general_skill=pack.general_skill,
        lines=by_number(lines),
        workdays=workdays,
    )


def table_of_pack(pack: Pack, workdays: Workdays, *, today: date | None = None) -> Table:
    """The pack's own table, checked for a day (now). Its version changes with its rows.

    Raises `PackErrors` with every problem.
    """
    return checked_table_of_pack(pack, workdays, today=today)[0]


def checked_table_of_pack(
    pack: Pack, workdays: Workdays, *, today: date | None = None
) -> tuple[Table, tuple[Notice, ...]]:
    """The same, with what an admin should know about the rows."""
    problems = Problems()
    rows = read_pack_lines(pack, problems)
    problems.raise_any(pack.id)
    _check(pack, rows, context_of(pack, workdays, today or china_day(time.time())), problems)
    problems.raise_any(pack.id)
    lines = [line for _, _, line in rows]
    version = f"{pack.id}-lines-{sha256(msgspec.json.encode(lines)).hexdigest()[:12]}"
    return make_table(pack, version, lines, workdays), tuple(problems.notices)


def read_pack_lines(pack: Pack, problems: Problems) -> tuple[Placed, ...]:
    """The rows that hold in the city, each where it stands. What cannot be read is added to `problems`."""
    rows: dict[str, list[Placed]] = {}
    for file, label in pack.line_files:
        layer: dict[str, list[Placed]] = {}
        for placed in _read_file(file, label, problems):
            layer.setdefault(placed[2].number, []).append(placed)
        rows |= layer
    return tuple(placed for same in rows.values() for placed in same)


def _read_file(file: Path, label: str, problems: Problems) -> Iterable[Placed]:
    for row in read_table(file, REQUIRED, OPTIONAL, problems):
        article = row.cells["source"]
        if not article and label != DEFAULT:
            problems.add(file, row.line, "source", "为空；请填写依据的条款，如“§18”")
        try:
            yield file, row.line, line_of({**row.cells, "source": _source(label, article)}, row=row.line)
        except CellFaults as error:
            for fault in error.faults:
                problems.add(file, row.line, fault.column, fault.text)


def _source(label: str, article: str) -> str:
    """``宜春 §18``; a row that was exported names its city already."""
    return article if article.split(" ")[0] == label else f"{label} {article}".strip()


def _check(pack: Pack, rows: Sequence[Placed], context: Context, problems: Problems) -> None:
    """Checks rows of several files at once, and tells each finding where its row stands.

    The pack's loader has its own word about the regulation. Nobody confirms a pack's files: what a supervisor would
    have to confirm is an error here.
    """
    home = pack.line_files[-1][0] if pack.line_files else Path(pack.id) / "lines.csv"
    context = msgspec.structs.replace(context, regulation="in_force", regulation_until=None)
    found = check([(position, line) for position, (_, _, line) in enumerate(rows)], context)
    for finding in found.items:
        file, line = home, None
        if finding.row is not None:
            file, line, _ = rows[finding.row]
        if finding.severity is Severity.ERROR or finding.emergency:
            problems.add(file, line, finding.column, _told(finding, rows))
        else:
            problems.note(file, line, finding.column, _told(finding, rows))
    if found.more:
        problems.note(home, None, None, f"还有{found.more}条没有列出")


def _told(finding: Finding, rows: Sequence[Placed]) -> str:
    """What is found, with the rows it names by the lines of their file."""
    return _ROW.sub(lambda named: f"第{rows[int(named[1])][1]}行", finding.text)
