"""What the database knows of a city's versions, read on a connection that somebody else opened. Loads no rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from routing.tables.states import Effective, State, UnknownTable, Version
from routing.tables.storage import LISTED, revisions, versions

_APPROVED = "approved"  # as stored; the time makes scheduled, effective or superseded of it


async def effective(connection: AsyncConnection, city: str, at: float) -> Effective | None:
    """The version in force at a time. One step in one index: workers ask it all the time."""
    query = (
        select(versions.c.number, versions.c.body, versions.c.effective_at)
        .where(versions.c.city == city, versions.c.effective_at <= at)
        .order_by(versions.c.effective_at.desc(), versions.c.place.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Effective(row.number, row.body, row.effective_at)


async def find(connection: AsyncConnection, city: str, number: int, now: float) -> Version:
    """Raises `UnknownTable`."""
    found = await _versions(connection, city, now, _of(city).where(versions.c.number == number))
    if not found:
        raise UnknownTable(f"there is no version {number}")
    return found[0]


async def last_approved(connection: AsyncConnection, city: str, now: float) -> Version | None:
    """The version that the next one follows: the effective one, or the last of those that are scheduled."""
    query = _of(city).where(versions.c.place.is_not(None)).order_by(versions.c.place.desc()).limit(1)
    return next(iter(await _versions(connection, city, now, query)), None)


async def approved(connection: AsyncConnection, city: str, now: float) -> Sequence[Version]:
    """All approved versions, in the order in which they follow each other."""
    query = _of(city).where(versions.c.place.is_not(None)).order_by(versions.c.place)
    return await _versions(connection, city, now, query)


async def page(
    connection: AsyncConnection, city: str, now: float, *, limit: int, before: int | None, state: State | None
) -> Sequence[Version]:
    """Newest first; ``before`` is the number of the last one of the page before."""
    query = _of(city).order_by(versions.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(versions.c.number < before)
    if state is not None:
        current = await effective(connection, city, now)
        query = query.where(_stored(state, now, current))
    return await _versions(connection, city, now, query)


async def authors(connection: AsyncConnection, city: str, number: int) -> frozenset[str]:
    """Everybody who changed a draft since it was made, the one who made it included."""
    query = select(revisions.c.who).where(revisions.c.city == city, revisions.c.number == number).distinct()
    return frozenset((await connection.execute(query)).scalars())


def _of(city: str) -> Select[Any]:
    return select(*LISTED).where(versions.c.city == city)


def _stored(state: State, now: float, current: Effective | None) -> ColumnElement[bool]:
    """How a state that the time makes is asked for."""
    number = None if current is None else current.number
    match state:
        case State.SCHEDULED:
            return versions.c.effective_at > now
        case State.EFFECTIVE:
            return versions.c.number == number
        case State.SUPERSEDED:
            return (versions.c.effective_at <= now) & (versions.c.number != number)
    return versions.c.state == state


async def _versions(connection: AsyncConnection, city: str, now: float, query: Select[Any]) -> list[Version]:
    rows = (await connection.execute(query)).all()
    current = None
    if any(row.state == _APPROVED for row in rows):
        current = await effective(connection, city, now)
    return [_version(row, now, current) for row in rows]


def _version(row: Row[Any], now: float, current: Effective | None) -> Version:
    fields = dict(row._mapping)
    del fields["place"]
    if row.state != _APPROVED:
        fields["state"] = State(row.state)
    elif row.effective_at > now:
        fields["state"] = State.SCHEDULED
    else:
        is_current = current is not None and current.number == row.number
        fields["state"] = State.EFFECTIVE if is_current else State.SUPERSEDED
    return Version(**fields)
