"""Whatever happens in whatever order, on two workers that die and a Redis that loses its data: nobody is offered twice,
nobody is forgotten, everybody keeps the place. Random histories on a real Redis, everything checked after each step.
"""

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from routing.agents import Agent, Presence
from routing.board import Offer
from routing.queue import Acd
from routing.scripts import Timings
from tests.routing.desk import T0, Desk, agent, check_invariants
from tests.support.redis_server import remove_keys

pytestmark = pytest.mark.redis

T = TypeVar("T")

SETTLING = Timings(settle=3600)  # until `_settle` says so

SKILLS = ("general", "english", "tax")
NAMES = tuple("12345")
CALLS = tuple("abcdefgh")

workers = st.integers(0, 1)
calls = st.sampled_from(CALLS)
names = st.sampled_from(NAMES)
causes = st.sampled_from(("no_answer", "busy", "rejected", "unreachable", "lost", "hangup", "withdrawn"))
skill_sets = st.lists(st.sampled_from(SKILLS), min_size=1, unique=True)
rosters = st.dictionaries(names, skill_sets, min_size=3)
presences = st.sampled_from((Presence.READY, Presence.READY, Presence.READY, Presence.PAUSED, Presence.OFF))


class Histories(RuleBasedStateMachine):
    """What the engines of two workers may do to the queue, and what they believe."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.desk = Desk(self.url, f"test-{uuid.uuid4().hex}:")
        self.acds: list[Acd] = []
        self.waiting: dict[str, tuple[int, str, int, float]] = {}  # call -> worker, skill, priority, since
        self.rung: dict[str, tuple[int, Offer]] = {}  # call -> worker, offer whose phone rings
        self.talking: dict[str, tuple[int, str]] = {}  # call -> worker, agent

    def do(self, doing: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(doing)

    @initialize(roster=rosters)
    def open(self, roster: dict[str, list[str]]) -> None:
        self.do(self._open())
        self.enrol(roster)
        self.do(self._settle())
        for name in roster:
            self.sign(name, Presence.READY, 0)

    async def _open(self) -> None:
        self.redis = self.desk.redis()
        self.acds = [self.desk.worker(f"w{n}", timings=SETTLING, run=False).acd for n in range(2)]

    async def _settle(self) -> None:
        """All workers have said what they hold."""
        await self.redis.hset(f"{self.desk.prefix}acd:era", "settled", 0)
        await self.acds[0].sweep()

    @rule(roster=rosters)
    def enrol(self, roster: dict[str, list[str]]) -> None:
        agents: list[Agent] = [agent(name, *skills) for name, skills in roster.items()]
        for acd in self.acds:
            self.do(acd.enrol(agents))

    @rule(name=names, presence=presences, n=workers)
    def sign(self, name: str, presence: Presence, n: int) -> None:
        board = self.do(self.acds[n].board())
        if name in board.agents and board.agents[name].skills:
            self.do(self.acds[n].set_presence(name, presence))

    @rule(call=calls, n=workers, skill=st.sampled_from(SKILLS), priority=st.integers(0, 2), age=st.integers(0, 9))
    def seek(self, call: str, n: int, skill: str, priority: int, age: int) -> None:
        """A new call, or one that asks again: with its worker, or with the other one that took it over."""
        if call in self.talking or (call in self.rung and self.rung[call][0] != n):
            return
        since = T0 + age
        if call in self.waiting:
            since = min(since, self.waiting[call][3])
        if call in self.waiting and self.waiting[call][0] != n:
            self.acds[self.waiting[call][0]]._claims.waiting.pop(call)  # the other one is dead or gave it away
        self.waiting[call] = (n, skill, priority, since)
        place = self.do(self.acds[n].seek(call, skill, priority, T0 + age))
        assert place.skill == skill
        assert self._order(skill)[place.position - 1] == call

    @rule(call=calls)
    def leave(self, call: str) -> None:
        if call in self.waiting:
            n = self.waiting.pop(call)[0]
            self.do(self.acds[n].leave(call))
            if call in self.rung:
                _, offer = self.rung.pop(call)
                self.do(self.acds[n].release(call, offer.agent, False, "hangup", 0.0))

    @rule()
    def phones_ring(self) -> None:
        for n in (0, 1):
            self.deliver(n)

    @rule(n=workers)
    def deliver(self, n: int) -> None:
        """The worker takes its offers; no phone may ring twice, and no call may ring two phones."""
        for offer in self.do(self._deliver(n)):
            known = self.rung.get(offer.call)
            assert self.waiting[offer.call][0] == n, "an offer goes to the worker of its call"
            assert known is None or known[1].lease == offer.lease, "a call has one offer at a time"
            others = [o.agent for c, (_, o) in self.rung.items() if c != offer.call]
            assert offer.agent not in others, "an agent is offered to one call at a time"
            assert offer.agent not in {name for _, name in self.talking.values()}, "nobody is disturbed in a talk"
            assert offer.why
            self.rung[offer.call] = (n, offer)

    async def _deliver(self, n: int) -> list[Offer]:
        acd = self.acds[n]
        if await self.redis.exists(f"{self.desk.prefix}acd:offers:{acd.owner}"):
            await acd._upkeep.deliver()
        found = []
        while not acd._upkeep.delivered.empty():
            taken = acd._upkeep.delivered.get_nowait()
            if taken is not None and taken.offer.call in self.waiting:
                found.append(taken.offer)
        return found

    @precondition(lambda self: self.rung)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        self._answer(data.draw(st.sampled_from(sorted(self.rung))))

    def _answer(self, call: str) -> None:
        n, offer = self.rung.pop(call)
        assert self.do(self.acds[n].hold(call, offer.agent))
        del self.waiting[call]
        self.talking[call] = (n, offer.agent)

    @precondition(lambda self: self.rung)
    @rule(data=st.data(), cause=causes, again=st.booleans())
    def miss(self, data: st.DataObject, cause: str, again: bool) -> None:
        call = data.draw(st.sampled_from(sorted(self.rung)))
        n, offer = self.rung.pop(call)
        self.do(self.acds[n].release(call, offer.agent, False, cause, 0.0))
        if again:
            _, skill, priority, since = self.waiting[call]
            self.seek(call, n, skill, priority, int(since - T0))

    @precondition(lambda self: self.talking)
    @rule(data=st.data(), wrap_up_s=st.sampled_from((0.0, 60.0)), twice=st.booleans())
    def finish(self, data: st.DataObject, wrap_up_s: float, twice: bool) -> None:
        call = data.draw(st.sampled_from(sorted(self.talking)))
        n, name = self.talking.pop(call)
        for _ in range(1 + twice):
            self.do(self.acds[n].release(call, name, True, "hangup", wrap_up_s))

    @rule(name=names)
    def time_is_up(self, name: str) -> None:
        """The lease, wrap-up or rest of an agent ends; talks are renewed, so they do not."""
        if name not in {agent_name for _, agent_name in self.talking.values()}:
            self.do(self._time_is_up(name))
            self.rung = {call: (n, offer) for call, (n, offer) in self.rung.items() if offer.agent != name}

    async def _time_is_up(self, name: str) -> None:
        await self.redis.zadd(f"{self.desk.prefix}acd:deadlines", {name: 0}, xx=True)
        for acd in self.acds:
            for call, taken in list(acd._claims.offers.items()):
                if taken.offer.agent == name:
                    del acd._claims.offers[call]
        await self.acds[0].sweep()

    @rule()
    def a_moment_passes(self) -> None:
        self.do(self._defer_no_longer())

    async def _defer_no_longer(self) -> None:
        deferred = f"{self.desk.prefix}acd:deferred"
        for call in self.waiting:
            await self.redis.zadd(deferred, {call: 0}, xx=True)
        await self.acds[1].sweep()

    @rule(n=workers, noticed=st.booleans())
    def die(self, n: int, noticed: bool) -> None:
        """kill -9; the new process asks the carrier what exists, seeks for who waits and holds who talks."""
        if noticed:
            self.do(self._notice_death(n))
        self.acds[n] = self.do(self._reborn(n))
        for call, (of, name) in self.talking.items():
            if of == n:
                assert self.do(self.acds[n].hold(call, name))
        for call in [call for call, (of, _) in self.rung.items() if of == n]:
            del self.rung[call]  # as if the engine had not written it down; it will be delivered again
        for call, (of, skill, priority, since) in list(self.waiting.items()):
            if of == n:
                self.do(self.acds[n].seek(call, skill, priority, since))

    async def _notice_death(self, n: int) -> None:
        await self.redis.zadd(f"{self.desk.prefix}acd:workers", {self.acds[n].owner: 1}, xx=True)
        await self.acds[1 - n]._session.beat()
        await self.acds[1 - n].sweep()

    async def _reborn(self, n: int) -> Acd:
        acd = self.desk.worker(f"w{n}", timings=SETTLING, run=False).acd
        old = self.acds[n]
        await acd.enrol((old._session.roster or {}).values())
        return acd

    @rule()
    def redis_loses_everything(self) -> None:
        remove_keys(self.url, self.desk.prefix)
        for acd in self.acds:
            self.do(acd._session.beat())
        self.do(self._settle())

    @rule(n=workers)
    def beat(self, n: int) -> None:
        self.do(self.acds[n]._session.beat())
        self.do(self.acds[n]._session.renew())

    @invariant()
    def everything_agrees(self) -> None:
        if not self.acds:
            return
        self.do(check_invariants(self.redis, self.desk.prefix))
        board = self.do(self.acds[0].board())
        for skill, queue in board.queues.items():
            assert [call.call for call in queue.calls] == self._order(skill), "who waits keeps the place"
        talking = {status.call: name for name, status in board.agents.items() if status.state.value == "talking"}
        assert talking == {call: name for call, (_, name) in self.talking.items()}, "who talks is seen talking"

    def teardown(self) -> None:
        try:
            if self.acds:
                self._everybody_is_served()
        finally:
            self.do(self.desk.close())
            remove_keys(self.url, self.desk.prefix)
            self.runner.close()

    def _order(self, skill: str) -> list[str]:
        of_skill = [(-p, since, call) for call, (_, s, p, since) in self.waiting.items() if s == skill]
        return [call for _, _, call in sorted(of_skill)]

    def _everybody_is_served(self) -> None:
        """At the end all agents take all skills: then each call that waits is answered."""
        self.enrol({name: list(SKILLS) for name in NAMES})
        for name in NAMES:
            self.sign(name, Presence.READY, 0)
        for _ in range(4 * len(CALLS)):
            self.a_moment_passes()
            for n in (0, 1):
                self.deliver(n)
            for call in list(self.rung):
                self._answer(call)
            for call, (n, name) in list(self.talking.items()):
                del self.talking[call]
                self.do(self.acds[n].release(call, name, True, "hangup", 0.0))
            for name in NAMES:
                self.time_is_up(name)
            if not self.waiting:
                return
        raise AssertionError(f"never offered: {sorted(self.waiting)}")


@pytest.mark.timeout(600)
def test_no_history_offers_anybody_twice_or_forgets_anybody(redis_url: str) -> None:
    Histories.url = redis_url
    profile = settings.default
    examples = min(1000, max(20, profile.max_examples // 20)) if profile else 20
    run_state_machine_as_test(Histories, settings=settings(max_examples=examples, stateful_step_count=40))
