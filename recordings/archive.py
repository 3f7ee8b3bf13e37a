"""The archiver: takes what the switch recorded, keeps it as Ogg/Opus with its hash, and only then lets go of the raw.

It may be killed at any moment. Each recording goes through the same steps, and each step may be done again: encode to
a file apart, prove it, move it to its place, write the ledger, remove the raw files. What is not in the ledger is
encoded anew; what is in the ledger and still has raw files loses these once the kept file has been checked.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from config import metrics
from config.chinatime import china_day
from config.database import Database, is_outage
from ivr.journal import JournalReader
from recordings.audio import Kept, NotProved, RawPair, RawUnusable, hash_file, raw_seconds
from recordings.encoder import Encoder
from recordings.keeping import SHORT_S, Retention, proved_seconds
from recordings.ledger import Gap, Ledger, Recording, State
from recordings.spool import Spool, sync_folder

log = structlog.get_logger(__name__)

INCOMING = ".incoming"
_BATCH = 100
_GROWN_S = 0.1


class Archiver:
    """``spool`` is the switch's folder, ``archive`` ours; ``retention`` gives the city's rule for each recording.

    ``processes`` encode at the same time; ``settle_s`` see `recordings.spool.Spool`; ``missing_s`` is how long after
    a call's end its files may still appear; files without a call for ``orphan_s`` are orphans; what failed is tried
    again after ``retry_s``; the whole spool is looked through every ``scan_s``.
    """

    def __init__(
        self,
        database: Database,
        spool: Path,
        archive: Path,
        retention: Callable[[], Retention],
        *,
        processes: int = 1,
        settle_s: float = 3.0,
        missing_s: float = 30.0,
        orphan_s: float = 600.0,
        retry_s: float = 300.0,
        poll_s: float = 1.0,
        scan_s: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ledger = Ledger(database, clock=clock)
        self._journal = JournalReader(database)
        self._spool = Spool(spool, settle_s=settle_s, clock=clock)
        self._archive = archive
        self._retention = retention
        self._encoder = Encoder(processes)
        self._turns = asyncio.Semaphore(processes)
        self._missing_s, self._orphan_s, self._retry_s = missing_s, orphan_s, retry_s
        self._poll_s, self._scan_s = poll_s, scan_s
        self._clock = clock
        self._not_before: dict[str, float] = {}  # name -> when to try again
        self._scan_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Archive until ``stop``. Only one archiver works on an archive; another one waits for it to end."""
        lock = await self._lock(stop)
        if lock is None:
            return
        try:
            await asyncio.to_thread(self._clear_incoming)
            while not stop.is_set():
                try:
                    await self.work()
                except Exception as error:
                    if is_outage(error):
                        log.warning("archiver waits for database or disk", error=type(error).__name__)
                    else:
                        log.exception("archiver failed")
                await _pause(stop, self._poll_s)
        finally:
            self._encoder.close()
            os.close(lock)

    async def work(self) -> None:
        """One round: the recordings of calls that have ended, and now and then the whole spool."""
        await self._all(await self.ledger.due(_BATCH))
        now = self._clock()
        if now >= self._scan_at or now < self._scan_at - self._scan_s:  # the clock may be set back
            self._scan_at = now + self._scan_s
            await self._scan()
            await self._count()

    # ------------------------------------------------------------ which

    async def _scan(self) -> None:
        """Look through the spool for what the ledger does not wait for: leftovers, latecomers, orphans."""
        found = await asyncio.to_thread(self._spool.scan)
        again = []
        for start in range(0, len(found), _BATCH):
            part = found[start : start + _BATCH]
            known = await self.ledger.named(each.name for each in part)
            for each in part:
                recording = known.get(each.name)
                if recording is not None:
                    again.append(recording)
                elif self._clock() - each.written > self._orphan_s:
                    log.warning("recording without a call", recording=each.name)
                    await self.ledger.orphaned(each.name, each.written)
        await self._all(recording for recording in again if recording.ended is not None)

    async def _all(self, recordings: Iterable[Recording]) -> None:
        ready = [each for each in recordings if self._not_before.get(each.name, 0.0) <= self._clock()]
        results = await asyncio.gather(*(self._one(recording) for recording in ready), return_exceptions=True)
        for recording, result in zip(ready, results, strict=True):
            if isinstance(result, Exception) and not is_outage(result):
                self._postpone(recording.name)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    # ------------------------------------------------------------ one

    async def _one(self, recording: Recording) -> None:
        """Do what can be done for it now."""
        async with self._turns:
            pair = self._spool.pair(recording.name)
            if pair is None or recording.call is None:
                await self._miss(recording, Gap.UNREADABLE, 0.0)
                return
            finished = await asyncio.to_thread(self._spool.finished, pair)
            if finished is None:
                await self._absent(recording)
            elif not finished:
                return
            elif recording.path is not None and await asyncio.to_thread(self._is_kept, recording, pair):
                await asyncio.to_thread(self._spool.remove, pair)
            else:
                with metrics.ARCHIVE_SECONDS.time():
                    await self._keep(recording, recording.call, pair)

    async def _keep(self, recording: Recording, call: str, pair: RawPair) -> None:
        name, ended = recording.name, recording.ended or recording.began
        expected_s = proved_seconds(call, (entry.event for entry in await self._journal.read(call)))
        incoming = self._archive / INCOMING / f"{name}.{secrets.token_hex(4)}.ogg"
        try:
            await asyncio.to_thread(incoming.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
            kept = await self._encoder.preserve(pair, incoming)
            path = f"{china_day(recording.began):%Y/%m/%d}/{name}.ogg"
            await asyncio.to_thread(self._publish, incoming, path)
        except RawUnusable as error:
            await self._miss(recording, Gap(error.reason), expected_s)
            if error.reason == Gap.EMPTY:
                await asyncio.to_thread(self._spool.remove, pair)
            return
        except NotProved as error:
            log.error("recording not archived, the raw files stay", recording=name, call=call, reason=str(error))
            await self._miss(recording, Gap.NOT_PROVED, expected_s)
            return
        except OSError:
            self._postpone(name)
            raise
        finally:
            with contextlib.suppress(OSError):  # gone to its place, or never made
                await asyncio.to_thread(incoming.unlink)
        retention = self._retention()
        gap = _gap(kept, expected_s)
        await self.ledger.stored(
            name,
            kept,
            path=path,
            expected_s=expected_s,
            gap=gap,
            keep_until=retention.keep_until(ended),
            source=retention.source,
        )
        metrics.RECORDINGS_KEPT.inc()
        log.info("recording kept", recording=name, call=call, seconds=round(kept.seconds, 1), gap=gap)
        if not await asyncio.to_thread(_has_grown, pair, kept.seconds):
            await asyncio.to_thread(self._spool.remove, pair)

    async def _absent(self, recording: Recording) -> None:
        """The switch left no file, or not yet."""
        ended = recording.ended or recording.began
        if recording.state is not State.EXPECTED or self._clock() - ended < self._missing_s:
            return
        call = recording.call or ""
        events = (entry.event for entry in await self._journal.read(call))
        await self._miss(recording, Gap.MISSING, proved_seconds(call, events))

    async def _miss(self, recording: Recording, gap: Gap, expected_s: float) -> None:
        """Write that nothing could be kept of it, unless that is known. It is tried again later."""
        self._postpone(recording.name)
        if recording.state is State.GAP and recording.reason == gap:
            return
        log.warning("recording missing", recording=recording.name, call=recording.call, gap=gap, expected_s=expected_s)
        await self.ledger.missed(recording.name, gap, round(expected_s, 3))

    def _postpone(self, name: str) -> None:
        now = self._clock()
        self._not_before = {key: due for key, due in self._not_before.items() if due > now}
        self._not_before[name] = now + self._retry_s

    # ------------------------------------------------------------ the disk

    def _publish(self, incoming: Path, path: str) -> None:
        """Move a proved file to its place, so that it is there whole or not at all, also after a power cut."""
        final = self._archive / path
        _make_folders(final.parent, self._archive)
        os.replace(incoming, final)
        sync_folder(final.parent)

    def _is_kept(self, recording: Recording, pair: RawPair) -> bool:
        """Whether the ledger's file is there, unharmed, and holds all of the raw files."""
        if _has_grown(pair, recording.seconds or 0.0):
            return False
        try:
            return hash_file(self._archive / (recording.path or "")) == (recording.sha256, recording.bytes)
        except OSError:
            return False

    def _clear_incoming(self) -> None:
        """What an archiver was working on when it was killed."""
        for leftover in (self._archive / INCOMING).glob("*.ogg"):
            leftover.unlink(missing_ok=True)

    async def _lock(self, stop: asyncio.Event) -> int | None:
        self._archive.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._archive / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        while not stop.is_set():
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await _pause(stop, self._poll_s)
            else:
                return fd
        os.close(fd)
        return None

    async def _count(self) -> None:
        states, gaps = await self.ledger.counts()
        for state, count in states.items():
            metrics.RECORDINGS_UNSETTLED.labels(state).set(count)
        for gap, count in gaps.items():
            metrics.RECORDING_GAPS.labels(gap).set(count)


def _gap(kept: Kept, expected_s: float) -> Gap | None:
    if kept.one_sided:
        return Gap.ONE_SIDED
    return Gap.SHORT if kept.seconds < expected_s - SHORT_S else None


def _has_grown(pair: RawPair, seconds: float) -> bool:
    """Whether the raw files hold more than was encoded: the switch was not finished with them after all."""
    return raw_seconds(pair) > seconds + _GROWN_S


def _make_folders(folder: Path, top: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if each.is_relative_to(top) and not each.is_dir()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True, mode=0o700)
        sync_folder(each.parent)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
