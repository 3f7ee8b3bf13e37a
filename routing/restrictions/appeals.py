"""Appeals against restrictions (申诉): recorded from a call or by a person, decided by somebody not yet involved.

An appeal alone changes nothing; the restriction goes on until somebody decides or it ends by itself.
"""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from config.chinatime import china_day
from config.database import Database
from config.logs import mask_text
from routing.restrictions import rows
from routing.restrictions.callers import Callers
from routing.restrictions.evidence import gather
from routing.restrictions.model import (
    AnotherPersonNeeded,
    Appeal,
    Calls,
    Decision,
    Outcome,
    Person,
    RestrictionConflict,
    RestrictionRefused,
    UnknownRestriction,
    check_supervisor,
)
from routing.restrictions.tables import appeals, restrictions

PROGRAM = "hotline"  # who recorded it, when the caller pressed the key
_HELD = (Decision.CONFIRMED, Decision.LIFTED)


class Appeals:
    """The appeals of one installation; parameters as of `routing.restrictions.Restrictions`."""

    def __init__(
        self, database: Database, callers: Callers, calls: Calls, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._callers, self._calls, self._clock = database, callers, calls, clock

    async def add(self, restriction: int, who: Person, note: str, call: str | None = None) -> Appeal:
        """Record an appeal that reached ``who``: at the counter, by letter, or in a call of the restricted caller."""
        now = self._clock()
        caller = None
        if call is not None:
            caller = (await gather(self._calls, self._callers, [call], field="call")).caller
        async with self._database.begin() as connection:
            row = await rows.locked(connection, restriction)
            if row.decision not in _HELD:
                raise RestrictionConflict("this restriction was never confirmed: there is nothing to appeal against")
            if caller is not None and caller.key != row.caller:
                raise RestrictionRefused("call", "this call came from another number than the restricted one")
            made = await _insert(connection, restriction, now, who.name, call, note)
            if made is None:
                raise RestrictionConflict("an appeal in this call is recorded already")
            return made

    async def from_call(self, connection: AsyncConnection, call: str, caller: str | None, at: float) -> Appeal | None:
        """Record that the caller of ``call`` appealed by key, in the caller's transaction; ``at`` is UNIX seconds.

        None when it is recorded already, or when no restriction of this caller was confirmed for that day.
        """
        found = self._callers.find(caller)
        if found is None:
            return None
        day = china_day(at)
        held = select(restrictions.c.id).where(
            restrictions.c.caller == found.key,
            restrictions.c.decision.in_(_HELD),
            restrictions.c.begins <= day,
            restrictions.c.ends >= day,
        )
        restriction = await connection.scalar(held.order_by(restrictions.c.id.desc()).limit(1))
        return None if restriction is None else await _insert(connection, restriction, at, PROGRAM, call, "")

    async def decide(self, appeal: int, who: Person, outcome: Outcome, why: str) -> Appeal:
        """Uphold the restriction (维持) or lift it (解除). Neither its proposer nor its confirmer can."""
        now = self._clock()
        check_supervisor(who)
        async with self._database.begin() as connection:
            query = select(appeals).where(appeals.c.id == appeal)
            # the restriction first, as everybody else locks it
            unlocked = await _one(connection, query, appeal)
            row = await rows.locked(connection, unlocked.restriction)
            found = await _one(connection, query.with_for_update(), appeal)
            if who.name in (row.proposed_by, row.decided_by):
                raise AnotherPersonNeeded(
                    "whoever proposed or confirmed a restriction cannot decide about an appeal; ask another supervisor"
                )
            if found.outcome is not None:
                raise RestrictionConflict(f"this appeal was decided already: it is {found.outcome}")
            values = {"outcome": outcome, "decided_by": who.name, "decided_at": now, "decided_why": mask_text(why)}
            await connection.execute(update(appeals).where(appeals.c.id == appeal).values(values))
            detail = {"appeal": appeal, "outcome": str(outcome)}
            await rows.record(connection, row.id, now, who.name, "appeal_decision", why, detail)
            if outcome is Outcome.LIFTED and row.decision == Decision.CONFIRMED:
                await rows.lift(connection, row.id, who, now, why)
            return _appeal(await _one(connection, query, appeal))

    async def page(
        self, *, limit: int, before: int | None = None, restriction: int | None = None, undecided: bool | None = None
    ) -> list[Appeal]:
        """The newest first; ``before`` is the id with which the page before ended."""
        query = select(appeals).order_by(appeals.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(appeals.c.id < before)
        if restriction is not None:
            query = query.where(appeals.c.restriction == restriction)
        if undecided is not None:
            query = query.where(appeals.c.outcome.is_(None) if undecided else appeals.c.outcome.is_not(None))
        async with self._database.connect() as connection:
            return [_appeal(row) for row in await connection.execute(query)]


async def _insert(
    connection: AsyncConnection, restriction: int, at: float, by: str, call: str | None, note: str
) -> Appeal | None:
    """None when the call has appealed already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(appeals).values(restriction=restriction, at=at, by=by, call=call, note=mask_text(note))
    made = (await connection.execute(row.on_conflict_do_nothing().returning(appeals))).one_or_none()
    if made is None:
        return None
    await rows.record(connection, restriction, at, by, "appeal", note, {"appeal": made.id, "call": call})
    return _appeal(made)


async def _one(connection: AsyncConnection, query: Select[Any], appeal: int) -> Row[Any]:
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    if row is None:
        raise UnknownRestriction(f"there is no appeal {appeal}")
    return row


def _appeal(row: Row[Any]) -> Appeal:
    return Appeal(**{**row._asdict(), "outcome": None if row.outcome is None else Outcome(row.outcome)})
