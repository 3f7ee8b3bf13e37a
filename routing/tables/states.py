"""The life of a transfer table: its states, its revisions, and every way in which a change of it is refused. Pure.

draft → checked → approved; an approved table is scheduled until its time has come, effective until the next one's has,
and superseded from then on. Which of the three it is follows from the time alone: nothing has to run for it.
"""

from dataclasses import dataclass
from enum import StrEnum

from routing.tables.diff import Conflict, Diff, Key

PACK = "pack"  # who made version 1: the city pack's lines


class State(StrEnum):
    """Where a version stands in its life."""

    DRAFT = "draft"  # 草稿: changed row by row, each change a revision
    CHECKED = "checked"  # 已检查: without errors, waits for a second person
    SCHEDULED = "scheduled"  # 待生效: approved, its time has not come
    EFFECTIVE = "effective"  # 生效中: the one that calls are routed by
    SUPERSEDED = "superseded"  # 已失效: was effective
    DISCARDED = "discarded"  # 已作废: never was


EDITABLE = frozenset({State.DRAFT, State.CHECKED})
APPROVED = frozenset({State.SCHEDULED, State.EFFECTIVE, State.SUPERSEDED})


class ImportMode(StrEnum):
    """What becomes of the rows that a file does not have."""

    REPLACE = "replace"  # they go: the file is the whole table
    MERGE = "merge"  # numbers the file does not name stay


@dataclass(frozen=True)
class Version:
    """One table of a city, without its rows. Times are UNIX seconds.

    ``base`` is the version it was made from and will follow; ``revision`` counts the changes of the draft, from 1;
    ``body`` is the hash of its rows. ``errors`` and ``warnings`` are None until this revision was checked.
    ``restores`` is the version whose rows a rollback brought back.
    """

    number: int
    state: State
    base: int | None
    revision: int
    body: str
    rows: int
    why: str
    created: float
    created_by: str
    updated: float
    errors: int | None = None
    warnings: int | None = None
    checked_at: float | None = None
    checked_by: str | None = None
    confirmed_at: float | None = None
    confirmed_by: str | None = None
    approved_at: float | None = None
    approved_by: str | None = None
    effective_at: float | None = None
    restores: int | None = None


@dataclass(frozen=True)
class Revision:
    """One change of a draft: what was done, by whom and why, and what the rows were afterwards."""

    revision: int
    at: float
    who: str
    why: str
    action: str  # draft, import, put, remove, rebase; adopt and rollback for tables that never were drafts
    body: str
    rows: int


@dataclass(frozen=True)
class Effective:
    """The table that calls are routed by: enough to see whether it is still the one that is known."""

    number: int
    body: str
    since: float


class TableError(Exception):
    """The family of errors about transfer tables; the text is one sentence for the person who asked."""


class UnknownTable(TableError):
    """There is no such version, revision or row."""


class TableRefused(TableError):
    """What was given cannot be used; ``field`` says what."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class WrongState(TableError):
    """The version is not in a state in which this can be done to it; ``state`` is the one it is in."""

    def __init__(self, number: int, state: State, sentence: str) -> None:
        super().__init__(sentence)
        self.number, self.state = number, state


class TableChanged(TableError):
    """The draft was changed since it was read. ``diff`` leads from what was read to what is there now."""

    def __init__(self, number: int, read: int, present: int, diff: Diff) -> None:
        super().__init__(
            f"version {number} is at revision {present}, not {read}; look at the difference and send the change again"
        )
        self.number, self.read, self.present, self.diff = number, read, present, diff


class StaleBase(TableError):
    """Another version was approved since the draft was made. ``diff`` leads from its base to that version."""

    def __init__(self, number: int, base: int | None, present: int, diff: Diff) -> None:
        super().__init__(
            f"version {number} was made from version {base}, and version {present} was approved since; rebase it"
        )
        self.number, self.base, self.present, self.diff = number, base, present, diff


class MergeConflict(TableError):
    """Rows were changed on both sides; nothing was done. Say for each which one stays."""

    def __init__(self, number: int, present: int, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__(
            f"{len(conflicts)} rows were changed in version {number} and in version {present};"
            " choose mine or theirs for each"
        )
        self.number, self.present, self.conflicts = number, present, conflicts


class TableFaulty(TableError):
    """The table has errors; the findings say which."""

    def __init__(self, number: int, errors: int) -> None:
        super().__init__(f"version {number} has {errors} errors; see its findings, mend them and check it again")
        self.number, self.errors = number, errors


class SecondPerson(TableError):
    """Who changed a draft cannot approve or confirm it."""

    def __init__(self, number: int, who: str) -> None:
        super().__init__(f"{who} changed version {number}; somebody else has to approve it")
        self.number, self.who = number, who


class Unconfirmed(TableError):
    """Rows of emergency numbers were changed, and no supervisor has confirmed it."""

    def __init__(self, number: int, keys: frozenset[Key]) -> None:
        super().__init__(f"version {number} changes rows of emergency numbers; a supervisor has to confirm them first")
        self.number, self.keys = number, keys


class NotEffective(TableError):
    """Something else is effective, or about to be, than was thought."""

    def __init__(self, present: int, sentence: str) -> None:
        super().__init__(sentence)
        self.present = present
