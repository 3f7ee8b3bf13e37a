"""A whole table is checked before it is used: what cannot work is an error, what is odd a warning."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.workdays import Workdays
from routing.tables import Line, LineMode, Table, Target, TargetKind, by_number, resolve
from routing.tables.cells import line_of
from routing.tables.checks import Context, check
from routing.tables.findings import SHOWN, Finding, Findings, Severity
from routing.tables.resolve import MAX_ROWS, Why
from tests.routing.tables.any_lines import lines

TODAY = date(2026, 10, 8)
EMERGENCY = [("110", "公安报警"), ("119", "火警"), ("120", "医疗急救"), ("122", "交通事故报警")]
CONTEXT = Context(
    skills={"general": "综合受理", "tax": "税务"},
    general_skill="general",
    area_code="0795",
    numbers=("12345", "0795"),
    today=TODAY,
    workdays=Workdays({2026: {}}),
    desks=frozenset({"8001"}),
)


def row(number: str, mode: str = "dual", **cells: str) -> Line:
    return line_of(
        {"number": number, "name": "某热线", "mode": mode, "status": "open", "source": "§1"}
        | {key.rstrip("_"): text for key, text in cells.items()}
    )


def four() -> list[Line]:
    return [row(number, "emergency") for number, _ in EMERGENCY]


def found(*table: Line, context: Context = CONTEXT, emergencies: bool = True) -> Findings:
    """Findings of rows that come after those of the emergency numbers, in a sheet whose first row is the headings."""
    rows = [*(four() if emergencies else ()), *table]
    return check(list(enumerate(rows, 2)), context)


def only(*table: Line, context: Context = CONTEXT, emergencies: bool = True) -> Finding:
    (finding,) = found(*table, context=context, emergencies=emergencies).items
    return finding


def changed(**fields: object) -> Context:
    return Context(**{name: getattr(CONTEXT, name) for name in Context.__struct_fields__} | fields)


def test_a_good_table_has_no_findings() -> None:
    table = [row("12315"), row("12331", "alias", targets="line:12315"), row("12366", "sub_center")]
    assert found(*table) == Findings()


@pytest.mark.parametrize(
    ("table", "at", "says"),
    [
        ([row("12315"), row("12315")], (7, "number"), "与第6行号码相同，日期重叠"),
        ([row("12315", to="2027-01-01"), row("12315", from_="2027-01-01")], (7, "from"), "与第6行号码相同"),
        ([row("12331", "alias")], (6, "targets"), "没有写归并到哪个号码；请填写如“line:12315”"),
        ([row("12331", "alias", targets="skill:tax")], (6, "targets"), "没有写归并到哪个号码"),
        ([row("12331", "alias", targets="line:12315")], (6, "targets"), "归并到的号码12315不在表中"),
        ([row("12331", "alias", targets="line:12331")], (6, "targets"), "转接成环：12331→12331"),
        ([row("12315", targets="skill:taxes")], (6, "targets"), "技能“taxes”不存在；是不是“tax”？"),
        ([row("12315", targets="skill:xyz")], (6, "targets"), "技能“xyz”不存在；可用：general、tax"),
        ([row("12315", targets="phone:12345")], (6, "targets"), "12345是本热线自己的号码，会转回本热线"),
        ([row("12315", targets="phone:0795-12345")], (6, "targets"), "12345是本热线自己的号码"),
        ([row("12315", targets="phone:079512315")], (6, "targets"), "拨打12315会回到本热线，形成循环"),
        ([row("12315"), row("12366", targets="phone:12315")], (7, "targets"), "请改为“line:12315”"),
        ([row("12110", "emergency", targets="line:110")], (6, "targets"), "紧急号码应直接转到外线电话，不能再转到110"),
        ([row("12345")], (6, "number"), "12345是本热线自己的号码，不能作为一行"),
        ([row("079512345")], (6, "number"), "079512345是本热线自己的号码"),
        ([row("07952912345")], (6, "number"), "请去掉区号或国家代码，写成2912345"),
        ([row("12331", "alias", targets="line:12315"), row("12315", status="retired")], (6, "targets"), "已停用"),
        (
            [row("12331", "alias", targets="line:12315"), row("12315", from_="2027-01-01")],
            (6, "targets"),
            "归并到的号码12315在2026-10-08没有生效的行",
        ),
        (
            [
                row("12331", "alias", targets="line:12315"),
                row("12315", to="2026-12-31"),
                row("12315", from_="2027-02-01"),
            ],
            (6, "targets"),
            "归并到的号码12315在2027-01-01没有生效的行",
        ),
    ],
)
def test_an_error_names_row_and_column(table: list[Line], at: tuple[int, str], says: str) -> None:
    finding = only(*table)
    assert (finding.severity, (finding.row, finding.column)) == (Severity.ERROR, at)
    assert says in finding.text


@pytest.mark.parametrize(
    ("table", "at", "says"),
    [
        ([row("12315", targets="desk:8001; desk:8009")], (6, "targets"), "座机8009没有任何座席使用"),
        ([row("12336", "merged", targets="phone:3500000")], (6, "targets"), "却先转到外线电话"),
        ([row("12315", to="2026-10-07")], (6, "to"), "已于2026-10-07失效"),
        ([row("12315", source="")], (None, "source"), "有1行没有依据：12315"),
        ([row("12315", confirm="是"), row("12316", confirm="是")], (None, "confirm"), "有2行待本市确认：12315、12316"),
        (
            [row("12331", "alias", targets="line:12315"), row("12315", status="suspended")],
            (6, "targets"),
            "暂停服务，期间由综合受理接听",
        ),
        ([row("12315", targets="phone:12315", confirm="是")], (6, "targets"), "请向运营商确认后再启用"),
    ],
)
def test_a_warning_keeps_no_table_out_of_use(table: list[Line], at: tuple[int | None, str], says: str) -> None:
    findings = found(*table)
    assert findings.accepted
    warning = next(finding for finding in findings.items if says in finding.text)
    assert (warning.severity, (warning.row, warning.column)) == (Severity.WARNING, at)


def test_rows_that_follow_each_other_are_no_duplicates() -> None:
    aliases = row("12331", "alias", targets="line:12315")
    assert found(aliases, row("12315", from_="2027-01-01"), row("12315", to="2026-12-31")) == Findings()


def test_a_loop_is_told_at_every_row_that_is_in_it_and_nowhere_else() -> None:
    loop = [row("12331", "alias", targets="line:12332"), row("12332", "alias", targets="line:12333")]
    table = [*loop, row("12333", "alias", targets="line:12331"), row("12330", "alias", targets="line:12331")]
    findings = found(*table).items
    assert [finding.row for finding in findings] == [6, 7, 8]
    assert "转接成环：12331→12332→12333→12331" in findings[0].text


def test_two_numbers_that_change_roles_one_day_are_no_loop() -> None:
    swap = [
        row("12331", "alias", targets="line:12315", to="2026-12-31"),
        row("12331", from_="2027-01-01"),
        row("12315", to="2026-12-31"),
        row("12315", "alias", targets="line:12331", from_="2027-01-01"),
    ]
    assert found(*swap) == Findings()


def test_a_chain_longer_than_a_call_follows_is_refused() -> None:
    def chain(length: int) -> list[Line]:
        rows = [row(str(20000 + step), "alias", targets=f"line:{20001 + step}") for step in range(length - 1)]
        return [*rows, row(str(20000 + length - 1))]

    assert found(*chain(MAX_ROWS)) == Findings()
    assert "连续归并的号码过多" in only(*chain(MAX_ROWS + 1)).text


def test_rows_that_fan_out_are_judged_in_bounded_time() -> None:
    fan = [
        row(str(30000 + 2 * step + side), "alias", targets=f"line:{30002 + 2 * step}; line:{30003 + 2 * step}")
        for step in range(30)
        for side in (0, 1)
    ]
    findings = found(*fan, row("30060"), row("30061"))
    assert not findings.accepted
    assert {finding.column for finding in findings.items} == {"targets"}


def test_a_table_too_intertwined_to_be_checked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.tables.chains.ALL_VISITS", 3)
    rows = [row(str(20000 + step), "alias", targets="line:12315") for step in range(4)]
    assert "归并关系过于复杂" in only(row("12315"), *rows).text


def test_what_is_over_does_not_matter() -> None:
    assert found(row("12331", "alias", targets="line:12315", to="2026-10-07")).accepted
    assert found(row("12331", "alias", targets="line:12315", status="retired")) == Findings()


def test_a_line_may_go_on_with_the_hotline_itself() -> None:
    assert found(row("12331", "alias", targets="line:12345")) == Findings()


def test_an_unknown_general_skill_is_an_error_of_the_city() -> None:
    assert "综合受理的技能nobody不存在" in only(context=changed(general_skill="nobody")).text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"regulation": "draft"}, "还是征求意见稿"),
        ({"regulation": "expired"}, "已失效"),
        ({"regulation_until": date(2026, 9, 29)}, "已于2026-09-29失效"),
    ],
)
def test_a_regulation_that_is_not_in_force_is_a_warning(fields: dict[str, object], says: str) -> None:
    finding = only(context=changed(**fields))
    assert finding.severity is Severity.WARNING
    assert says in finding.text


def test_hours_by_a_calendar_without_its_notice_are_told_once() -> None:
    table = [row("12315", hours="工作日 08:00-18:00"), row("12316", hours="周一 08:00-18:00")]
    finding = only(*table, context=changed(workdays=Workdays()))
    assert finding.text.startswith("2026年的放假安排还没有导入，1行的服务时间")
    assert found(*table) == Findings()


@pytest.mark.parametrize("number", [number for number, _ in EMERGENCY])
def test_an_emergency_number_that_is_missing_is_an_error(number: str) -> None:
    table = [line for line in four() if line.number != number]
    finding = only(*table, emergencies=False)
    assert (finding.severity, finding.emergency) == (Severity.ERROR, False)
    assert f"缺少紧急号码{number}" in finding.text


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"mode": "external"}, "mode"),
        ({"status": "suspended"}, "status"),
        ({"hours": "工作日 08:00-18:00"}, "hours"),
        ({"to": "2027-01-01"}, "to"),
        ({"from_": "2026-01-01"}, "from"),
        ({"targets": "skill:general"}, "targets"),
    ],
)
def test_an_emergency_number_that_is_not_as_usual_wants_a_supervisor(cells: dict[str, str], column: str) -> None:
    table = [*four()[1:], row("110", **{"mode": "emergency", **cells})]
    findings = found(*table, emergencies=False)
    assert findings.accepted
    (finding,) = findings.emergencies
    assert (finding.row, finding.column) == (5, column)


def test_an_emergency_number_that_begins_later_is_an_error_today() -> None:
    table = [*four()[1:], row("110", "emergency", from_="2027-01-01")]
    assert "110今天没有生效的行" in found(*table, emergencies=False).items[0].text


def test_new_targets_of_an_emergency_number_want_a_supervisor() -> None:
    table = [*four()[1:], row("110", "emergency", targets="phone:13800138000; phone:110")]
    assert found(*table, emergencies=False) == Findings()
    (finding,) = found(*table, emergencies=False, context=changed(before=tuple(four()))).emergencies
    assert finding.text == "紧急号码110的转接目标改为“phone:138****8000; phone:110”"
    assert found(*table, emergencies=False, context=changed(before=tuple(table))) == Findings()
    same = [*four()[1:], row("110", "emergency", targets="phone:110")]
    assert found(*same, emergencies=False, context=changed(before=tuple(four()))) == Findings()


def test_a_report_is_bounded_and_its_totals_are_true() -> None:
    findings = found(*[row("12315") for _ in range(1_000)], *[row(str(40000 + n), to="2026-01-01") for n in range(300)])
    assert (findings.errors, findings.warnings) == (999, 300)
    assert (len(findings.items), findings.more) == (2 * SHOWN, 1299 - 2 * SHOWN)


def test_lines_that_break_their_own_limits_are_errors_here_too() -> None:
    line = Line(number="12315", name="", mode=LineMode.DUAL, source="§1", targets=(Target(TargetKind.DESK, "1"),))
    assert {finding.column for finding in found(line).items if finding.severity is Severity.ERROR} == {
        "name",
        "targets",
    }


NUMBERS = st.sampled_from(["12315", "12331", "12358", "12366", "96119", "2912345", "110", "122"])
DAYS = st.dates(TODAY - timedelta(days=2), TODAY + timedelta(days=6))
TIMES = st.integers(0, 9 * 24 * 60).map(
    lambda minute: datetime(2026, 10, 8, tzinfo=UTC).timestamp() - 8 * 3600 + 60 * minute
)
DIALLED = st.one_of(NUMBERS, st.sampled_from(["12345", "079512315", "+8612331"]), st.text(max_size=12))


@settings(deadline=None, max_examples=150)
@given(st.lists(lines(NUMBERS, days=DAYS), max_size=7), st.lists(DIALLED, min_size=3, max_size=3), TIMES)
def test_an_accepted_table_has_no_dead_end(made: list[Line], dialled: list[str], at: float) -> None:
    """Errors are taken out one by one, until nothing but warnings is left: what is accepted then must work."""
    rows = list(enumerate([*four(), *made], 2))
    while (findings := check(rows, CONTEXT)).errors:
        faulty = {finding.row for finding in findings.items if finding.severity is Severity.ERROR}
        first = max(row for row in faulty if row is not None)
        rows = [(number, line) for number, line in rows if number != first]
        if not any(line.number == "110" for _, line in rows):
            rows.append((1000, four()[0]))
        if not any(line.number == "122" for _, line in rows):
            rows.append((1001, four()[3]))
    table = Table(
        version="1",
        city="trial",
        area_code=CONTEXT.area_code,
        numbers=CONTEXT.numbers,
        general_skill="general",
        lines=by_number(line for _, line in rows),
        workdays=CONTEXT.workdays,
    )
    for number in [*dialled, *table.lines]:
        route = resolve(number, at, table)
        assert route.steps[-1] == Target(TargetKind.SKILL, "general")
        assert all(step.kind is not TargetKind.LINE for step in route.steps)
        reasons = {reason.why for reason in route.reasons}
        assert not reasons & {Why.CYCLE, Why.TOO_LONG}
        nowhere = {r.number for r in route.reasons if r.why in (Why.UNKNOWN, Why.NOT_IN_FORCE)}
        assert nowhere <= {route.number}
