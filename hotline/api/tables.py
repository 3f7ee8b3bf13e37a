"""Routes of transfer tables (转接表): drafts, their rows and files, check, approval by a second person, rollback.

The rules are `routing.tables`'; here stands who may do what.
"""

import asyncio
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from hotline.accounts import Role
from hotline.api import table_imports
from hotline.api.auth import ANYBODY, Actor, allow
from hotline.api.deps import Ask, Services
from hotline.api.etags import IfMatch, etag
from hotline.api.fields import Why
from hotline.api.paging import Cursor, Limit, Page, decode, encode
from hotline.api.problems import responses
from hotline.api.table_fields import LARGEST, Number, RevisionQuery, revision_of
from hotline.api.table_models import (
    Approval,
    Checked,
    DiffView,
    EffectiveView,
    FindingsView,
    Grounds,
    NewDraft,
    NumberedRow,
    Rebase,
    RowEdit,
    TableInFull,
    TableLine,
)
from hotline.api.table_problems import SlowRoute, TableRoute
from routing.tables.diff import Key
from routing.tables.model import Line, LineMode, LineStatus
from routing.tables.publishing import numbered
from routing.tables.states import State, UnknownTable, Version

router = APIRouter(prefix="/tables", tags=["tables"], route_class=TableRoute)
slow = APIRouter(route_class=SlowRoute)

_READ = [allow(*ANYBODY)]
_EDIT = [allow(Role.ADMIN)]
_CONFIRM = [allow(Role.SUPERVISOR)]
_DECIDE = [allow(Role.ADMIN, Role.SUPERVISOR)]

LineNumber = Annotated[str, Path(pattern=r"^[0-9]{3,11}$", description="The number of the row.", examples=["12366"])]
From = Annotated[
    date | None, Query(alias="from", description="The first day of the row that is meant; none for one without.")
]


# ---------------------------------------------------------------- reading


@router.get("", summary="List versions", dependencies=_READ)
async def list_tables(
    ask: Ask,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Annotated[State | None, Query(description="Only versions in this state.")] = None,
) -> Page[TableLine]:
    """Newest first, without rows."""
    place = decode(cursor)
    before = None if place is None else int(min(place[0], LARGEST))
    found = await ask.tables.page(limit=limit + 1, before=before, state=state)
    page = found[:limit]
    last = encode(float(page[-1].number), "") if len(found) > limit else None
    return Page(items=[TableLine.of(version) for version in page], next=last)


@router.get("/effective", summary="Which version holds now?", dependencies=_READ, responses=responses(404))
async def read_effective(ask: Ask) -> EffectiveView:
    """The version that new calls are routed by."""
    found = await ask.tables.effective()
    if found is None:
        raise UnknownTable("there is no effective version yet")
    return EffectiveView.of(found)


@router.get("/{number}", summary="Read one version", dependencies=_READ, responses=responses(404))
async def read_table(number: Number, ask: Ask, response: Response) -> TableInFull:
    """With the history of its revisions. `ETag` is the revision."""
    return await _in_full(ask, await ask.tables.get(number), response)


@slow.get("/{number}/rows", summary="List rows", dependencies=_READ, responses=responses(404))
async def list_rows(
    number: Number,
    ask: Ask,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
    revision: RevisionQuery = None,
    text: Annotated[str, Query(max_length=100, description="Somewhere in number, name, unit or note.")] = "",
    mode: Annotated[LineMode | None, Query(description="Only rows of this mode.")] = None,
    status: Annotated[LineStatus | None, Query(description="Only rows with this status.")] = None,
) -> Page[NumberedRow]:
    """By number. All pages are of the revision of the first one, whatever is changed meanwhile; `ETag` says which."""
    place = decode(cursor)
    if place is not None and place[1].isascii() and place[1].isdigit() and len(place[1]) < 10:
        revision = int(place[1])
    if revision is None:
        revision = (await ask.tables.get(number)).revision
    after = 0.0 if place is None else place[0]
    lines = await ask.tables.lines(number, revision)
    found = await asyncio.to_thread(_rows, lines, after, limit + 1, text.strip().casefold(), mode, status)
    page = found[:limit]
    response.headers["ETag"] = etag(revision)
    last = encode(float(page[-1][0]), str(revision)) if len(found) > limit else None
    return Page(items=[NumberedRow.at(row, line) for row, line in page], next=last)


@router.get("/{number}/findings", summary="Read what the check found", dependencies=_READ, responses=responses(404))
async def read_findings(number: Number, ask: Ask) -> FindingsView:
    """Of the present revision; 404 when it was not checked."""
    found = await ask.publishing.findings(number)
    if found is None:
        raise UnknownTable(f"version {number} was not checked as it is now")
    return FindingsView.of(found)


@slow.get("/{number}/diff", summary="Compare with another version", dependencies=_READ, responses=responses(404))
async def read_diff(
    number: Number,
    ask: Ask,
    against: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="Default: the version it was made from.")
    ] = None,
    revision: RevisionQuery = None,
) -> DiffView:
    """What makes this version from the other."""
    other = against or (await ask.tables.get(number)).base
    old = await ask.tables.base_rows(other)
    return DiffView.of(await ask.tables.compare(old, await ask.tables.lines(number, revision)))


# ---------------------------------------------------------------- drafts


@router.post("", status_code=201, summary="Begin a draft", dependencies=_EDIT, responses=responses(404))
async def begin_draft(new: NewDraft, actor: Actor, ask: Ask, response: Response) -> TableInFull:
    """With the rows of the last approved version, or of any other."""
    version = await ask.drafts.create(who=actor.name, why=new.why, source=new.source)
    response.headers["Location"] = f"/api/tables/{version.number}"
    return await _in_full(ask, version, response)


@slow.put(
    "/{number}/rows/{line}",
    summary="Put a row into a draft",
    dependencies=_EDIT,
    responses=responses(404, 409, 412, 428),
)
async def put_row(
    number: Number,
    line: LineNumber,
    edit: RowEdit,
    actor: Actor,
    ask: Ask,
    response: Response,
    begins: From = None,
    if_match: IfMatch = None,
) -> TableLine:
    """In the place of the row with this number and first day, if there is one; the new row may have another first day.

    Refused with the difference when there is a newer revision than the one that was read.
    """
    revision, new = revision_of(if_match), edit.line(line)
    replaces = None if begins == new.effective_from else Key(line, begins)
    version = await ask.drafts.put(number, new, who=actor.name, why=edit.why, revision=revision, replaces=replaces)
    return _line(version, response)


@slow.delete(
    "/{number}/rows/{line}",
    summary="Take a row out of a draft",
    dependencies=_EDIT,
    responses=responses(404, 409, 412, 428),
)
async def remove_row(
    number: Number,
    line: LineNumber,
    why: Annotated[Why, Query()],
    actor: Actor,
    ask: Ask,
    response: Response,
    begins: From = None,
    if_match: IfMatch = None,
) -> TableLine:
    """The row with this number and first day."""
    revision = revision_of(if_match)
    version = await ask.drafts.remove(number, Key(line, begins), who=actor.name, why=why, revision=revision)
    return _line(version, response)


@slow.post(
    "/{number}/rebase",
    summary="Bring a draft up to date",
    dependencies=_EDIT,
    responses=responses(404, 409, 412, 428),
)
async def rebase(
    number: Number, asked: Rebase, actor: Actor, ask: Ask, response: Response, if_match: IfMatch = None
) -> TableLine:
    """With the version approved since it was made. Rows that both changed are listed, until `choices` decide."""
    version = await ask.drafts.rebase(
        number,
        who=actor.name,
        why=asked.why,
        revision=revision_of(if_match),
        choices={choice.key: choice.keep for choice in asked.choices},
    )
    return _line(version, response)


@router.post("/{number}/discard", summary="Give a draft up", dependencies=_EDIT, responses=responses(404, 409))
async def discard(number: Number, grounds: Grounds, actor: Actor, ask: Ask, response: Response) -> TableLine:
    """It stays readable."""
    return _line(await ask.drafts.discard(number, who=actor.name, why=grounds.why), response)


# ---------------------------------------------------------------- in force


@slow.post("/{number}/check", summary="Check a draft", dependencies=_EDIT, responses=responses(404, 409, 412, 428))
async def check(number: Number, actor: Actor, ask: Ask, response: Response, if_match: IfMatch = None) -> Checked:
    """Without errors, a second person may approve it."""
    version, findings = await ask.publishing.check(number, who=actor.name, revision=revision_of(if_match))
    return Checked(table=_line(version, response), findings=FindingsView.of(findings))


@router.post(
    "/{number}/confirm-emergency",
    summary="Confirm changes of emergency rows",
    dependencies=_CONFIRM,
    responses=responses(404, 409, 412, 428),
)
async def confirm_emergency(
    number: Number, grounds: Grounds, actor: Actor, ask: Ask, response: Response, if_match: IfMatch = None
) -> TableLine:
    """By a supervisor who changed nothing in the draft."""
    revision = revision_of(if_match)
    return _line(await ask.publishing.confirm(number, who=actor.name, why=grounds.why, revision=revision), response)


@slow.post(
    "/{number}/approve", summary="Approve a draft", dependencies=_DECIDE, responses=responses(404, 409, 412, 428)
)
async def approve(
    number: Number, approval: Approval, actor: Actor, ask: Ask, response: Response, if_match: IfMatch = None
) -> TableLine:
    """By somebody who changed nothing in it; exactly the revision that was checked. It takes effect now, or at `at`."""
    version = await ask.publishing.approve(
        number,
        who=actor.name,
        why=approval.why,
        revision=revision_of(if_match),
        at=None if approval.at is None else approval.at.timestamp(),
    )
    return _line(version, response)


@router.post(
    "/{number}/withdraw", summary="Take a scheduled version back", dependencies=_DECIDE, responses=responses(404, 409)
)
async def withdraw(number: Number, grounds: Grounds, actor: Actor, ask: Ask, response: Response) -> TableLine:
    """Before its time; it is a draft again."""
    return _line(await ask.publishing.withdraw(number, who=actor.name, why=grounds.why), response)


@router.post(
    "/{number}/rollback",
    status_code=201,
    summary="Take the effective version back",
    dependencies=_DECIDE,
    responses=responses(404, 409),
    response_description="The new version.",
)
async def rollback(number: Number, grounds: Grounds, actor: Actor, ask: Ask, response: Response) -> TableLine:
    """The rows before it hold again at once, as a new version. One person suffices: they were approved before."""
    version = await ask.publishing.rollback(number, who=actor.name, why=grounds.why)
    response.headers["Location"] = f"/api/tables/{version.number}"
    return _line(version, response)


router.include_router(slow)
router.include_router(table_imports.router)


# ---------------------------------------------------------------- inside


def _line(version: Version, response: Response) -> TableLine:
    response.headers["ETag"] = etag(version.revision)
    return TableLine.of(version)


async def _in_full(ask: Services, version: Version, response: Response) -> TableInFull:
    response.headers["ETag"] = etag(version.revision)
    return TableInFull.in_full(version, await ask.tables.history(version.number))


def _rows(
    lines: tuple[Line, ...], after: float, limit: int, text: str, mode: LineMode | None, status: LineStatus | None
) -> list[tuple[int, Line]]:
    found: list[tuple[int, Line]] = []
    for row, line in numbered(lines):
        if row <= after or mode not in (None, line.mode) or status not in (None, line.status):
            continue
        if text and not any(text in cell.casefold() for cell in (line.number, line.name, line.unit, line.note)):
            continue
        found.append((row, line))
        if len(found) == limit:
            break
    return found
