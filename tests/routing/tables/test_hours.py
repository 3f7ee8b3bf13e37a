"""Service hours: how they are written, and when a line is open."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.workdays import Workdays
from routing.tables.hours import MINUTES, Opening, format_hours, is_open, is_provisional, parse_hours
from tests.routing.tables.rows import WORKDAYS, china

OFFICE = "工作日 08:30-12:00 14:00-17:30; 周六 09:00-12:00"
NIGHT = "工作日 22:00-06:00"

minutes = st.integers(0, MINUTES - 1)
periods = st.tuples(minutes, st.integers(0, MINUTES)).filter(lambda period: period[0] != period[1])
weekdays = st.sets(st.integers(1, 7), min_size=1).map(lambda days: "".join(map(str, sorted(days))))
openings = st.builds(
    Opening,
    days=st.sampled_from(["每日", "工作日", "节假日"]) | weekdays,
    periods=st.lists(periods, min_size=1, max_size=3).map(tuple),
)
hours = st.lists(openings, max_size=3).map(tuple)


def opened(text: str, at: str) -> bool:
    return is_open(parse_hours(text), china(at), WORKDAYS)


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("", "2026-10-01 03:00", True),
        ("7×24小时", "2026-10-01 03:00", True),
        (OFFICE, "2026-11-20 08:29:59", False),
        (OFFICE, "2026-11-20 08:30:00", True),
        (OFFICE, "2026-11-20 11:59:59", True),
        (OFFICE, "2026-11-20 12:00:00", False),
        (OFFICE, "2026-11-20 14:00:00", True),
        (OFFICE, "2026-11-21 09:30:00", True),  # a Saturday has hours of its own
        (OFFICE, "2026-11-21 14:30:00", False),
        (OFFICE, "2026-11-22 09:30:00", False),
        ("工作日 08:30-17:30", "2026-10-01 10:00", False),  # a Thursday, National Day
        ("工作日 08:30-17:30", "2026-10-10 10:00", True),  # a Saturday worked for it (调休)
        ("周四 08:30-17:30", "2026-10-01 10:00", True),  # weekdays are weekdays, whatever the notice says
        ("节假日 08:30-17:30", "2026-10-01 10:00", True),
        ("节假日 08:30-17:30", "2026-10-10 10:00", False),
        ("节假日 08:30-17:30", "2026-11-22 10:00", True),  # an ordinary Sunday
        ("08:00-24:00", "2026-11-20 23:59:59", True),
        ("08:00-24:00", "2026-11-21 00:00:00", False),
        ("00:00-24:00", "2026-11-21 00:00:00", True),
        (NIGHT, "2026-09-30 22:00", True),  # the last working day before the holiday
        (NIGHT, "2026-10-01 05:59", True),  # its night goes on into the holiday
        (NIGHT, "2026-10-01 06:00", False),
        (NIGHT, "2026-10-01 22:00", False),
        (NIGHT, "2026-10-08 05:00", False),  # the night before began on a holiday
        (NIGHT, "2026-10-08 23:00", True),
        ("周日 20:00-02:00", "2026-11-23 01:00", True),
        ("周日 20:00-00:00", "2026-11-22 23:00", True),
        ("周日 20:00-00:00", "2026-11-23 00:00", False),
        ("周五至周一 09:00-10:00", "2026-11-22 09:30", True),
        ("周五至周一 09:00-10:00", "2026-11-24 09:30", False),
    ],
)
def test_a_line_is_open_when_its_hours_say_so(text: str, at: str, expected: bool) -> None:
    assert opened(text, at) is expected


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("工作日08:30～12:00，14:00～17:30；周六 9:00—12:00", OFFICE),
        ("工作日　０８：３０－１２：００　１４：００－１７：３０； 星期六 09:00至12:00;", OFFICE),
        ("每天 8:00-20:00", "每日 08:00-20:00"),
        ("8:00 - 20:00", "每日 08:00-20:00"),
        ("星期一到星期五 9:00-17:00", "周一至周五 09:00-17:00"),
        ("周一、周三 9:00-17:00", "周一 周三 09:00-17:00"),
        ("法定节假日 9:00-17:00", "节假日 09:00-17:00"),
        ("周日至周二 9:00-10:00", "周一 周二 周日 09:00-10:00"),
        ("24小时", ""),
    ],
)
def test_other_spellings_mean_the_same(text: str, meant: str) -> None:
    assert parse_hours(text) == parse_hours(meant)
    assert format_hours(parse_hours(text)) == meant


@pytest.mark.parametrize(
    "text",
    [
        "工作日",
        ";",
        "工作日 8点到9点",
        "周八 08:00-09:00",
        "08:00-25:00",
        "08:00-24:30",
        "24:00-08:00",
        "08:00-08:00",
        "08:60-09:00",
        "工作日 周六 08:00-09:00",
        "09:00-10:00 周一",
        "周一 09:00-10:00 周二 10:00-11:00",
        "每月 08:00-09:00",
        "\0",
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        parse_hours(text)


@given(hours)
def test_what_is_written_is_read_back(written: tuple[Opening, ...]) -> None:
    assert parse_hours(format_hours(written)) == written


@given(st.text(max_size=30) | st.text("周一二五日工作节假每-~:; 0123456789", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    found: tuple[Opening, ...] = ()
    with contextlib.suppress(ValueError):
        found = parse_hours(text)
    assert parse_hours(format_hours(found)) == found


@given(openings, st.integers(0, 7 * MINUTES - 1))
def test_a_period_over_midnight_is_its_two_halves(opening: Opening, minute: int) -> None:
    """Compared with every single day and minute, counted out."""
    start = china("2026-09-28 00:00")  # the week of National Day
    at = start + 60 * minute
    day = minute // MINUTES

    def named(days_later: int) -> bool:
        on = Opening(opening.days, ((0, MINUTES),))
        return is_open((on,), start + 60 * MINUTES * days_later, WORKDAYS)

    begun = {
        (each, begin, end if end > begin else end + MINUTES)
        for each in (day - 1, day)
        if named(each)
        for begin, end in opening.periods
    }
    expected = any(each * MINUTES + begin <= minute < each * MINUTES + end for each, begin, end in begun)
    assert is_open((opening,), at, WORKDAYS) is expected


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("工作日 08:30-17:30", "2026-11-20 10:00", False),
        ("工作日 08:30-17:30", "2040-11-20 10:00", True),
        ("节假日 08:30-17:30", "2040-11-20 10:00", True),
        ("每日 08:30-17:30; 周六 10:00-11:00", "2040-11-20 10:00", False),
        ("", "2040-11-20 10:00", False),
    ],
)
def test_only_days_of_a_year_without_a_notice_are_provisional(text: str, at: str, expected: bool) -> None:
    assert is_provisional(parse_hours(text), china(at), WORKDAYS) is expected


def test_the_first_night_of_a_year_is_judged_by_the_year_before() -> None:
    at = china("2026-01-01 03:00")
    only_2026 = Workdays({2026: WORKDAYS.notices[2026]})
    assert is_provisional(parse_hours(NIGHT), at, only_2026)
    assert not is_provisional(parse_hours("工作日 06:00-22:00"), at, only_2026)
