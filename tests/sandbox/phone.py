"""Phones of the outside world: a number, and what whoever sits there does when it rings."""

import asyncio
from dataclasses import dataclass
from typing import TypeAlias

from tests.sandbox.leg import Leg, NotObserved, until


@dataclass(frozen=True)
class Answer:
    """Rings, picks up after a while and says a tone (None: is silent)."""

    after: float = 0.2
    tone: float | None = None


@dataclass(frozen=True)
class Ring:
    """Rings and rings."""


@dataclass(frozen=True)
class Silent:
    """The call is taken by the network and nothing follows, not even ringing."""


@dataclass(frozen=True)
class Refuse:
    """The call is refused with a Q.850 cause after a while."""

    cause: int
    after: float = 0.0


@dataclass(frozen=True)
class Busy(Refuse):
    """486 Busy Here."""

    cause: int = 17


@dataclass(frozen=True)
class Reject(Refuse):
    """403 Forbidden: the person declines."""

    cause: int = 21


@dataclass(frozen=True)
class Unavailable(Refuse):
    """480 Temporarily Unavailable: the phone is off."""

    cause: int = 20


@dataclass(frozen=True)
class NotFound(Refuse):
    """404 Not Found: no such number."""

    cause: int = 1


@dataclass(frozen=True)
class Congested(Refuse):
    """503 Service Unavailable: no line free."""

    cause: int = 34


Behaviour: TypeAlias = Answer | Ring | Silent | Refuse


class Phone:
    """A phone by its number. `behaviour` may be changed at any time and holds for the next call."""

    def __init__(self, number: str, behaviour: Behaviour) -> None:
        self.number = number
        self.behaviour = behaviour
        self.legs: list[Leg] = []
        self._new: asyncio.Queue[Leg] = asyncio.Queue()

    async def rings(self, within: float = 5.0) -> Leg:
        """The next call to this phone that was not returned yet; waits for one."""
        try:
            return await asyncio.wait_for(self._new.get(), within)
        except TimeoutError:
            raise NotObserved(f"phone {self.number} does not ring (waited {within:g} s)") from None

    async def answers(self, within: float = 5.0) -> Leg:
        """The same, and waits until the call is answered."""
        leg = await self.rings(within)
        await leg.is_answered(within)
        return leg

    def ringing(self) -> bool:
        """Whether a call waits to be answered here now."""
        return any(not leg.answered.is_set() and not leg.has_ended for leg in self.legs)

    async def stops_ringing(self, within: float = 5.0) -> None:
        await until(lambda: not self.ringing(), within, lambda: f"phone {self.number} still rings")

    async def serve(self, leg: Leg) -> None:
        """Behave, for one call that arrived."""
        self.legs.append(leg)
        behaviour = self.behaviour
        if isinstance(behaviour, Answer | Ring):
            await leg.ring()
        self._new.put_nowait(leg)
        if isinstance(behaviour, Answer | Refuse):
            await asyncio.sleep(behaviour.after)
        if isinstance(behaviour, Refuse):
            await leg.hang_up(behaviour.cause)
        elif isinstance(behaviour, Answer):
            if behaviour.tone is not None:
                await leg.speak(behaviour.tone)
            await leg.answer()
