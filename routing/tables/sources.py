"""What the readers of files share: a sheet of raw rows, and why a file cannot be read. Knows no format.

A cell that a spreadsheet could run as a formula is never taken in, and never written (CSV injection, CWE-1236).
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

MAX_ROWS = 100_000  # of one table

# the full-width forms start a formula in East Asian editions of spreadsheets
_FORMULA = "=+-@＝＋－＠"
_STARTS = re.compile(rf"\s*[{re.escape(_FORMULA)}]")
_GUARDED = re.compile(rf"'+\s*[{re.escape(_FORMULA)}]")


class FileFault(ValueError):
    """A file that cannot be read as a table, in a sentence for the admin; `row` where one is to blame."""

    def __init__(self, text: str, row: int | None = None) -> None:
        super().__init__(text)
        self.row = row


class RawRow(NamedTuple):
    """One row as texts. `faults`: why a cell cannot be taken, by its position."""

    row: int
    cells: list[str]
    faults: dict[int, str]


class Sheet(NamedTuple):
    """One sheet of a file: `how` it is read, for the admin; `rows` begins anew with each call."""

    how: str
    rows: Callable[[], Iterator[RawRow]]


def formula_fault(text: str) -> str | None:
    """Why a text may not stand in a cell: a spreadsheet would take it for a formula."""
    found = _STARTS.match(text)
    if found is None:
        return None
    first = found[0][-1]
    return f"以“{first}”开头，会被电子表格当作公式执行；请去掉开头的“{first}”"


def guarded(text: str) -> str:
    """A text as it is written: one that looks like a formula is led by an apostrophe, which `unguarded` takes off."""
    return f"'{text}" if _STARTS.match(text) or _GUARDED.match(text) else text


def unguarded(text: str) -> str:
    """The text that `guarded` was given."""
    return text[1:] if _GUARDED.match(text) else text
