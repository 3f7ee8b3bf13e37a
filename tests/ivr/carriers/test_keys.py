"""A key that Asterisk tells twice is pressed once."""

import pytest

from ivr.carriers.asterisk.keys import Keys


@pytest.mark.parametrize(
    ("first", "second", "apart_s", "new"),
    [("2", "2", 0.046, False), ("2", "2", 0.2, True), ("9", "2", 0.046, True), ("2", "2", -1.0, True)],
)
def test_only_the_same_key_at_once_is_one_told_twice(first: str, second: str, apart_s: float, new: bool) -> None:
    keys = Keys()
    assert keys.is_new("c", first, 100.0)
    assert keys.is_new("c", second, 100.0 + apart_s) is new


def test_each_channel_has_its_own_keys() -> None:
    keys = Keys()
    assert keys.is_new("a", "2", 100.0)
    assert keys.is_new("b", "2", 100.0)
    keys.forget("a")
    assert keys.is_new("a", "2", 100.01)
