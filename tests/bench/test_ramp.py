"""The search finds the highest rate that passes, in few steps, and one disturbance does not decide it."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from bench.ramp import Ramp


def search(ramp: Ramp, passes: Callable[[float], bool]) -> Ramp:
    while (rate := ramp.next_rate()) is not None:
        ramp.record(rate, ok=passes(rate))
    return ramp


@given(limit=st.floats(min_value=2, max_value=200), first=st.floats(min_value=2, max_value=60))
def test_the_highest_rate_is_found_within_the_resolution(limit: float, first: float) -> None:
    ramp = search(Ramp(round(first, 1), attempts=100), lambda rate: rate <= limit)
    assert ramp.passed is not None
    assert ramp.passed <= limit
    assert limit / ramp.passed <= ramp.resolution * 1.06  # rates have one decimal


@given(limit=st.floats(min_value=0, max_value=1000), attempts=st.integers(min_value=1, max_value=12))
def test_the_search_is_bounded(limit: float, attempts: int) -> None:
    ramp = search(Ramp(10, attempts=attempts), lambda rate: rate <= limit)
    assert len(ramp.tried) <= attempts


def test_one_failed_step_is_tried_again_before_it_counts() -> None:
    failing = iter([True])  # the very first step is disturbed

    def passes(rate: float) -> bool:
        return rate <= 30 and not next(failing, False)

    ramp = search(Ramp(20, attempts=20), passes)
    assert ramp.tried[:2] == [(20, False), (20, True)]
    assert ramp.passed is not None
    assert 27 < ramp.passed <= 30


def test_a_step_that_failed_clearly_is_not_tried_again() -> None:
    ramp = Ramp(20, attempts=20)
    ramp.record(20, ok=False, clearly=True)
    assert ramp.next_rate() != 20
    assert ramp.failed == 20


def test_a_search_that_was_cut_short_says_so() -> None:
    short = search(Ramp(10, attempts=3), lambda rate: rate <= 1000)
    assert short.passed is not None
    assert not short.over
    assert search(Ramp(10, attempts=50), lambda rate: rate <= 1000).over


def test_when_even_the_lowest_rate_fails_there_is_none() -> None:
    ramp = search(Ramp(4, attempts=100), lambda rate: False)
    assert ramp.passed is None
    assert min(rate for rate, _ in ramp.tried) >= ramp.lowest
