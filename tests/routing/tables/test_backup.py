"""``backup:`` targets, the number on the second trunk: read, written, checked and explained as ``phone:`` ones are."""

from datetime import date

import pytest

from config.workdays import Workdays
from routing.tables import TargetKind, resolve
from routing.tables.cells import CellFaults, cells_of, line_of
from routing.tables.checks import Context, check
from routing.tables.explain import step_text
from tests.routing.tables.rows import china, row, table

CONTEXT = Context(
    skills={"general": "综合受理"},
    general_skill="general",
    area_code="0795",
    numbers=("12345",),
    today=date(2026, 10, 8),
    workdays=Workdays({2026: {}}),
)
AT = china("2026-10-08 10:00")
FOUR = [row(number, "emergency") for number in ("110", "119", "120", "122")]


@pytest.mark.parametrize("text", ["phone:119 10s; backup:119 10s x2", "电话:119 10秒; 备用中继:119 10秒 2次"])
def test_it_is_read_in_both_languages_and_written_in_one(text: str) -> None:
    line = row("119", "emergency", text)
    assert [target.address for target in line.targets] == ["phone:119", "backup:119"]
    assert cells_of(line)["targets"] == "phone:119 10s; backup:119 10s x2"
    assert line_of(cells_of(line)) == line


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(CellFaults, match="3至20位数字"):
        row("119", "emergency", "backup:x")


def test_it_is_a_step_of_the_route_and_said_to_be_the_second_trunk() -> None:
    route = resolve("119", AT, table(row("119", "emergency", "backup:119 8s")))
    assert (route.steps[0].kind, route.steps[0].ring_s) == (TargetKind.BACKUP, 8.0)
    assert step_text(route.steps[0], {}) == "转接备用中继外线119，振铃8秒"


def test_an_emergency_over_the_second_trunk_alone_leads_out() -> None:
    rows = [row("119", "emergency", "backup:119") if line.number == "119" else line for line in FOUR]
    assert "没有外线电话" not in str(check(list(enumerate(rows, 2)), CONTEXT))


def test_it_must_not_come_back_to_the_hotline() -> None:
    findings = check(list(enumerate([*FOUR, row("12315", "external", "backup:12345")], 2)), CONTEXT)
    assert findings.errors == 1
    assert "会转回本热线" in str(findings)
