"""Drafts of transfer tables: made, imported, changed row by row, brought up to date, thrown away.

Every change names the revision it was made for. When there is a newer one nothing is done, and the refusal tells what
changed meanwhile; so nobody overwrites what they have not seen.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from routing.tables.diff import Diff, Key, Merged, Side, diff, in_order, key_of, merge, twins
from routing.tables.imports import imported
from routing.tables.model import Line
from routing.tables.states import (
    APPROVED,
    ImportMode,
    MergeConflict,
    State,
    TableRefused,
    UnknownTable,
    Version,
    WrongState,
)
from routing.tables.storage import MOST_ROWS, Body, pack
from routing.tables.versions import Versions
from routing.tables.writing import require_editable

Change = Callable[[tuple[Line, ...]], Iterable[Line]]


@dataclass(frozen=True)
class _Changed:
    """Rows after a change, packed, and what it did to them."""

    body: Body
    diff: Diff


class Drafts:
    """Makes and changes drafts. ``who`` is an account's name, ``why`` the person's own words.

    Every change raises `UnknownTable`, `WrongState` when the version is no draft any more, `TableChanged` when it is
    at another ``revision``, `TableRefused` for rows that cannot stand together, and the database's errors.
    """

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    async def create(self, *, who: str, why: str, source: int | None = None) -> Version:
        """A draft with the rows of a version; without one, of the version that it will follow.

        A version that holds or will hold is what the draft changes. Any other lends its rows only: the draft changes
        the last approved version, and its difference shows what it would take back.
        """
        async with self._versions.changing() as writing:
            last = await writing.last_approved()
            found = last if source is None else await writing.find(source)
            if found is None:
                raise UnknownTable("there is no approved version yet; import a file")
            follows = found if found.state in (State.EFFECTIVE, State.SCHEDULED) else last
            base = None if follows is None else follows.number
            number = await writing.add(found, who=who, why=why, action="draft", base=base)
            await writing.record("draft", number, who=who, why=why, base=base, source=found.number, rows=found.rows)
            return await writing.find(number)

    async def create_from(self, rows: Sequence[Line], *, mode: ImportMode, who: str, why: str) -> Version:
        """A draft with imported rows, which changes the last approved version."""
        last = await self._versions.last_approved()
        present = () if last is None else await self._versions.rows_of(last.body)
        made = await asyncio.to_thread(_apply, present, lambda lines: imported(lines, rows, mode))
        base = None if last is None else last.number
        async with self._versions.changing() as writing:
            number = await writing.add(made.body, who=who, why=why, action="import", base=base)
            await writing.record(
                "import", number, who=who, why=why, base=base, mode=mode, rows=made.body.rows, **_counts(made.diff)
            )
            return await writing.find(number)

    async def take_in(
        self, number: int, rows: Sequence[Line], *, mode: ImportMode, who: str, why: str, revision: int
    ) -> Version:
        """Import rows into a draft."""
        return await self._revise(
            number, lambda lines: imported(lines, rows, mode), who=who, why=why, action="import", revision=revision
        )

    async def put(
        self, number: int, line: Line, *, who: str, why: str, revision: int, replaces: Key | None = None
    ) -> Version:
        """Put a row in, or in the place of the row with the same number and date, or of the row ``replaces``."""

        def change(lines: tuple[Line, ...]) -> Iterable[Line]:
            old = replaces or key_of(line)
            if replaces is not None:
                _require(lines, replaces)
            return [*(each for each in lines if key_of(each) != old), line]

        return await self._revise(number, change, who=who, why=why, action="put", revision=revision)

    async def remove(self, number: int, key: Key, *, who: str, why: str, revision: int) -> Version:
        """Take a row out. Raises `UnknownTable` when there is none."""

        def change(lines: tuple[Line, ...]) -> Iterable[Line]:
            _require(lines, key)
            return [each for each in lines if key_of(each) != key]

        return await self._revise(number, change, who=who, why=why, action="remove", revision=revision)

    async def rebase(
        self, number: int, *, who: str, why: str, revision: int, choices: Mapping[Key, Side] | None = None
    ) -> Version:
        """Bring the draft's changes and those of the version that was approved meanwhile together.

        Raises `MergeConflict` for rows that both changed and ``choices`` does not decide; the draft stays as it was.
        """
        version = await self._require_revision(number, revision)
        last = await self._versions.last_approved()
        if last is None or last.number == version.base:
            return version
        base = await self._versions.base_rows(version.base)
        mine, theirs = await self._versions.rows_of(version.body), await self._versions.rows_of(last.body)
        merged: Merged = await asyncio.to_thread(merge, base, mine, theirs, choices)
        if merged.conflicts:
            raise MergeConflict(number, last.number, merged.conflicts)
        return await self._revise(
            number, lambda _: merged.lines, who=who, why=why, action="rebase", revision=revision, base=last.number
        )

    async def discard(self, number: int, *, who: str, why: str) -> Version:
        """Give a draft up; it stays readable. One that is scheduled is withdrawn first."""
        async with self._versions.changing() as writing:
            version = await writing.find(number)
            if version.state is State.DISCARDED:
                return version
            if version.state in APPROVED:
                raise WrongState(number, version.state, f"version {number} is {version.state}, not a draft")
            await writing.set(number, state=State.DISCARDED)
            await writing.record("discard", number, who=who, why=why, revision=version.revision)
            return await writing.find(number)

    async def _revise(
        self,
        number: int,
        change: Change,
        *,
        who: str,
        why: str,
        action: str,
        revision: int,
        base: int | None = None,
    ) -> Version:
        """The next revision. The work is done before the lock is taken, and thrown away if it came too late."""
        version = await self._require_revision(number, revision)
        new_base = version.base if base is None else base
        lines = await self._versions.rows_of(version.body)
        made = await asyncio.to_thread(_apply, lines, change)
        if made.body.hash == version.body and new_base == version.base:
            return version  # what is so already is no change
        async with self._versions.changing() as writing:
            present = await writing.editable(number)
            if present.revision == revision:
                await writing.revise(present, made.body, who=who, why=why, action=action, base=new_base)
                await writing.record(
                    action, number, who=who, why=why, revision=revision + 1, rows=made.body.rows, **_counts(made.diff)
                )
                return await writing.find(number)
        raise await self._versions.changed(number, revision)

    async def _require_revision(self, number: int, revision: int) -> Version:
        version = require_editable(await self._versions.get(number))
        if version.revision != revision:
            raise await self._versions.changed(number, revision)
        return version


def _apply(lines: tuple[Line, ...], change: Change) -> _Changed:
    after = in_order(change(lines))
    if len(after) > MOST_ROWS:
        raise TableRefused("rows", f"a table has at most {MOST_ROWS} rows, not {len(after)}")
    if same := twins(after):
        key = min(same, key=lambda each: (each.number, str(each.begins)))
        since = f" from {key.begins}" if key.begins else ""
        raise TableRefused("rows", f"number {key.number} has two rows{since}; give them different dates")
    return _Changed(pack(after), diff(lines, after))


def _require(lines: tuple[Line, ...], key: Key) -> None:
    if not any(key_of(line) == key for line in lines):
        since = f" from {key.begins}" if key.begins else ""
        raise UnknownTable(f"there is no row of number {key.number}{since}")


def _counts(made: Diff) -> dict[str, int]:
    return {"added": len(made.added), "removed": len(made.removed), "changed": len(made.changed)}
