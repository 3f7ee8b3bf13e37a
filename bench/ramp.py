"""Looks for the highest rate that passes: first larger or smaller steps to get hold of it, then halves the gap.

It only decides which rate is tried next; it makes no call and knows no clock.
"""

from dataclasses import dataclass, field


@dataclass
class Ramp:
    """A search for the highest rate that passes.

    ``first`` is tried first; each step is ``growth`` times the last one until a rate fails, or ``1/growth`` times until
    one passes; from then on the middle (geometric) of the highest pass and the lowest failure, until they are within a
    factor of ``resolution``. ``attempts`` bounds the whole search. A rate that barely failed is tried a second time,
    because one disturbance from outside must not decide; two failures do.
    """

    first: float
    growth: float = 1.4
    resolution: float = 1.08
    attempts: int = 9
    lowest: float = 0.5
    passed: float | None = None
    failed: float | None = None
    tried: list[tuple[float, bool]] = field(default_factory=list)
    _again: float | None = None

    def next_rate(self) -> float | None:
        """The rate to try now; None when the search is over."""
        if len(self.tried) >= self.attempts:
            return None
        if self._again is not None:
            return self._again
        if self.passed is None and self.failed is None:
            return self.first
        if self.failed is None:
            return self._tidy(self.passed * self.growth) if self.passed else None
        if self.passed is None:
            rate = self._tidy(self.failed / self.growth)
            return rate if rate >= self.lowest else None
        if self.failed / self.passed <= self.resolution:
            return None
        return self._tidy((self.failed * self.passed) ** 0.5)

    @property
    def over(self) -> bool:
        """Whether the highest rate was found; False also for a search that was cut short."""
        return self.passed is not None and self.failed is not None and self.failed / self.passed <= self.resolution

    def record(self, rate: float, *, ok: bool, clearly: bool = False) -> None:
        """Tell how the rate went that `next_rate` gave; ``clearly``: so bad that it need not be tried again."""
        self.tried.append((rate, ok))
        if ok:
            self._again = None
            self.passed = max(rate, self.passed or 0.0)
        elif self._again is None and not clearly:
            self._again = rate
        else:
            self._again = None
            self.failed = min(rate, self.failed or rate)

    @staticmethod
    def _tidy(rate: float) -> float:
        """SIPp is told rates with one decimal."""
        return round(rate, 1)
