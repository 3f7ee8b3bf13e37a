"""Joins restrictions of callers to the rest: what the city's pack says, the journal as evidence, appeals by key."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.packs import Pack
from config.settings import Settings, secret
from ivr.call import CallArrived, CallClosed, event_decoder
from ivr.journal import JournalReader, Positioned
from ivr.journal.tables import journal
from routing.restrictions import Appeals, Arrival, Callers, Policy

SECRET = "restrictions"  # noqa: S105 - the name of the secret, not the secret
_FIELDS = ("enabled", "max_days", "warn_first", "grounds")
_ARRIVED = str(CallArrived.__struct_config__.tag)
_CLOSED = str(CallClosed.__struct_config__.tag)


def policy_of(pack: Pack) -> Policy:
    """What the city's rules say of restrictions, with where each says it."""
    rules = pack.rules.restrictions
    return Policy(
        enabled=rules.enabled,
        max_days=rules.max_days,
        warn_first=rules.warn_first,
        grounds=tuple(rules.grounds),
        sources={field: pack.source(f"restrictions.{field}") for field in _FIELDS},
    )


def callers_of(settings: Settings, pack: Pack) -> Callers:
    """The installation's way to tell callers apart. Losing its secret loses all restrictions that hold."""
    return Callers(secret(settings.state_dir, SECRET), pack.city.area_code)


class JournalCalls:
    """Implements `routing.restrictions.Calls` by the journal."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader

    async def arrivals(self, calls: Collection[str]) -> Mapping[str, Arrival]:
        found: dict[str, Arrival] = {}
        for call in calls:
            for entry in await self._reader.read(call):
                if isinstance(entry.event, CallArrived):
                    found[call] = Arrival(entry.event.caller, entry.event.at)
                    break
        return found


class AppealFollower:
    """A `ivr.journal.Follower`: a restricted caller's key 1 becomes an appeal that people see and decide about."""

    name = "appeals"

    def __init__(self, appeals: Appeals) -> None:
        self._appeals = appeals

    async def handle(self, entries: Sequence[Positioned], connection: AsyncConnection) -> None:
        for entry in entries:
            if entry.kind != _CLOSED:
                continue
            event = entry.event
            if isinstance(event, CallClosed) and event.appeal:
                arrived = await _arrival(connection, entry.call)
                if arrived is not None:
                    await self._appeals.from_call(connection, entry.call, arrived.caller, arrived.at)


async def _arrival(connection: AsyncConnection, call: str) -> CallArrived | None:
    query = select(journal.c.payload).where(journal.c.call == call, journal.c.kind == _ARRIVED).order_by(journal.c.seq)
    payload = await connection.scalar(query.limit(1))
    event = None if payload is None else event_decoder.decode(payload)
    return event if isinstance(event, CallArrived) else None
