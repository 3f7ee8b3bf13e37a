"""One number is one caller, however a carrier writes it; and nobody can read it back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.restrictions.callers import Callers, e164

AREA = "0795"
CALLERS = Callers("a secret", AREA)


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


mobiles = st.builds(lambda second, rest: f"1{second}{rest}", st.sampled_from("3456789"), digits(9))
# area codes 010 and 02x with numbers of 8 digits, 03xx to 09xx with 7 or 8, which begin with 2 to 8 (YD/T 1138)
areas = st.sampled_from(["10", "20", "21", "28", "29", "311", "371", "591", "755", "756", "795", "898", "951"])
local_numbers = st.builds(
    lambda first, rest: first + rest, st.sampled_from("2345678"), st.integers(6, 7).flatmap(digits)
)
land_lines = st.tuples(areas, local_numbers).filter(lambda line: len(line[0]) == 3 or len(line[1]) == 8)


@given(mobiles)
def test_all_spellings_of_a_mobile_are_one_caller(number: str) -> None:
    spellings = (
        number,
        f"0{number}",
        f"86{number}",
        f"+86{number}",
        f"0086{number}",
        f"+86-{number[:3]}-{number[3:7]}-{number[7:]}",
        f"{number[:3]} {number[3:7]} {number[7:]}",
    )
    assert {e164(spelling, AREA) for spelling in spellings} == {f"+86{number}"}


@given(land_lines)
def test_all_spellings_of_a_land_line_are_one_caller(line: tuple[str, str]) -> None:
    area, number = line
    whole = area + number
    spellings = (f"0{whole}", f"86{whole}", f"+86{whole}", f"0086{whole}", f"+860{whole}", f"00860{whole}")
    found = {e164(spelling, AREA) for spelling in (*spellings, f"0{area}-{number}", f"860{whole}")}
    assert found == {f"+86{whole}"}


@given(local_numbers)
def test_a_number_without_area_code_is_the_citys(number: str) -> None:
    assert e164(number, AREA) == e164(AREA + number, AREA) != e164(number, "0756")


@given(st.lists(mobiles | land_lines.map(lambda line: f"0{line[0]}{line[1]}"), min_size=2, max_size=2, unique=True))
def test_two_numbers_are_two_callers(numbers: list[str]) -> None:
    first, second = (CALLERS.find(number) for number in numbers)
    assert first is not None
    assert second is not None
    assert first.key != second.key


@pytest.mark.parametrize(
    "caller", [None, "", "110", "12345", "95588", "+86110", "alice", "a13800138000", "*#", "+", "0"]
)
def test_who_has_no_number_of_their_own_cannot_be_told_again(caller: str | None) -> None:
    assert CALLERS.find(caller) is None


def test_a_foreign_number_keeps_its_country() -> None:
    assert e164("+85291234567", AREA) == e164("0085291234567", AREA) == "+85291234567"


@given(st.text(max_size=40) | st.from_regex(r"\+?[0-9*#._-]{1,40}", fullmatch=True))
def test_whatever_a_carrier_gives_there_is_one_form_of_it_or_none(caller: str) -> None:
    once = e164(caller, AREA)
    assert once is None or (e164(once, AREA) == once and once[1:].isdigit())


@given(mobiles)
def test_nothing_that_is_kept_or_shown_tells_the_number(number: str) -> None:
    found = CALLERS.find(number)
    assert found is not None
    assert found.shown == f"{number[:3]}****{number[7:]}"
    assert number not in f"{found.key}{found.shown}{found!r}"
    assert found.key not in repr(found)


def test_another_installations_secret_makes_another_hash() -> None:
    here, there = (Callers(secret, AREA).find("13800138000") for secret in ("one", "two"))
    assert here is not None
    assert there is not None
    assert (here.key, here.shown) != (there.key, there.shown)
    assert here.shown == there.shown


def test_there_is_no_hash_without_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        Callers("", AREA)
