"""One change of a city's tables: a transaction under the city's lock, with its entry in the audit log."""

from collections.abc import Mapping

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config import audit
from routing.tables import queries
from routing.tables.states import EDITABLE, State, Version, WrongState
from routing.tables.storage import Body, heads, keep, revisions, versions

_UNCHECKED: Mapping[str, None] = dict.fromkeys(
    ("errors", "warnings", "findings", "checked_at", "checked_by", "confirmed_at", "confirmed_by")
)


class Writing:
    """What can be written while the lock is held. ``now`` is UNIX seconds, ``last`` the last version's number."""

    def __init__(self, connection: AsyncConnection, city: str, now: float, last: int) -> None:
        self.connection, self.city, self.now, self.last = connection, city, now, last

    async def find(self, number: int) -> Version:
        """Raises `UnknownTable`."""
        return await queries.find(self.connection, self.city, number, self.now)

    async def editable(self, number: int) -> Version:
        """A version that can still be changed. Raises `UnknownTable`, `WrongState`."""
        return require_editable(await self.find(number))

    async def last_approved(self) -> Version | None:
        return await queries.last_approved(self.connection, self.city, self.now)

    async def add(self, body: Body | Version, *, who: str, why: str, action: str, base: int | None) -> int:
        """A new draft at revision 1, with given rows or another version's; returns its number."""
        number = self.last = self.last + 1
        await self.connection.execute(update(heads).where(heads.c.city == self.city).values(last=number))
        name = await self._keep(body)
        await self.connection.execute(
            versions.insert().values(
                city=self.city,
                number=number,
                state=State.DRAFT,
                base=base,
                revision=1,
                body=name,
                rows=body.rows,
                why=why,
                created=self.now,
                created_by=who,
                updated=self.now,
            )
        )
        await self._remember(number, 1, name, body.rows, who=who, why=why, action=action)
        return number

    async def revise(self, version: Version, body: Body, *, who: str, why: str, action: str, base: int | None) -> None:
        """The draft's next revision. What was checked or confirmed was another table."""
        name, revision = await self._keep(body), version.revision + 1
        await self._remember(version.number, revision, name, body.rows, who=who, why=why, action=action)
        await self.set(
            version.number,
            **_UNCHECKED,
            state=State.DRAFT,
            revision=revision,
            body=name,
            rows=body.rows,
            base=base,
        )

    async def approve(self, number: int, *, who: str, at: float, restores: int | None = None) -> None:
        """Put the version behind all that are approved."""
        last = await self.connection.scalar(select(func.max(versions.c.place)).where(versions.c.city == self.city))
        await self.set(
            number,
            state="approved",
            approved_at=self.now,
            approved_by=who,
            effective_at=at,
            place=(last or 0) + 1,
            restores=restores,
        )

    async def withdraw(self, number: int) -> None:
        """Make a draft of a scheduled version again."""
        gone = dict.fromkeys(("approved_at", "approved_by", "effective_at", "place"))
        await self.set(number, state=State.DRAFT, **gone, **_UNCHECKED)

    async def set(self, number: int, **values: object) -> None:
        """Change columns of a version; it was updated now."""
        here = (versions.c.city == self.city) & (versions.c.number == number)
        await self.connection.execute(update(versions).where(here).values(updated=self.now, **values))

    async def record(self, action: str, number: int, *, who: str, why: str, **detail: object) -> None:
        """The change's entry in the audit log; ``action`` without the ``table.`` before it."""
        subject = f"table:{self.city}/{number}"
        await audit.record(self.connection, audit.Entry(self.now, who, f"table.{action}", subject, why, detail))

    async def _keep(self, body: Body | Version) -> str:
        if isinstance(body, Version):
            return body.body
        await keep(self.connection, body)
        return body.hash

    async def _remember(
        self, number: int, revision: int, body: str, rows: int, *, who: str, why: str, action: str
    ) -> None:
        await self.connection.execute(
            revisions.insert().values(
                city=self.city,
                number=number,
                revision=revision,
                at=self.now,
                who=who,
                why=why,
                action=action,
                body=body,
                rows=rows,
            )
        )


def require_editable(version: Version) -> Version:
    """Raises `WrongState` for what is not a draft any more."""
    if version.state not in EDITABLE:
        raise WrongState(
            version.number,
            version.state,
            f"version {version.number} is {version.state} and cannot be changed; make a draft from it",
        )
    return version
