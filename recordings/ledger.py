"""The ledger: every recording that should exist, and what is kept of it. Whatever is missing shows as a gap.

It is told by the journal what to expect (`LedgerFollower`) and by the archiver what became of it. It touches no file.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, literal_column, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import Database
from ivr.call import CallArrived, CallClosed
from ivr.journal import Positioned
from ivr.journal.tables import calls as journal_calls
from recordings.tables import recordings as table

if TYPE_CHECKING:
    from recordings.audio import Kept  # brings the codecs, which a reader of the ledger does not need

LATE_S = 300.0  # a finished call's recording is kept by then, or shown as a gap
LONGEST_CALL_S = 6 * 3600.0  # a call that is open for longer has lost its end

# Written out, not a parameter: only then do both databases see that the partial index of unsettled rows will do.
_UNSETTLED = table.c.state != literal_column("'stored'")


class State(StrEnum):
    EXPECTED = "expected"  # the call is known, its recording not kept yet
    STORED = "stored"  # kept and proved
    GAP = "gap"  # something is missing, see `Gap`; what there is may be kept all the same
    ORPHAN = "orphan"  # files in the spool of which the journal knows no call; never taken away


class Gap(StrEnum):
    """What is missing of a recording."""

    MISSING = "missing"  # the switch left no file
    EMPTY = "empty"  # its files hold nothing
    ONE_SIDED = "one_sided"  # one side's file is missing or empty; kept
    SHORT = "short"  # shorter than the journal proves the call was; kept
    UNREADABLE = "unreadable"  # its files cannot be read, or bear an impossible name
    NOT_PROVED = "not_proved"  # what was encoded did not come back right; the raw files are still there
    # not written in the ledger, but seen when it is read
    LATE = "late"  # the call is over, and its recording has not been kept yet
    UNFINISHED = "unfinished"  # the call began long ago, and its end was never told


@dataclass(frozen=True)
class Recording:
    """One line of the ledger. Times are UNIX seconds; ``path`` is relative to the archive's folder."""

    name: str
    call: str | None
    began: float
    ended: float | None
    state: State
    reason: str | None
    expected_s: float | None
    path: str | None
    sha256: str | None
    bytes: int | None
    seconds: float | None
    stored_at: float | None
    keep_until: date | None
    keep_source: str | None

    def gap(self, now: float) -> Gap | None:
        """What is missing of it, lateness included."""
        if self.state is State.GAP:
            return Gap(self.reason) if self.reason else Gap.MISSING
        if self.state is State.EXPECTED:
            if self.ended is not None:
                return Gap.LATE if now - self.ended > LATE_S else None
            return Gap.UNFINISHED if now - self.began > LONGEST_CALL_S else None
        return None


class Place(NamedTuple):
    """Where a page of a list ends."""

    began: float
    name: str


class Ledger:
    """Reads and writes of the ledger. All methods raise the database's errors (see `config.database.is_outage`)."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    # ------------------------------------------------------------ reading

    async def of_call(self, call: str) -> Recording | None:
        return next(iter(await self._find(table.c.call == call, limit=1)), None)

    async def named(self, names: Iterable[str]) -> dict[str, Recording]:
        """Those of these names that the ledger knows."""
        found = await self._find(table.c.name.in_(list(names)))
        return {recording.name: recording for recording in found}

    async def due(self, limit: int) -> list[Recording]:
        """Recordings of finished calls that nothing was done about yet, oldest first."""
        waiting = and_(_UNSETTLED, table.c.state == State.EXPECTED, table.c.ended.is_not(None))
        query = select(table).where(waiting).order_by(table.c.ended).limit(limit)
        async with self._database.connect() as connection:
            return [_recording(row._asdict()) for row in await connection.execute(query)]

    async def page(self, *, limit: int, after: Place | None = None, state: State | None = None) -> list[Recording]:
        """Newest first; ``after`` is where the page before ended."""
        wanted = [] if state is None else [table.c.state == state]
        return await self._find(*wanted, after=after, limit=limit)

    async def gaps(self, *, limit: int, after: Place | None = None) -> list[Recording]:
        """Everything with something missing (`Recording.gap`), and orphans; newest first."""
        return await self._find(self._is_gap(), after=after, limit=limit)

    async def counts(self) -> tuple[dict[State, int], dict[Gap, int]]:
        """How many recordings are in each state but `State.STORED`, and how many gaps there are of each kind."""
        seen_only = case(
            (table.c.state == State.GAP, table.c.reason),
            (and_(table.c.state == State.EXPECTED, table.c.ended.is_not(None)), Gap.LATE),
            (table.c.state == State.EXPECTED, Gap.UNFINISHED),
        )
        states = select(table.c.state, func.count()).where(_UNSETTLED).group_by(table.c.state)
        gaps = select(seen_only, func.count()).where(self._is_gap(orphans=False)).group_by(seen_only)
        async with self._database.connect() as connection:
            by_state = {State(name): count for name, count in await connection.execute(states)}
            by_gap = {Gap(name): count for name, count in await connection.execute(gaps)}
        unsettled = [state for state in State if state is not State.STORED]
        return ({state: by_state.get(state, 0) for state in unsettled}, {gap: by_gap.get(gap, 0) for gap in Gap})

    # ------------------------------------------------------------ the archiver's word

    async def stored(
        self, name: str, kept: "Kept", *, path: str, expected_s: float, gap: Gap | None, keep_until: date, source: str
    ) -> None:
        """It is kept; ``gap`` says what is missing all the same."""
        await self._write(
            name,
            state=State.STORED if gap is None else State.GAP,
            reason=gap,
            expected_s=expected_s,
            path=path,
            sha256=kept.sha256,
            bytes=kept.bytes,
            seconds=round(kept.seconds, 3),
            stored_at=self._clock(),
            keep_until=keep_until,
            keep_source=source,
        )

    async def missed(self, name: str, gap: Gap, expected_s: float) -> None:
        """Nothing could be kept of it so far."""
        await self._write(name, state=State.GAP, reason=gap, expected_s=expected_s)

    async def orphaned(self, name: str, written: float) -> None:
        """There are files of this name, and no call. Changes nothing when the ledger knows the name."""
        values = {"name": name, "began": written, "state": State.ORPHAN}
        async with self._database.begin() as connection:
            await connection.execute(_insert(connection)(table).values(values).on_conflict_do_nothing())

    # ------------------------------------------------------------ how

    def _is_gap(self, *, orphans: bool = True) -> ColumnElement[bool]:
        """As `Recording.gap`, in SQL."""
        now = self._clock()
        late = or_(table.c.ended < now - LATE_S, and_(table.c.ended.is_(None), table.c.began < now - LONGEST_CALL_S))
        states = [State.GAP, State.ORPHAN] if orphans else [State.GAP]
        return and_(_UNSETTLED, or_(table.c.state.in_(states), and_(table.c.state == State.EXPECTED, late)))

    async def _find(
        self, *wanted: ColumnElement[bool], after: Place | None = None, limit: int | None = None
    ) -> list[Recording]:
        conditions = list(wanted)
        if after is not None:
            conditions.append(tuple_(table.c.began, table.c.name) < tuple_(after.began, after.name))
        query = select(table).where(*conditions).order_by(table.c.began.desc(), table.c.name.desc()).limit(limit)
        async with self._database.connect() as connection:
            return [_recording(row._asdict()) for row in await connection.execute(query)]

    async def _write(self, name: str, **values: Any) -> None:
        async with self._database.begin() as connection:
            await connection.execute(update(table).where(table.c.name == name).values(**values))


class LedgerFollower:
    """A `ivr.journal.Follower`: a call that is recorded is expected in the ledger, and its end is noted there."""

    name = "recordings"
    _KINDS = frozenset({CallArrived.__struct_config__.tag, CallClosed.__struct_config__.tag})

    async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
        begun: dict[str, CallArrived] = {}  # by the recording's name
        ended: dict[str, float] = {}  # by call
        for entry in entries:
            if entry.kind not in self._KINDS:
                continue
            event = entry.event
            if isinstance(event, CallArrived) and event.recording is not None:
                begun.setdefault(event.recording, event)
            elif isinstance(event, CallClosed):
                ended.setdefault(entry.call, event.at)
        if begun:
            await self._expect(connection, begun)
            ended = await _ends(connection, {event.call for event in begun.values()}) | ended
        for call, at in ended.items():
            waiting = and_(table.c.call == call, table.c.ended.is_(None))
            await connection.execute(update(table).where(waiting).values(ended=at))

    async def _expect(self, connection: AsyncConnection, arrivals: Mapping[str, CallArrived]) -> None:
        rows = [
            {"name": name, "call": event.call, "began": event.at, "state": State.EXPECTED}
            for name, event in arrivals.items()
        ]
        statement = _insert(connection)(table).values(rows)
        new = statement.excluded
        # an orphan has found its call; what is known already stays as it is
        statement = statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"call": new.call, "began": new.began, "state": new.state},
            where=table.c.call.is_(None),
        )
        await connection.execute(statement)


async def _ends(connection: AsyncConnection, calls: Collection[str]) -> dict[str, float]:
    """Ends that the journal told before the beginnings."""
    columns = journal_calls.c
    query = select(columns.call, columns.closed).where(columns.call.in_(sorted(calls)), columns.closed.is_not(None))
    return {row.call: row.closed for row in await connection.execute(query)}


def _recording(row: Mapping[str, Any]) -> Recording:
    return Recording(**{**row, "state": State(row["state"])})


def _insert(connection: AsyncConnection) -> Any:
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
