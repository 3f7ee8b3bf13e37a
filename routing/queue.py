"""The queue (ACD): callers stand in it by skill, and it reserves the longest idle agent for who is next.

All workers share one Redis (6.2 or newer, a single one: no Redis Cluster); every decision is one atomic script on
Redis's own clock. It never rings a phone and knows nothing of a call but its id.
"""

import secrets
import time
from collections.abc import AsyncIterator, Iterable

from redis.asyncio import Redis

from routing.agents import Agent, Presence
from routing.board import Board, Offer, Place
from routing.claims import Release, Wait
from routing.errors import AcdUnavailable, UnknownAgent
from routing.presence import MemoryPresence, PresenceRecord, PresenceStore
from routing.scripts import Scripts, Swept, Timings
from routing.session import Session
from routing.upkeep import Upkeep

# Why an offer may end without the agent being to blame: such an agent need not rest and stays first in line.
BLAMELESS = frozenset({"hangup", "withdrawn"})

MAX_PRIORITY = 1000


class Acd:
    """One worker's access to the queue.

    ``worker`` names the process on the board, ``ring_s`` is how long an agent's phone rings, ``lease_margin_s`` how
    much longer the reservation lasts; ``redis`` comes from `routing.connection.open_redis` and stays the caller's to
    close. Every method raises `AcdUnavailable` when Redis gives no answer within a second. What was asked of `enrol`,
    `leave`, `hold` and `release` is then done by `run` as soon as it can be.

    Who gets whom: the caller with the highest priority, then the longest wait; the agent idle for longest. An agent who
    missed a call is preferably not offered the same one for ``timings.avoid`` seconds.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        worker: str,
        ring_s: float,
        lease_margin_s: float = 5.0,
        prefix: str = "hotline:",
        timings: Timings | None = None,
        presence_store: PresenceStore | None = None,
    ) -> None:
        timings = timings or Timings()
        # A restarted worker is another owner: calls it never asks for again must not live on its signs of life.
        self.owner = f"{worker}:{secrets.token_hex(4)}"
        scripts = Scripts(redis, f"{prefix}acd:", self.owner, timings, ring_s, lease_margin_s)
        self._scripts = scripts
        self._session = Session(scripts, presence_store or MemoryPresence())
        self._claims = self._session.claims
        self._upkeep = Upkeep(self._session, timings)

    async def enrol(self, agents: Iterable[Agent]) -> None:
        """Make `agents` the roster. Presence is kept; who is new is what the presence store remembers, else off.

        An agent no longer in it leaves at once, or when the talk is over. Raises `RosterError`.
        """
        await self._session.enrol(agents)

    async def set_presence(self, agent_id: str, presence: Presence) -> None:
        """An agent signs in or out or pauses. It holds at once, ending a wrap-up; in a talk, after it.

        Raises `UnknownAgent`.
        """
        since = await self._session.attempt(lambda: self._scripts.set_presence(agent_id, presence))
        if since < 0:
            raise UnknownAgent(f"agent {agent_id} is not in the roster: enrol the agent first")
        await self._session.remember(agent_id, PresenceRecord(presence, since))

    async def seek(self, call_id: str, skill: str, priority: int, since: float) -> Place:
        """The call waits for an agent with `skill`; `since` (UNIX seconds) decides among equal priorities.

        Said again, the call keeps its place, also after a failed offer, in another skill or from another worker. An
        offer under way stays as it is; to another worker's process it is delivered anew. On `AcdUnavailable` the
        call waits only if it did before. Workers' clocks decide who came first, so they should agree.
        """
        if abs(priority) > MAX_PRIORITY or not 0 <= since < 1e10 or not skill or skill.split() != [skill]:
            raise ValueError(
                f"cannot queue for skill {skill!r} with priority {priority} since {since}: the skill is one word, the "
                f"priority within ±{MAX_PRIORITY}, the time in UNIX seconds"
            )
        wait = Wait(skill, priority, since)
        before = self._claims.seek(call_id, wait)
        try:
            place, waits_since = await self._session.attempt(lambda: self._scripts.seek(call_id, wait))
        except AcdUnavailable:
            if before is None:
                self._claims.leave(call_id)
            raise
        self._claims.waits_since(call_id, waits_since)
        return place

    async def leave(self, call_id: str) -> None:
        """The call waits no longer, unless another live worker has taken it over. An offer it was given is still to be
        released.
        """
        await self._session.pay(self._claims.leave(call_id))

    async def offers(self) -> AsyncIterator[Offer]:
        """Offers for this worker's calls, until `close`. Each asks for `hold` or `release` (or expires)."""
        while (taken := await self._upkeep.delivered.get()) is not None:
            if taken.until <= time.monotonic():
                continue
            if taken.offer.call in self._claims.waiting:
                yield taken.offer
            else:
                await self._decline(taken.offer)
        self._upkeep.delivered.put_nowait(None)  # the end stays the end

    async def hold(self, call_id: str, agent_id: str) -> bool:
        """The agent answered and talks: reserved until `release`, renewed by `run`. The call waits no longer.

        May be said without an offer, as after a restart. False when the agent talks on another live worker's call.
        """
        self._claims.hold(call_id, agent_id)
        return await self._session.hold(call_id, agent_id)

    async def release(self, call_id: str, agent_id: str, talked: bool, cause: str, wrap_up_s: float) -> None:
        """The agent is done with the call. Said again, or of an agent who is not on it, it changes nothing.

        After a talk: wrap-up (seconds, 0 for none), then what the agent asked for. Otherwise the call waits on in its
        place, and the agent rests and goes to the end of the line; with a cause of `BLAMELESS` neither, and the call
        seeks on when told so by `seek` (or by itself after ``timings.withdraw``).
        """
        debt = Release(call_id, agent_id, talked, cause in BLAMELESS, wrap_up_s)
        await self._session.pay(self._claims.release(debt))

    async def board(self, depth: int = 100) -> Board:
        """Everybody's state and, of each skill's queue, its size and its first `depth` calls.

        With more than some hundred agents it is read in pages, each true for its moment.
        """
        return await self._session.attempt(lambda: self._scripts.board(depth))

    async def sweep(self) -> Swept:
        """End what is over: leases, wrap-ups, rests, calls of dead workers. `run` does this; one is enough for all."""
        return await self._upkeep.sweep()

    async def run(self) -> None:
        """Work in the background until `close`: without it there are no offers and no renewals.

        It outlives Redis. When Redis comes back, empty or not, it puts back this worker's talks, offers and places,
        the roster and the last known presence; wrap-ups and rests that were running are not restored. Offers begin
        again after ``timings.settle``, when all workers have had time to do so.
        """
        await self._upkeep.run()

    async def close(self) -> None:
        """End `run` and `offers`. Calls and talks stay in Redis for the successor to `seek` and `hold`."""
        await self._upkeep.close()

    async def _decline(self, offer: Offer) -> None:
        try:
            await self._upkeep.turn_down(offer)
        except AcdUnavailable:
            return  # owed, and told later
