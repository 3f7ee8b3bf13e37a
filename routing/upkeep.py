"""The work of a worker's queue in the background: signs of life, renewals, sweeps, and the delivery of offers.

Every loop outlives Redis: it waits and tries again. It never talks to a call; offers go into a queue in memory.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from routing.board import Offer
from routing.claims import Release, Taken
from routing.errors import AcdUnavailable
from routing.scripts import Swept, Timings
from routing.session import Session

log = structlog.get_logger(__name__)

FIRST_TRY_S, LAST_TRY_S = 0.05, 1.0
POP_S = 1.0


class Upkeep:
    """Runs from `run` to `close`."""

    def __init__(self, session: Session, timings: Timings) -> None:
        self.delivered: asyncio.Queue[Taken | None] = asyncio.Queue()
        self._session, self._timings = session, timings
        self._closing, self._closed = asyncio.Event(), asyncio.Event()
        self._back = asyncio.Event()  # Redis answers again: there is something to put right
        self._running = False
        self._renew_at = 0.0
        self._popped: list[bytes | str] = []
        self._out_since: float | None = None

    async def run(self) -> None:
        """Work until `close`. Only a fault of ours ends it earlier, never Redis."""
        self._running = True
        loops = {asyncio.create_task(self._repeat(step)) for step in (self._beat, self._sweep, self.deliver)}
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait({closing, *loops}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel({closing, *loops})
            self._closed.set()
        for loop in loops:
            if not loop.cancelled():
                loop.result()

    async def close(self) -> None:
        """End `run` and the stream of offers. What Redis holds of this worker stays, for its successor."""
        self._closing.set()
        self.delivered.put_nowait(None)
        if self._running:
            await self._closed.wait()

    async def sweep(self) -> Swept:
        """One look for what is due."""
        swept = await self._session.attempt(self._session.scripts.sweep)
        for ended in swept.ended:
            log.info("expired in the queue", what=ended.what, call=ended.call, agent=ended.agent)
        return swept

    async def _repeat(self, step: Callable[[], Awaitable[float]]) -> None:
        """Do a step again and again; it says how long to rest. Back off while Redis is out of reach."""
        retry_s = FIRST_TRY_S
        while True:
            try:
                rest_s = await step()
                if retry_s > FIRST_TRY_S:
                    self._back.set()
                retry_s = FIRST_TRY_S
            except AcdUnavailable as error:
                if self._out_since is None:
                    self._out_since = time.monotonic()
                    log.warning("queue out of reach", reason=str(error))
                rest_s = retry_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads workers, keeps no secret
                retry_s = min(2 * retry_s, LAST_TRY_S)
            await asyncio.sleep(rest_s)

    async def _beat(self) -> float:
        await self._session.beat()
        if self._out_since is not None:
            log.info("queue back", out_s=round(time.monotonic() - self._out_since, 3))
            self._out_since = None
        if time.monotonic() >= self._renew_at:
            await self._session.renew()
            self._renew_at = time.monotonic() + self._timings.hold / 3
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._back.wait(), self._timings.beat)
        self._back.clear()
        return 0.0

    async def _sweep(self) -> float:
        rest = (await self.sweep()).rest
        return self._timings.sweep if rest < 0 else min(self._timings.sweep, max(rest, 0.001))

    async def deliver(self) -> float:
        """Wait for offers to this worker, for a second at most, and hand them over."""
        # What was popped is kept until it is taken: a failure in between loses no offer.
        if not self._popped:
            self._popped = await self._session.scripts.pop(POP_S)
        if not self._popped:
            return 0.0
        taken = await self._session.attempt(lambda: self._session.scripts.take(self._popped))
        self._popped = []
        for offer, left_s in taken:
            await self._hand_over(offer, left_s)
        return 0.0

    async def _hand_over(self, offer: Offer, left_s: float) -> None:
        claims = self._session.claims
        until = time.monotonic() + left_s
        if offer.call not in claims.waiting:
            await self.turn_down(offer)
        elif claims.take(offer, until):
            log.info("agent offered", call=offer.call, agent=offer.agent, why=offer.why)
            self.delivered.put_nowait(Taken(offer, until))

    async def turn_down(self, offer: Offer) -> None:
        """Give back an agent for a call that waits here no longer."""
        claims = self._session.claims
        if (offer.call, offer.agent) in claims.held:
            return  # delivered twice, and answered
        if offer.call not in claims.waiting:
            claims.leave(offer.call)
        claims.release(Release(offer.call, offer.agent, talked=False, blameless=True, wrap_up_s=0.0))
        for debt in claims.debts:
            await self._session.pay(debt)


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are. Once is not enough: in Python 3.11 `asyncio.wait_for`, which the Redis client uses,
    may swallow a cancellation (python/cpython#86296).
    """
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=0.05)
