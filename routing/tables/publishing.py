"""Puts transfer tables in force: checked, confirmed, approved by a second person, and taken back when they were wrong.

Approved versions stand in one row: each was made from the one before it and takes effect no earlier. A table therefore
never undoes a change that its makers had not seen.
"""

import asyncio
from collections.abc import Sequence

import msgspec
from sqlalchemy import select

from config.chinatime import china_time
from routing.tables import queries
from routing.tables.diff import Key, key_of
from routing.tables.findings import Findings
from routing.tables.model import Line
from routing.tables.states import (
    NotEffective,
    SecondPerson,
    StaleBase,
    State,
    TableFaulty,
    TableRefused,
    Unconfirmed,
    Version,
    WrongState,
)
from routing.tables.storage import versions as rows
from routing.tables.versions import Versions
from routing.tables.writing import Writing, require_editable

FIRST_ROW = 2  # of a spreadsheet, below the headings


class Publishing:
    """``who`` is an account's name, ``why`` the person's own words; who may do what, the caller has to know.

    All methods raise `UnknownTable`, `WrongState` for a version to which this cannot be done, `TableChanged` when a
    draft is at another ``revision``, and the database's errors.
    """

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    async def check(self, number: int, *, who: str, revision: int) -> tuple[Version, Findings]:
        """Check a draft; without errors it is checked, and a second person may approve it."""
        version = await self._at_revision(number, revision)
        findings = await self._check(version)
        text = msgspec.json.encode(findings).decode()
        async with self._versions.changing() as writing:
            present = await writing.editable(number)
            if present.revision == revision:
                await writing.set(
                    number,
                    state=State.CHECKED if findings.accepted else State.DRAFT,
                    errors=findings.errors,
                    warnings=findings.warnings,
                    findings=text,
                    checked_at=writing.now,
                    checked_by=who,
                )
                counts = {"errors": findings.errors, "warnings": findings.warnings}
                await writing.record("check", number, who=who, why="", revision=revision, **counts)
                return await writing.find(number), findings
        raise await self._versions.changed(number, revision)

    async def findings(self, number: int) -> Findings | None:
        """What the last check of the present revision found; None when it was not checked."""
        query = select(rows.c.findings).where(rows.c.city == self._versions.city, rows.c.number == number)
        async with self._versions.reading() as (connection, now):
            await queries.find(connection, self._versions.city, number, now)
            found = await connection.scalar(query)
        return None if found is None else msgspec.json.decode(found, type=Findings)

    async def confirm(self, number: int, *, who: str, why: str, revision: int) -> Version:
        """Confirm the changes of emergency rows of a checked draft. Raises `SecondPerson`."""
        async with self._versions.changing() as writing:
            version = _require_checked(await writing.find(number))
            if version.revision == revision:
                await _require_second_person(writing, number, who)
                await writing.set(number, confirmed_at=writing.now, confirmed_by=who)
                await writing.record("confirm", number, who=who, why=why, revision=revision)
                return await writing.find(number)
        raise await self._versions.changed(number, revision)

    async def approve(self, number: int, *, who: str, why: str, revision: int, at: float | None = None) -> Version:
        """Put a checked draft in force, now or at the UNIX time ``at``.

        Raises `SecondPerson`, `StaleBase` when another version was approved since, `Unconfirmed`, `TableFaulty` when
        it would not be accepted any more, `NotEffective` when a scheduled version would follow it, `TableRefused`.
        """
        version = _require_checked(await self._at_revision(number, revision))
        findings = await self._check(version)  # once more: the pack, the calendar or the day may be others by now
        if not findings.accepted:
            raise TableFaulty(number, findings.errors)
        touched = await self._emergency_rows(version, findings)
        last: Version | None = None
        async with self._versions.changing() as writing:
            present = _require_checked(await writing.find(number))
            if present.revision == revision:
                await _require_second_person(writing, number, who)
                last = await writing.last_approved()
                if last is None or last.number == present.base:
                    if touched and present.confirmed_by is None:
                        raise Unconfirmed(number, touched)
                    moment = _moment(at, writing.now, last)
                    await writing.approve(number, who=who, at=moment)
                    await writing.record(
                        "approve", number, who=who, why=why, revision=revision, base=present.base, at=moment
                    )
                    return await writing.find(number)
        if last is not None:
            seen = await self._versions.base_rows(version.base)
            difference = await self._versions.compare(seen, await self._versions.rows_of(last.body))
            raise StaleBase(number, version.base, last.number, difference)
        raise await self._versions.changed(number, revision)

    async def rollback(self, number: int, *, who: str, why: str) -> Version:
        """Take the effective version ``number`` back: the one before it holds again at once, as a new version.

        One person suffices, because its rows were approved before. What was scheduled becomes a draft again: it was
        made from what is taken back. Rolling back a rollback goes one version further back. Raises `NotEffective`
        when another version is effective, `TableRefused` when there is none before it.
        """
        async with self._versions.changing() as writing:
            last = await writing.last_approved()
            timeline = await queries.approved(writing.connection, writing.city, writing.now)
            current = next((each for each in timeline if each.state is State.EFFECTIVE), None)
            if last is None or current is None or current.number != number:
                present = 0 if current is None else current.number
                raise NotEffective(present, f"version {number} is not effective, version {present} is; look again")
            before = _before(timeline, current)
            if before is None:
                raise TableRefused("version", f"there is no version before version {number}")
            for scheduled in (each for each in timeline if each.state is State.SCHEDULED):
                await _withdraw(writing, scheduled, who=who, why=why)
            made = await writing.add(before, who=who, why=why, action="rollback", base=number)
            restores = before.restores or before.number
            await writing.approve(made, who=who, at=writing.now, restores=restores)
            await writing.record("rollback", made, who=who, why=why, undone=number, restores=restores)
            return await writing.find(made)

    async def withdraw(self, number: int, *, who: str, why: str) -> Version:
        """Make a draft of a scheduled version again, before its time. The last one first: others build on it."""
        async with self._versions.changing() as writing:
            version = await writing.find(number)
            if version.state is not State.SCHEDULED:
                raise WrongState(number, version.state, f"version {number} is {version.state}, not scheduled")
            last = await writing.last_approved()
            assert last is not None  # it is scheduled, so one is
            if last.number != number:
                raise NotEffective(last.number, f"version {last.number} builds on version {number}; withdraw it first")
            await _withdraw(writing, version, who=who, why=why)
            return await writing.find(number)

    async def _at_revision(self, number: int, revision: int) -> Version:
        version = require_editable(await self._versions.get(number))
        if version.revision != revision:
            raise await self._versions.changed(number, revision)
        return version

    async def _check(self, version: Version) -> Findings:
        lines = await self._versions.rows_of(version.body)
        before = None if version.base is None else await self._versions.lines(version.base)
        frame, now = self._versions.frame(), self._versions.now()
        return await asyncio.to_thread(frame.check, numbered(lines), before, now)

    async def _emergency_rows(self, version: Version, findings: Findings) -> frozenset[Key]:
        """The rows that a supervisor has to confirm; in the city's first table nothing is a change."""
        lines = await self._versions.rows_of(version.body)
        told = frozenset(key_of(lines[each.row - FIRST_ROW]) for each in findings.emergencies if each.row is not None)
        if version.base is None:
            return told
        changes = await self._versions.compare(await self._versions.lines(version.base), lines)
        return changes.emergency() | told


def numbered(lines: Sequence[Line]) -> list[tuple[int, Line]]:
    """Rows with their numbers in a spreadsheet, where the headings stand in row 1."""
    return list(enumerate(lines, FIRST_ROW))


def _before(timeline: Sequence[Version], current: Version) -> Version | None:
    """The version whose rows held before those of the effective one."""
    numbers = [version.number for version in timeline]
    place = numbers.index(current.number if current.restores is None else current.restores)
    return timeline[place - 1] if place else None


def _moment(at: float | None, now: float, last: Version | None) -> float:
    """When a version takes effect that follows ``last``."""
    if at is not None and at <= now:
        raise TableRefused("at", "must be in the future; leave it out for now")
    moment = now if at is None else at
    if last is not None and last.effective_at is not None and last.effective_at > moment:
        when = f"{china_time(last.effective_at):%Y-%m-%d %H:%M:%S}"
        raise NotEffective(
            last.number,
            f"version {last.number} is scheduled for {when} in China and comes first;"
            " withdraw it, or choose a later time",
        )
    return moment


def _require_checked(version: Version) -> Version:
    if require_editable(version).state is not State.CHECKED:
        raise WrongState(version.number, version.state, f"version {version.number} is not checked; check it first")
    return version


async def _require_second_person(writing: Writing, number: int, who: str) -> None:
    if who in await queries.authors(writing.connection, writing.city, number):
        raise SecondPerson(number, who)


async def _withdraw(writing: Writing, version: Version, *, who: str, why: str) -> None:
    await writing.withdraw(version.number)
    await writing.record("withdraw", version.number, who=who, why=why, at=version.effective_at)
