"""CSV as spreadsheets write it, in and out: UTF-8, GB18030 (GBK) or UTF-16; parted by comma, semicolon or tab."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from typing import Literal

from routing.tables.columns import COLUMNS, column_of
from routing.tables.sources import FileFault, RawRow, Sheet, formula_fault, guarded, unguarded

Encoding = Literal["utf-8-sig", "utf-8", "gb18030"]

_DELIMITERS = {",": "逗号", ";": "分号", "\t": "制表符"}
_MEND = "请在电子表格中另存为“CSV UTF-8（逗号分隔）”或“Excel工作簿（*.xlsx）”"
_LOOKED_AT = 10  # lines, to find the delimiter
_LONGEST_LINE = 10_000


def csv_sheet(data: bytes) -> Sheet:
    """The one sheet of a CSV file. Raises `FileFault`, here or while its rows are read."""
    text, encoding = _decoded(data)
    if "\0" in text:
        row = text.count("\n", 0, text.index("\0")) + 1
        raise FileFault(f"含有空字节（NUL），不是文本文件；{_MEND}", row)
    first, _, rest = text.partition("\n")
    declared = first.strip().lower()
    if declared.startswith("sep=") and declared[4:] in _DELIMITERS:  # a line for Excel alone, which hides it
        text, delimiter = rest, declared[4:]
    elif declared == "sep=":  # a tab, trimmed
        text, delimiter = rest, "\t"
    else:
        delimiter = _delimiter(text)
    return Sheet(f"CSV（{encoding}，{_DELIMITERS[delimiter]}分隔）", lambda: _rows(text, delimiter))


def csv_bytes(rows: Iterable[Iterable[str]], encoding: Encoding) -> bytes:
    """Rows of texts as a file that Excel opens by itself; ``gb18030`` for old Chinese programs."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(map(guarded, row) for row in rows)
    return out.getvalue().encode(encoding, "replace")


def _rows(text: str, delimiter: str) -> Iterator[RawRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    row = 0
    try:
        for row, cells in enumerate(reader, 1):
            yield _row(row, cells)
    except csv.Error as error:
        reason = (
            "引号不配对，或者单元格太长" if "field larger" in str(error) or "end of data" in str(error) else "引号有误"
        )
        raise FileFault(f"不是正确的CSV：{reason}；含有引号的单元格应整体加引号，其中的引号写两个", row + 1) from None


def _row(row: int, cells: list[str]) -> RawRow:
    faults: dict[int, str] = {}
    for position, text in enumerate(cells):
        if reason := formula_fault(text):
            faults[position] = reason
        elif text[:1] == "'":
            cells[position] = unguarded(text)
    return RawRow(row, cells, faults)


def _decoded(data: bytes) -> tuple[str, str]:
    """The text, and the encoding's name. A mark says which one it is; valid UTF-8 is hardly ever meant as GBK."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16"), "UTF-16"
        except UnicodeDecodeError:
            raise FileFault(f"不是完整的UTF-16文本；{_MEND}") from None
    try:
        return data.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError as error:
        if data.startswith(codecs.BOM_UTF8) or _mostly_utf8(data):
            row = data.count(b"\n", 0, error.start) + 1
            raise FileFault(f"有不是UTF-8的字节，文件可能已损坏；{_MEND}", row) from None
    try:
        return data.decode("gb18030"), "GB18030"
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise FileFault(f"既不是UTF-8也不是GBK编码的文本；{_MEND}", row) from None


def _mostly_utf8(data: bytes) -> bool:
    """Whether broken bytes stand in a text that is UTF-8 otherwise; GBK read as UTF-8 is broken nearly everywhere."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    good = sum(character > "\u007f" for character in text) - broken
    return good > 2 * broken


def _delimiter(text: str) -> str:
    """The delimiter by which most headings are found in one of the first lines; a comma when none are."""
    lines = [text_line[:_LONGEST_LINE] for text_line in text[: _LOOKED_AT * _LONGEST_LINE].splitlines()[:_LOOKED_AT]]

    def found(delimiter: str) -> int:
        return max((_headings(line, delimiter) for line in lines), default=0)

    return max(_DELIMITERS, key=found)


def _headings(line: str, delimiter: str) -> int:
    known = {column_of(cell.strip().strip('"')) for cell in line.split(delimiter)[: 4 * len(COLUMNS)]}
    return len(known - {None})
