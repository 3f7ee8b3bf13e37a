"""What the dialplan tells of a call."""

import pytest

from ivr.call import HandedOver
from ivr.carriers.asterisk.names import PLACE_LENGTH, handed_over


def test_a_citizen_from_an_emergency_desk_comes_with_what_the_desk_said() -> None:
    told = handed_over(["desk=110", "incident=A-42", "place=%E8%A2%81%E5%B7%9E%E5%8C%BA"])
    assert told == HandedOver("110", "A-42", "袁州区")


@pytest.mark.parametrize("arguments", [[], ["desk="], ["incident=A-42"], ["nonsense"]])
def test_everybody_else_comes_from_nowhere(arguments: list[str]) -> None:
    assert handed_over(arguments) is None


@pytest.mark.parametrize("place", ["%FF%FE", "%00%0A" + "x" * 500, "a=b=c", "%"])
def test_a_place_that_is_no_text_is_made_one(place: str) -> None:
    told = handed_over(["desk=110", f"place={place}"])
    assert told is not None
    assert told.place.isprintable()
    assert len(told.place) <= PLACE_LENGTH
