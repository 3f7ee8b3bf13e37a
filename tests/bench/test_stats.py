"""Percentiles are samples that really happened, and ratios never hide a missing baseline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats import percentile, ratio, spread

SAMPLES = st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=300)


def test_percentiles_are_nearest_ranks() -> None:
    samples = [float(n) for n in range(1, 101)]
    assert percentile(samples, 0.5) == 50
    assert percentile(samples, 0.99) == 99
    assert percentile(samples, 1) == 100
    assert percentile(samples, 0) == 1


def test_the_99th_percentile_of_few_samples_is_the_worst_of_them() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0


@given(SAMPLES, st.floats(min_value=0, max_value=1))
def test_a_percentile_is_a_sample_that_enough_samples_do_not_exceed(samples: list[float], share: float) -> None:
    found = percentile(samples, share)
    assert found in samples
    assert sum(sample <= found for sample in samples) >= share * len(samples)


@given(SAMPLES)
def test_a_spread_is_in_order(samples: list[float]) -> None:
    found = spread(samples)
    assert found.count == len(samples)
    assert found.p50 <= found.p99 <= found.largest == max(samples)


def test_nothing_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="no sample"):
        spread([])
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentile([1.0], 99)


def test_a_ratio_needs_something_to_compare_with() -> None:
    assert ratio(6.0, 4.0) == 1.5
    with pytest.raises(ValueError, match="nothing"):
        ratio(6.0, 0.0)
