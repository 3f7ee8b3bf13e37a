"""One worker's standing in Redis: makes its requests, and puts back all this worker knows when Redis lost it.

Redis is where workers meet, never the only place where something is known: roster and presence are mirrored; places,
offers and talks are the worker's own claims. It decides nothing about who gets whom; the scripts do.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import structlog

from routing.agents import Agent, Presence, check_roster
from routing.claims import Claims, Debt, Leave
from routing.connection import LIMIT_S, DataLost
from routing.errors import AcdUnavailable
from routing.presence import PresenceRecord, PresenceStore, newest
from routing.scripts import BATCH, Beat, Scripts, batches

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Session:
    """What `Acd` and its upkeep share."""

    def __init__(self, scripts: Scripts, store: PresenceStore) -> None:
        self.scripts = scripts
        self.claims = Claims()
        self.roster: dict[str, Agent] | None = None  # mirrored
        self.presence: dict[str, PresenceRecord] = {}  # mirrored
        self.suspect = False  # Redis may not agree with our claims
        self._store = store
        self._life: tuple[str, str] | None = None  # of the data and of the server, as last seen
        self._versions = ("", "")
        self._restoring = asyncio.Lock()
        self._restored = 0

    async def attempt(self, request: Callable[[], Awaitable[T]]) -> T:
        """Make a request; fill Redis first when it is empty. Raises `AcdUnavailable`.

        Every request may be made twice: each says what shall be, not what to change.
        """
        try:
            try:
                return await request()
            except DataLost:
                await self.restore()
                return await request()
        except AcdUnavailable:
            self.suspect = True  # whether Redis did it is unknown
            raise
        except DataLost:
            self.suspect = True
            raise AcdUnavailable("Redis lost its data twice in a row: check what empties it") from None

    async def enrol(self, agents: Iterable[Agent]) -> None:
        """Make this the roster, here and in Redis; when Redis is out of reach, as soon as it is not."""
        self.roster = check_roster(agents)
        try:
            await self._enrol(self.roster)
            beat = await self.scripts.beat()
        except (AcdUnavailable, DataLost) as error:
            self.suspect = True
            raise AcdUnavailable(str(error) or "Redis was emptied at once: check what empties it") from error
        self._life = self._life or (beat.era, beat.server)

    async def pay(self, debt: Debt) -> None:
        """Tell Redis what it is owed."""
        await self.attempt(lambda: self._pay(debt))

    async def hold(self, call: str, agent: str) -> bool:
        """Whether Redis keeps the agent for the call."""
        return (await self.attempt(lambda: self._hold([(call, agent)])))[0]

    async def renew(self) -> None:
        """Say again which agents talk on our calls."""
        for pairs in batches(sorted(self.claims.held), BATCH):
            await self.attempt(lambda pairs=pairs: self._hold(pairs))  # type: ignore[misc]

    async def remember(self, agent_id: str, record: PresenceRecord) -> None:
        """Keep a presence outside Redis. It is in force already, so a store out of reach is only logged."""
        self.presence[agent_id] = record
        try:
            async with asyncio.timeout(LIMIT_S):
                await self._store.save(agent_id, record)
        except Exception as error:
            log.warning("presence not stored", agent=agent_id, error=repr(error))

    async def beat(self) -> None:
        """Give a sign of life, put right what is in doubt, learn what others changed."""
        self.claims.forget_expired(time.monotonic())
        beat = await self.attempt(self.scripts.beat)
        if self._life != (beat.era, beat.server):
            self.suspect = True  # restarted, or emptied and filled again by somebody else
        self._life = (beat.era, beat.server)
        if beat.lapsed or self.suspect:
            await self.restore()
        for debt in self.claims.debts:
            await self.pay(debt)
        await self._mirror(beat)

    async def restore(self) -> None:
        """Bring Redis in line with our claims, whatever it holds: nothing, something old, or all of it.

        Safe to repeat. When it raises `AcdUnavailable`, the next beat tries again.
        """
        seen = self._restored
        async with self._restoring:
            if self._restored != seen:
                return  # somebody else just did
            self.suspect = False
            try:
                await self._restore()
            except DataLost:
                self.suspect = True
                raise AcdUnavailable("Redis was emptied while it was being filled: check what empties it") from None
            except BaseException:
                self.suspect = True
                raise
            self._restored += 1

    async def _restore(self) -> None:
        try:
            beat = await self.scripts.beat()
        except DataLost:
            if self.roster is None:
                raise AcdUnavailable("Redis is empty and no roster is known: enrol the agents") from None
            await self._enrol(self.roster)
            beat = await self.scripts.beat()
            log.info("queue filled again", agents=len(self.roster), waiting=len(self.claims.waiting))
        self._life = (beat.era, beat.server)
        await self._restore_presence()
        for debt in self.claims.debts:
            await self._pay(debt)
        for pairs in batches(sorted(self.claims.held), BATCH):
            await self._hold(pairs)
        # Phones that ring come before calls that only wait: else their agents would be offered once more.
        for call in [*self.claims.offers, *(self.claims.waiting.keys() - self.claims.offers.keys())]:
            await self._restore_place(call)
        strays = await self.scripts.own_calls() - self.claims.waiting.keys()
        for calls in batches(sorted(strays), BATCH):
            await self.scripts.leave(calls)
            for call in calls:
                await self._restore_place(call)  # where it was sought in the meantime

    async def _restore_place(self, call: str) -> None:
        wait, taken = self.claims.waiting.get(call), self.claims.offers.get(call)
        if wait is None:
            return
        left = taken.until - time.monotonic() if taken else 0.0
        if taken and left > 0:
            offer = taken.offer
            await self.scripts.seek(call, wait, "ringing", offer.agent, offer.lease, f"{left:.3f}", offer.why)
        else:
            await self.scripts.seek(call, wait, "deliver")

    async def _restore_presence(self) -> None:
        """Where we know a newer presence than whoever filled Redis again, ours is right."""
        there = await self.scripts.presence()
        known = await self._known_presence()
        for agent_id, record in known.items():
            current = there.get(agent_id)
            if current and current.since < record.since and current.presence is not record.presence:
                await self.scripts.set_presence(agent_id, record.presence)

    async def _known_presence(self) -> dict[str, PresenceRecord]:
        stored: Mapping[str, PresenceRecord] = {}
        try:
            async with asyncio.timeout(LIMIT_S):
                stored = await self._store.load()
        except Exception as error:
            log.warning("stored presence not read", error=repr(error))
        return newest(stored, self.presence)

    async def _enrol(self, roster: Mapping[str, Agent]) -> None:
        known = await self._known_presence()
        gone = sorted((await self.scripts.roster()).keys() - roster.keys())
        await self.scripts.enrol([], [], {})  # an empty Redis begins its era with this
        for agents in batches(list(roster.values()), BATCH):
            await self.scripts.enrol(agents, [], known)
        for ids in batches(gone, BATCH):
            at = await self.scripts.enrol([], ids, {})
            for agent_id in ids:  # whoever is taken in again later signs in again
                await self.remember(agent_id, PresenceRecord(Presence.OFF, at))

    async def _pay(self, debt: Debt) -> None:
        if isinstance(debt, Leave):
            await self.scripts.leave([debt.call])
            if debt.call in self.claims.waiting:  # sought again meanwhile: which came first in Redis is unknown
                self.suspect = True
        else:
            await self.scripts.release(debt)
        self.claims.paid(debt)

    async def _hold(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        kept = await self.scripts.hold(pairs)
        for (call, agent), ours in zip(pairs, kept, strict=True):
            if not ours:
                self.claims.held.discard((call, agent))
                log.warning("agent talks on another call", call=call, agent=agent)
        return kept

    async def _mirror(self, beat: Beat) -> None:
        versions = (beat.roster, beat.presence)
        if self._versions != versions:
            self.roster, self.presence = await self.scripts.roster(), await self.scripts.presence()
            self._versions = versions
