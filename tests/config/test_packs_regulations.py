"""What the shipped packs say is what the regulations say: each value with its article, and no value without.

``regulations/<city>.txt`` lists, line by line, what was read in the regulation: ``field | value | article``. A value
that a pack takes from its regulation and that is not listed there, or the other way round, fails.
"""

from datetime import date
from pathlib import Path

import pytest
from pydantic import JsonValue

from config.packs import SHIPPED, Pack, cities, load_pack
from config.packs.effective import describe, effective_values
from config.packs.values import Share, Span, Unit

READ = Path(__file__).parent / "regulations"


def words(value: JsonValue) -> str:
    """A value as the lists write it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case {"amount": 0, "unit": unit}:
            return {"minutes": "at once", "calendar_days": "same day"}[str(unit)]
        case {"amount": amount, "unit": unit}:
            plain = str(unit).replace("_", " ")
            return f"{amount} {plain.removesuffix('s') if amount == 1 else plain}"
        case {"percent": percent}:
            return f"{percent}% of the original"
        case {"id": reason, "source": clause, "handling": handling}:
            return f"{reason} {clause} {handling}"
        case dict():
            said = {key: each for key, each in value.items() if each not in (None, [], "", False)}
            return "; ".join(f"{key} {words(each)}" for key, each in said.items())
        case list():
            return ", ".join(words(each) for each in value)
    return str(value)


def read(city: str) -> list[str]:
    lines = (READ / f"{city}.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("city", cities(SHIPPED))
def test_a_pack_says_exactly_what_its_regulation_says_and_where(city: str) -> None:
    pack = load_pack(SHIPPED, city)
    said = [
        f"{value.field} | {words(value.value)} | {value.source.removeprefix(pack.city.short).strip()}"
        for value in effective_values(pack)
        if value.source.startswith(f"{pack.city.short} ")
    ]
    assert sorted(said) == sorted(read(city))


# The heart of it once more, as numbers: 宜春 §14, 珠海 §11, 四川 §13(2), 邵阳 §14; 郴州 has none of its own.
WITHIN = {
    "yichun": {"咨询": 2, "求助": 5, "建议": 5, "意见": 5, "投诉": 10, "举报": 10},
    "zhuhai": {"咨询": 2, "求助": 10, "建议": 10, "意见": 10, "投诉": 10, "举报": 10, "纠错": 10, "表扬": 5},
    "sichuan": {"咨询": 5, "求助": 7, "意见建议": 7, "投诉": 15, "举报": 15},
    "chenzhou": {"咨询": 2, "查询": 2, "求助": 5, "建议": 5, "意见": 5, "表扬": 5, "批评": 5, "投诉": 10},
    "shaoyang": {
        "咨询": 1, "查询": 2, "求助": 5, "建议": 5, "意见": 5, "表扬": 5, "批评": 5, "投诉": 5, "举报": 5,
    },
}  # fmt: skip


@pytest.mark.parametrize("city", cities(SHIPPED))
def test_every_category_of_a_city_has_its_deadline_in_working_days(city: str) -> None:
    rules = load_pack(SHIPPED, city).rules
    found = {category: rules.deadlines[category].within for category in rules.orders.categories}
    assert found == {category: Span(days, Unit.WORKING_DAYS) for category, days in WITHIN[city].items()}


@pytest.mark.parametrize(
    ("city", "anchor", "start"),
    [
        ("yichun", "dispatched", "next_workday"),
        ("zhuhai", "received", "second_workday"),
        ("sichuan", "received", "next_workday"),
        ("chenzhou", "dispatched", "next_workday"),
        ("shaoyang", "signed", "next_workday"),
    ],
)
def test_deadlines_run_from_what_the_regulation_names(city: str, anchor: str, start: str) -> None:
    clock = load_pack(SHIPPED, city).rules.clock
    assert (clock.anchor, clock.start) == (anchor, start)


def test_what_cities_differ_in_is_not_mixed_up() -> None:
    rules = {city: load_pack(SHIPPED, city).rules for city in cities(SHIPPED)}
    assert rules["zhuhai"].redo.within == Share(50)
    assert rules["shaoyang"].redo.within == Span(5, Unit.WORKING_DAYS)
    assert rules["sichuan"].dispatch.within == Span(3, Unit.WORKING_HOURS)
    assert rules["shaoyang"].dispatch.within == Span(2, Unit.HOURS)
    assert {city: rule.recording.keep_min_years for city, rule in rules.items()} == {
        "yichun": 3, "zhuhai": 3, "sichuan": 2, "chenzhou": 3, "shaoyang": 3,
    }  # fmt: skip
    enabled = {city for city, rule in rules.items() if rule.restrictions.enabled}
    assert enabled == {"zhuhai", "sichuan"}
    assert rules["sichuan"].deadlines["投诉"].enterprise == Span(10, Unit.WORKING_DAYS)
    assert {city for city, rule in rules.items() if rule.satisfaction.unrated == "default"} == {"zhuhai"}


@pytest.mark.parametrize("city", cities(SHIPPED))
def test_the_four_emergency_numbers_are_in_every_city(city: str) -> None:
    pack = load_pack(SHIPPED, city)
    assert set(pack.rules.emergency.numbers) >= {"110", "119", "120", "122"}


@pytest.mark.parametrize(
    ("city", "today", "said"),
    [
        ("sichuan", date(2026, 1, 1), "is a draft"),
        ("chenzhou", date(2026, 9, 29), None),
        ("chenzhou", date(2026, 9, 30), "expired on 2026-09-29"),
        ("zhuhai", date(2023, 8, 31), "comes into force on 2023-09-01"),
        ("zhuhai", date(2028, 8, 31), None),
        ("zhuhai", date(2028, 9, 1), "expired on 2028-08-31"),
        ("yichun", date(2040, 1, 1), None),
    ],
)
def test_drafts_and_dates_are_told_of_and_never_a_refusal(city: str, today: date, said: str | None) -> None:
    notices = [n.text for n in load_pack(SHIPPED, city, today=today).notices if str(n.field).startswith("city.")]
    assert len(notices) == (said is not None)
    assert said is None or said in notices[0]


def pack_of(city: str) -> Pack:
    return load_pack(SHIPPED, city)


def test_a_description_can_be_of_one_value_or_section_or_all() -> None:
    pack = pack_of("yichun")
    one = describe(pack, "deadlines.投诉")
    assert one is not None
    assert [(value.field, value.source) for value in one.values] == [("deadlines.投诉", "宜春 §14")]
    section = describe(pack, "extension")
    assert section is not None
    assert {value.section for value in section.values} == {"extension"}
    assert describe(pack, "deadlines.表扬") is None  # no category of 宜春
    assert describe(pack, "nothing") is None
