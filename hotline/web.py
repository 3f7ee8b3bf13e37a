"""The process of the HTTP API. It serves requests and reads what the others wrote; no call waits for it."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator, Mapping

import structlog
import uvicorn

from config.database import Database
from config.settings import Settings, secret
from hotline.api import Deps, create_app
from hotline.city import City
from hotline.heartbeat import run_process
from hotline.presence import StoredPresence
from hotline.questions import Questions
from hotline.readiness import wells
from hotline.restrictions import callers_of
from routing.connection import open_redis
from routing.queue import Acd

log = structlog.get_logger(__name__)

TOKEN = "api"  # noqa: S105 - the name of the secret, not the secret


async def work(settings: Settings, redis_url: str, city: City, stop: asyncio.Event) -> None:
    """Serve until `stop`."""
    database = Database(settings.database)
    redis = open_redis(redis_url)
    # only asks and sets presence: no call ever waits here
    agents = Acd(redis, worker="web", ring_s=city.rules.ring_s, presence_store=StoredPresence(database))
    app = create_app(
        Deps(
            database=database,
            agents=agents,
            questions=Questions(redis),
            token=secret(settings.state_dir, TOKEN),
            order_prefix=city.pack.order_prefix,
            ready=lambda: _ready(settings),
            pack=lambda: city.pack,
            packs=settings.packs_dir,
            workdays=lambda: city.frame.workdays,
            categories=lambda: city.pack.rules.orders.categories,
            callers=callers_of(settings, city.pack),
        )
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, city.reload)
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=3)
    server = _Server(config)
    sockets = [_listen(settings)]
    serving = asyncio.create_task(server.serve(sockets=sockets), name="http")
    log.info("http api", bind=settings.api.bind, port=settings.api.port)
    try:
        await asyncio.wait({serving, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        await redis.aclose()
        await database.dispose()


async def _ready(settings: Settings) -> Mapping[str, str]:
    """Each worker and what is wrong with it; without any worker nothing is ready."""
    return wells(settings.state_dir) or {"workers": "no worker has reported yet"}


class _Server(uvicorn.Server):
    """uvicorn without hands on the signals: the process has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(settings: Settings) -> socket.socket:
    """Our own socket, so that a successor can bind while old connections still linger."""
    found = socket.socket(socket.AF_INET6 if ":" in settings.api.bind else socket.AF_INET)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((settings.api.bind, settings.api.port))
    return found


def run_web(settings: Settings, redis_url: str, city: City, pipe: int) -> None:
    """The body of the process."""
    run_process(pipe, lambda stop: work(settings, redis_url, city, stop))
