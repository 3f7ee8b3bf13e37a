"""The process that keeps the switch and Redis running: started again whenever they end, and left alone otherwise.
It also keeps the switch's emergency routes those of the transfer table in force.

It has a process of its own because what it starts inherits its place in the machine, and nothing may be before calls.
"""

import asyncio
import signal

from config.database import Database
from config.settings import Settings
from hotline.city import City
from hotline.emergency_routes import RouteKeeper, keep_routes
from hotline.heartbeat import run_process
from hotline.programs import AsteriskService, RedisService
from hotline.services import keep


class Programs:
    """The switch and Redis of an installation that manages its own; either may be somebody else's."""

    def __init__(self, asterisk: AsteriskService | None, redis: RedisService | None) -> None:
        self._services = [service for service in (redis, asterisk) if service is not None]
        self.asterisk, self.redis = asterisk, redis

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


async def work(programs: Programs, settings: Settings, city: City, stop: asyncio.Event) -> None:
    """Everything of this process, until `stop`."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, city.reload)
    if programs.asterisk is None:
        return await programs.keep(stop)
    database = Database(settings.database)
    routes = RouteKeeper(city, programs.asterisk)
    routes.begin()
    following = asyncio.create_task(keep_routes(city, database, routes), name="emergency routes")
    try:
        await programs.keep(stop)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await database.dispose()


def run_keeper(programs: Programs, settings: Settings, city: City, pipe: int) -> None:
    """The body of the process."""
    run_process(pipe, lambda stop: work(programs, settings, city, stop))
