"""Transfer tables as files: CSV and XLSX in and out. All rows of a file are taken, or none and the reasons.

Whatever bytes are uploaded, `read_file` answers with rows or with problems; it raises nothing. See `spreadsheets` and
`delimited` for the formats, `checks` for the table as a whole.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from routing.tables.cells import CellFaults, cells_of, line_of
from routing.tables.columns import COLUMNS, HEADINGS, MODE_WORDS, REQUIRED, STATUS_WORDS, YES, column_of
from routing.tables.delimited import Encoding, csv_bytes, csv_sheet
from routing.tables.findings import Finding, Gathered, Severity
from routing.tables.model import Line
from routing.tables.sources import MAX_ROWS, FileFault, RawRow, Sheet
from routing.tables.spreadsheets import is_workbook, workbook_bytes, workbook_sheets

MAX_BYTES = 16 * 2**20  # of an uploaded file
_HEADINGS_WITHIN = 10  # rows: a title may stand above the headings
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|table|meta|style|\?xml|\?mso)", re.IGNORECASE)
_OTHERS = {b"%PDF": "PDF", b"\x89PNG": "图片", b"\xff\xd8\xff": "图片", b"Rar!": "RAR压缩包", b"\x1f\x8b": "gzip压缩包"}
_FORMATS = "请上传CSV文件或Excel工作簿（*.xlsx）"
_WIDTHS = (14, 24, 16, 22, 12, 34, 36, 10, 40, 12, 12, 10, 18, 40)  # characters


class Imported(msgspec.Struct, frozen=True):
    """What a file holds: either rows, or problems and no rows.

    A row's number counts as the spreadsheet does (in the simplest file the headings are row 1). `problems` are the
    first ones, `more` says how many others there are; `how`: the form in which the file was read, for the admin.
    """

    rows: tuple[tuple[int, Line], ...] = ()
    problems: tuple[Finding, ...] = ()
    more: int = 0
    how: str = ""


def read_file(name: str, data: bytes) -> Imported:
    """Read an uploaded table. Its bytes decide the format, not its name, which is used for nothing but messages."""
    gathered, how, rows = Gathered(), "", []
    try:
        sheet = _sheet(name, data)
        how = sheet.how
        rows = _rows(sheet, gathered)
    except FileFault as fault:
        gathered.error(fault.row, None, str(fault))
    found = gathered.all()
    if found.errors:
        return Imported(problems=found.items, more=found.more, how=how)
    return Imported(rows=tuple(rows), how=how)


def write_csv(lines: Iterable[Line], *, chinese: bool = True, encoding: Encoding = "utf-8-sig") -> bytes:
    """A table as CSV. ``utf-8-sig`` is what Excel opens rightly, ``gb18030`` is for old Chinese programs."""
    headings = [HEADINGS[column] if chinese else column for column in COLUMNS]
    return csv_bytes(_with_headings(headings, _texts(lines, chinese)), encoding)


def write_xlsx(lines: Iterable[Line]) -> bytes:
    """A table as a workbook with Chinese headings and drop-downs for what has few values."""
    offered: dict[str, Sequence[str]] = {
        "mode": [words[0] for words in MODE_WORDS.values()],
        "status": [words[0] for words in STATUS_WORDS.values()],
        "expert": [YES],
        "confirm": [YES],
    }
    return workbook_bytes(
        "转接表",
        list(HEADINGS.values()),
        _texts(lines, chinese=True),
        widths=_WIDTHS,
        choices={COLUMNS.index(column): words for column, words in offered.items()},
    )


def _texts(lines: Iterable[Line], chinese: bool) -> Iterator[Iterable[str]]:
    return (cells_of(line, chinese=chinese).values() for line in lines)


def _with_headings(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[Iterable[str]]:
    yield headings
    yield from rows


def _sheet(name: str, data: bytes) -> Sheet:
    """The sheet of a file that holds the table. Raises `FileFault`."""
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise FileFault(f"文件是空的；{_FORMATS}")
    if len(data) > MAX_BYTES:
        raise FileFault(
            f"文件有{len(data) / 2**20:.1f} MiB，最大{MAX_BYTES // 2**20} MiB；请删除图片和多余内容，或另存为“*.xlsx”"
        )
    if is_workbook(data):
        return _with_table(workbook_sheets(data))
    if _MARKUP.match(data[:1024].lstrip(b"\xef\xbb\xbf")):
        raise FileFault("内容是网页（HTML）或XML，只是扩展名像表格；请用电子表格打开，另存为“Excel工作簿（*.xlsx）”")
    for magic, what in _OTHERS.items():
        if data.startswith(magic):
            raise FileFault(f"是{what}，不是表格；{_FORMATS}")
    if name.lower().endswith((".xlsx", ".xlsm", ".xls")) and b"\0" in data[:4096]:
        raise FileFault(f"不是完整的Excel文件，可能已损坏；{_FORMATS}")
    return csv_sheet(data)


def _with_table(sheets: list[Sheet]) -> Sheet:
    """The first sheet with all headings, else the one with the most of them."""
    best, most = sheets[0], -1
    for sheet in sheets:
        named = _columns_named(sheet)
        if named.issuperset(REQUIRED):
            return sheet
        if len(named) > most:
            best, most = sheet, len(named)
    return best


def _columns_named(sheet: Sheet) -> set[str | None]:
    first = islice(sheet.rows(), _HEADINGS_WITHIN)
    return max((_known(row.cells) for row in first), key=len, default=set())


def _known(cells: Iterable[str]) -> set[str | None]:
    return {column_of(cell) for cell in cells} - {None}


def _rows(sheet: Sheet, gathered: Gathered) -> list[tuple[int, Line]]:
    """The lines of a sheet; every row that cannot be read is gathered. Raises `FileFault`."""
    raws = sheet.rows()
    columns = _columns(raws)
    rows: list[tuple[int, Line]] = []
    seen = 0
    for raw in raws:
        if not any(cell and not cell.isspace() for cell in raw.cells):
            continue
        seen += 1
        if seen > MAX_ROWS:
            raise FileFault(f"超过{MAX_ROWS:,}行，一个转接表最多{MAX_ROWS:,}行；请删除多余的行", raw.row)
        line = _line(raw, columns, gathered)
        if line is not None and not gathered:
            rows.append((raw.row, line))
    if not seen:
        raise FileFault("只有列名，没有任何一行号码")
    return rows


def _columns(raws: Iterator[RawRow]) -> list[str | None]:
    """Reads up to the headings. The column of each position, None for those without a heading."""
    first: list[RawRow] = []
    for raw in islice(raws, _HEADINGS_WITHIN):
        first.append(raw)
        if len(_known(raw.cells)) > 1:
            return _checked_headings(raw)
    shown = "、".join(cell.strip()[:12] for raw in first for cell in raw.cells if cell.strip())[:60]
    if not shown:
        raise FileFault("没有任何内容；请在有转接表的文件上重试")
    wanted = "、".join(HEADINGS[column] for column in REQUIRED)
    raise FileFault(f"没有找到列名；第一行应有{wanted}，而不是“{shown}”", 1)


def _checked_headings(raw: RawRow) -> list[str | None]:
    columns = [column_of(cell) for cell in raw.cells]
    unknown = [
        cell.strip()[:20] for cell, column in zip(raw.cells, columns, strict=True) if cell.strip() and not column
    ]
    twice = [HEADINGS[column] for column in COLUMNS if columns.count(column) > 1]
    missing = [HEADINGS[column] for column in REQUIRED if column not in columns]
    reasons = []
    if missing:
        reasons.append(f"缺少列：{'、'.join(missing)}")
    if twice:
        reasons.append(f"列重复：{'、'.join(twice)}")
    if unknown:
        reasons.append(f"不认识的列：{'、'.join(unknown[:10])}；可用的列：{'、'.join(HEADINGS.values())}")
    if reasons:
        raise FileFault("；".join(reasons), raw.row)
    return columns


def _line(raw: RawRow, columns: Sequence[str | None], gathered: Gathered) -> Line | None:
    faults: dict[str | None, Finding] = {}
    for position, reason in raw.faults.items():
        column = columns[position] if position < len(columns) else None
        faults[column] = Finding(Severity.ERROR, raw.row, column, reason)
    cells = {column: cell for column, cell in zip(columns, raw.cells, strict=False) if column}
    for position, cell in enumerate(raw.cells):
        if cell.strip() and (position >= len(columns) or columns[position] is None) and None not in faults:
            text = f"第{position + 1}列有内容，但没有列名；含有逗号的内容应加引号，多余的内容请删除"
            faults[None] = Finding(Severity.ERROR, raw.row, None, text)
    try:
        line = line_of(cells, row=raw.row)
    except CellFaults as error:
        gathered.extend(faults.values())
        gathered.extend(fault for fault in error.faults if fault.column not in faults)
        return None
    gathered.extend(faults.values())
    return None if faults else line
