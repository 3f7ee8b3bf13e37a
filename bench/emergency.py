"""Danger to life under load: from the key that says whom the citizen needs to the INVITE at the operator's phone.

The keys are 9 and then 2, and the time is that of the second one: from the first packet that tells the end of its
RFC 4733 event, because neither switch acts on a key before it is over, to the INVITE's arrival by the kernel's stamp.
Citizens and operators are `bench.second_trunk`'s, in a process of their own (`python -m bench.emergency`), beside the
usual load on the first trunk. Merging (`bench.merge`) is measured in the same way, and 100 handoffs at once.
"""

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import merge, processes
from bench.block import Block, Caller, Load
from bench.second_trunk import CITIZEN_HZ, OPERATOR_HZ, Party, Ports, SecondTrunk
from bench.subject import Subject
from bench.whole import Hotline
from hotline.runtime import paths

EMERGENCY_KEY, FIRE_KEY, FIRE = "9", "2", "119"
CROWDED = "12315"
"""A number in whose queue nobody answers: the hundred wait there when they press the key."""

_LIMIT_S = 12.0  # longer than a route rings
_ASKED_LIMIT_S = 15.0  # the switch looks for the second trunk every 5 s
_HEAR_S = 3.0
_TALK_S = 0.5
_BETWEEN_KEYS_S = 0.6
_WITHIN_S = 0.2  # the first key of all citizens of a storm; with both keys and the time between them, a second
_STEADY_S = 1.0  # after the load has all its calls
_LOWEST_RATE, _HIGHEST_RATE, _UNKNOWN_RATE = 1.0, 8.0, 2.0
_JUDGED = ("not answered", "hung up by the system", "broken audio", "left to the duty phone")


@dataclass(frozen=True)
class Plan:
    """``handoffs`` citizens in danger, ``rate`` a second, beside a load of calls of ``stay_s`` each; then ``storm``
    citizens at once, who had arrived at ``storm_rate`` and heard the greeting (``settle_s``), without that load.
    """

    handoffs: int
    rate: float
    stay_s: float
    merges: merge.Plan
    storm: int
    storm_rate: float
    settle_s: float

    @property
    def handoffs_s(self) -> float:
        """How long the handoffs take, at most when none fails."""
        return _ASKED_LIMIT_S / 2 + self.handoffs / self.rate + 6.0

    @property
    def merges_s(self) -> float:
        return self.merges.lasting_s + 9.0


@dataclass
class Handoff:
    """What happened to one citizen in danger. UNIX nanoseconds; None where it did not happen."""

    keyed: int | None = None  # the end of the second key left
    rung: int | None = None  # the INVITE reached the operator's phone
    talked: int | None = None  # the later of: the citizen heard the operator, the operator the citizen
    rings: int = 0  # operators' phones rung
    trouble: str = ""

    @property
    def ring_ms(self) -> float | None:
        return None if self.keyed is None or self.rung is None else (self.rung - self.keyed) / 1e6

    @property
    def talk_ms(self) -> float | None:
        return None if self.keyed is None or self.talked is None else (self.talked - self.keyed) / 1e6


@dataclass
class Emergency:
    """What was seen of one system."""

    load: Load
    handoffs: list[Handoff] = field(default_factory=list)
    storm: list[Handoff] = field(default_factory=list)
    merges: merge.Merges = field(default_factory=lambda: merge.Merges([], []))
    background: Counter[str] = field(default_factory=Counter)  # what went wrong with calls of the load


@dataclass(frozen=True)
class Errand:
    """What a process of its own does: a storm, or handoffs and then, on a hotline, merges."""

    ports: Ports
    plan: Plan
    storm: bool
    desk: merge.Desk | None = None


def background_rate(call_rate: float | None, latest: Path) -> float:
    """Half of the highest clean rate, of this run or else of the kept results; within bounds, for a machine's sake."""
    if call_rate is None and latest.exists():
        kept = json.loads(latest.read_text("utf-8"))["measures"].get("call_rate", {})
        call_rate = kept.get("value")
    if not call_rate:
        return _UNKNOWN_RATE
    return min(_HIGHEST_RATE, max(_LOWEST_RATE, round(call_rate / 2, 1)))


def measure(
    callers: Mapping[str, Caller], plan: Plan, rate: float, say: Callable[[str], None] = print
) -> dict[str, Emergency]:
    """Handoffs (and merges on the hotline) beside a load of ``rate`` calls/s, then the storm; on each system."""
    return {name: _measure(caller, plan, rate, say) for name, caller in callers.items()}


def _measure(caller: Caller, plan: Plan, rate: float, say: Callable[[str], None]) -> Emergency:
    subject = caller.subject
    merging = isinstance(subject, Hotline)
    lasting = plan.stay_s + _STEADY_S + plan.handoffs_s + (plan.merges_s if merging else 0.0)
    found = Emergency(Load(rate, round(rate * lasting), plan.stay_s, sipp_audio=True))
    say(f"{plan.handoffs} citizens in danger on the {subject.name}, beside {rate:g} calls/s")
    running = caller.start(found.load)
    try:
        time.sleep(plan.stay_s + _STEADY_S)
        _send(subject, plan, found, storm=False)
        found.background = _troubles(running.finish())
    finally:
        running.stop()
    say(f"{plan.storm} citizens in danger at once on the {subject.name}")
    _send(subject, plan, found, storm=True)
    return found


def _troubles(block: Block) -> Counter[str]:
    """Without what cannot be told from the other calls: their recordings are shorter, their agents hear experts."""
    return Counter({what: count for what, count in block.troubles.items() if what in _JUDGED})


def _send(subject: Subject, plan: Plan, found: Emergency, *, storm: bool) -> None:
    """Run an errand in a process of its own and take what it found. Raises `RuntimeError`."""
    ports = subject.ports
    desk = None
    if isinstance(subject, Hotline) and not storm:
        desk = merge.Desk(subject.installation.url, subject.installation.state / "secrets" / "api")
    errand = Errand(Ports(ports.sip, ports.second_trunk, ports.second_audio), plan, storm, desk)
    name = "storm" if storm else "handoffs"
    asked, told = subject.folder / f"{name}.asked.json", subject.folder / f"{name}.found.json"
    asked.write_text(json.dumps(asdict(errand), default=str), "utf-8")
    told.unlink(missing_ok=True)
    argv = [str(paths.layout().venv / "bin/python"), "-m", "bench.emergency", str(asked), str(told)]
    process = processes.start(argv, subject.folder, name, env={"PYTHONPATH": str(paths.checkout())})
    try:
        limit_s = 60.0 + plan.handoffs_s + plan.merges_s + plan.storm / plan.storm_rate + plan.settle_s
        if process.wait(limit_s) != 0:
            raise RuntimeError(f"the citizens in danger could not call; see {subject.folder / name}.out")
    finally:
        processes.stop(process)
    kept = json.loads(told.read_text("utf-8"))
    handoffs = [Handoff(**each) for each in kept["handoffs"]]
    if storm:
        found.storm = handoffs
    else:
        found.handoffs = handoffs
        found.merges = merge.Merges([merge.Merge(**each) for each in kept["merges"]], kept["failed"])


# ---------------------------------------------------------------- in the process of its own


async def _run(errand: Errand) -> dict[str, object]:
    plan = errand.plan
    merges = merge.Merges([], [])
    async with SecondTrunk.open(errand.ports) as trunk:
        await asyncio.wait_for(trunk.asked.wait(), _ASKED_LIMIT_S)  # before, the switch thinks that nobody is here
        if errand.storm:
            handoffs = await _storm(trunk, plan)
        else:
            handoffs = await _one_after_another(trunk, plan)
            if errand.desk is not None:
                merges = await merge.run(trunk, errand.desk, plan.merges)
        await trunk.all_over(_HEAR_S)
    return {
        "handoffs": [asdict(each) for each in handoffs],
        "merges": [asdict(each) for each in merges.done],
        "failed": merges.failed,
    }


async def _one_after_another(trunk: SecondTrunk, plan: Plan) -> list[Handoff]:
    async def citizen(number: int) -> Handoff:
        await asyncio.sleep(number / plan.rate)
        citizen = _InDanger(trunk, "12345", number)
        # in the greeting, at any moment of the switch's 20 ms
        return await citizen.calls(lambda: asyncio.sleep(random.uniform(1.5, 1.7)))

    return await asyncio.gather(*map(citizen, range(plan.handoffs)))


async def _storm(trunk: SecondTrunk, plan: Plan) -> list[Handoff]:
    """All are in the queue before anybody presses a key."""
    begin = time.monotonic() + plan.storm / plan.storm_rate + plan.settle_s

    async def citizen(number: int) -> Handoff:
        await asyncio.sleep(number / plan.storm_rate)
        citizen = _InDanger(trunk, CROWDED, number)
        return await citizen.calls(lambda: asyncio.sleep(begin - time.monotonic() + random.uniform(0.0, _WITHIN_S)))

    return await asyncio.gather(*map(citizen, range(plan.storm)))


class _InDanger:
    """One citizen, and what happens."""

    def __init__(self, trunk: SecondTrunk, number: str, caller: int) -> None:
        self._trunk, self._number = trunk, number
        self._caller = f"138{caller:08d}"
        self._seen = Handoff()

    async def calls(self, wait: Callable[[], Awaitable[None]]) -> Handoff:
        """Call, press the keys after ``wait``, speak with the operator, hang up. Whatever fails is written down."""
        seen = self._seen
        try:
            citizen = await self._trunk.call(self._number, self._caller)
        except (TimeoutError, ConnectionError):
            seen.trouble = "not answered"
            return seen
        try:
            await wait()
            await self._is_put_through(citizen)
        except TimeoutError:
            seen.trouble = "hung up by the system" if citizen.ended_by_switch else seen.trouble
        finally:
            await citizen.hang_up()
        more = self._trunk.rings_left(self._caller)
        seen.rings += more
        if more:
            seen.trouble = "more than one operator rung"
        return seen

    async def _is_put_through(self, citizen: Party) -> None:
        """Raises `TimeoutError`, having said what did not happen."""
        seen = self._seen
        seen.trouble = "the key could not be pressed"
        await asyncio.wait_for(citizen.press(EMERGENCY_KEY), _LIMIT_S)
        await asyncio.sleep(_BETWEEN_KEYS_S)
        seen.keyed = await asyncio.wait_for(citizen.press(FIRE_KEY), _LIMIT_S)
        seen.trouble = "no operator rung"
        operator = await self._trunk.rung(self._caller, _LIMIT_S)
        seen.rung, seen.rings = operator.invited, 1
        at_citizen, at_operator = citizen.listen(OPERATOR_HZ), operator.listen(CITIZEN_HZ)
        seen.trouble = "the operator did not hear the citizen"
        heard = await at_operator.heard(_HEAR_S)
        seen.trouble = "the citizen did not hear the operator"
        seen.talked = max(heard, await at_citizen.heard(_HEAR_S))
        seen.trouble = ""
        await asyncio.sleep(_TALK_S)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("errand", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    told = json.loads(given.errand.read_text("utf-8"))
    desk = told["desk"] and merge.Desk(told["desk"]["url"], Path(told["desk"]["token"]))
    plan = Plan(**told["plan"] | {"merges": merge.Plan(**told["plan"]["merges"])})
    found = asyncio.run(_run(Errand(Ports(**told["ports"]), plan, told["storm"], desk)))
    given.out.write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
