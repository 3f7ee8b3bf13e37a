"""A small hotline for the queue's tests: agents, workers on a real Redis, and a check of everything Redis holds."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from redis.asyncio import Redis

from routing.agents import Agent, AgentState, Presence
from routing.board import Offer
from routing.connection import open_redis
from routing.errors import AcdUnavailable
from routing.presence import PresenceStore
from routing.queue import Acd
from routing.scripts import Timings

T0 = 1_790_000_000.0

# As a hotline runs, but nothing waits for an empty Redis to settle: most tests begin with one.
AT_ONCE = Timings(settle=0.0)


def agent(number: int | str, *skills: str) -> Agent:
    return Agent(id=str(number), name=f"坐席{number}", skills=skills or ("general",), address=f"desk:{number}")


@dataclass
class Desk:
    """One Redis and the workers on it."""

    url: str
    prefix: str
    clients: list[Redis] = field(default_factory=list)
    workers: list["Worker"] = field(default_factory=list)

    def redis(self) -> Redis:
        client = open_redis(self.url)
        self.clients.append(client)
        return client

    def worker(
        self,
        name: str = "w",
        *,
        ring_s: float = 20.0,
        lease_margin_s: float = 5.0,
        timings: Timings = AT_ONCE,
        store: PresenceStore | None = None,
        run: bool = True,
    ) -> "Worker":
        acd = Acd(
            self.redis(),
            worker=name,
            ring_s=ring_s,
            lease_margin_s=lease_margin_s,
            prefix=self.prefix,
            timings=timings,
            presence_store=store,
        )
        worker = Worker(acd)
        self.workers.append(worker)
        if run:
            worker.start()
        return worker

    async def close(self) -> None:
        for worker in self.workers:
            await worker.stop()
        for client in self.clients:
            await client.aclose()


@asynccontextmanager
async def opened(url: str, prefix: str) -> AsyncIterator[Desk]:
    desk = Desk(url, prefix)
    try:
        yield desk
    finally:
        await desk.close()


class Worker:
    """An `Acd` with its background work, and its offers in the order they came."""

    def __init__(self, acd: Acd) -> None:
        self.acd = acd
        self.offers: asyncio.Queue[Offer] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self.acd.run()), asyncio.create_task(self._listen())]

    async def _listen(self) -> None:
        async for offer in self.acd.offers():
            self.offers.put_nowait(offer)

    async def offer(self, limit_s: float = 5.0) -> Offer:
        """The next offer."""
        async with asyncio.timeout(limit_s):
            return await self.offers.get()

    async def stop(self) -> None:
        """An orderly end; a fault of the background work comes out here."""
        await self.acd.close()
        await asyncio.gather(*self._tasks)
        self._tasks = []

    async def kill(self) -> None:
        """As kill -9 would: nothing is said to Redis any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def staff(self, agents: Iterable[Agent], presence: Presence = Presence.READY) -> None:
        """Enrol agents and sign them in, one after the other."""
        agents = list(agents)
        await self.acd.enrol(agents)
        for one in agents:
            await self.acd.set_presence(one.id, presence)

    async def state(self, agent_id: str) -> AgentState | None:
        status = (await self.acd.board()).agents.get(agent_id)
        return status.state if status else None

    async def is_in(self, agent_id: str, state: AgentState) -> bool:
        try:
            return await self.state(agent_id) is state
        except AcdUnavailable:
            return False

    async def waiting(self, skill: str = "general") -> list[str]:
        queue = (await self.acd.board()).queues.get(skill)
        return [call.call for call in queue.calls] if queue else []


async def check_invariants(redis: Redis, prefix: str, *, settled: bool = True) -> None:
    """Fail when anything Redis holds contradicts anything else. Reads all keys; nothing may change meanwhile."""
    data = _Data(redis, f"{prefix}acd:")
    agents = {name: await data.hash(f"agent:{name}") for name in await data.members("agents")}
    skills = await data.members("skills")
    calls = {key: await data.hash(f"call:{key}") for key in await data.ids("call:")}
    busy = {name: a for name, a in agents.items() if a["call"]}

    ringing = {name: a["call"] for name, a in agents.items() if a["state"] == "ringing"}
    wanted = {call: name for call, name in ((c, f["agent"]) for c, f in calls.items() if "agent" in f)}
    assert {call: name for name, call in ringing.items() if call in wanted} == wanted, "each offer has one agent"
    doubled = [call for call, n in Counter(c for c in ringing.values() if c in wanted).items() if n > 1]
    assert not doubled, "a call is offered to one agent at a time"
    assert {a["state"] for a in busy.values()} <= {"ringing", "talking"}, "only who rings or talks is on a call"
    due = {name for name, a in agents.items() if a["state"] in {"ringing", "talking", "wrap_up", "resting"}}
    assert await data.ordered("deadlines") == due, "whatever ends by itself has a deadline, and nothing else"

    lapsed = await data.ordered("lapsed")
    for skill in skills:
        of_skill = {name for name, a in agents.items() if skill in a["skills"].split()}
        ready = {name for name in of_skill if agents[name]["state"] == "ready"}
        assert await data.ordered(f"ready:{skill}") == ready, f"who is ready for {skill} can be found, nobody else"
        on_shift = {name for name in of_skill if agents[name]["state"] != "off"}
        assert await data.members(f"shift:{skill}") == on_shift, f"who is on shift for {skill} is counted"
        waiting = {call for call, f in calls.items() if f["skill"] == skill}
        assert await data.ordered(f"waiting:{skill}") == waiting, f"each call waits for {skill} only"
        seeking = await data.ordered(f"seeking:{skill}")
        asleep = await data.ordered("deferred") | {c for c in waiting if calls[c]["owner"] in lapsed}
        assert seeking <= waiting - wanted.keys(), "a call with an offer seeks no other"
        assert waiting - wanted.keys() - seeking <= asleep, "a call without an offer seeks one"
        assert not (settled and ready and seeking), "nobody waits while an agent is free"
    for call, fields in calls.items():
        owner = fields["owner"]
        assert call in await data.members(f"calls:{owner}") | await data.members(f"parked:{owner}")


class _Data:
    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis, self._prefix = redis, prefix

    async def hash(self, name: str) -> dict[str, str]:
        found = await self._redis.hgetall(self._prefix + name)
        return {key.decode(): value.decode() for key, value in found.items()}

    async def members(self, name: str) -> set[str]:
        return {member.decode() for member in await self._redis.smembers(self._prefix + name)}

    async def ordered(self, name: str) -> set[str]:
        return {member.decode() for member in await self._redis.zrange(self._prefix + name, 0, -1)}

    async def ids(self, name: str) -> set[str]:
        start = self._prefix + name
        return {key.decode().removeprefix(start) async for key in self._redis.scan_iter(match=f"{start}*")}

