"""The queue's Lua scripts as typed methods: arguments in, values out.

It decides nothing and remembers nothing; what a script does stands on top of its file in `routing/lua`. Each method
raises `DataLost` when Redis is empty and `AcdUnavailable` when it cannot be asked.
"""

import itertools
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import TypeVar

import msgspec
from redis.asyncio import Redis

from routing.agents import Agent, AgentState, Presence
from routing.board import AgentStatus, Board, Offer, Place, SkillQueue, WaitingCall
from routing.claims import Release, Wait
from routing.connection import DataLost, within_limit
from routing.presence import PresenceRecord

T = TypeVar("T")

NAMES = ("enrol", "presence", "seek", "leave", "take", "hold", "release", "beat", "sweep", "board")
BATCH = 25  # agents or calls that one script changes, lest it keeps all others waiting
PAGE = 100  # agents or calls that one script only reads


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """How long things last, in seconds. The defaults suit a hotline; tests take shorter ones."""

    cool_down: float = 10.0  # rest of an agent who did not answer an offer
    avoid: float = 30.0  # for so long another agent is preferred for the call that was missed
    hold: float = 60.0  # a talk nobody renews ends after this; it is renewed three times as often
    withdraw: float = 2.0  # how long a worker has to release an offer that its call no longer wants
    alive: float = 5.0  # a worker silent for longer gets no offers
    orphan: float = 60.0  # the calls of a worker silent for longer are dropped
    settle: float = 2.0  # a restarted Redis matches nothing for so long: first all workers say what they hold
    beat: float = 1.0  # between a worker's signs of life
    sweep: float = 0.5  # at most, between looks for what is due


class Beat(msgspec.Struct, frozen=True):
    """The answer to a sign of life."""

    era: str  # changes when Redis lost its data
    server: str  # changes when Redis was restarted or another took its place; it may have lost the last changes
    lapsed: bool  # the worker was taken for dead
    roster: str  # versions: change with the roster and with anybody's presence
    presence: str


class Ended(msgspec.Struct, frozen=True):
    """Something a sweep put an end to: an ``offer``, a ``talk``, or an ``orphan`` (call of a dead worker)."""

    what: str
    call: str
    agent: str = ""


class Swept(msgspec.Struct, frozen=True):
    """What a sweep did; ``rest`` is the seconds until something is due, -1 when nothing is."""

    rest: float
    ended: tuple[Ended, ...]


class _Agent(msgspec.Struct, array_like=True):
    id: str
    state: AgentState
    since: float
    call: str


class _Call(msgspec.Struct, array_like=True):
    id: str
    priority: int
    since: float
    owner: str
    agent: str


class _Queue(msgspec.Struct, array_like=True):
    skill: str
    waiting: int
    ready: int
    on_shift: int
    calls: list[_Call]


class _Board(msgspec.Struct):
    at: float
    agents: list[_Agent]
    queues: list[_Queue]


class Scripts:
    """The queue on one Redis, as one owner (a worker's life) sees it."""

    def __init__(self, redis: Redis, prefix: str, owner: str, timings: Timings, ring_s: float, margin_s: float) -> None:
        self._redis, self._prefix, self._owner = redis, prefix, owner
        self._timings = msgspec.json.encode(msgspec.structs.asdict(timings) | {"ring": ring_s, "margin": margin_s})
        folder = resources.files("routing") / "lua"
        common = (folder / "common.lua").read_text("utf-8")
        self._scripts = {
            name: redis.register_script(common + (folder / f"{name}.lua").read_text("utf-8")) for name in NAMES
        }

    async def _run(self, name: str, answer: type[T], *args: str | float | bytes) -> T:
        json = await within_limit(self._scripts[name](args=[self._prefix, self._timings, *args]))
        if json is None:
            raise DataLost
        return msgspec.json.decode(json, type=answer)

    async def enrol(
        self, agents: Sequence[Agent], gone: Sequence[str], remembered: Mapping[str, PresenceRecord]
    ) -> float:
        """Put `agents` into the roster and take `gone` out; fills an empty Redis. Gives the time in Redis."""
        texts = [msgspec.json.encode(agent).decode() for agent in agents]
        records = {a.id: (remembered[a.id].presence, remembered[a.id].since) for a in agents if a.id in remembered}
        encoded = (msgspec.json.encode(part) for part in (texts, gone, records))
        return await self._run("enrol", float, uuid.uuid4().hex, *encoded)

    async def set_presence(self, agent_id: str, presence: Presence) -> float:
        """Since when the presence holds; -1 for an unknown agent."""
        return await self._run("presence", float, agent_id, presence.value)

    async def seek(self, call: str, wait: Wait, *offer: str | float) -> tuple[Place, float]:
        """The place, and since when the call waits: earlier than `wait` says when it did before.

        `offer` is how to treat an offer under way: ``keep`` (the default), ``deliver``, or ``ringing`` and what.
        """
        since = f"{wait.since:.6f}"
        mode = offer or ("keep",)
        position, on_shift, waits_since = await self._run(
            "seek", tuple[int, int, float], self._owner, call, wait.skill, wait.priority, since, *mode
        )
        return Place(wait.skill, position, on_shift), waits_since

    async def leave(self, calls: Iterable[str]) -> None:
        await self._run("leave", bool, self._owner, *calls)

    async def take(self, tokens: Sequence[bytes | str]) -> list[tuple[Offer, float]]:
        """The offers behind the tokens popped, and any more, each with the seconds it still holds."""
        return await self._run("take", list[tuple[Offer, float]], self._owner, *tokens)

    async def hold(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """For each (call, agent) whether the agent is kept for it."""
        parts = (part for pair in pairs for part in pair)
        return [flag == 1 for flag in await self._run("hold", list[int], self._owner, *parts)]

    async def release(self, done: Release) -> None:
        flags = int(done.talked), int(done.blameless)
        await self._run("release", bool, done.call, done.agent, *flags, f"{done.wrap_up_s:.3f}")

    async def beat(self) -> Beat:
        return await self._run("beat", Beat, self._owner)

    async def sweep(self) -> Swept:
        return await self._run("sweep", Swept)

    async def own_calls(self) -> set[str]:
        """The calls Redis takes for this owner's waiting ones."""
        return set(await self._members(f"calls:{self._owner}"))

    async def pop(self, wait_s: float) -> list[bytes | str]:
        """Wait for an offer to this owner; its token, or nothing in time."""
        popping = self._redis.blpop([f"{self._prefix}offers:{self._owner}"], timeout=wait_s)
        popped = await within_limit(popping, wait_s + 1.0)
        return [popped[1]] if popped else []

    async def roster(self) -> dict[str, Agent]:
        texts = await self._hash("roster")
        return {agent_id: msgspec.json.decode(text, type=Agent) for agent_id, text in texts.items()}

    async def presence(self) -> dict[str, PresenceRecord]:
        records = {}
        for agent_id, text in (await self._hash("presence")).items():
            presence, since = text.split()
            records[agent_id] = PresenceRecord(Presence(presence), float(since))
        return records

    async def board(self, depth: int) -> Board:
        """Everybody's state, and of each queue the first `depth` calls. A big board is read page by page."""
        ids, skills = await self._members("agents"), await self._members("skills")
        roster, presence = await self.roster(), await self.presence()
        agents, queues = [], []
        at = 0.0
        # One page is one moment; a page of all would keep matches waiting for it.
        for some_ids, some_skills in itertools.zip_longest(
            batches(ids, PAGE), batches(skills, max(1, PAGE // max(1, depth))), fillvalue=()
        ):
            page = await self._run("board", _Board, depth, msgspec.json.encode(some_skills), *some_ids)
            at = at or page.at
            agents += [_status(row, roster.get(row.id), presence.get(row.id)) for row in page.agents]
            queues += page.queues
        return Board(
            at=at or (await self._run("board", _Board, 0, b"[]")).at,
            agents={status.id: status for status in agents},
            queues={queue.skill: _queue(queue) for queue in queues},
        )

    async def _hash(self, name: str) -> dict[str, str]:
        content = await within_limit(self._redis.hgetall(self._prefix + name))
        return {_text(key): _text(value) for key, value in content.items()}

    async def _members(self, name: str) -> list[str]:
        return sorted(_text(member) for member in await within_limit(self._redis.smembers(self._prefix + name)))


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in their order, `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _status(row: _Agent, agent: Agent | None, record: PresenceRecord | None) -> AgentStatus:
    return AgentStatus(
        id=row.id,
        name=agent.name if agent else "",
        skills=agent.skills if agent else (),
        state=row.state,
        since=row.since,
        presence=record.presence if record else Presence.OFF,
        call=row.call or None,
    )


def _queue(row: _Queue) -> SkillQueue:
    calls = tuple(WaitingCall(c.id, c.priority, c.since, c.owner, c.agent or None) for c in row.calls)
    return SkillQueue(waiting=row.waiting, ready=row.ready, on_shift=row.on_shift, calls=calls)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
