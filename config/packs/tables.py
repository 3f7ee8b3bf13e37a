"""Reads a pack's CSV tables as spreadsheets write them: UTF-8 with or without a mark, or GBK.

Gives rows as texts with their line numbers; what the texts mean is `loading`'s business.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.packs.problems import Problems


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line on which it begins, and its cells by column, trimmed."""

    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


def read_table(file: Path, required: Sequence[str], optional: Sequence[str], problems: Problems) -> list[Row]:
    """The rows of a table. A missing file is an empty table; blank rows are passed over."""
    text = _text(file, problems)
    if not text.strip():
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    begins = 1
    try:
        header = [cell.strip() for cell in next(reader)]
        while header and not header[-1]:  # spreadsheets leave empty columns behind
            header.pop()
        if not _header_holds(file, header, required, optional, problems):
            return []
        begins = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _append(file, begins, header, cells, rows, problems)
            begins = reader.line_num + 1
    except csv.Error as error:
        problems.add(file, begins, None, f"is not a CSV row: {error}")
    return rows


def _append(file: Path, line: int, header: list[str], cells: list[str], rows: list[Row], problems: Problems) -> None:
    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        reason = f"has {len(cells)} cells for {len(header)} columns; put texts with commas in quotes"
        problems.add(file, line, None, reason)
        return
    padded = [*cells, *[""] * (len(header) - len(cells))]
    rows.append(Row(line, {column: cell.strip() for column, cell in zip(header, padded, strict=False)}))


def _header_holds(
    file: Path, header: list[str], required: Sequence[str], optional: Sequence[str], problems: Problems
) -> bool:
    known = (*required, *optional)
    before = len(problems.errors)
    for column in required:
        if column not in header:
            problems.add(file, 1, column, "is a missing column; the first line names the columns")
    for position, column in enumerate(header):
        if column not in known:
            problems.add(file, 1, column or None, f"is not a column of this table; known are {', '.join(known)}")
        elif column in header[:position]:
            problems.add(file, 1, column, "is a column twice")
    return len(problems.errors) == before


def _text(file: Path, problems: Problems) -> str:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        problems.add(file, None, None, f"cannot be read: {error.strerror}")
        return ""
    for encoding in ("utf-8-sig", "gb18030"):  # what is valid UTF-8 is hardly ever meant as GBK
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    problems.add(file, None, None, "is neither UTF-8 nor GBK text; save it as “CSV UTF-8”")
    return ""
