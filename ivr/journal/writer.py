"""One worker's writing to the journal: commits shared by all who wait, the spool while the database is away.

It decides nothing about calls, reads nothing for anybody, and never shows an entry's content to a log.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import ParamSpec, TypeVar

import structlog

from config.database import is_outage, within
from ivr.journal.entries import EntryRecord, JournalError, NotDurable, Record, SequenceTaken
from ivr.journal.spool import Spool
from ivr.journal.store import Store, Taken

log = structlog.get_logger(__name__)
T = TypeVar("T")
P = ParamSpec("P")

_BATCH = 1000  # records of one commit; more wait for the next


@dataclass(slots=True)
class JournalStats:
    """What the journal has done since it was made, for metrics."""

    appended: int = 0  # entries and rules kept
    commits: int = 0
    spooled: int = 0  # of ``appended``, those that went to the spool
    drained: int = 0
    taken: int = 0  # entries refused because another event stood in their place
    outages: int = 0
    waiting: int = 0  # records in the spool now
    oldest: float | None = None  # UNIX seconds of the oldest of them
    spooling_since: float | None = None  # UNIX seconds; None while the database takes what comes


@dataclass(slots=True)
class _Append:
    records: Sequence[Record]
    kept: asyncio.Future[None] = field(repr=False)

    def settle(self, error: Exception | None = None) -> None:
        if self.kept.done():  # the caller was cancelled; what it asked for happened all the same
            return
        if error is None:
            self.kept.set_result(None)
        else:
            self.kept.set_exception(error)


class Writer:
    """Keeps records in the order in which they were given, see `Journal` for the parameters."""

    def __init__(
        self, store: Store, spool: Path, worker: str, commit_timeout_s: float, retry_s: tuple[float, float]
    ) -> None:
        self.worker = worker
        self.stats = JournalStats()
        self.listeners: list[Callable[[], None]] = []
        self.lost: set[str] = set()  # calls that somebody else writes, too; see `SequenceTaken`
        self._store = store
        self._spool_path = spool
        self._commit_timeout_s, self._retry_s = commit_timeout_s, retry_s
        self._pending: list[_Append] = []
        self._wake = asyncio.Event()
        self._order = asyncio.Lock()  # held by whoever writes next: the writer, or the drain for its last step
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._drain: asyncio.Task[None] | None = None  # runs while new records must go to the spool

    @property
    def spooling(self) -> bool:
        """Whether what is appended now goes to the spool."""
        return self._drain is not None

    async def start(self) -> None:
        # One thread: the spool's work is done in the order in which it was asked for, and off the event loop.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal-spool")
        try:
            self._spool = await self._off_loop(Spool, self._spool_path)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        self._stopping = False
        self._measure()
        if self.stats.waiting:
            log.info("journal.spool_found", worker=self.worker, records=self.stats.waiting)
            self._to_spool()
        self._task = asyncio.create_task(self._write(), name="journal-writer")

    async def stop(self) -> None:
        if self._task is None:
            return
        self._stopping = True
        self._wake.set()
        await self._task
        self._task = None
        if self._drain is not None:
            self._drain.cancel()
            await asyncio.wait({self._drain})
            self._drain = None
        await self._off_loop(self._spool.close)
        self._thread.shutdown(wait=False)

    async def keep(self, records: Sequence[Record]) -> None:
        """Returns when all records are durable. Raises `SequenceTaken` and `NotDurable`."""
        if not records:
            return
        if self._task is None or self._stopping:
            raise JournalError("the journal is not started")
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append(_Append(records, kept))
        self._wake.set()
        await kept

    async def spooled_entries(self, call: str) -> list[EntryRecord]:
        return await self._off_loop(self._spool.entries, call)

    async def spooled_calls(self) -> dict[str, bool]:
        return await self._off_loop(self._spool.calls)

    async def spooled_rules(self, version: str) -> bytes | None:
        return await self._off_loop(self._spool.rules, version)

    # ------------------------------------------------------------ together

    async def _write(self) -> None:
        """Take all that is pending and keep it together, again and again."""
        while not self._stopping or self._pending:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                batch = self._next_batch()
                try:
                    async with self._order:
                        await self._write_batch(batch)
                except Exception as error:
                    log.error("journal.not_durable", worker=self.worker, error=type(error).__name__)
                    for append in batch:
                        append.settle(NotDurable("neither the database nor the spool could keep the entries"))

    def _next_batch(self) -> list[_Append]:
        records = 0
        for index, append in enumerate(self._pending):
            records += len(append.records)
            if index and records > _BATCH:
                batch, self._pending = self._pending[:index], self._pending[index:]
                return batch
        batch, self._pending = self._pending, []
        return batch

    async def _write_batch(self, batch: list[_Append]) -> None:
        if self._drain is None:
            try:
                await self._commit(batch)
                return
            except Exception as error:
                self._lose_database(error)
        records = [record for append in batch for record in append.records]
        await self._off_loop(self._spool.append, records)
        self.stats.appended += len(records)
        self.stats.spooled += len(records)
        self._measure()
        for append in batch:
            append.settle()

    async def _commit(self, batch: list[_Append]) -> None:
        """Commit the batch. An append that collides with somebody else's is refused and taken out of it."""
        while batch:
            records = [record for append in batch for record in append.records]
            try:
                await within(self._commit_timeout_s, self._store.write(records, self.worker))
            except Taken as taken:
                batch[:] = self._refuse(batch, taken.records)
                continue
            self._committed()
            self.stats.appended += len(records)
            for append in batch:
                append.settle()
            return

    def _refuse(self, batch: list[_Append], taken: Sequence[EntryRecord]) -> list[_Append]:
        places = {id(record): record for record in taken}
        left = []
        for append in batch:
            refused = next((places[id(record)] for record in append.records if id(record) in places), None)
            if refused is None:
                left.append(append)
            else:
                self._lose_call(refused)
                append.settle(SequenceTaken(refused.call, refused.seq))
        return left

    def _lose_call(self, record: EntryRecord) -> None:
        self.stats.taken += 1
        self.lost.add(record.call)
        log.warning("journal.sequence_taken", worker=self.worker, call=record.call, seq=record.seq)

    def _committed(self) -> None:
        self.stats.commits += 1
        for listener in self.listeners:
            listener()

    # ------------------------------------------------------------ outage

    def _lose_database(self, error: Exception) -> None:
        """From now on everything goes to the spool, until the drain has emptied it."""
        self.stats.outages += 1
        report = log.warning if is_outage(error) else log.error
        report("journal.database_lost", worker=self.worker, error=type(error).__name__, outage=is_outage(error))
        self._to_spool()

    def _to_spool(self) -> None:
        self.stats.spooling_since = time()
        self._drain = asyncio.create_task(self._drain_spool(), name="journal-drain")

    async def _drain_spool(self) -> None:
        """Bring the spool into the database, in its order, as soon as that answers; then let the writer commit."""
        shortest, longest = self._retry_s
        pause = shortest
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
            try:
                await within(self._commit_timeout_s, self._store.probe())
                while await self._drain_some() == _BATCH:
                    pass
                async with self._order:  # the writer waits for the rest, which is short
                    while await self._drain_some():
                        pass
                    self._drain = None
                    break
            except Exception as error:
                report = log.debug if is_outage(error) else log.error
                report("journal.drain_failed", worker=self.worker, error=type(error).__name__)
        self.stats.spooling_since = None
        log.info("journal.spool_drained", worker=self.worker, drained=self.stats.drained)

    async def _drain_some(self) -> int:
        """Commit the next records of the spool; how many they were."""
        records, mark = await self._off_loop(self._spool.read, _BATCH)
        left = [record for record in records if not self._is_lost(record)]
        while left:
            try:
                await within(self._commit_timeout_s, self._store.write(left, self.worker))
            except Taken as taken:
                for record in taken.records:
                    self._lose_call(record)
                left = [record for record in left if not self._is_lost(record)]
                continue
            self._committed()
            break
        if rejected := [record for record in records if self._is_lost(record)]:
            await self._off_loop(self._spool.set_aside, rejected)
        await self._off_loop(self._spool.drained, len(records), mark)
        self.stats.drained += len(left)
        self._measure()
        return len(records)

    def _is_lost(self, record: Record) -> bool:
        return isinstance(record, EntryRecord) and record.call in self.lost

    async def _off_loop(self, work: Callable[P, T], *args: P.args, **_kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def _measure(self) -> None:
        self.stats.waiting, self.stats.oldest = self._spool.count, self._spool.oldest
