"""The line files of the shipped packs hold exactly what the regulations list. What a row means is tested elsewhere."""

from collections import defaultdict

import pytest

from config.packs import SHIPPED, cities, load_pack
from config.packs.problems import Problems
from config.packs.tables import Row, read_table

COLUMNS = ("number", "name", "mode", "unit", "status", "source")
OPTIONAL = ("targets", "hours", "expert", "announcement", "from", "to", "confirm", "note")

# 宜府办发〔2022〕18号 §18 to §20; 12320（12356） of §18 is 12356. 郴政办发〔2021〕22号, annex.
YICHUN_MERGED = (
    "12396 12300 12349 12336 12312 12301 12356 96119 12330 12331 12358 12365 12322 12369 12319 12329 12318 12385"
)
YICHUN_DUAL = "12315 12348 12333 12328 12316 12320 12350 12393 12317"
YICHUN_SUB_CENTERS = "12360 12366 12313 12367 12305"
CHENZHOU_MERGED = "12396 12300 12349 12336 12312 12301 12356 96119 12322 12393 96322"
CHENZHOU_COUNTIES = "2912345 2812345 3312345 4412345 3712345 5612345 6712345 6612345 8412345 8812345 5212345"
CHENZHOU_DUAL = "12348 12333 12369 12319 12328 12316 12318 12320 12350 12315 12317 12385"
CHENZHOU_SUB_CENTERS = "12360 12366 12313 12367 12305 12329"


def rows(folder: str) -> dict[str, Row]:
    problems = Problems()
    found = read_table(SHIPPED / folder / "lines.csv", COLUMNS, OPTIONAL, problems)
    assert problems.errors == []
    assert len({row["number"] for row in found}) == len(found)
    return {row["number"]: row for row in found}


def by_mode(folder: str) -> dict[str, set[str]]:
    modes: dict[str, set[str]] = defaultdict(set)
    for number, row in rows(folder).items():
        modes[row["mode"]].add(number)
    return modes


def test_yichun_has_exactly_the_lines_of_its_regulation() -> None:
    assert by_mode("yichun") == {
        "emergency": {"110", "119", "120", "122"},
        "merged": set(YICHUN_MERGED.split()),
        "dual": set(YICHUN_DUAL.split()),
        "sub_center": set(YICHUN_SUB_CENTERS.split()),
    }
    articles = {"emergency": "§15 §17", "merged": "§18", "dual": "§19", "sub_center": "§20"}
    assert all(row["source"] == articles[row["mode"]] for row in rows("yichun").values())


def test_yichun_asks_for_confirmation_of_the_number_that_stands_in_two_lists() -> None:
    doubtful = {number for number, row in rows("yichun").items() if row["confirm"]}
    assert doubtful == {"12320", "12356"}


def test_chenzhou_has_the_44_lines_of_its_annex() -> None:
    lines = {number: row for number, row in rows("chenzhou").items() if row["mode"] != "emergency"}
    assert len(lines) == 44
    sources = [f"附件{part}({row})" for part, last in (("一", 26), ("二", 12), ("三", 6)) for row in range(1, last + 1)]
    assert [row["source"] for row in lines.values()] == sources
    assert by_mode("chenzhou") == {
        "emergency": {"110", "119", "120", "122"},
        "merged": set(CHENZHOU_MERGED.split()),
        "alias": {"12330", "12331", "12358", "12365"},
        "county": set(CHENZHOU_COUNTIES.split()),
        "dual": set(CHENZHOU_DUAL.split()),
        "sub_center": set(CHENZHOU_SUB_CENTERS.split()),
    }


def test_chenzhous_notes_are_statuses_aliases_and_expert_seats() -> None:
    lines = rows("chenzhou")
    suspended = {number for number, row in lines.items() if row["status"] == "suspended"}
    assert suspended == {"12396", "12349", "12356", "12393"}
    assert {lines[number]["note"] for number in suspended} == {"已暂停服务"}
    assert {row["targets"] for row in lines.values() if row["mode"] == "alias"} == {"line:12315"}
    assert {number for number, row in lines.items() if row["expert"]} == {"12348", "12333", "12320", "12315"}
    assert lines["12348"]["targets"] == "skill:l12348; skill:x12348; skill:general"
    assert (lines["96119"]["mode"], lines["96119"]["targets"]) == ("merged", "phone:96119; skill:general")
    assert {lines[number]["note"] for number in ("12336", "12312", "12301")} == {"已归并到12345"}
    without_unit = {number for number, row in lines.items() if not row["unit"] and row["mode"] != "emergency"}
    assert without_unit == {"12360", "12313", "12367", "12305", "12329"}


def test_the_default_has_the_emergency_numbers_and_national_lines_to_be_confirmed() -> None:
    for number, row in rows("_default").items():
        if row["mode"] == "emergency":
            assert (row["targets"], row["confirm"], row["status"]) == (f"phone:{number}", "", "open")
        else:
            assert (row["mode"] in ("external", "utility"), row["confirm"]) == (True, "是")
    assert by_mode("_default")["emergency"] == {"110", "119", "120", "122"}
    assert by_mode("_default")["utility"] == {"95598"}


@pytest.mark.parametrize("city", ["zhuhai", "sichuan", "shaoyang"])
def test_a_city_without_lists_has_the_defaults_lines_only(city: str) -> None:
    assert [label for _, label in load_pack(SHIPPED, city).line_files] == ["default"]


@pytest.mark.parametrize("city", cities(SHIPPED))
def test_every_skill_that_a_line_names_is_declared_and_every_line_skill_is_named(city: str) -> None:
    pack = load_pack(SHIPPED, city)
    named: set[str] = set()
    for file, _ in pack.line_files:
        for row in rows(file.parent.name).values():
            named |= {target.strip()[6:] for target in row["targets"].split(";") if "skill:" in target}
    assert named <= pack.skills.keys()
    assert {skill for skill in pack.skills if skill[1:].isdigit()} <= named
