"""Routes in words: an admin reads step by step what was dialled, which row it is, and why the call goes there."""

import pytest

from routing.tables import Line, resolve
from routing.tables.explain import explain
from routing.tables.resolve import Why
from tests.routing.tables.rows import china, row, table

SKILLS = {"general": "综合受理", "market": "市场监管"}
FRIDAY = "2026-11-20 10:00"


def told(number: str, *lines: Line, at: str = FRIDAY) -> list[str]:
    found = table(*lines)
    return explain(resolve(number, china(at), found), found, china(at), SKILLS)


def test_a_whole_story_is_told_in_order() -> None:
    sentences = told(
        "0795-12331",
        row("12331", "alias", "line:12315", name="食品药品", unit="市市场监管局", source="宜春 §18", confirm="是"),
        row("12315", "dual", "skill:market 20s; phone:12315 15s x2", name="市场监管", hours="工作日 08:30-17:30"),
    )
    assert sentences == [
        "拨打0795-12331，时间是2026-11-20 10:00（星期五，工作日），使用转接表trial-1。",
        "号码识别为12331（不计标点、国家代码、本市区号0795等）。",
        "匹配到：12331 食品药品；方式：归并到另一号码；责任单位：市市场监管局；状态：正常；服务时间：全天；"
        "依据：宜春 §18；待本市确认。",
        "12331转到号码12315，按12315继续。",
        "匹配到：12315 市场监管；方式：双号并行；责任单位：某局；状态：正常；服务时间：工作日 08:30-17:30；依据：§18。"
        "现在是2026-11-20 10:00（星期五，工作日），在服务时间内。",
        "最后转人工受理。",
        "第1步：转人工，在“市场监管（market）”队列等候，20秒。",
        "第2步：转接外线12315，振铃15秒，最多呼叫2次。",
        "第3步：转人工，在“综合受理（general）”队列等候，直到有人接听。",
    ]


def test_closed_hours_are_told_with_the_time() -> None:
    sentences = told("12366", row("12366", "sub_center", hours="工作日 08:30-17:30"), at="2026-10-01 10:00")
    assert "现在是2026-10-01 10:00（星期四，节假日），12366不在服务时间内，不使用它的转接目标。" in sentences
    assert sentences[-1] == "第1步：转人工，在“综合受理（general）”队列等候，直到有人接听。"
    assert not any("在服务时间内。" in sentence and "不在" not in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("number", "lines", "at", "expected"),
    [
        ("12999", (), FRIDAY, "转接表中没有号码12999。"),
        ("", (), FRIDAY, "转接表中没有号码（空）。"),
        ("12345", (), FRIDAY, "12345是热线自己的号码。"),
        ("119", (), FRIDAY, "119（火警）是紧急号码，"),
        ("12366", (row("12366", "merged", status="suspended"),), FRIDAY, "12366已暂停服务，"),
        ("12366", (row("12366", "merged", status="retired"),), FRIDAY, "12366已停用，"),
        ("12366", (row("12366", "merged", to="2026-11-19"),), FRIDAY, "但2026-11-20不在有效期内（起始至2026-11-19）"),
        ("1111", (row("1111", "alias", "line:1111"),), FRIDAY, "1111又指向1111，形成循环"),
        ("1111", (row("1111", "alias", "line:2222"),), FRIDAY, "转接表中没有号码2222。"),
        ("12366", (row("12366", "merged", hours="工作日 08:30-17:30"),), "2040-11-20 10:00", "没有2040年的放假通知"),
        ("119", (row("119", "emergency", status="retired"),), FRIDAY, "紧急号码不受状态和服务时间限制"),
        ("12395", (row("12395", "emergency", to="2020-01-01"),), FRIDAY, "紧急号码不受有效期限制"),
    ],
)
def test_every_turn_has_its_sentence(number: str, lines: tuple[Line, ...], at: str, expected: str) -> None:
    assert any(expected in sentence for sentence in told(number, *lines, at=at)), told(number, *lines, at=at)


def test_a_table_that_is_asked_says_which_row_of_the_number_holds() -> None:
    sentences = told("12329", row("12329", "dual", to="2026-11-19"), row("12329", "sub_center", since="2026-11-20"))
    assert any("方式：设分中心" in sentence and "有效期：2026-11-20至长期" in sentence for sentence in sentences)


def test_no_reason_is_left_without_words() -> None:
    """What `resolve` can say, `explain` can; only targets are told as steps instead."""
    long = [row(f"{1000 + each}", "alias", f"line:{1001 + each}") for each in range(40)]
    cases = [
        ("1000", long, FRIDAY),
        ("2100", [row("2100", "alias", "line:2200; line:2200"), row("2200", "dual")], FRIDAY),
    ]
    for number, lines, at in cases:
        found = table(*lines)
        route = resolve(number, china(at), found)
        whys = {reason.why for reason in route.reasons}
        assert whys & {Why.TOO_LONG, Why.REPEATED}
        reasons = [reason for reason in route.reasons if reason.why is not Why.TARGET]
        assert len(explain(route, found, china(at))) == 1 + len(reasons) + len(route.steps)
