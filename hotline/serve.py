"""`hotline serve`: checks the configuration, sees that switch and Redis run, then supervises the hotline's processes.

Everything is imported here before the first fork (see `hotline.supervisor`); nothing of a call is decided here.
"""

import asyncio
import os
from functools import partial

import structlog
from prometheus_client import multiprocess

from config.database import Database, is_outage
from config.settings import Settings, secret
from hotline.backoffice import run_backoffice
from hotline.city import City
from hotline.emergency_routes import emergency_of
from hotline.keeper import Programs, run_keeper
from hotline.programs import AsteriskService, asterisk_service, redis_service
from hotline.supervisor import Role, Supervisor
from hotline.web import run_web
from hotline.worker import run_worker

log = structlog.get_logger(__name__)


def serve(settings: Settings) -> None:
    """Run until SIGTERM or Ctrl-C. Raises `PackErrors`, `ConfigError` or `ServiceError` when it cannot begin."""
    city = City(settings)
    programs = asyncio.run(_prepare(settings, city))
    redis_url = settings.redis_url or (programs.redis.url if programs.redis else "")
    roles: dict[str, Role] = {
        f"w{number}": partial(run_worker, f"w{number}", settings, redis_url, city)
        for number in range(1, settings.workers + 1)
    }
    roles["backoffice"] = partial(run_backoffice, settings, city)
    roles["keeper"] = partial(run_keeper, programs, settings, city)
    roles["web"] = partial(run_web, settings, redis_url, city)
    pids = settings.state_dir / "run"
    (pids / "supervisor.pid").write_text(f"{os.getpid()}\n", "ascii")
    try:
        Supervisor(roles, pids, on_end=multiprocess.mark_process_dead).run()
    finally:
        log.info("stopping")
        asyncio.run(programs.stop())


async def _prepare(settings: Settings, city: City) -> Programs:
    """Voice, database, Redis and switch, in this order: the switch needs the notice, calls need all of them."""
    await city.prepare()
    await _migrate(settings)
    redis = None if settings.redis_url else redis_service(settings)
    asterisk = await _switch(settings, city) if settings.switch.managed else None
    programs = Programs(asterisk, redis)
    await programs.start()
    return programs


async def _migrate(settings: Settings) -> None:
    database = Database(settings.database)
    try:
        await database.migrate()
    except Exception as error:
        if not is_outage(error):
            raise
        log.error("database out of reach, calls are spooled until it is back", reason=type(error).__name__)
    finally:
        await database.dispose()


async def _switch(settings: Settings, city: City) -> AsteriskService:
    return asterisk_service(
        settings,
        ari_password=secret(settings.state_dir, "ari"),
        duty_phones=city.pack.duty_phones,
        hello=await city.hello(),
        notice=await city.notice(),
        sorry=await city.sorry(),
        moh_dir=city.prompts.music_folder,
        ring_s=round(city.rules.ring_s),
        emergency=await emergency_of(city, settings),
        table=city.table.version,
    )
