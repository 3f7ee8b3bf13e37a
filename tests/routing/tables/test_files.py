"""Tables go out as files and come in again the same, in every form that spreadsheets write."""

import io
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Literal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.tables import Line, LineMode
from routing.tables.cells import HEADINGS
from routing.tables.files import Imported, read_file, write_csv, write_xlsx
from tests.routing.tables.any_lines import lines

CSV = "number,name,mode,unit,status,source\n12366,税务服务热线,sub_center,市税务局,open,§20\n"


def book(*rows: Sequence[object], title: str = "转接表") -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    return saved(made)


def saved(made: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


CHINESE = ("号码", "名称", "方式", "责任单位", "状态", "依据")
ROW = (12366, "税务服务热线", "设分中心", "市税务局", "正常", "§20")


def only(imported: Imported) -> Line:
    assert imported.problems == ()
    ((_, line),) = imported.rows
    return line


def problem(data: bytes, name: str = "lines.csv") -> str:
    imported = read_file(name, data)
    assert imported.rows == ()
    return str(imported.problems[0])


@settings(deadline=None)
@given(st.lists(lines(), min_size=1, max_size=5), st.booleans(), st.sampled_from(["utf-8-sig", "utf-8", "gb18030"]))
def test_a_table_written_as_csv_is_read_back_equal(
    table: list[Line], chinese: bool, encoding: Literal["utf-8-sig", "utf-8", "gb18030"]
) -> None:
    imported = read_file("table.csv", write_csv(table, chinese=chinese, encoding=encoding))
    assert imported.problems == ()
    assert imported.rows == tuple(enumerate(table, 2))


@settings(deadline=None, max_examples=40)
@given(st.lists(lines(), min_size=1, max_size=5))
def test_a_table_written_as_xlsx_is_read_back_equal(table: list[Line]) -> None:
    imported = read_file("table.xlsx", write_xlsx(table))
    assert imported.problems == ()
    assert imported.rows == tuple(enumerate(table, 2))


@settings(deadline=None, max_examples=40)
@given(st.lists(lines(), min_size=1, max_size=3))
def test_nothing_that_is_written_is_run_by_a_spreadsheet(table: list[Line]) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx(table))).worksheets[0]
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert not [cell.value for cell in cells if str(cell.value)[0] in "=+-@＝＋－＠"]
    assert {cell.number_format for cell in cells} == {"@"}


def test_a_workbook_is_ready_to_be_edited() -> None:
    line = only(read_file("a.csv", CSV.encode()))
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx([line]))).worksheets[0]
    assert [cell.value for cell in sheet[1]] == list(HEADINGS.values())
    assert sheet.freeze_panes == "A2"
    offered = {str(each.sqref).split(":")[0]: each.formula1 for each in sheet.data_validations.dataValidation}
    assert offered["C2"] == '"整体并入,双号并行,设分中心,专家座席,公共事业,紧急,县区热线,归并到另一号码,外部号码"'
    assert offered["E2"] == '"正常,暂停服务,停用"'
    assert sheet.column_dimensions["A"].width > 10
    assert sheet.column_dimensions["A"].number_format == "@"


def test_csv_for_excel_begins_with_a_mark_and_ends_lines_as_windows_does() -> None:
    line = only(read_file("a.csv", CSV.encode()))
    data = write_csv([line])
    assert data.startswith("\ufeff号码,名称".encode())
    assert data.endswith(b"\r\n")
    assert write_csv([line], chinese=False, encoding="utf-8").startswith(b"number,name,mode")


@pytest.mark.parametrize(
    ("data", "how"),
    [
        (CSV.encode(), "CSV（UTF-8，逗号分隔）"),
        (CSV.encode("utf-8-sig"), "CSV（UTF-8，逗号分隔）"),
        (CSV.encode("gbk"), "CSV（GB18030，逗号分隔）"),
        (CSV.replace("\n", "\r\n").encode("gb18030"), "CSV（GB18030，逗号分隔）"),
        (CSV.replace(",", ";").encode("utf-8-sig"), "CSV（UTF-8，分号分隔）"),
        (CSV.replace(",", "\t").encode("utf-16"), "CSV（UTF-16，制表符分隔）"),
        (("sep=;\n" + CSV.replace(",", ";")).encode(), "CSV（UTF-8，分号分隔）"),
        (CSV.replace("\n", ",,\n").encode() + b",,,,,,,\n\n", "CSV（UTF-8，逗号分隔）"),
        (CSV.replace(",", " , ").encode(), "CSV（UTF-8，逗号分隔）"),
        (CSV.replace("12366", "１２３６６.0").encode(), "CSV（UTF-8，逗号分隔）"),
        (book(CHINESE, ROW), "XLSX（工作表“转接表”）"),
        (book(CHINESE, (12366.0, *ROW[1:], None, None)), "XLSX（工作表“转接表”）"),
        (book([], ["某某市转接表"], CHINESE, [], ROW), "XLSX（工作表“转接表”）"),
    ],
)
def test_every_form_that_a_spreadsheet_writes_is_read(data: bytes, how: str) -> None:
    imported = read_file("any.name", data)
    assert imported.how == how
    line = only(imported)
    assert (line.number, line.name, line.mode, line.source) == ("12366", "税务服务热线", LineMode.SUB_CENTER, "§20")


def test_rows_count_as_the_spreadsheet_counts_them() -> None:
    text = CSV.rstrip() + "\n\n" + '12367,"两\n行",sub_center,,open,§20\n12360,海关,sub_center,,open,§20\n'
    assert [row for row, _ in read_file("a.csv", text.encode()).rows] == [2, 4, 5]
    rows = read_file("a.xlsx", book(["某某市转接表"], CHINESE, ROW, [], ROW)).rows
    assert [row for row, _ in rows] == [3, 5]


def test_excels_dates_numbers_and_truths_are_understood() -> None:
    heading = (*CHINESE, "生效日期", "截止日期", "待确认", "备注")
    line = only(read_file("a.xlsx", book(heading, (*ROW, datetime(2026, 10, 1), date(2026, 12, 31), True, 3.5))))  # noqa: DTZ001
    assert (line.effective_from, line.effective_to) == (date(2026, 10, 1), date(2026, 12, 31))
    assert (line.confirm, line.note) == (True, "3.5")


def test_the_first_sheet_with_the_headings_is_read_and_named() -> None:
    made = openpyxl.load_workbook(io.BytesIO(book(["填写说明"], ["每行一个号码"], title="说明")))
    for title, state in (("旧表", "hidden"), ("新表", "visible"), ("备份", "visible")):
        sheet = made.create_sheet(title)
        sheet.sheet_state = state
        sheet.append(CHINESE)
        sheet.append([*ROW[:1], title, *ROW[2:]])
    imported = read_file("a.xlsx", saved(made))
    assert imported.how == "XLSX（工作表“新表”）"
    assert only(imported).name == "新表"


def test_carriage_returns_that_excel_escapes_are_newlines() -> None:
    assert only(read_file("a.xlsx", book((*CHINESE, "备注"), (*ROW, "甲_x000D_\n乙")))).note == "甲\n乙"


@pytest.mark.parametrize("write", [write_csv, write_xlsx])
def test_long_numbers_and_leading_zeros_survive(write: Callable[[list[Line]], bytes]) -> None:
    given = Line(number="00123", name="甲", mode=LineMode.EXTERNAL, note="12345678901234567890")
    assert only(read_file("a", write([given]))) == given


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("号码,名称\n1,2\n", "第1行：缺少列：方式、责任单位、状态、依据"),
        (CSV.replace("unit", "name"), "列重复：名称"),
        (CSV.replace("unit", "号码"), "缺少列：责任单位；列重复：号码"),
        (CSV.replace("source", "source,传真"), "第1行：不认识的列：传真；可用的列：号码、名称"),
        ("甲,乙\n1,2\n", "第1行：没有找到列名；第一行应有号码、名称、方式、责任单位、状态、依据，而不是“甲、乙、1、2”"),
        (CSV.splitlines()[0] + "\n\n", "只有列名，没有任何一行号码"),
        (CSV + '12367,"甲,sub_center,,open,§20\n', "第3行：不是正确的CSV：引号不配对"),
        (CSV + '12367,"甲"乙,sub_center,,open,§20\n', "第3行：不是正确的CSV：引号有误"),
        (CSV + "12367,移民,sub_center,,open,§20,备注,多\n", "第3行：第7列有内容，但没有列名"),
        (CSV + "12367,=1+1,sub_center,,open,§20\n", "第3行“名称”：以“=”开头，会被电子表格当作公式执行"),
        (CSV + "12367,\t@SUM,sub_center,,open,§20\n", "第3行“名称”：以“@”开头"),
        (CSV + "+12367,甲,sub_center,,open,§20\n", "第3行“号码”：以“+”开头"),
        (CSV + "12367,－甲,sub_center,,open,§20\n", "第3行“名称”：以“－”开头"),
        (CSV + "12367,甲,sub,,open,§20\n", "第3行“方式”：“sub”无法识别"),
    ],
)
def test_a_table_that_cannot_be_read_says_where_and_why(text: str, says: str) -> None:
    assert says in problem(text.encode())


def test_one_bad_row_keeps_all_others_out() -> None:
    imported = read_file("a.csv", (CSV + "1,,,,,\n" + CSV.splitlines()[1] + "\n").encode())
    assert imported.rows == ()
    assert {(each.row, each.column) for each in imported.problems} == {
        (3, "number"),
        (3, "name"),
        (3, "mode"),
        (3, "status"),
    }


def test_a_report_is_bounded_however_many_rows_are_wrong() -> None:
    imported = read_file("a.csv", (CSV + "1,甲,dual,,open,§1\n" * 1_000).encode())
    assert len(imported.problems) == 100
    assert imported.more == 900
    assert [each.row for each in imported.problems] == list(range(3, 103))


def test_more_rows_than_a_table_may_have_are_refused() -> None:
    full = CSV.splitlines()[0] + "\n" + "12366,甲,dual,,open,§1\n" * 100_001
    assert problem(full.encode()) == ("第100002行：超过100,000行，一个转接表最多100,000行；请删除多余的行")
