"""What an import would make of a table, before anything is made: the rows, what is wrong with them, what would change.

Pure; findings name the rows of the file, because that is where they are mended.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from routing.tables.diff import Diff, diff, in_order, replace_numbers, twins
from routing.tables.findings import Findings
from routing.tables.frame import Frame
from routing.tables.model import Line
from routing.tables.states import ImportMode

_NOT_OF_THE_FILE = 0  # the row number of rows that stay as they are


@dataclass(frozen=True)
class Foreseen:
    """``impossible``: rows that nothing tells apart; such a file cannot even become a draft."""

    findings: Findings
    diff: Diff
    impossible: bool


def imported(lines: Sequence[Line], rows: Sequence[Line], mode: ImportMode) -> tuple[Line, ...]:
    """What a table with these lines is after an import."""
    return in_order(rows) if mode is ImportMode.REPLACE else replace_numbers(lines, rows)


def foresee(
    frame: Frame,
    present: Sequence[Line],
    before: Sequence[Line] | None,
    rows: Sequence[tuple[int, Line]],
    mode: ImportMode,
    at: float,
) -> Foreseen:
    """Import ``rows`` of a file into a table with the lines ``present``, which is to follow the table ``before``."""
    given = [line for _, line in rows]
    after = imported(present, given, mode)
    numbers = {id(line): row for row, line in rows}
    numbered = [(numbers.get(id(line), _NOT_OF_THE_FILE), line) for line in after]
    findings = frame.check(numbered, before, at)
    items = tuple(
        msgspec.structs.replace(each, row=None) if each.row == _NOT_OF_THE_FILE else each for each in findings.items
    )
    impossible = bool(twins(given))
    return Foreseen(
        msgspec.structs.replace(findings, items=items), Diff() if impossible else diff(present, after), impossible
    )
