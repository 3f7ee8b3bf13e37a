"""Rows of restrictions: read, locked, changed and told to the audit log, in a transaction of somebody else's."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config import audit
from config.logs import mask_text
from routing.restrictions.model import Decision, Person, Restriction, State, UnknownRestriction
from routing.restrictions.tables import evidence, restrictions


def subject(restriction: int) -> str:
    """What the audit log calls a restriction."""
    return f"restriction:{restriction}"


async def record(
    connection: AsyncConnection,
    restriction: int,
    at: float,
    who: str,
    action: str,
    why: str,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write the audit log: ``restriction.<action>``."""
    entry = audit.Entry(at, who, f"restriction.{action}", subject(restriction), why, detail or {})
    await audit.record(connection, entry)


async def find(connection: AsyncConnection, restriction: int) -> Restriction:
    """Raises `UnknownRestriction`."""
    row = await _row(connection, restriction, lock=False)
    return _restriction(row, (await _calls_of(connection, [restriction])).get(restriction, ()))


async def page(
    connection: AsyncConnection, today: date, *, limit: int, before: int | None = None, state: State | None = None
) -> list[Restriction]:
    """The newest first, in that state on that day; ``before`` is the id with which the page before ended."""
    query = select(restrictions).order_by(restrictions.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(restrictions.c.id < before)
    if state is not None:
        query = query.where(_in_state(state, today))
    found = (await connection.execute(query)).all()
    calls = await _calls_of(connection, [row.id for row in found])
    return [_restriction(row, calls.get(row.id, ())) for row in found]


async def locked(connection: AsyncConnection, restriction: int) -> Row[Any]:
    """Its row, held until the transaction ends. Raises `UnknownRestriction`."""
    return await _row(connection, restriction, lock=True)


async def _row(connection: AsyncConnection, restriction: int, *, lock: bool) -> Row[Any]:
    query = select(restrictions).where(restrictions.c.id == restriction)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise UnknownRestriction(f"there is no restriction {restriction}")
    return row


async def _calls_of(connection: AsyncConnection, wanted: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The evidence of each restriction, oldest first."""
    query = select(evidence).where(evidence.c.restriction.in_(wanted)).order_by(evidence.c.arrived, evidence.c.call)
    found: dict[int, tuple[str, ...]] = {}
    for row in await connection.execute(query):
        found[row.restriction] = (*found.get(row.restriction, ()), row.call)
    return found


async def decide(
    connection: AsyncConnection, restriction: int, decision: Decision, who: Person, now: float, why: str
) -> None:
    """Confirm or refuse it."""
    values = {"decision": decision, "decided_by": who.name, "decided_at": now, "decided_why": mask_text(why)}
    await connection.execute(update(restrictions).where(restrictions.c.id == restriction).values(values))
    action = "confirm" if decision is Decision.CONFIRMED else "refuse"
    await record(connection, restriction, now, who.name, action, why)


async def lift(connection: AsyncConnection, restriction: int, who: Person, now: float, why: str) -> None:
    """End it."""
    values = {"decision": Decision.LIFTED, "lifted_by": who.name, "lifted_at": now, "lifted_why": mask_text(why)}
    await connection.execute(update(restrictions).where(restrictions.c.id == restriction).values(values))
    await record(connection, restriction, now, who.name, "lift", why)


def _restriction(row: Row[Any], calls: tuple[str, ...]) -> Restriction:
    values = row._asdict() | {"caller": row.shown, "decision": Decision(row.decision), "calls": calls}
    del values["shown"]
    return Restriction(**values)


def _in_state(state: State, today: date) -> ColumnElement[bool]:
    """The rows that `Restriction.state` says this of."""
    decision, begins, ends = restrictions.c.decision, restrictions.c.begins, restrictions.c.ends
    match state:
        case State.PROPOSED:
            return and_(decision == Decision.PROPOSED, ends >= today)
        case State.LAPSED:
            return or_(decision == Decision.LAPSED, and_(decision == Decision.PROPOSED, ends < today))
        case State.UPCOMING:
            return and_(decision == Decision.CONFIRMED, begins > today)
        case State.ACTIVE:
            return and_(decision == Decision.CONFIRMED, begins <= today, ends >= today)
        case State.ENDED:
            return and_(decision == Decision.CONFIRMED, ends < today)
        case State.REFUSED | State.LIFTED:
            return decision == str(state)
