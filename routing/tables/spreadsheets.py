"""XLSX (ECMA-376) in and out, by openpyxl behind defusedxml, with guards before a byte of it is unpacked.

Reads values only: a formula, an error value, or a file that is something else is refused with the mend.
"""

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Protocol, cast

import openpyxl
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from routing.tables.sources import MAX_ROWS, FileFault, RawRow, Sheet, formula_fault, guarded, unguarded

# What a workbook may unpack to. 100,000 rows of ten filled cells take some
# 60 MB, four to nine tags a cell, and pack about 16 times.
MAX_MEMBERS = 1_000
MAX_UNPACKED = 256 * 2**20  # bytes, all members together
MAX_RATIO = 200  # of a member, once it is larger than
RATIO_FROM = 2**20  # bytes
MAX_TAGS = 16_000_000

MAX_COLUMNS = 32  # looked at; a table has 14
SHEET_ROWS = 1_048_576  # of a spreadsheet
_MEND = "请在电子表格中另存为“Excel工作簿（*.xlsx）”"
_DAMAGED = f"不是完整的XLSX文件，可能已损坏；{_MEND}"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # [MS-CFB] 2.2
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # [MS-OFFCRYPTO] 2.3.4.4
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")  # ECMA-376 part 1, 22.9.2.19 (ST_Xstring)

# openpyxl warns about whatever it leaves out: styles, extensions. We read values only.
warnings.filterwarnings("ignore", module=r"openpyxl\b")


class _Cell(Protocol):
    """What openpyxl gives while reading."""

    value: object
    data_type: str


def is_workbook(data: bytes) -> bool:
    """Whether a file is packed as XLSX is, or an older or encrypted workbook, of which `workbook_sheets` tells."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06", _OLE))


def workbook_sheets(data: bytes) -> list[Sheet]:
    """The visible sheets in their order. Raises `FileFault`, here or while rows are read."""
    _check_package(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    except Exception:  # whatever a damaged or hostile file makes the parsers raise
        raise FileFault(_DAMAGED) from None
    if not sheets:
        raise FileFault("没有可见的工作表；请取消隐藏后重新保存")
    return [Sheet(f"XLSX（工作表“{sheet.title}”）", _reader(sheet)) for sheet in sheets]


def workbook_bytes(
    title: str,
    headings: Sequence[str],
    rows: Iterable[Iterable[str]],
    *,
    widths: Sequence[float],
    choices: Mapping[int, Sequence[str]],
) -> bytes:
    """A workbook of one sheet. All cells are texts, so that 00123 stays what it is; the headings stay in sight.

    `widths` in characters by column; `choices`: the words offered in the cells of a column, by its position.
    """
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for position, width in enumerate(widths, 1):
        dimension = sheet.column_dimensions[get_column_letter(position)]
        dimension.width = width
        dimension.number_format = "@"  # what is typed below the last row is text as well
    for position, words in choices.items():
        letter = get_column_letter(position + 1)
        offered = DataValidation("list", formula1=f'"{",".join(words)}"', allow_blank=True, showErrorMessage=True)
        offered.error, offered.errorTitle = "请从列表中选择", "无效的值"
        offered.add(f"{letter}2:{letter}{MAX_ROWS + 1}")
        sheet.data_validations.append(offered)
    heading = WriteOnlyCell(sheet)
    heading.font, heading.fill = Font(bold=True), PatternFill("solid", fgColor="DDE6F0")
    sheet.append(_text_cells(heading, headings))
    cell = WriteOnlyCell(sheet)
    cell.alignment = Alignment(vertical="top")
    for row in rows:
        sheet.append(_text_cells(cell, row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _text_cells(cell: Cell, texts: Iterable[str]) -> Iterator[Cell | None]:
    """The cells of a row, one after the other in the same object: each is written before the next is asked for."""
    cell.number_format = "@"
    for text in texts:
        if not text:
            yield None
            continue
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", _ESCAPE.sub(r"_x005F_x\1_", guarded(text)))
        cell.data_type = "s"  # never a formula, never an error value
        yield cell


def _check_package(data: bytes) -> None:
    """Refuse what is no XLSX, and what would unpack to more than a table needs, before anything is unpacked."""
    if data.startswith(_OLE):
        if _ENCRYPTED in data:
            raise FileFault("文件有打开密码；请取消密码后重新保存")
        raise FileFault(f"是旧的Excel 97-2003格式（*.xls），或者是别的Office文件；{_MEND}")
    if data.count(b"PK\x01\x02") > MAX_MEMBERS:  # entries of the central directory (APPNOTE 4.3.12)
        raise FileFault(f"压缩包内有超过{MAX_MEMBERS}个文件，不是转接表；{_MEND}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            _check_members(package)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, ValueError) as error:
        if isinstance(error, FileFault):
            raise
        raise FileFault(_DAMAGED) from None
    except (zlib.error, RuntimeError):
        raise FileFault(_DAMAGED) from None


def _check_members(package: zipfile.ZipFile) -> None:
    members = package.infolist()
    names = {member.filename for member in members}
    if any(member.flag_bits & 0x1 for member in members):
        raise FileFault("压缩包有密码；请取消密码后重新保存")
    if "xl/workbook.bin" in names:
        raise FileFault(f"是Excel二进制格式（*.xlsb）；{_MEND}")
    if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise FileFault(f"不是XLSX文件；{_MEND}")
    if len(names) != len(members):
        raise FileFault(_DAMAGED)
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise FileFault(f"解压后超过{MAX_UNPACKED // 2**20} MiB，不像转接表；请删除图片和多余内容后重新保存")
    for member in members:
        if member.file_size > RATIO_FROM and member.file_size > MAX_RATIO * max(1, member.compress_size):
            raise FileFault("压缩比异常，疑似压缩炸弹；请新建工作簿，只复制转接表的内容后重新保存")
    if sum(_tags(package, member) for member in members) > MAX_TAGS:
        raise FileFault(f"内容过多，超过{MAX_ROWS:,}行的转接表所需；请删除多余的行和工作表后重新保存")


def _tags(package: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """How many tags a part has: what parsing it costs. Unpacks it in pieces, and no further than it declares."""
    if not member.filename.endswith((".xml", ".rels", ".vml")):
        return 0
    tags = 0
    with package.open(member) as part:
        while piece := part.read(2**20):
            tags += piece.count(b"<")
    return tags


def _reader(sheet: Worksheet) -> Callable[[], Iterator[RawRow]]:
    def rows() -> Iterator[RawRow]:
        number = 0
        try:
            # both bounds are given: what the sheet itself says of its size may be anything
            found = sheet.iter_rows(max_row=SHEET_ROWS, max_col=MAX_COLUMNS)
            for number, cells in enumerate(cast(Iterator[tuple[_Cell, ...]], found), 1):
                yield _raw(number, cells)
        except Exception:  # whatever a damaged or hostile file makes the parsers raise
            raise FileFault(_DAMAGED, number + 1) from None

    return rows


def _raw(number: int, cells: Iterable[_Cell]) -> RawRow:
    texts: list[str] = []
    faults: dict[int, str] = {}
    for position, cell in enumerate(cells):
        value = cell.value
        if value is None:
            texts.append("")
        elif isinstance(value, str) and cell.data_type == "s":
            text = _ESCAPE.sub(_unescaped, value) if "_x" in value else value
            if reason := formula_fault(text):
                faults[position] = reason
            texts.append(unguarded(text))
        elif cell.data_type == "f":
            faults[position] = "是公式；请复制后用“选择性粘贴—数值”粘贴，或者直接填写"
            texts.append("=")
        elif cell.data_type == "e":
            faults[position] = f"是错误值“{value}”；请直接填写内容"
            texts.append("#")
        else:
            texts.append(_value_text(value))
    while texts and not texts[-1]:
        texts.pop()
    return RawRow(number, texts, faults)


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _value_text(value: object) -> str:
    """A number, date or truth value as people would have typed it: 12345.0 is 12345."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat("minutes")
    return str(value)
