"""`python -m bench`: measures the hotline beside the same call as plain Asterisk dialplan, on this machine.

It makes load on 127.0.0.1 only, and leaves nothing running. Results go to `bench/results/latest.json`, those of a quick
or partial run to `.runtime/bench`.
"""

import argparse
import json
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench import emergency, figures, live, machine, merge, rate, report, setting, software, steady
from bench.block import Caller, Load
from bench.measures import Measure, merged, results, unmet, write
from bench.ramp import Ramp
from bench.setting import DIALPLAN, HOTLINE
from config.logs import configure
from hotline.runtime.errors import SetupError

LATEST = Path(__file__).parent / "results" / "latest.json"
_LOW_RATE = 4.0
_ARCHIVE_LIMIT_S = 120.0
PARTS = ("flow", "journal", "tables", "live", "steady", "rate", "emergency")


@dataclass(frozen=True)
class Plan:
    """How much is measured; `attempts` bounds the steps of each search for the highest rate."""

    steady: Load
    rounds: int
    live: live.Plan
    stay_s: float
    hold_s: float
    attempts: int
    journal_s: float
    emergency: emergency.Plan
    desks: int  # more than there are calls at a time, so that no caller waits for a free one


# twenty minutes on two cores
FULL = Plan(
    steady=Load(rate=5.0, calls=75, stay_s=10.0, to_archive=True),
    rounds=3,
    live=live.Plan(calls=100, rate=12.5, look_s=6.0, kills=3),
    stay_s=20.0,
    hold_s=10.0,
    attempts=7,
    journal_s=3.0,
    emergency=emergency.Plan(
        handoffs=200, rate=3.0, stay_s=20.0, merges=merge.Plan(8, 20.0), storm=100, storm_rate=12.5, settle_s=8.0
    ),
    desks=600,
)
# shows within a minute that everything works, and no more
QUICK = Plan(
    steady=Load(rate=4.0, calls=4, stay_s=4.5, to_archive=True),
    rounds=1,
    live=live.Plan(calls=8, rate=8.0, look_s=1.0, kills=1),
    stay_s=4.5,
    hold_s=1.0,
    attempts=1,
    journal_s=0.3,
    emergency=emergency.Plan(
        handoffs=4, rate=2.0, stay_s=4.5, merges=merge.Plan(2, 3.0), storm=8, storm_rate=8.0, settle_s=6.0
    ),
    desks=20,
)


class Run:
    """One run: what was asked for, and the figures so far."""

    def __init__(self, plan: Plan, parts: tuple[str, ...]) -> None:
        self.plan, self.parts = plan, parts
        self.figures: dict[str, Measure] = {}
        self.steady: dict[str, steady.Steady] = {}
        self._begun = time.monotonic()

    def say(self, sentence: str) -> None:
        seconds = round(time.monotonic() - self._begun)
        print(f"bench {seconds // 60:2d}:{seconds % 60:02d}  {sentence}", file=sys.stderr, flush=True)

    def measure(self) -> None:
        """All parts asked for; those without calls first, because they want the machine for themselves."""
        if "flow" in self.parts:
            self.say("events through the flow")
            self.figures |= software.flow_measures()
        if "journal" in self.parts:
            self.say("events into the journal, on SQLite and PostgreSQL")
            self.figures |= software.journal_measures(self.plan.journal_s)
        if "tables" in self.parts:
            self.say("transfer tables: resolving, importing")
            self.figures |= software.route_measures()
            self.figures |= software.import_measures()
        if {"steady", "live", "rate", "emergency"} & set(self.parts):
            self.say("starting the hotline and the dialplan")
            with setting.both_systems(self.plan.desks) as callers:
                self._calls(callers)

    def _calls(self, callers: dict[str, Caller]) -> None:
        if "live" in self.parts:
            self.figures |= figures.of_live(self._live(callers))
        if "steady" in self.parts:
            self.steady = steady.measure(callers, self.plan.steady, self.plan.rounds, self.say)
            self.figures |= figures.of_steady(self.steady)
        if "rate" in self.parts:
            ramps = {name: Ramp(self._first_rate(name), attempts=self.plan.attempts) for name in callers}
            found = rate.measure(callers, ramps, self._step, self.say)
            self.figures |= figures.of_rates(found, machine.cores())
            left = rate.work_off(callers[HOTLINE].subject, _ARCHIVE_LIMIT_S)
            self.figures |= figures.of_backlog(left, _ARCHIVE_LIMIT_S)
        if "emergency" in self.parts:
            seen = emergency.measure(callers, self.plan.emergency, self._half_rate(), self.say)
            self.figures |= figures.of_emergency(seen)

    def _live(self, callers: dict[str, Caller]) -> dict[str, live.Live]:
        plan = self.plan.live
        plans = {HOTLINE: plan, DIALPLAN: replace(plan, kills=0)}
        return {name: live.measure(caller, plans[name], self.say) for name, caller in callers.items()}

    def _step(self, calls_s: float) -> Load:
        return rate.step(calls_s, self.plan.stay_s, self.plan.hold_s)

    def _first_rate(self, name: str) -> float:
        """A search begins where the system and the load generators would use 60 % of the processors, judged by what a
        call cost at the steady rate; without that, low."""
        seen = self.steady.get(name)
        if seen is None or self.plan.attempts == 1:
            return _LOW_RATE
        cost = sum(seen.cpu_s_per_call.values()) + seen.generator_s_per_call
        return max(_LOW_RATE, round(0.6 * machine.cores() / cost, 1))

    def _half_rate(self) -> float:
        """Half of the highest clean rate."""
        if self.plan.attempts == 1:
            return _LOW_RATE / 2
        found = self.figures.get("call_rate")
        return emergency.background_rate(None if found is None else found.value, LATEST)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that everything works")
    parser.add_argument("--only", type=_parts, default=PARTS, help=f"parts, separated by commas: {', '.join(PARTS)}")
    parser.add_argument("--keep", action="store_true", help="put the figures of a partial run into the kept results")
    parser.add_argument("--out", type=Path, help="where the results go")
    given = parser.parse_args()
    configure("error")  # what the parts say of their own is not the bench's news
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: nothing may be left running
    run = Run(QUICK if given.quick else FULL, given.only)
    try:
        run.measure()
    except KeyboardInterrupt:
        print("bench: interrupted, no results were written", file=sys.stderr)
        return 130
    except (SetupError, RuntimeError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    whole = not given.quick and set(given.only) == set(PARTS)
    out = given.out or (LATEST if whole or given.keep else setting.folder() / "results.json")
    found = results(machine.describe(), machine.commit(), run.figures)
    if given.keep and not whole and out.exists():
        found = merged(json.loads(out.read_text("utf-8")), found, ", ".join(given.only))
    write(out, found)
    report.show(run.figures)
    missed = ", ".join(unmet(run.figures)) or "none"
    print(f"Goals missed: {missed}. Results: {out}")
    return 0


def _parts(text: str) -> tuple[str, ...]:
    asked = tuple(part.strip() for part in text.split(","))
    unknown = [part for part in asked if part not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
