"""A process's sign of life to its supervisor: a byte now and then from the event loop; a stuck loop is silent."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable

import structlog
import uvloop

from hotline.supervisor import BEAT_EVERY_S

log = structlog.get_logger(__name__)


def run_process(pipe: int, body: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run an async process until SIGTERM: `body` gets an event that is set when it shall stop."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        beating = asyncio.create_task(_beat(pipe), name="heartbeat")
        try:
            await body(stop)
        finally:
            beating.cancel()

    uvloop.run(main())


async def _beat(pipe: int) -> None:
    while True:
        with contextlib.suppress(BlockingIOError):  # the supervisor is slow to read: it has seen enough of us
            os.write(pipe, b".")
        await asyncio.sleep(BEAT_EVERY_S)
