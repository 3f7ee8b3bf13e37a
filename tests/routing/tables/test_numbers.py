"""Dialled numbers in every spelling that a trunk or a person gives them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.tables.numbers import bare_number

YICHUN, BEIJING = "0795", "010"


@pytest.mark.parametrize(
    ("dialled", "expected"),
    [
        ("12345", "12345"),
        ("079512345", "12345"),
        ("0795-12345", "12345"),
        ("(0795) 12345", "12345"),
        ("+8612345", "12345"),
        ("+86 795 12345", "12345"),
        ("+860795 12345", "12345"),
        ("(+86) 0795-12345", "12345"),
        ("008679512345", "12345"),
        ("0086079512345", "12345"),
        ("8679512345", "12345"),
        ("tel:+86-795-12345", "12345"),
        ("１２３４５", "12345"),
        ("＋８６（７９５）１２３４５", "12345"),
        ("١٢٣٤٥", "12345"),
        ("12345#", "12345"),
        ("2912345", "2912345"),
        ("07952912345", "2912345"),
        ("+867952912345", "2912345"),
        ("0795110", "110"),
        ("+86795110", "110"),
        ("073412345", "073412345"),
        ("+8673412345", "073412345"),
        ("867342912345", "07342912345"),
        ("13800138000", "13800138000"),
        ("013800138000", "13800138000"),
        ("+8613800138000", "13800138000"),
        ("8613800138000", "13800138000"),
        ("4001234567", "4001234567"),
        ("+864001234567", "4001234567"),
        ("+8695588", "95588"),
        ("96322", "96322"),
        ("86123456", "86123456"),
        ("0795", "0795"),
        ("079512", "079512"),
        ("+12125550123", "0012125550123"),
        ("+86", ""),
        ("", ""),
        ("一二三四五", ""),
        ("²③Ⅳ", "234"[:2]),
    ],
)
def test_the_number_is_the_one_of_the_table(dialled: str, expected: str) -> None:
    assert bare_number(dialled, YICHUN) == expected


@pytest.mark.parametrize(
    ("dialled", "expected"),
    [("01012345", "12345"), ("+86 10 12345", "12345"), ("+861012345", "12345"), ("+8610086", "10086"),
     ("861012345", "12345"), ("01062912345", "62912345"), ("079512345", "079512345")],
)  # fmt: skip
def test_a_short_area_code_is_taken_off_as_well(dialled: str, expected: str) -> None:
    assert bare_number(dialled, BEIJING) == expected


@given(st.text(max_size=40) | st.text("+0186795 -()", max_size=20), st.sampled_from([YICHUN, BEIJING, "021"]))
def test_any_text_becomes_digits_or_nothing(dialled: str, area_code: str) -> None:
    found = bare_number(dialled, area_code)
    assert found == "" or (found.isascii() and found.isdigit())


numbers = st.sampled_from(["110", "12345", "12315", "96322"]) | st.integers(2_000_000, 7_999_999).map(str)


@given(numbers, st.sampled_from(["", "+86", "0086", "+86 ", "0086-"]), st.sampled_from(["-", " ", ""]))
def test_every_spelling_of_a_number_of_the_city_is_that_number(number: str, country: str, gap: str) -> None:
    area = YICHUN.removeprefix("0") if country else YICHUN
    assert bare_number(f"{country}{area}{gap}{number}", YICHUN) == number
