"""Files that are no tables, or are meant to do harm, are refused with one sentence and cost little."""

import io
import zipfile
from collections.abc import Callable

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.tables import Line, LineMode
from routing.tables.files import MAX_BYTES, read_file, write_csv, write_xlsx
from routing.tables.spreadsheets import MAX_RATIO, MAX_UNPACKED
from tests.routing.tables.test_files import CHINESE, CSV, ROW, book, problem, saved

GOOD = book(CHINESE, ROW)
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)


def repacked(change: Callable[[dict[str, bytes]], None], data: bytes = GOOD) -> bytes:
    """A workbook with some of its parts changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    change(parts)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return out.getvalue()


def with_sheet(change: Callable[[bytes], bytes]) -> bytes:
    name = "xl/worksheets/sheet1.xml"
    return repacked(lambda parts: parts.update({name: change(parts[name])}))


def with_name_cell(cell: bytes) -> bytes:
    return with_sheet(lambda xml: xml.replace(xml[xml.index(b'<c r="B2"') : xml.index(b'<c r="C2"')], cell))


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        (b"", "a.csv", "文件是空的"),
        (b"\xef\xbb\xbf \n", "a.csv", "文件是空的"),
        (b"x" * (MAX_BYTES + 1), "a.csv", "文件有16.0 MiB，最大16 MiB"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "a.xlsx", "内容是网页（HTML）或XML"),
        ("\ufeff<?xml version='1.0'?><Workbook/>".encode(), "a.xls", "内容是网页（HTML）或XML"),
        (OLE, "a.xlsx", "旧的Excel 97-2003格式"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "a.xlsx", "文件有打开密码；请取消密码后重新保存"),
        (b"%PDF-1.7\n", "a.pdf", "是PDF，不是表格"),
        (b"\x89PNG\r\n\x1a\n\0\0", "a.xlsx", "是图片，不是表格"),
        (b"\1\2\0\3", "a.xlsx", "不是完整的Excel文件"),
        (CSV.replace("税务", "税\0务").encode(), "a.csv", "第2行：含有空字节（NUL）"),
        (CSV.encode("utf-16-le"), "a.csv", "既不是UTF-8也不是GBK编码的文本"),
        (CSV[:30].encode("utf-16-le"), "a.csv", "含有空字节（NUL）"),
        (CSV.encode() + b"\xff\n", "a.csv", "第3行：有不是UTF-8的字节"),
        (CSV.encode("utf-8-sig")[:58], "a.csv", "有不是UTF-8的字节"),
        (b"number,name,mode,unit,status,source\n1,\xff\xff\xff\n", "a.csv", "第2行：既不是UTF-8也不是GBK"),
        (GOOD[:-200], "a.xlsx", "不是完整的XLSX文件"),
        (GOOD[:100] + b"\0" * 300 + GOOD[400:], "a.xlsx", "不是完整的XLSX文件"),
        (b"PK\3\4", "a.xlsx", "不是完整的XLSX文件"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, name: str, says: str) -> None:
    assert says in problem(data, name)


def test_other_office_files_are_told_apart() -> None:
    def without_workbook(parts: dict[str, bytes]) -> None:
        for name in [name for name in parts if name.startswith("xl/")]:
            del parts[name]

    assert "不是XLSX文件" in problem(repacked(without_workbook))
    assert "xlsb" in problem(repacked(lambda parts: parts.update({"xl/workbook.bin": b""})))


@pytest.mark.parametrize("value", ["=1+1", "=cmd|'/c calc'!A1", "=HYPERLINK(1)"])
def test_a_formula_is_refused_with_its_place(value: str) -> None:
    row = (*ROW[:1], value, *ROW[2:])
    assert problem(book(CHINESE, ROW, row)) == ("第3行“名称”：是公式；请复制后用“选择性粘贴—数值”粘贴，或者直接填写")


def test_a_shared_formula_and_an_error_value_are_refused() -> None:
    assert "第2行“名称”：是公式" in problem(with_name_cell(b'<c r="B2"><f t="shared" si="0"/><v>1</v></c>'))
    assert "第2行“名称”：是错误值“#REF!”" in problem(with_name_cell(b'<c r="B2" t="e"><v>#REF!</v></c>'))


def test_a_text_that_looks_like_a_formula_goes_out_harmless_and_comes_back() -> None:
    line = Line(number="12366", name="=1+1", mode=LineMode.DUAL, unit="@SUM", source="'-1", note="'=2")
    for data in (write_csv([line]), write_xlsx([line])):
        assert read_file("a", data).rows == ((2, line),)
    assert b",=1+1," not in write_csv([line])
    assert b",@SUM," not in write_csv([line])


def test_entities_and_outside_references_are_not_followed() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    for part in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml", "[Content_Types].xml"):

        def add(parts: dict[str, bytes], part: str = part) -> None:
            content = parts[part]
            at = content.index(b"?>") + 2 if content.startswith(b"<?xml") else 0
            parts[part] = content[:at] + bomb + content[at:].replace(b"</t>", b"&b;&c;</t>")

        assert "不是完整的XLSX文件" in problem(repacked(add)), part


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    blank = b" " * (MAX_UNPACKED // 16)
    padded = with_sheet(lambda xml: xml.replace(b"<sheetData>", blank + b"<sheetData>"))
    assert len(padded) * MAX_RATIO < len(blank)
    assert "压缩比异常" in problem(padded)
    many = repacked(lambda parts: parts.update({f"xl/media/{number}.png": b"" for number in range(1_001)}))
    assert "超过1000个文件" in problem(many)


def test_a_part_larger_than_it_declares_is_refused() -> None:
    out = io.BytesIO(with_sheet(lambda xml: xml.replace(b"<sheetData>", b" " * 5_000 + b"<sheetData>")))
    with zipfile.ZipFile(out) as package:
        member = package.getinfo("xl/worksheets/sheet1.xml")
    declared, told = member.file_size.to_bytes(4, "little"), (500).to_bytes(4, "little")
    assert "不是完整的XLSX文件" in problem(out.getvalue().replace(declared, told))


def test_a_sheet_that_claims_to_be_endless_is_read_quickly() -> None:
    wide = with_sheet(
        lambda xml: xml.replace(b'<dimension ref="A1:F2"', b'<dimension ref="A1:XFD1048576"').replace(
            b"</sheetData>", b'<row r="999999999"><c r="XFD999999999"><v>1</v></c></row></sheetData>'
        )
    )
    assert [row for row, _ in read_file("a.xlsx", wide).rows] == [2]


def test_too_many_tags_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.tables.spreadsheets.MAX_TAGS", 50)
    assert "内容过多" in problem(GOOD)


def test_a_workbook_without_a_table_says_so() -> None:
    made = openpyxl.Workbook()
    assert problem(saved(made)) == "没有任何内容；请在有转接表的文件上重试"
    made.worksheets[0].append(["通讯录", "电话"])
    assert "没有找到列名" in problem(saved(made))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data: bytes) -> None:
    imported = read_file("a.csv", data)
    assert bool(imported.rows) != bool(imported.problems)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=40))
def test_a_damaged_workbook_is_answered(at: int, noise: bytes) -> None:
    imported = read_file("a.xlsx", GOOD[:at] + noise + GOOD[at + len(noise) :])
    assert bool(imported.rows) != bool(imported.problems)
