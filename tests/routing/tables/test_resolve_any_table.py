"""`resolve` answers for every text, every time and every table, and its last step is always people."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from routing.tables import Line, LineMode, LineStatus, Reception, Table, Target, TargetKind, resolve
from routing.tables.explain import explain
from routing.tables.hours import parse_hours
from routing.tables.resolve import EMERGENCY_LINES, MAX_ROWS, Why
from tests.routing.tables.rows import table

numbers = st.sampled_from([*"123456789", "110", "119", "12345", "12315"])  # few, so that rows lead to each other
targets = st.builds(
    Target,
    kind=st.sampled_from(TargetKind) | st.just(TargetKind.LINE),
    to=numbers | st.just("general"),
    ring_s=st.none() | st.floats(1, 600),
    tries=st.integers(1, 9),
)
days = st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31))
texts = ["", "工作日 08:30-17:30", "节假日 22:00-06:00; 周六 00:00-24:00", "每日 23:00-01:00"]
lines = st.builds(
    Line,
    number=numbers,
    name=st.just("热线"),
    mode=st.sampled_from(LineMode),
    status=st.sampled_from(LineStatus),
    targets=st.lists(targets, max_size=4).map(tuple),
    hours=st.sampled_from(texts).map(parse_hours),
    effective_from=days,
    effective_to=days,
)
tables = st.lists(lines, max_size=15).map(lambda rows: table(*rows))
times = st.floats(0, 4_102_444_800) | st.floats(1_767_000_000, 1_830_000_000)
dialled = numbers | st.text(max_size=20) | st.text("0123456789+- ()", max_size=15) | numbers.map("0795{}".format)


@given(dialled, times, tables)
def test_the_last_step_is_people_without_an_end(number: str, at: float, found: Table) -> None:
    route = resolve(number, at, found)
    assert route.steps[-1] == Target(TargetKind.SKILL, "general")
    assert all(step.kind is not TargetKind.LINE for step in route.steps)
    assert len(route.reasons) < 20 * MAX_ROWS
    assert route.dialled == number


@given(dialled, times, tables)
def test_a_caller_is_told_of_a_phone_only_when_one_rings(number: str, at: float, found: Table) -> None:
    route = resolve(number, at, found)
    assert (route.reception is Reception.FORWARD) is (route.steps[0].kind is not TargetKind.SKILL)
    if route.reception in (Reception.SUSPENDED, Reception.RETIRED, Reception.CLOSED):
        assert len(route.steps) == 1


@given(st.sampled_from(sorted(EMERGENCY_LINES)), times, tables)
def test_an_emergency_number_always_leads_to_a_phone(number: str, at: float, found: Table) -> None:
    route = resolve(number, at, found)
    assert route.emergency
    assert any(step.kind is not TargetKind.SKILL for step in route.steps)
    assert route.reception not in (Reception.SUSPENDED, Reception.RETIRED, Reception.CLOSED)


@given(dialled, st.lists(times, min_size=1, max_size=3), tables)
def test_what_is_remembered_changes_no_answer(number: str, moments: list[float], found: Table) -> None:
    for at in [*moments, *moments]:
        fresh = table(*found.rows())
        assert resolve(number, at, found) == resolve(number, at, fresh)


@given(dialled, times, tables)
def test_every_route_can_be_explained(number: str, at: float, found: Table) -> None:
    route = resolve(number, at, found)
    sentences = explain(route, found, at)
    assert all(sentence.endswith("。") and "\n" not in sentence.replace(number, "") for sentence in sentences)
    assert len(sentences) >= 1 + len(route.steps)
    told = {reason.why for reason in route.reasons} - {Why.TARGET}
    assert len(sentences) >= 1 + len(route.steps) + len(told) - 1
