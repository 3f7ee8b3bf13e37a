"""Percentiles and ratios of measured samples. Pure arithmetic; it never rounds and never drops an outlier."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least ``share`` (0 to 1) of all samples do not exceed: the nearest rank.

    A percentile is always something that really happened; with fewer than 100 samples the 99th is the maximum.
    Raises `ValueError` when there is no sample.
    """
    if not samples:
        raise ValueError("no sample was measured")
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1, not at {share}")
    rank = max(1, math.ceil(share * len(samples)))
    return sorted(samples)[rank - 1]


@dataclass(frozen=True)
class Spread:
    """How samples lie; in the samples' unit."""

    count: int
    p50: float
    p99: float
    largest: float


def spread(samples: Iterable[float]) -> Spread:
    """Raises `ValueError` when there is no sample."""
    values = sorted(samples)
    return Spread(len(values), percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1))


def ratio(value: float, baseline: float) -> float:
    """``value`` in units of ``baseline``. Raises `ValueError` when there is nothing to compare with."""
    if baseline <= 0:
        raise ValueError(f"a baseline of {baseline} compares with nothing")
    return value / baseline
