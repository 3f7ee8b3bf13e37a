"""Where a dialled number leads: what each kind of row means, and what the caller is told."""

import msgspec
import pytest

from config.packs.values import EMERGENCY_NUMBERS
from routing.tables import Line, Reception, Route, Table, Target, TargetKind, resolve
from routing.tables.cells import targets_text
from routing.tables.resolve import EMERGENCY_LINES, MAX_ROWS, Why
from tests.routing.tables.rows import china, row, table

NOON = china("2026-11-20 12:00")  # a Friday
NATIONAL_DAY = china("2026-10-01 12:00")


def ask(number: str, *lines: Line, at: float = NOON) -> Route:
    return resolve(number, at, table(*lines))


def steps(route: Route) -> str:
    return targets_text(route.steps)


def whys(route: Route) -> list[tuple[Why, str, str]]:
    return [(reason.why, reason.number, reason.detail) for reason in route.reasons]


@pytest.mark.parametrize(
    ("line", "reception", "expected"),
    [
        (row("12336", "merged"), Reception.MERGED, "skill:general"),
        (row("12348", "dual", "skill:law 30s; phone:12348 15s x2"), Reception.DUAL,
         "skill:law 30s; phone:12348 15s x2; skill:general"),
        (row("12366", "sub_center"), Reception.FORWARD, "phone:12366; skill:general"),
        (row("96166", "utility", "phone:07957654321 20s; desk:8001"), Reception.FORWARD,
         "phone:07957654321 20s; desk:8001; skill:general"),
        (row("12385", "expert"), Reception.FORWARD, "phone:12385; skill:general"),
        (row("12306", "external"), Reception.FORWARD, "phone:12306; skill:general"),
        (row("2912345", "county"), Reception.COUNTY, "skill:general"),
        (row("12313", "sub_center", "skill:customs"), Reception.OWN, "skill:customs; skill:general"),
        (row("12336", "merged", "skill:general 20s"), Reception.MERGED, "skill:general"),
        (row("12336", "merged", "skill:general 20s; phone:12336; skill:general 10s; skill:general 5s"),
         Reception.MERGED, "skill:general 20s; phone:12336; skill:general"),
    ],
)  # fmt: skip
def test_each_mode_has_its_reception_and_steps(line: Line, reception: Reception, expected: str) -> None:
    route = ask(line.number, line)
    assert (route.reception, steps(route)) == (reception, expected)
    assert (route.line, route.number, route.final, route.emergency) == (line, line.number, line.number, False)


def test_the_hotlines_own_number_and_an_unknown_one_are_taken_by_people() -> None:
    for number, why in (("12345", Why.OWN_NUMBER), ("12999", Why.UNKNOWN), ("", Why.UNKNOWN)):
        route = ask(number)
        assert (route.reception, steps(route), route.line) == (Reception.OWN, "skill:general", None)
        assert route.reasons[0].why is why


def test_an_alias_goes_on_with_the_row_it_names() -> None:
    route = ask("12331", row("12331", "alias", "line:12315"), row("12315", "dual", "skill:market 20s; phone:12315"))
    assert (route.reception, route.number, route.final) == (Reception.ALIAS, "12331", "12315")
    assert steps(route) == "skill:market 20s; phone:12315; skill:general"
    assert whys(route) == [
        (Why.ROW, "12331", ""),
        (Why.FOLLOW, "12331", "12315"),
        (Why.ROW, "12315", ""),
        (Why.TARGET, "12315", "skill:market"),
        (Why.TARGET, "12315", "phone:12315"),
        (Why.GENERAL, "12331", "general"),
    ]


def test_an_alias_of_the_hotlines_own_number_is_one() -> None:
    route = ask("12331", row("12331", "alias", "line:12345"))
    assert (route.reception, route.final, steps(route)) == (Reception.ALIAS, "12345", "skill:general")


def test_targets_behind_an_alias_are_tried_as_well() -> None:
    route = ask(
        "12331", row("12331", "alias", "line:12315; phone:07951234567"), row("12315", "dual", "skill:market 20s")
    )
    assert steps(route) == "skill:market 20s; phone:07951234567; skill:general"


def test_a_circle_of_aliases_ends_with_people_and_is_told() -> None:
    circle = [row("1111", "alias", "line:2222"), row("2222", "alias", "line:3333"), row("3333", "alias", "line:1111")]
    route = ask("1111", *circle)
    assert (route.reception, steps(route)) == (Reception.OWN, "skill:general")
    assert (Why.CYCLE, "3333", "1111") in whys(route)


def test_two_ways_to_the_same_row_use_it_once() -> None:
    route = ask(
        "1111",
        row("1111", "alias", "line:2222; line:3333"),
        row("2222", "alias", "line:4444"),
        row("3333", "alias", "line:4444; phone:5555"),
        row("4444", "dual", "skill:law 20s"),
    )
    assert steps(route) == "skill:law 20s; phone:5555; skill:general"
    assert (Why.REPEATED, "3333", "4444") in whys(route)


def test_a_chain_is_followed_so_far_and_no_further() -> None:
    last = MAX_ROWS + 5
    chain = [row(f"{1000 + each}", "alias", f"line:{1001 + each}") for each in range(last)]
    route = ask("1000", *chain, row(f"{1000 + last}", "utility"))
    assert steps(route) == "skill:general"
    assert (Why.TOO_LONG, f"{999 + MAX_ROWS}", f"{1000 + MAX_ROWS}") in whys(route)


def test_an_alias_of_nothing_leads_to_people() -> None:
    route = ask("1111", row("1111", "alias", "line:2222"))
    assert (route.reception, route.final, steps(route)) == (Reception.OWN, "1111", "skill:general")
    assert (Why.UNKNOWN, "2222", "") in whys(route)


@pytest.mark.parametrize(
    ("cells", "at", "reception"),
    [
        ({"status": "suspended"}, NOON, Reception.SUSPENDED),
        ({"status": "retired"}, NOON, Reception.RETIRED),
        ({"hours": "工作日 08:30-17:30"}, NATIONAL_DAY, Reception.CLOSED),
    ],
)
def test_a_line_that_takes_no_calls_leads_to_people_and_says_why(
    cells: dict[str, str], at: float, reception: Reception
) -> None:
    for lines in (
        (row("12366", "sub_center", **cells),),
        (row("12366", "alias", "line:12315"), row("12315", "dual", "phone:12315", **cells)),
    ):
        route = ask("12366", *lines, at=at)
        assert (route.reception, steps(route), route.line) == (reception, "skill:general", lines[0])


def test_hours_decide_anew_at_every_call() -> None:
    found = table(row("12366", "sub_center", hours="工作日 08:30-17:30"))
    for _ in range(2):
        assert resolve("12366", NOON, found).reception is Reception.FORWARD
        assert resolve("12366", NATIONAL_DAY, found).reception is Reception.CLOSED


def test_the_row_of_the_day_is_taken() -> None:
    found = table(row("12329", "dual", "skill:fund", to="2026-11-20"), row("12329", "sub_center", since="2026-11-22"))
    for at, reception in [
        ("2026-11-20 23:59:59", Reception.DUAL),
        ("2026-11-21 00:00", Reception.OWN),
        ("2026-11-22 00:00", Reception.FORWARD),
        ("2026-11-20 00:00", Reception.DUAL),
    ]:
        route = resolve("12329", china(at), found)
        assert route.reception is reception, at
        assert (Why.NOT_IN_FORCE in {reason.why for reason in route.reasons}) is (reception is Reception.OWN)


def test_a_year_without_a_notice_is_told() -> None:
    route = ask("12366", row("12366", "sub_center", hours="工作日 08:30-17:30"), at=china("2040-11-20 10:00"))
    assert (Why.PROVISIONAL, "12366", "") in whys(route)
    assert route.reception is Reception.FORWARD


# ---------------------------------------------------------------- danger to life


def test_the_four_emergency_numbers_are_those_of_the_packs() -> None:
    assert EMERGENCY_LINES.keys() == set(EMERGENCY_NUMBERS)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (row("119", "emergency"),),
        (row("119", "emergency", status="suspended"),),
        (row("119", "emergency", status="retired", hours="工作日 08:30-17:30"),),
        (row("119", "emergency", since="2030-01-01"),),
        (row("119", "emergency", to="2020-01-01"),),
        (row("119", "emergency", "skill:general"),),
        (row("119", "emergency", "line:120"), row("120", "emergency", "line:119")),
        (row("119", "merged"),),
        (row("119", "merged", status="suspended"),),
        (row("119", "alias", "line:119"),),
    ],
)
@pytest.mark.parametrize("at", [NOON, NATIONAL_DAY])
def test_an_emergency_number_is_always_rung_first(lines: tuple[Line, ...], at: float) -> None:
    for dialled in ("119", "0795119", "+86 795 119"):
        route = ask(dialled, *lines, at=at)
        assert steps(route).startswith(("phone:119", "phone:120"))
        assert route.steps[-1] == Target(TargetKind.SKILL, "general")
        assert (route.emergency, route.reception, route.number) == (True, Reception.FORWARD, "119")
        assert route.line is not None


def test_a_city_may_say_itself_how_an_emergency_is_rung() -> None:
    route = ask("122", row("122", "emergency", "line:110"), row("110", "emergency", "phone:07957110 10s x2; phone:110"))
    assert steps(route) == "phone:07957110 10s x2; phone:110; skill:general"
    assert (route.emergency, route.final) == (True, "110")


def test_an_alias_of_an_emergency_line_is_an_emergency() -> None:
    route = ask("96119", row("96119", "alias", "line:119"))
    assert (steps(route), route.emergency) == ("phone:119; skill:general", True)


def test_fire_hazard_reports_are_none() -> None:
    """96119 is answered by 119's staff, but is no emergency call (郴州附件一)."""
    assert not ask("96119", row("96119", "merged")).emergency


def test_an_emergency_line_of_the_citys_own_is_not_refused_by_its_dates() -> None:
    route = ask("12395", row("12395", "emergency", "phone:12395", to="2020-01-01"))
    assert (steps(route), route.emergency) == ("phone:12395; skill:general", True)
    assert whys(route)[0] == (Why.NOT_IN_FORCE, "12395", "")


# ---------------------------------------------------------------- what is remembered


def test_what_a_table_remembers_is_neither_encoded_nor_compared() -> None:
    fresh, used = (table(row("12336", "merged")) for _ in range(2))
    first = resolve("12336", NOON, used)
    assert resolve("12336", NATIONAL_DAY, used) is first
    assert used == fresh
    assert msgspec.json.encode(used) == msgspec.json.encode(fresh)
    decoded = msgspec.json.decode(msgspec.json.encode(used), type=Table)
    assert resolve("12336", NOON, decoded) == first


def test_only_rows_are_remembered() -> None:
    found = table(row("12336", "merged"))
    for number in range(1000):
        resolve(f"88{number}", NOON, found)
        resolve(f"0795-12336-{number}", NOON, found)
    assert len(vars(found)["_routes"]) == 0
