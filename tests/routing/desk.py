"""A small hotline for the queue's tests: agents, workers on a real Redis, and a check of everything Redis holds."""

import asyncio
from collections import defaultdict
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
from tests.support.redis_server import eventually

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
    enrolled: asyncio.Event = field(default_factory=asyncio.Event)

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
        worker = Worker(acd, self)
        self.workers.append(worker)
        if run:
            worker.start(self.enrolled)
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

    def __init__(self, acd: Acd, desk: Desk) -> None:
        self.acd, self.desk = acd, desk
        self.offers: asyncio.Queue[Offer] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, when: asyncio.Event | None = None) -> None:
        """Begin the background work, or let it begin later."""
        self._tasks = [asyncio.create_task(self._run(when)), asyncio.create_task(self._listen())]

    async def _run(self, when: asyncio.Event | None) -> None:
        if when is not None:
            await when.wait()
        await self.acd.run()

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
        self.desk.enrolled.set()
        await asyncio.gather(*self._tasks)
        self._tasks = []

    async def kill(self) -> None:
        """As kill -9 would: nothing is said to Redis any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def in_touch(self) -> None:
        """Wait until the background work has gone once round: put things right, learned what others changed."""
        redis, key = self.desk.redis(), f"{self.desk.prefix}acd:workers"
        last = await redis.zscore(key, self.acd.owner) or 0.0
        for _ in range(3):  # one may have begun before, the second is whole, the third says that it is over

            async def beaten(last: float = last) -> bool:
                return (await redis.zscore(key, self.acd.owner) or 0.0) > last

            await eventually(beaten)
            last = await redis.zscore(key, self.acd.owner) or 0.0

    async def enrol(self, agents: Iterable[Agent]) -> None:
        """Make this the roster; all workers' background work begins now."""
        await self.acd.enrol(agents)
        self.desk.enrolled.set()

    async def staff(self, agents: Iterable[Agent], presence: Presence = Presence.READY) -> None:
        """Enrol agents and sign them in, one after the other."""
        agents = list(agents)
        await self.enrol(agents)
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
    """Fail when anything Redis holds contradicts anything else. Reads all keys at one moment."""
    data = await _snapshot(redis, f"{prefix}acd:")
    agents = {name: data.hashes[f"agent:{name}"] for name in data.sets["agents"]}
    calls = {key.removeprefix("call:"): fields for key, fields in data.hashes.items() if key.startswith("call:")}
    wanted = {call: fields["agent"] for call, fields in calls.items() if "agent" in fields}
    lapsed = data.sets["lapsed"]
    assert {f"agent:{name}" for name in agents} == {key for key in data.hashes if key.startswith("agent:")}

    ringing = {name: a["call"] for name, a in agents.items() if a["state"] == "ringing"}
    withdrawn = {name for name in ringing if agents[name]["offer"] == "withdrawn"}  # their phones stop just now
    for_waiting = {name: call for name, call in ringing.items() if call in wanted and name not in withdrawn}
    assert {call: name for name, call in for_waiting.items()} == wanted, "each offer has its agent"
    assert len(for_waiting) == len(wanted), "a call is offered to one agent at a time"
    on_call = {name for name, a in agents.items() if a["call"]}
    assert on_call == {name for name, a in agents.items() if a["state"] in {"ringing", "talking"}}
    due = {name for name, a in agents.items() if a["state"] in {"ringing", "talking", "wrap_up", "resting"}}
    assert data.sets["deadlines"] == due, "whatever ends by itself has a deadline, and nothing else"

    for skill in data.sets["skills"]:
        of_skill = {name for name, a in agents.items() if skill in a["skills"].split()}
        ready = {name for name in of_skill if agents[name]["state"] == "ready"}
        assert data.sets[f"ready:{skill}"] == ready, f"who is ready for {skill} can be found, nobody else"
        on_shift = {name for name in of_skill if agents[name]["state"] != "off"}
        assert data.sets[f"shift:{skill}"] == on_shift, f"who is on shift for {skill} is counted"
        waiting = {call for call, fields in calls.items() if fields["skill"] == skill}
        assert data.sets[f"waiting:{skill}"] == waiting, f"each call waits for {skill} only"
        seeking = data.sets[f"seeking:{skill}"]
        asleep = data.sets["deferred"] | {call for call in waiting if calls[call]["owner"] in lapsed}
        assert seeking <= waiting - wanted.keys(), "a call with an offer seeks no other"
        assert waiting - wanted.keys() - seeking <= asleep, "a call without an offer seeks one"
        assert not (settled and ready and seeking), "nobody waits while an agent is free"
    for call, fields in calls.items():
        owner = fields["owner"]
        assert call in data.sets[f"calls:{owner}"] | data.sets[f"parked:{owner}"], "each waiting call has its worker"


@dataclass
class _Snapshot:
    """All keys below a prefix: hashes, and the members of sets and sorted sets."""

    hashes: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    sets: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


async def _snapshot(redis: Redis, prefix: str) -> _Snapshot:
    keys = await redis.keys(f"{prefix}*")
    kinds = [await redis.type(key) for key in keys]
    commands = {b"hash": ("HGETALL",), b"set": ("SMEMBERS",), b"zset": ("ZRANGE", "0", "-1")}
    read = [(key, commands[kind]) for key, kind in zip(keys, kinds, strict=True) if kind in commands]
    async with redis.pipeline(transaction=True) as pipe:
        for key, (command, *bounds) in read:
            pipe.execute_command(command, key, *bounds)
        found = await pipe.execute()
    data = _Snapshot()
    for (key, _), value in zip(read, found, strict=True):
        assert isinstance(key, bytes)
        name = key.decode().removeprefix(prefix)
        if isinstance(value, dict):
            data.hashes[name] = {field.decode(): text.decode() for field, text in value.items()}
        else:
            data.sets[name] = {member.decode() for member in value}
    return data
