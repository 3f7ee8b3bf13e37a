"""How a worker alarms supervisors (`ivr.ports.Alarms`): a line in the log, a count for ``/metrics``, and a row in the
database that every web process sees.

Nobody waits for the row: it is queued here and written as soon as the database takes it. What a killed process had
still queued the journal's follower writes (`bridge.incidents`). Keeps no person's data.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable

import structlog

from bridge.alarms import insert_alarms
from bridge.emergencies import Raised
from config.database import Database, within
from config.metrics import ALARMS

log = structlog.get_logger(__name__)

LIMIT_S = 2.0  # of one try to write
RETRY_S = (0.2, 5.0)  # shortest and longest pause between tries
STOP_LIMIT_S = 1.0
CALLS_COUNTED = 1_000  # calls whose alarms are counted; a danger to life is rare, and calls end


class AlarmDesk:
    """``database`` stays the caller's to close; ``clock`` gives UNIX seconds."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        limit_s: float = LIMIT_S,
        retry_s: tuple[float, float] = RETRY_S,
    ) -> None:
        self._database, self._clock = database, clock
        self._limit_s, self._retry_s = limit_s, retry_s
        self._raised: dict[str, Counter[tuple[str, str]]] = {}
        self._waiting: list[Raised] = []
        self._news, self._written = asyncio.Event(), asyncio.Event()
        self._written.set()
        self._writer: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many alarms the database does not have yet."""
        return len(self._waiting)

    async def start(self) -> None:
        """Begin to write; alarms that came before wait for it."""
        self._writer = asyncio.create_task(self._write(), name="alarms")

    async def stop(self) -> None:
        """Write what is queued, if the database takes it at once."""
        if self._writer is None:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._written.wait(), STOP_LIMIT_S)
        self._writer.cancel()
        await asyncio.wait({self._writer})
        if self._waiting:
            log.warning("alarms are left to the journal's follower", alarms=len(self._waiting))

    def alarm(self, call: str, kind: str, line: str) -> None:
        """Implements `ivr.ports.Alarms`."""
        log.error("alarm", call=call, kind=kind, line=line)
        ALARMS.labels(kind).inc()
        if call not in self._raised and len(self._raised) >= CALLS_COUNTED:
            del self._raised[next(iter(self._raised))]
        counted = self._raised.setdefault(call, Counter())
        counted[kind, line] += 1
        self._waiting.append(Raised(self._clock(), call, kind, line, counted[kind, line]))
        self._written.clear()
        self._news.set()

    async def _write(self) -> None:
        """Whatever the database says, go on trying: there is nothing in an alarm that it could refuse for ever."""
        shortest, longest = self._retry_s
        pause = shortest
        while True:
            await self._news.wait()
            self._news.clear()
            while batch := tuple(self._waiting):
                try:
                    await within(self._limit_s, self._keep(batch))
                except Exception as error:
                    log.warning("alarms cannot be written now", alarms=len(batch), reason=type(error).__name__)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, longest)
                else:
                    del self._waiting[: len(batch)]
                    pause = shortest
            self._written.set()

    async def _keep(self, batch: tuple[Raised, ...]) -> None:
        async with self._database.begin() as connection:
            await insert_alarms(connection, batch)
