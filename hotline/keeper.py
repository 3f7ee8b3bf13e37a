"""The process that keeps the switch and Redis running: started again whenever they end, and left alone otherwise.

It has a process of its own because what it starts inherits its place in the machine, and nothing may be before calls.
"""

import asyncio

from hotline.heartbeat import run_process
from hotline.programs import AsteriskService, RedisService
from hotline.services import keep


class Programs:
    """The switch and Redis of an installation that manages its own; either may be somebody else's."""

    def __init__(self, asterisk: AsteriskService | None, redis: RedisService | None) -> None:
        self._services = [service for service in (redis, asterisk) if service is not None]
        self.redis = redis

    async def start(self) -> None:
        for service in self._services:
            await service.start()

    async def keep(self, stop: asyncio.Event) -> None:
        """Start again what ends, until `stop`."""
        keeping = [asyncio.create_task(keep(service), name=f"keep {service.name}") for service in self._services]
        await stop.wait()
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)

    async def stop(self) -> None:
        for service in reversed(self._services):
            await service.stop()


def run_keeper(programs: Programs, pipe: int) -> None:
    """The body of the process."""
    run_process(pipe, programs.keep)
