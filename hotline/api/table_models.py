"""What the routes of transfer tables take and give. Rows have the columns of the spreadsheet, in its words.

Telephone numbers here are lines and offices, which everybody may know; nothing is masked.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from config.chinatime import china_time
from hotline.api.fields import Why
from routing.tables.cells import cells_of, line_of
from routing.tables.columns import COLUMNS
from routing.tables.diff import Changed, Conflict, Diff, Key, Side
from routing.tables.findings import Finding, Findings, Severity
from routing.tables.imports import Foreseen
from routing.tables.model import Line, LineMode, LineStatus
from routing.tables.states import Effective, Revision, State, Version

SHOWN = 200  # rows of each part of a difference: nobody reads more of them in an answer

Number = Annotated[str, Field(pattern=r"^[0-9]{3,11}$", description="The number that is dialled.", examples=["12366"])]
Cell = Annotated[str, Field(max_length=2000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _Row(BaseModel):
    """The columns that the number does not say."""

    name: Cell = Field(examples=["税务服务热线"])
    mode: LineMode
    unit: Cell = Field(default="", description="责任单位.", examples=["市税务局"])
    status: LineStatus = LineStatus.OPEN
    targets: Cell = Field(
        default="",
        description="Where calls go, in order, parted by `;`: `skill:…`, `phone:…`, `backup:…`, `desk:…`, `line:…`, "
        "each with its ring time and tries; empty: what the mode implies.",
        examples=["phone:12366 20s x2; skill:general"],
    )
    hours: Cell = Field(
        default="", description="Empty: day and night.", examples=["工作日 08:30-12:00 14:00-17:30; 周六 09:00-12:00"]
    )
    expert: bool = Field(default=False, description="设专家座席.")
    announcement: Cell = Field(default="", description="Said to the caller first.")
    begins: date | None = Field(default=None, alias="from", description="The first day, in China; null: always.")
    ends: date | None = Field(default=None, alias="to", description="The last day, in China; null: for good.")
    confirm: bool = Field(default=False, description="待确认: the city has still to confirm this row.")
    source: Cell = Field(default="", description="Where it is written.", examples=["宜春 §18"])
    note: Cell = ""


class RowLine(_Row):
    """One row of a table."""

    number: str = Field(examples=["12366"])

    @classmethod
    def of(cls, line: Line) -> Self:
        cells: dict[str, object] = dict(cells_of(line, chinese=False))
        cells |= {"from": line.effective_from, "to": line.effective_to, "expert": line.expert, "confirm": line.confirm}
        return cls.model_validate(cells)


class NumberedRow(RowLine):
    """One row of a table, where a spreadsheet has it: the headings stand in row 1."""

    row: int

    @classmethod
    def at(cls, row: int, line: Line) -> Self:
        return cls.model_validate(RowLine.of(line).model_dump(by_alias=True) | {"row": row})


class RowEdit(_Row, _Strict):
    """A row as it shall be, with why."""

    why: Why

    def line(self, number: str) -> Line:
        """The line of this number. Raises `routing.tables.cells.CellFaults`."""
        cells = {column: str(value) for column, value in self.model_dump(include=_texts()).items()}
        cells |= {"number": number, "from": _day(self.begins), "to": _day(self.ends)}
        return line_of(cells | {"expert": _yes(self.expert), "confirm": _yes(self.confirm)})


def _texts() -> set[str]:
    return {column for column in COLUMNS if column not in ("number", "from", "to", "expert", "confirm")}


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _yes(value: bool) -> str:
    return "yes" if value else ""


class FindingLine(BaseModel):
    """One thing found by a check, in Chinese."""

    severity: Severity
    row: int | None = Field(description="As a spreadsheet counts; null: about the whole table.")
    column: str | None = Field(examples=["targets"])
    text: str = Field(examples=["技能“tax”不存在；可用：general"])
    emergency: bool = Field(description="A supervisor has to confirm it.")

    @classmethod
    def of(cls, finding: Finding) -> Self:
        return cls(
            severity=finding.severity,
            row=finding.row,
            column=finding.column,
            text=finding.text,
            emergency=finding.emergency,
        )


class FindingsView(BaseModel):
    """What a check found: errors first, each by row. `more` says how many others there are."""

    errors: int
    warnings: int
    items: list[FindingLine]
    more: int

    @classmethod
    def of(cls, found: Findings) -> Self:
        items = [FindingLine.of(each) for each in found.items]
        return cls(errors=found.errors, warnings=found.warnings, items=items, more=found.more)


class ChangedRow(BaseModel):
    """A row that is not the same any more."""

    number: str
    begins: date | None = Field(serialization_alias="from")
    cells: dict[str, tuple[str, str]] = Field(description="Each changed column: before and after.")

    @classmethod
    def of(cls, changed: Changed) -> Self:
        return cls(number=changed.key.number, begins=changed.key.begins, cells=changed.cells(chinese=False))


class Counts(BaseModel):
    """How many rows differ."""

    added: int
    removed: int
    changed: int


class DiffView(BaseModel):
    """How two tables differ. Of each part the first 200 rows are listed; `counts` has them all."""

    counts: Counts
    added: list[RowLine]
    removed: list[RowLine]
    changed: list[ChangedRow]

    @classmethod
    def of(cls, found: Diff) -> Self:
        return cls(
            counts=Counts(added=len(found.added), removed=len(found.removed), changed=len(found.changed)),
            added=[RowLine.of(line) for line in found.added[:SHOWN]],
            removed=[RowLine.of(line) for line in found.removed[:SHOWN]],
            changed=[ChangedRow.of(each) for each in found.changed[:SHOWN]],
        )


class ConflictRow(BaseModel):
    """A row that two people changed; null where there is none."""

    number: str
    begins: date | None = Field(serialization_alias="from")
    base: RowLine | None
    mine: RowLine | None
    theirs: RowLine | None

    @classmethod
    def of(cls, conflict: Conflict) -> Self:
        sides = {side: getattr(conflict, side) for side in ("base", "mine", "theirs")}
        rows = {side: None if line is None else RowLine.of(line) for side, line in sides.items()}
        return cls(number=conflict.number, begins=conflict.begins, **rows)


class KeyView(BaseModel):
    """What tells a row from all others."""

    number: str
    begins: date | None = Field(serialization_alias="from")

    @classmethod
    def all(cls, keys: Iterable[Key]) -> list[Self]:
        ordered = sorted(keys, key=lambda key: (key.number, key.begins or date.min))
        return [cls(number=key.number, begins=key.begins) for key in ordered]


class TableLine(BaseModel):
    """One version of the table as lists show it."""

    number: int = Field(description="Counts a city's versions, from 1.")
    state: State
    base: int | None = Field(description="The version it was made from, and will follow.")
    revision: int = Field(description="Counts the changes of the draft; see `If-Match`.")
    rows: int
    why: str
    created: datetime
    created_by: str
    updated: datetime
    errors: int | None = Field(description="Found by the check; null when this revision was not checked.")
    warnings: int | None
    checked: datetime | None
    checked_by: str | None
    confirmed: datetime | None = Field(description="When a supervisor confirmed the changes of emergency rows.")
    confirmed_by: str | None
    approved: datetime | None
    approved_by: str | None
    effective: datetime | None = Field(description="When it took effect, or will.")
    restores: int | None = Field(description="The version whose rows a rollback brought back.")

    @classmethod
    def of(cls, version: Version) -> Self:
        return cls(
            number=version.number,
            state=version.state,
            base=version.base,
            revision=version.revision,
            rows=version.rows,
            why=version.why,
            created=china_time(version.created),
            created_by=version.created_by,
            updated=china_time(version.updated),
            errors=version.errors,
            warnings=version.warnings,
            checked=_time(version.checked_at),
            checked_by=version.checked_by,
            confirmed=_time(version.confirmed_at),
            confirmed_by=version.confirmed_by,
            approved=_time(version.approved_at),
            approved_by=version.approved_by,
            effective=_time(version.effective_at),
            restores=version.restores,
        )


class RevisionLine(BaseModel):
    """One change of a draft. None is ever lost."""

    revision: int
    at: datetime
    who: str
    why: str
    action: str = Field(examples=["put"])
    rows: int

    @classmethod
    def of(cls, found: Revision) -> Self:
        return cls(
            revision=found.revision,
            at=china_time(found.at),
            who=found.who,
            why=found.why,
            action=found.action,
            rows=found.rows,
        )


class TableInFull(TableLine):
    """One version with the history of its revisions, oldest first."""

    history: list[RevisionLine]

    @classmethod
    def in_full(cls, version: Version, history: Iterable[Revision]) -> Self:
        lines = [RevisionLine.of(each) for each in history]
        return cls.model_validate(TableLine.of(version).model_dump() | {"history": lines})


class EffectiveView(BaseModel):
    """The version that calls are routed by now."""

    number: int
    since: datetime

    @classmethod
    def of(cls, found: Effective) -> Self:
        return cls(number=found.number, since=china_time(found.since))


class Checked(BaseModel):
    """A version after its check."""

    table: TableLine
    findings: FindingsView


class ImportReport(BaseModel):
    """What an import came to, or would. Findings name the rows of the file."""

    rows: int = Field(description="In the file.")
    findings: FindingsView
    changes: Counts
    table: TableLine | None = Field(description="The draft; null for a dry run.")

    @classmethod
    def of(cls, rows: int, foreseen: Foreseen, version: Version | None) -> Self:
        return cls(
            rows=rows,
            findings=FindingsView.of(foreseen.findings),
            changes=DiffView.of(foreseen.diff).counts,
            table=None if version is None else TableLine.of(version),
        )


class NewDraft(_Strict):
    """A draft, with the rows of a version."""

    why: Why
    source: int | None = Field(default=None, ge=1, description="Whose rows; default: those of the last approved one.")


class Grounds(_Strict):
    """Why it is done, for the history."""

    why: Why


class Approval(Grounds):
    """An approval, for now or for a time."""

    at: AwareDatetime | None = Field(default=None, description="When it takes effect; left out: at once.")


class Choice(_Strict):
    """Whose row stays."""

    number: Number
    begins: date | None = Field(default=None, alias="from")
    keep: Side

    @property
    def key(self) -> Key:
        return Key(self.number, self.begins)


class Rebase(Grounds):
    """Choices for the rows in conflict, if there were any."""

    choices: Annotated[list[Choice], Field(max_length=10_000)] = []


def _time(at: float | None) -> datetime | None:
    return None if at is None else china_time(at)
