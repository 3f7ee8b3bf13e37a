"""The working calendar: the State Council's notices as data, and what holds for years without one."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from chinese_calendar import constants
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from config.notices import SHIPPED
from config.workdays import Workdays, load_workdays

ALL = load_workdays(since=2004)
Write = Callable[[str, str], Path]

GOOD = """\
source = "国办发明电〔2026〕9号"

[holidays."元旦"]
from = 2026-12-31
to = 2027-01-02
work = [2026-12-26, 2027-01-03]

[holidays."国庆节"]
from = 2027-10-01
to = 2027-10-07
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text, "utf-8")
        return tmp_path

    return write


def off(year: int) -> list[date]:
    """The working days of the week on which nobody works."""
    days = (date(year, 1, 1) + timedelta(days=each) for each in range(365))
    return [day for day in days if day.weekday() < 5 and not ALL.is_workday(day)]


def test_2026_is_as_the_notice_says() -> None:
    spans = [(1, 1, 3), (2, 15, 23), (4, 4, 6), (5, 1, 5), (6, 19, 21), (9, 25, 27), (10, 1, 7)]
    for month, first, last in spans:
        for day in range(first, last + 1):
            assert not ALL.is_workday(date(2026, month, day))
        assert len([day for day in off(2026) if day.month == month]) == sum(
            date(2026, month, day).weekday() < 5 for day in range(first, last + 1)
        )
    for month, day in [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)]:
        assert date(2026, month, day).weekday() >= 5
        assert ALL.is_workday(date(2026, month, day))
    assert not ALL.is_workday(date(2026, 1, 10))
    assert ALL.is_workday(date(2026, 1, 5))


@given(st.dates(date(2004, 1, 1), date(2026, 12, 31)))
def test_every_year_is_as_the_library_has_it(day: date) -> None:
    worked = day in constants.workdays or (day.weekday() < 5 and day not in constants.holidays)
    assert ALL.is_workday(day) is worked
    assert not ALL.is_provisional(day)


def test_each_shipped_notice_agrees_with_the_library_where_both_have_the_year() -> None:
    for file in SHIPPED.glob("*.toml"):
        year = int(file.stem)
        theirs = {day: False for day in constants.holidays if day.year == year and day.weekday() < 5}
        theirs |= {day: True for day in constants.workdays if day.year == year}
        assert ALL.notices[year] == theirs or year > max(constants.holidays).year


def test_a_year_without_a_notice_is_provisional_with_weekends_and_fixed_holidays() -> None:
    for day, worked in [(date(2040, 10, 1), False), (date(2040, 10, 4), True), (date(2040, 10, 6), False)]:
        assert ALL.is_workday(day) is worked
        assert ALL.is_provisional(day)


def test_a_calendar_is_small_unless_old_years_are_asked_for_and_survives_json() -> None:
    recent = load_workdays(since=2025)
    assert min(recent.notices) == 2025
    body = msgspec.json.encode(recent)
    assert len(body) < 2000
    assert msgspec.json.decode(body, type=Workdays) == recent
    assert all((day.weekday() < 5) is not worked for days in ALL.notices.values() for day, worked in days.items())
    assert 2004 < min(load_workdays().notices) <= max(load_workdays().notices)


def test_a_further_folder_adds_a_year_and_the_last_days_of_the_year_before(write: Write) -> None:
    found = load_workdays(write("2027.toml", GOOD), since=2025)
    expected = {
        date(2026, 12, 31): False,
        date(2026, 12, 26): True,
        date(2027, 1, 1): False,
        date(2027, 1, 3): True,
        date(2027, 10, 7): False,
        date(2027, 10, 8): True,
    }
    assert {day: found.is_workday(day) for day in expected} == expected
    assert not found.is_workday(date(2026, 10, 7)), "2026's own notice holds as well"
    assert not found.is_provisional(date(2027, 3, 1))
    assert found.is_provisional(date(2028, 3, 1))


def test_a_notice_replaces_its_year_whole(write: Write) -> None:
    text = 'source = "试验"\n[holidays."国庆节"]\nfrom = 2026-10-01\n'
    found = load_workdays(write("2026.toml", text), since=2025)
    assert found.notices[2026] == {date(2026, 10, 1): False}
    assert found.notices[2025] == ALL.notices[2025]


def test_a_folder_that_does_not_exist_adds_nothing(tmp_path: Path) -> None:
    assert load_workdays(tmp_path / "none", since=2004) == ALL


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (changed('source = "国办发明电〔2026〕9号"', ""), "2027.toml: source", "must name the notice"),
        (changed("[holidays.", "[holiday."), "2027.toml:3: holiday", "is not a known key"),
        ('source = "试验"\n', "2027.toml: holidays", "must be tables"),
        (changed("to = 2027-01-02", "until = 2027-01-02"), "2027.toml:5: holidays.元旦.until", "is not a known key"),
        (changed("from = 2027-10-01\n", ""), "2027.toml:8: holidays.国庆节.from", "must be a date"),
        (changed("2027-10-01", '"2027-10-01"'), "2027.toml:9: holidays.国庆节.from", "must be a date"),
        (changed("2027-10-01", "2027-10-01T08:00:00"), "2027.toml:9: holidays.国庆节.from", "must be a date"),
        (changed("2027-10-07", "2028-10-07"), "2027.toml:10: holidays.国庆节.to", "not in 2027"),
        (changed("2027-10-07", "2027-09-07"), "2027.toml:10: holidays.国庆节.to", "must be the last day off"),
        (changed("2027-10-07", "2027-10-17"), "2027.toml:10: holidays.国庆节.to", "must be the last day off"),
        (changed("2027-01-03]", "2027-01-04]"), "2027.toml:6: holidays.元旦.work", "no weekend day"),
        (changed("2027-01-03]", "2027-01-02]"), "2027.toml:3: holidays.元旦", "off and worked at once"),
        (changed("[2026-12-26, 2027-01-03]", "2027-01-03"), "2027.toml:6: holidays.元旦.work", "must be a list"),
        (changed("2027-10-07", "2027-10-77"), "2027.toml:10", "is not valid TOML"),
    ],
)
def test_a_malformed_notice_is_refused_with_file_line_and_field(
    write: Write, text: str, place: str, reason: str
) -> None:
    folder = write("2027.toml", text)
    with pytest.raises(ConfigError) as refused:
        load_workdays(folder)
    assert str(refused.value).startswith(f"{folder / place}: "), str(refused.value)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_named_after_a_year_is_refused(write: Write) -> None:
    with pytest.raises(ConfigError, match=r"calendar\.toml: is not named after its year"):
        load_workdays(write("calendar.toml", GOOD))


def test_days_of_a_year_before_that_has_no_notice_are_refused(write: Write) -> None:
    later = GOOD.replace("2026-", "2030-").replace("2027-", "2031-").replace("2030-12-26, 2031-01-03", "2031-01-04")
    with pytest.raises(ConfigError, match=r"has days of 2030, which has no notice; add 2030\.toml"):
        load_workdays(write("2031.toml", later))
