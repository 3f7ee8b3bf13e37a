"""Restrictions in the database: proposed, confirmed or refused, lifted. Each step is audited in its own transaction.

It never decides by itself: whoever acts is a `Person`, and what two people must do two people do.
"""

import time
from collections.abc import Callable
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from config import audit
from config.chinatime import china_day
from config.database import Database
from config.logs import mask_text
from routing.restrictions import rows
from routing.restrictions.callers import Caller, Callers
from routing.restrictions.evidence import Evidence, gather
from routing.restrictions.model import (
    WARNING_HOLDS_S,
    AnotherPersonNeeded,
    Calls,
    Decision,
    Person,
    Policy,
    Restriction,
    RestrictionConflict,
    RestrictionRefused,
    State,
    Terms,
    check_beginning,
    check_enabled,
    check_length,
    check_supervisor,
)
from routing.restrictions.tables import evidence, restrictions, warnings

HISTORY_LIMIT = 500  # entries of one restriction; people make a handful
PROGRAM = "hotline"  # who did what the calendar did


class Restrictions:
    """The restrictions of one installation.

    ``calls`` looks evidence up, ``policy`` gives what the city's rules say now, ``clock`` UNIX seconds. All methods
    raise the database's errors (see `config.database.is_outage`) and those of `routing.restrictions.model`.
    """

    def __init__(
        self,
        database: Database,
        callers: Callers,
        calls: Calls,
        policy: Callable[[], Policy],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.policy = policy
        self._database, self._callers, self._calls, self._clock = database, callers, calls, clock

    async def propose(self, who: Person, terms: Terms) -> Restriction:
        """Propose to restrict the caller of ``terms.calls``. It restricts nobody until another person confirms it."""
        now, policy = self._clock(), self.policy()
        begins = terms.begins or china_day(now)
        check_enabled(policy)
        check_beginning(begins, china_day(now))
        check_length(policy, begins, terms.ends)
        found = await gather(self._calls, self._callers, terms.calls)
        try:
            async with self._database.begin() as connection:
                await _lapse(connection, found.caller, now)
                await _check_one_proposal(connection, found.caller)
                await _check_free(connection, found, begins, terms.ends)
                await _check_warned(connection, found, now, policy)
                restriction = await _insert(connection, found, terms, begins, who, now)
                return await rows.find(connection, restriction)
        except IntegrityError:  # somebody else did in the same moment (PostgreSQL)
            raise RestrictionConflict(_PROPOSED) from None

    async def confirm(self, restriction: int, who: Person, why: str = "") -> Restriction:
        """Make a proposal hold. Only a supervisor who did not propose it can; only once; never after its last day.

        What the rules ask of a proposal they ask again: they may have changed since.
        """
        now, policy = self._clock(), self.policy()
        check_supervisor(who)
        check_enabled(policy)
        async with self._database.begin() as connection:
            row = await rows.locked(connection, restriction)
            _check_undecided(row.decision)
            if who.name == row.proposed_by:
                raise AnotherPersonNeeded("whoever proposed a restriction cannot confirm it; ask another supervisor")
            if china_day(now) > row.ends:
                raise RestrictionConflict("its last day is over; propose it anew")
            check_length(policy, row.begins, row.ends)
            found = Evidence(Caller(row.caller, row.shown), await _arrived(connection, restriction))
            await _check_free(connection, found, row.begins, row.ends, but=restriction)
            await _check_warned(connection, found, row.proposed_at, policy)
            await rows.decide(connection, restriction, Decision.CONFIRMED, who, now, why)
            return await rows.find(connection, restriction)

    async def refuse(self, restriction: int, who: Person, why: str) -> Restriction:
        """Decide against a proposal; also how a supervisor takes back an own one."""
        check_supervisor(who)
        async with self._database.begin() as connection:
            _check_undecided((await rows.locked(connection, restriction)).decision)
            await rows.decide(connection, restriction, Decision.REFUSED, who, self._clock(), why)
            return await rows.find(connection, restriction)

    async def lift(self, restriction: int, who: Person, why: str) -> Restriction:
        """End a confirmed restriction early (提前解除), at once."""
        now = self._clock()
        check_supervisor(who)
        async with self._database.begin() as connection:
            row = await rows.locked(connection, restriction)
            if row.decision != Decision.CONFIRMED or china_day(now) > row.ends:
                raise RestrictionConflict("there is nothing to lift: this restriction does not hold")
            await rows.lift(connection, restriction, who, now, why)
            return await rows.find(connection, restriction)

    # ------------------------------------------------------------ reading

    async def get(self, restriction: int) -> Restriction:
        """Raises `UnknownRestriction`."""
        async with self._database.connect() as connection:
            return await rows.find(connection, restriction)

    async def page(self, *, limit: int, before: int | None = None, state: State | None = None) -> list[Restriction]:
        """The newest first; ``before`` is the id with which the page before ended."""
        today = china_day(self._clock())
        async with self._database.connect() as connection:
            return await rows.page(connection, today, limit=limit, before=before, state=state)

    async def history(self, restriction: int) -> list[audit.Kept]:
        """All that was done about it, its appeals included, oldest first: the audit log's entries."""
        wanted = audit.Filter(subject=rows.subject(restriction))
        return (await audit.page(self._database, wanted, limit=HISTORY_LIMIT))[::-1]


# ---------------------------------------------------------------- what a decision needs

_PROPOSED = "a restriction of this caller is proposed already; decide about that one first"


def _check_undecided(decision: str) -> None:
    if decision != Decision.PROPOSED:
        raise RestrictionConflict(f"this was decided already: it is {decision}")


async def _check_one_proposal(connection: AsyncConnection, caller: Caller) -> None:
    undecided = restrictions.c.decision == Decision.PROPOSED
    if await connection.scalar(select(restrictions.c.id).where(restrictions.c.caller == caller.key, undecided)):
        raise RestrictionConflict(_PROPOSED)


async def _check_free(
    connection: AsyncConnection, found: Evidence, begins: date, ends: date, *, but: int | None = None
) -> None:
    """No other restriction of the caller holds in these days, and none was made for one of these calls.

    Otherwise the same behaviour could be restricted again and again, far beyond the longest time.
    """
    overlapping = select(restrictions.c.id).where(
        restrictions.c.caller == found.caller.key,
        restrictions.c.decision == Decision.CONFIRMED,
        restrictions.c.begins <= ends,
        restrictions.c.ends >= begins,
        restrictions.c.id != (but or 0),
    )
    other = await connection.scalar(overlapping.limit(1))
    if other is not None:
        raise RestrictionConflict(f"restriction {other} of this caller holds in these days; lift it, or begin after it")
    used = (
        select(evidence.c.call)
        .join(restrictions, restrictions.c.id == evidence.c.restriction)
        .where(
            evidence.c.call.in_([call for call, _ in found.arrived]),
            restrictions.c.decision.in_((Decision.CONFIRMED, Decision.LIFTED)),
            restrictions.c.id != (but or 0),
        )
    )
    call = await connection.scalar(used.limit(1))
    if call is not None:
        raise RestrictionConflict(f"call {call} led to a restriction before; name calls that came after it")


async def _check_warned(connection: AsyncConnection, found: Evidence, at: float, policy: Policy) -> None:
    """Where the rules ask to warn first, the caller was warned and has called again all the same (四川 §21)."""
    if not policy.warn_first:
        return
    last = found.arrived[-1][1]
    query = select(warnings.c.id).where(
        warnings.c.caller == found.caller.key,
        warnings.c.at >= at - WARNING_HOLDS_S,
        warnings.c.at < last,
    )
    if await connection.scalar(query.limit(1)) is None:
        raise RestrictionRefused(
            "calls",
            "the caller must have been warned in the last half year, and one of the calls must have come after that "
            f"warning (source: {policy.source('warn_first')}); record a warning first",
        )


# ---------------------------------------------------------------- writing


async def _lapse(connection: AsyncConnection, caller: Caller, now: float) -> None:
    """A proposal nobody decided about in its days makes room for a new one."""
    over = (
        update(restrictions)
        .where(
            restrictions.c.caller == caller.key,
            restrictions.c.decision == Decision.PROPOSED,
            restrictions.c.ends < china_day(now),
        )
        .values(decision=Decision.LAPSED)
        .returning(restrictions.c.id)
    )
    for (restriction,) in (await connection.execute(over)).all():
        await rows.record(connection, restriction, now, PROGRAM, "lapse", "nobody decided before its last day was over")


async def _insert(
    connection: AsyncConnection, found: Evidence, terms: Terms, begins: date, who: Person, now: float
) -> int:
    row = restrictions.insert().values(
        caller=found.caller.key,
        shown=found.caller.shown,
        reason=mask_text(terms.reason),
        begins=begins,
        ends=terms.ends,
        decision=Decision.PROPOSED,
        proposed_by=who.name,
        proposed_at=now,
    )
    restriction: int = (await connection.execute(row.returning(restrictions.c.id))).scalar_one()
    calls = [{"restriction": restriction, "call": call, "arrived": at} for call, at in found.arrived]
    await connection.execute(evidence.insert(), calls)
    detail = {
        "caller": found.caller.shown,
        "begins": begins.isoformat(),
        "ends": terms.ends.isoformat(),
        "calls": [call for call, _ in found.arrived],
    }
    await rows.record(connection, restriction, now, who.name, "propose", terms.reason, detail)
    return restriction


async def _arrived(connection: AsyncConnection, restriction: int) -> tuple[tuple[str, float], ...]:
    query = select(evidence.c.call, evidence.c.arrived).where(evidence.c.restriction == restriction)
    found = await connection.execute(query.order_by(evidence.c.arrived, evidence.c.call))
    return tuple((row.call, row.arrived) for row in found)
