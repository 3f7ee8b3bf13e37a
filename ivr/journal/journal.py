"""The journal of calls: append-only, and durable before anything is done about an event.

`Journal` is what a worker writes and recovers from; `JournalReader` is for everybody who only wants to look.
"""

import re
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar

from config.database import Database, DatabaseUnreachable, is_outage, within
from ivr.journal.entries import Entry, EntryRecord, RulesRecord, SequenceTaken, check_text, decode, encode
from ivr.journal.store import CallRow, Store
from ivr.journal.writer import JournalStats, Writer

T = TypeVar("T")
_RULES_CACHED = 32


class JournalReader:
    """What the database holds. Every question raises `DatabaseUnreachable` when the database does not answer, at the
    latest after ``read_timeout_s``.
    """

    def __init__(self, database: Database, *, read_timeout_s: float = 5.0) -> None:
        self._store = Store(database)
        self._read_timeout_s = read_timeout_s
        self._rules: dict[str, bytes] = {}

    async def read(self, call: str) -> list[Entry]:
        """The call's entries in the order of ``seq``; none when it is not known. Raises `UnreadableEntry`."""
        return _entries(call, await self._ask(self._store.read(call)))

    async def open_calls(self, worker: str) -> list[str]:
        """The calls that ``worker`` controls and that are not closed, oldest first."""
        return await self._ask(self._store.open_calls(worker))

    async def recent_calls(self, limit: int) -> list[CallRow]:
        """The calls that arrived last, newest first."""
        return await self._ask(self._store.recent_calls(limit))

    async def rules(self, version: str) -> bytes | None:
        """The rules (JSON) kept under ``version``; None when there are none."""
        if version not in self._rules:
            body = await self._ask(self._store.rules(version))
            if body is None:
                return None
            self._remember(version, body)
        return self._rules[version]

    async def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        try:
            return await within(self._read_timeout_s, question)
        except Exception as error:
            if is_outage(error):
                raise DatabaseUnreachable(f"the journal cannot be read now ({type(error).__name__})") from error
            raise

    def _remember(self, version: str, body: bytes) -> None:
        self._rules[version] = body
        if len(self._rules) > _RULES_CACHED:
            del self._rules[next(iter(self._rules))]


class Journal(JournalReader):
    """The journal as one worker writes it.

    ``worker`` names the writer of these entries and its spool ``<spool_dir>/<worker>.spool``; only one live process
    may bear it. ``commit_timeout_s`` is how long a commit may take before the batch goes to the spool instead;
    ``retry_s`` the shortest and the longest pause between tries to reach a database that is away.
    """

    def __init__(
        self,
        database: Database,
        spool_dir: Path,
        worker: str,
        *,
        commit_timeout_s: float = 1.0,
        read_timeout_s: float = 5.0,
        retry_s: tuple[float, float] = (0.1, 2.0),
    ) -> None:
        super().__init__(database, read_timeout_s=read_timeout_s)
        if not re.fullmatch(r"[\w.-]+", worker):
            raise ValueError(f"worker {worker!r} must consist of letters, digits, '.', '_' and '-'")
        self.worker = worker
        self._writer = Writer(self._store, spool_dir / f"{worker}.spool", worker, commit_timeout_s, retry_s)

    @property
    def stats(self) -> JournalStats:
        """Counters for metrics."""
        return self._writer.stats

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever entries have become visible in the database. It must not raise."""
        self._writer.listeners.append(listener)

    async def start(self) -> None:
        """Open the spool, which may hold what an earlier process left. Does not need the database.

        Raises `SpoolInUse`, or `OSError` when the spool's folder cannot be used.
        """
        await self._writer.start()

    async def stop(self) -> None:
        """Keep what was appended, in the database or the spool, and close. What is spooled stays for the next start."""
        await self._writer.stop()

    async def append(self, *entries: Entry) -> None:
        """Returns when all entries are durable: committed, or on the disk in the spool.

        May be repeated with the same entries. Cancelling the caller does not undo it.
        Raises `SequenceTaken` (nothing was kept), `NotDurable` (unknown whether it was), `ValueError`.
        """
        for entry in entries:
            if entry.call in self._writer.lost:
                raise SequenceTaken(entry.call, entry.seq)
        await self._writer.keep([encode(entry) for entry in entries])

    async def keep_rules(self, version: str, body: bytes) -> None:
        """Keep the rules (JSON) that calls refer to by ``version``; durable like an entry. A version's body never
        changes, so keeping it again does nothing.
        """
        if version in self._rules:
            return
        check_text("version of the rules", version)
        await self._writer.keep([RulesRecord(version, body.decode(), time.time())])
        self._remember(version, body)

    async def read(self, call: str) -> list[Entry]:
        """The call's entries in the order of ``seq``: the database's and those still in the spool.

        Raises `DatabaseUnreachable` unless the spool holds the call from its beginning, and `UnreadableEntry`.
        """
        lost = call in self._writer.lost
        records = {} if lost else {record.seq: record for record in await self._writer.spooled_entries(call)}
        if 1 not in records:
            # After the spool, not before: an entry that was drained meanwhile is in one of them at least.
            stored = await self._ask(self._store.read(call))
            records |= {record.seq: record for record in stored}
        if lost and not self._writer.spooling:
            self._writer.lost.discard(call)
        return _entries(call, (record for _, record in sorted(records.items())))

    async def open_calls(self, worker: str | None = None) -> list[str]:
        """The calls that this worker (or another one) controls and that are not closed, oldest first."""
        if worker not in (None, self.worker):
            return await super().open_calls(worker)
        found = dict.fromkeys(await super().open_calls(self.worker), True)
        found |= await self._writer.spooled_calls()
        return [call for call, is_open in found.items() if is_open]

    async def rules(self, version: str) -> bytes | None:
        """The rules (JSON) kept under ``version``, spool included; None when there are none."""
        body = None if version in self._rules else await self._writer.spooled_rules(version)
        if body is not None:
            self._remember(version, body)
        return await super().rules(version)


def _entries(call: str, records: Iterable[EntryRecord]) -> list[Entry]:
    return [Entry(call, record.seq, decode(call, record.seq, record.kind, record.payload)) for record in records]
