"""The highest call rate with no failed call and a p99 pick-up within the limit, of each system, step by step in turn.

A step fills the system up to its full number of simultaneous calls and holds it there; `bench.ramp` chooses the rates.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.block import Block, Caller, Load
from bench.ramp import Ramp
from bench.stats import spread
from bench.subject import Subject

PICKUP_LIMIT_MS = 200.0
_CLEARLY = 0.1  # share of failed calls that no disturbance from outside explains


@dataclass
class Search:
    """What was tried on one system."""

    ramp: Ramp
    blocks: list[Block] = field(default_factory=list)

    @property
    def best(self) -> Block | None:
        """The step at the highest rate that passed."""
        passed = [block for block in self.blocks if verdict(block) is None]
        return max(passed, key=lambda block: block.load.rate, default=None)

    @property
    def stopped_by(self) -> str:
        """Why it goes no higher: what happened at the lowest rate that failed."""
        failed = [block for block in self.blocks if block.load.rate == self.ramp.failed and verdict(block)]
        reason = f"at {self.ramp.failed:g}/s {verdict(failed[-1])}" if failed else "nothing"
        return reason if self.ramp.over else f"{reason}; the search was cut short"


def verdict(block: Block) -> str | None:
    """None for a step that passed, else what was wrong."""
    if block.troubles:
        return ", ".join(f"{count} {what}" for what, count in block.troubles.most_common())
    p99 = spread(block.pickups_ms).p99
    return None if p99 <= PICKUP_LIMIT_MS else f"p99 pick-up {p99:.0f} ms"


@dataclass(frozen=True)
class Backlog:
    """Recordings that waited to be archived after the last step, and the seconds until none did; None: too long."""

    waiting: int
    seconds: float | None


def work_off(subject: Subject, limit_s: float) -> Backlog:
    """Wait until the archive has caught up."""
    waiting, begun = subject.unarchived(), time.monotonic()
    while subject.unarchived():
        if time.monotonic() > begun + limit_s:
            return Backlog(waiting, None)
        time.sleep(0.5)
    return Backlog(waiting, time.monotonic() - begun)


def step(rate: float, stay_s: float, hold_s: float) -> Load:
    """A load that reaches its steady state after ``stay_s`` and keeps it for ``hold_s``."""
    return Load(rate=rate, calls=max(1, round(rate * (stay_s + hold_s))), stay_s=stay_s, sipp_audio=True)


def measure(
    callers: Mapping[str, Caller],
    ramps: Mapping[str, Ramp],
    load: Callable[[float], Load],
    say: Callable[[str], None] = print,
) -> dict[str, Search]:
    """Search on all systems, one step each in turn, until every search is over."""
    searches = {name: Search(ramps[name]) for name in callers}
    pending = list(callers)
    while pending:
        for name in list(pending):
            search = searches[name]
            rate = search.ramp.next_rate()
            if rate is None:
                pending.remove(name)
                continue
            block = callers[name].run(load(rate))
            search.blocks.append(block)
            wrong = verdict(block)
            search.ramp.record(rate, ok=wrong is None, clearly=block.failed > _CLEARLY * block.load.calls)
            p99 = f"p99 pick-up {spread(block.pickups_ms).p99:.0f} ms" if block.pickups_ms else "nothing answered"
            say(f"{name} at {rate:g} calls/s: {'passed, ' + p99 if wrong is None else wrong}")
    return searches
