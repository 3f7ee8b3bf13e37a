"""A row of texts and a line are the same thing, and every fault of a row is told at once."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.tables import Line, LineMode, LineStatus, Target, TargetKind
from routing.tables.cells import HEADINGS, CellFaults, cells_of, faults_of, line_of
from routing.tables.columns import column_of
from tests.routing.tables.any_lines import lines

ROW = {"number": "12366", "name": "税务服务热线", "mode": "sub_center", "unit": "市税务局", "status": "open"}


def faults(**cells: str) -> list[str]:
    with pytest.raises(CellFaults) as caught:
        line_of(ROW | {key.rstrip("_"): text for key, text in cells.items()}, row=7)
    return [str(fault) for fault in caught.value.faults]


@given(lines(), st.booleans())
def test_what_is_written_is_read_back_equal(line: Line, chinese: bool) -> None:
    cells = cells_of(line, chinese=chinese)
    assert list(cells) == list(HEADINGS)
    assert line_of(cells) == line


@given(st.fixed_dictionaries({column: st.text() for column in HEADINGS}))
def test_any_texts_are_a_line_or_faults(cells: dict[str, str]) -> None:
    try:
        line = line_of(cells)
    except CellFaults as error:
        columns = {fault.column for fault in error.faults}
    else:
        assert faults_of(line) == []
        assert line_of(cells_of(line)) == line
        return
    assert columns
    assert columns <= set(HEADINGS)


@pytest.mark.parametrize(
    ("column", "text", "field", "value"),
    [
        ("number", "12366.0", "number", "12366"),
        ("number", " １２３６６\u3000", "number", "12366"),
        ("number", "291-2345", "number", "2912345"),
        ("number", "\u202d12366\u202c", "number", "12366"),
        ("number", "00123", "number", "00123"),
        ("mode", "设分中心", "mode", LineMode.SUB_CENTER),
        ("mode", " Merged ", "mode", LineMode.MERGED),
        ("status", "已暂停服务", "status", LineStatus.SUSPENDED),
        ("expert", "是", "expert", True),
        ("expert", "TRUE", "expert", True),
        ("expert", "否", "expert", False),
        ("confirm", "yes", "confirm", True),
        ("from", "2026-10-01", "effective_from", date(2026, 10, 1)),
        ("from", "2026/10/1 0:00", "effective_from", date(2026, 10, 1)),
        ("from", "2026年10月1日", "effective_from", date(2026, 10, 1)),
        ("to", "20261001", "effective_to", date(2026, 10, 1)),
        ("note", " 第一行\r\n第二行\r", "note", "第一行\n第二行"),
        ("targets", "phone:12366 20s x2; skill:general", "targets", ("phone:12366", 20.0, 2, "skill:general")),
        ("targets", "电话：１２３６６ 20秒 ×2；技能:general；", "targets", ("phone:12366", 20.0, 2, "skill:general")),
        ("targets", "phone:0123-66 20s 2次\nskill:general", "targets", ("phone:012366", 20.0, 2, "skill:general")),
    ],
)
def test_cells_are_read_as_people_and_spreadsheets_write_them(
    column: str, text: str, field: str, value: object
) -> None:
    read = getattr(line_of(ROW | {column: text}), field)
    if field == "targets":
        first, second = read
        read = (first.address, first.ring_s, first.tries, second.address)
    assert read == value


@pytest.mark.parametrize(
    ("column", "text", "says"),
    [
        ("number", "", "第7行“号码”：为空；请填写3至11位数字"),
        ("number", "12", "“12”不是3至11位数字"),
        ("number", "1.39E+10", "科学计数法"),
        ("name", " ", "“名称”：为空"),
        ("name", "热" * 41, "有41个字，最多40个"),
        ("name", "热\x07线", "不能使用的控制字符（U+0007）"),
        ("mode", "", "“方式”：为空；请填写：整体并入、双号并行"),
        ("mode", "并行", "“并行”无法识别；请填写：整体并入"),
        ("status", "在用", "请填写：正常、暂停服务、停用"),
        ("targets", "12366", "“12366”无法识别；请写成“phone:12366 20s x2"),
        ("targets", "fax:12366", "“fax”不是转接方式"),
        ("targets", "phone:12a", "“phone:”之后应为3至20位数字"),
        ("targets", "skill:税务", "“skill:”之后应为技能标识"),
        ("targets", "phone:12366 900s", "应为1至600秒"),
        ("targets", "phone:12366 x0", "应为1至9次"),
        ("targets", ";".join(["skill:general"] * 11), "有11个转接目标，最多10个"),
        ("hours", "工作日 08:30-12:00; 周八 09:00-10:00", "“周八 09:00-10:00”无法识别"),
        ("expert", "也许", "“也许”无法识别；请填写“是”，或者留空"),
        ("announcement", "请拨ABC", "无法播报的字符“A”"),
        ("announcement", "{line}", "公告按原文播报"),
        ("announcement", "请" * 301, "有301个字"),
        ("from", "2026-02-30", "“2026-02-30”不是日期"),
        ("from", "46296", "不是日期；请写成“2026-10-01”的样子"),
    ],
)
def test_a_fault_names_row_and_column_and_the_mend(column: str, text: str, says: str) -> None:
    (fault,) = faults(**{column: text})
    assert says in fault


def test_all_faults_of_a_row_are_told_at_once() -> None:
    found = faults(number="1", mode="x", status="", targets="x", from_="2026-13-01", announcement="OK")
    assert [fault.split("”")[0] for fault in found] == [
        f"第7行“{HEADINGS[column]}" for column in ("number", "mode", "status", "targets", "from", "announcement")
    ]


def test_a_line_that_ends_before_it_begins_is_refused() -> None:
    assert faults(from_="2026-10-01", to="2026-09-30") == [
        "第7行“截止日期”：2026-09-30早于生效日期2026-10-01；截止日期是最后一天"
    ]


def test_a_persons_number_is_masked_in_faults() -> None:
    assert "13800138000" not in "".join(faults(targets="phone:13800138000x"))
    assert "13800138000" not in "".join(faults(number="138001380001"))


def test_lines_from_elsewhere_are_held_to_the_same_limits() -> None:
    line = Line(
        number="１２", name="", mode=LineMode.DUAL, targets=(Target(TargetKind.PHONE, "110;desk:1"),), note="注" * 501
    )
    assert [fault.column for fault in faults_of(line)] == ["number", "name", "note", "targets"]


def test_headings_are_known_in_both_languages() -> None:
    assert [column_of(heading) for heading in (" 号码* ", "Number", "截止 日期", "转接目标", "电话", "")] == [
        "number",
        "number",
        "to",
        "targets",
        None,
        None,
    ]
