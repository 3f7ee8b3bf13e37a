"""What one worker has under way in the queue, in memory: enough to fill an empty Redis again and to pay late what
Redis could not take. Plain bookkeeping; it never talks to Redis and reads no clock.
"""

from typing import TypeAlias, TypeVar

import msgspec

from routing.board import Offer


class Wait(msgspec.Struct, frozen=True):
    """A call of this worker that stands in the queue."""

    skill: str
    priority: int
    since: float


class Taken(msgspec.Struct, frozen=True):
    """An offer this worker has taken; ``until`` is its end on this process's monotonic clock."""

    offer: Offer
    until: float


class Leave(msgspec.Struct, frozen=True):
    """A call stops waiting."""

    call: str


class Release(msgspec.Struct, frozen=True):
    """An agent is done with a call."""

    call: str
    agent: str
    talked: bool
    blameless: bool
    wrap_up_s: float


Debt: TypeAlias = Leave | Release
D = TypeVar("D", Leave, Release)


class Claims:
    """The worker's side of the queue."""

    def __init__(self) -> None:
        self.waiting: dict[str, Wait] = {}  # by call
        self.offers: dict[str, Taken] = {}  # by call; phones that are, or soon will be, ringing
        self.held: set[tuple[str, str]] = set()  # (call, agent) in conversation
        self._spent: dict[str, float] = {}  # leases done with, until when they could be delivered once more
        self._debts: dict[tuple[str, str | None], Debt] = {}

    @property
    def debts(self) -> tuple[Debt, ...]:
        """What Redis still has to be told, in the order it happened."""
        return tuple(self._debts.values())

    def seek(self, call: str, wait: Wait) -> Wait | None:
        """The call waits, or asks again. Returns how it waited before."""
        self._debts.pop((call, None), None)
        before = self.waiting.get(call)
        if before is not None:  # whatever it says later, it keeps its place
            wait = msgspec.structs.replace(wait, since=min(wait.since, before.since))
        self.waiting[call] = wait
        return before

    def waits_since(self, call: str, since: float) -> None:
        """Another worker had this call before, and it waits for longer than we knew."""
        wait = self.waiting.get(call)
        if wait is not None and since < wait.since:
            self.waiting[call] = msgspec.structs.replace(wait, since=since)

    def leave(self, call: str) -> Leave:
        """The call waits no longer; to be told Redis, and owed until `paid`."""
        self.waiting.pop(call, None)
        self._spend(call)
        return self._owe((call, None), Leave(call))

    def hold(self, call: str, agent: str) -> None:
        """The agent answered: the call waits no longer, the agent is held until released."""
        self._debts.pop((call, agent), None)
        self.waiting.pop(call, None)
        self._spend(call)
        self.held.add((call, agent))

    def release(self, debt: Release) -> Release:
        """The agent is done with the call; to be told Redis, and owed until `paid`."""
        self.held.discard((debt.call, debt.agent))
        taken = self.offers.get(debt.call)
        if taken is not None and taken.offer.agent == debt.agent:
            self._spend(debt.call)
            if debt.talked:  # answered without a `hold`
                self.waiting.pop(debt.call, None)
        return self._owe((debt.call, debt.agent), debt)

    def take(self, offer: Offer, until: float) -> bool:
        """An offer arrived. False when it is not for a call that waits here, or is known already."""
        known = self.offers.get(offer.call)
        again = offer.lease in self._spent or (known is not None and known.offer.lease == offer.lease)
        if again or offer.call not in self.waiting:
            return False
        self.offers[offer.call] = Taken(offer, until)
        return True

    def forget_expired(self, now: float) -> None:
        """Drop offers whose time is over on the monotonic clock."""
        for call in [call for call, taken in self.offers.items() if taken.until <= now]:
            del self.offers[call]
        self._spent = {lease: until for lease, until in self._spent.items() if until > now}

    def paid(self, debt: Debt) -> None:
        """Redis knows; unless something newer is owed in its place."""
        key = (debt.call, debt.agent if isinstance(debt, Release) else None)
        if self._debts.get(key) is debt:
            del self._debts[key]

    def _spend(self, call: str) -> None:
        taken = self.offers.pop(call, None)
        if taken is not None:
            self._spent[taken.offer.lease] = taken.until

    def _owe(self, key: tuple[str, str | None], debt: D) -> D:
        self._debts.pop(key, None)
        self._debts[key] = debt
        return debt
