"""The people who make a transfer table, at a real database with a clock of their own."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import select

from config.audit import audit_log
from config.database import Database
from config.workdays import Workdays
from routing.tables.drafts import Drafts
from routing.tables.findings import Finding, Findings, Severity
from routing.tables.model import Line, LineMode, Table, by_number
from routing.tables.publishing import Publishing
from routing.tables.states import Version
from routing.tables.versions import Versions

NOW = 1_795_200_000.0
BROKEN = "坏"  # a row with this name has an error

WATER = Line(number="96166", name="供水热线", mode=LineMode.UTILITY, unit="供水公司", source="t")
TAX = Line(number="12366", name="税务热线", mode=LineMode.DUAL, unit="税务局", source="t")
FIRE = Line(number="119", name="消防", mode=LineMode.EMERGENCY, source="t")
FIRST = (FIRE, TAX, WATER)  # as every table has them: by number


def but(line: Line, **fields: object) -> Line:
    return msgspec.structs.replace(line, **fields)


def table(lines: Iterable[Line]) -> Table:
    return PlainFrame().table("pack-1", lines)


class PlainFrame:
    """A city with one rule: no row may be called `BROKEN`."""

    def table(self, version: str, lines: Iterable[Line]) -> Table:
        return Table(
            version=version,
            city="test",
            area_code="0795",
            numbers=("12345",),
            general_skill="general",
            lines=by_number(lines),
            workdays=Workdays(),
        )

    def check(self, lines: Sequence[tuple[int, Line]], before: Sequence[Line] | None, at: float) -> Findings:
        found = [Finding(Severity.ERROR, row, "name", "名称不能是“坏”") for row, line in lines if line.name == BROKEN]
        return Findings(tuple(found), errors=len(found))


class Office:
    """Everything that can be done to the tables of one city; ``now`` is the time."""

    def __init__(self, database: Database, city: str = "test") -> None:
        self.database, self.city, self.now = database, city, NOW
        self.versions = Versions(database, city, frame=PlainFrame, clock=lambda: self.now)
        self.drafts = Drafts(self.versions)
        self.publishing = Publishing(self.versions)

    async def open(self, lines: Iterable[Line] = FIRST) -> Version:
        return await self.versions.adopt_pack(table(lines))

    async def draft(self, *changes: Line, who: str = "li", source: int | None = None) -> Version:
        """A draft with these rows put in."""
        draft = await self.drafts.create(who=who, why="because", source=source)
        for line in changes:
            draft = await self.drafts.put(draft.number, line, who=who, why="so", revision=draft.revision)
        return draft

    async def checked(self, *changes: Line, who: str = "li", source: int | None = None) -> Version:
        draft = await self.draft(*changes, who=who, source=source)
        version, findings = await self.publishing.check(draft.number, who=who, revision=draft.revision)
        assert findings.accepted
        return version

    async def approve(self, version: Version, *, who: str = "wang", at: float | None = None) -> Version:
        return await self.publishing.approve(version.number, who=who, why="seen", revision=version.revision, at=at)

    async def published(self, *changes: Line, at: float | None = None) -> Version:
        return await self.approve(await self.checked(*changes), at=at)

    async def effective(self) -> int:
        found = await self.versions.effective()
        assert found is not None
        return found.number

    async def states(self) -> dict[int, str]:
        return {version.number: str(version.state) for version in await self.versions.page(limit=1000)}

    async def audited(self) -> list[tuple[str, str, str]]:
        """Who did what to which version, oldest first."""
        columns = (audit_log.c.who, audit_log.c.action, audit_log.c.subject)
        async with self.database.connect() as connection:
            found = await connection.execute(select(*columns).order_by(audit_log.c.id))
            prefix = f"table:{self.city}/"
            return [(who, what.removeprefix("table."), subject.removeprefix(prefix)) for who, what, subject in found]
