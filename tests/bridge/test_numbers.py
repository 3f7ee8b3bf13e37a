"""Order numbers: what is made can be read back, and what is misheard is noticed."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.numbers import OrderNumberError, check_digit, make_number, parse_number, spell
from config.chinatime import china_day

DAYS = st.dates(date(2020, 1, 1), date(2099, 12, 31))
PLACES = st.integers(1, 999_999)
PREFIXES = st.sampled_from(["", "YC", "CZ", "ABCDEF", "3609", "26", "2"])


def test_check_digit_agrees_with_published_examples() -> None:
    assert check_digit("0794") == 5  # ISO/IEC 7064, the standard's own example of MOD 11,10
    assert check_digit("79462") == 3


@given(PREFIXES, DAYS, PLACES)
def test_a_number_made_is_read_back_in_every_spelling(prefix: str, day: date, place: int) -> None:
    number = make_number(prefix, day, place)
    full_width = number.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    for text in (
        number,
        spell(number, prefix),
        number.lower(),
        f" {spell(number, prefix)} ",
        number.removeprefix(prefix),
        full_width,
    ):
        assert parse_number(text, prefix) == number


@given(DAYS, st.integers(1, 99_999), st.data())
def test_every_single_wrong_digit_is_noticed(day: date, place: int, data: st.DataObject) -> None:
    number = make_number("", day, place)
    at = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[at]]))
    with pytest.raises(OrderNumberError):
        parse_number(number[:at] + wrong + number[at + 1 :], "")


def test_at_least_97_of_100_swaps_of_neighbours_are_noticed() -> None:
    swaps = missed = 0
    for place in range(1, 100_000, 97):
        number = make_number("", date(2026, 1, 1) + timedelta(days=place % 365), place)
        for at in range(len(number) - 1):
            if number[at] != number[at + 1]:
                swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
                swaps += 1
                missed += check_digit(swapped[:-1]) == int(swapped[-1])
    assert swaps > 1_000
    assert missed / swaps <= 0.03


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "12 digits"),
        ("YC", "12 digits"),
        ("CZ261121000014", "YC and 12 digits"),
        ("26112100001", "12 digits"),
        ("YC261121000018", "check digit"),
        ("a day that does not exist", "check digit"),
        ("YC2611210000١4", "12 digits"),
        ("YC'; DROP TABLE orders", "12 digits"),
    ],
)
def test_what_is_no_number_is_refused_in_one_sentence(text: str, said: str) -> None:
    if text.startswith("a day"):
        text = "YC26133200001" + str(check_digit("26133200001"))
    with pytest.raises(OrderNumberError, match=said):
        parse_number(text, "YC")


def test_the_numbers_of_one_day_differ_and_grow_beyond_five_digits() -> None:
    day = date(2026, 11, 21)
    assert make_number("YC", day, 99_999) != make_number("YC", day, 100_000)
    assert parse_number(make_number("YC", day, 100_000), "YC") == make_number("YC", day, 100_000)
    assert spell(make_number("YC", day, 1), "YC").startswith("YC261121-00001-")


def test_the_day_is_chinas_day() -> None:
    assert china_day(1_795_190_399.0) == date(2026, 11, 20)  # 15:59:59 UTC is 23:59:59 in China
    assert china_day(1_795_190_400.0) == date(2026, 11, 21)


@pytest.mark.parametrize(("prefix", "place"), [("yc", 1), ("TOOLONG7", 1), ("YC", 0), ("YC", 1_000_000)])
def test_a_number_cannot_be_made_from_a_bad_prefix_or_place(prefix: str, place: int) -> None:
    with pytest.raises(ValueError, match=r"prefix|place"):
        make_number(prefix, date(2026, 11, 21), place)
