"""The ACD as the engine's queue: commands become calls of `routing.queue.Acd`, its answers become the call's events."""

import asyncio
import time
from collections.abc import Callable

import structlog

from ivr.call import (
    AgentOffered,
    HoldAgent,
    QueueCommand,
    Queued,
    QueueFailed,
    ReleaseAgent,
    SeekAgent,
    StopSeeking,
)
from ivr.ports import Sink
from routing.board import Offer
from routing.errors import AcdUnavailable
from routing.queue import Acd

log = structlog.get_logger(__name__)


class AcdPort:
    """Implements `ivr.ports.Queue`. `wrap_up_s` gives the time an agent has after a talk (话后处理)."""

    def __init__(self, acd: Acd, *, wrap_up_s: Callable[[], float], clock: Callable[[], float] = time.time) -> None:
        self.acd = acd
        self._wrap_up_s = wrap_up_s
        self._clock = clock
        self._sink: Sink | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, sink: Sink) -> None:
        self._sink = sink
        self._tasks = [
            asyncio.create_task(self.acd.run(), name="acd"),
            asyncio.create_task(self._deliver(), name="acd offers"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.acd.close()

    async def run(self, call: str, command: QueueCommand) -> None:
        try:
            await self._run(call, command)
        except AcdUnavailable as error:
            log.warning("queue out of reach", command=type(command).__name__, reason=str(error))
            if isinstance(command, SeekAgent):
                self._post(call, QueueFailed(at=self._clock(), reason="queue out of reach"))

    async def _run(self, call: str, command: QueueCommand) -> None:
        match command:
            case SeekAgent(skill=skill, priority=priority, since=since):
                place = await self.acd.seek(call, skill, priority, since)
                self._post(
                    call,
                    Queued(at=self._clock(), skill=place.skill, position=place.position, on_shift=place.on_shift),
                )
            case StopSeeking():
                await self.acd.leave(call)
            case HoldAgent(agent=agent):
                if not await self.acd.hold(call, agent):
                    log.warning("agent was reserved for somebody else meanwhile", agent=agent)
            case ReleaseAgent(agent=agent, talked=talked, cause=cause):
                await self.acd.release(call, agent, talked, str(cause), self._wrap_up_s())

    async def _deliver(self) -> None:
        async for offer in self.acd.offers():
            self._post(offer.call, self._event(offer))

    def _event(self, offer: Offer) -> AgentOffered:
        return AgentOffered(
            at=self._clock(),
            leg=f"{offer.call}-a{offer.lease.replace('-', '')}",
            agent=offer.agent,
            address=offer.address,
            ring_s=offer.ring_s,
        )

    def _post(self, call: str, event: AgentOffered | Queued | QueueFailed) -> None:
        assert self._sink is not None
        self._sink.post(call, event)
