"""Routes of transfer tables as files: imported into a draft, given out for a spreadsheet."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from hotline.accounts import Role
from hotline.api.auth import ANYBODY, Actor, allow
from hotline.api.deps import Ask, Services
from hotline.api.etags import IfMatch, etag
from hotline.api.problems import responses
from hotline.api.table_fields import Number, RevisionQuery, revision_of
from hotline.api.table_files import FORM, Format, Upload, download, read_upload
from hotline.api.table_models import ImportReport
from hotline.api.table_problems import SlowRoute, file_problem
from routing.tables.files import read_file
from routing.tables.findings import Severity
from routing.tables.imports import Foreseen, foresee
from routing.tables.model import Line

router = APIRouter(route_class=SlowRoute)

_READ = [allow(*ANYBODY)]
_EDIT = [allow(Role.ADMIN)]


@router.get(
    "/{number}/export",
    summary="Give a version out as a file",
    dependencies=_READ,
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "The file."}, **responses(404)},
)
async def export(
    number: Number,
    ask: Ask,
    format: Annotated[Format, Query(description="`csv-gbk` is for programs that do not know UTF-8.")] = Format.CSV,
    revision: RevisionQuery = None,
) -> Response:
    """The rows as people edit them, with Chinese headings; `POST /api/tables/import` reads it back."""
    lines = await ask.tables.lines(number, revision)
    name = f"{ask.pack().city.name}转接表-{number}" + ("" if revision is None else f"-{revision}")
    return await download(lines, name, format)


@router.post(
    "/import",
    summary="Import a file as a draft",
    dependencies=_EDIT,
    responses={201: {"model": ImportReport, "description": "The new draft."}, **responses(413)},
    openapi_extra=FORM,
)
async def import_draft(
    upload: Annotated[Upload, Depends(read_upload)], actor: Actor, ask: Ask, response: Response
) -> ImportReport:
    """A file with problems makes nothing and answers with each of them, by row and column. A dry run answers 200."""
    last = await ask.tables.last_approved()
    present = () if last is None else await ask.tables.rows_of(last.body)
    rows, foreseen = await _read(ask, upload, present, None if last is None else present)
    version = None
    if not upload.dry_run:
        lines = [line for _, line in rows]
        version = await ask.drafts.create_from(lines, mode=upload.mode, who=actor.name, why=upload.why)
        response.status_code = 201
        response.headers["Location"] = f"/api/tables/{version.number}"
        response.headers["ETag"] = etag(version.revision)
    return ImportReport.of(len(rows), foreseen, version)


@router.post(
    "/{number}/import",
    summary="Import a file into a draft",
    dependencies=_EDIT,
    responses=responses(404, 409, 412, 413, 428),
    openapi_extra=FORM,
)
async def import_into(
    number: Number,
    upload: Annotated[Upload, Depends(read_upload)],
    actor: Actor,
    ask: Ask,
    response: Response,
    if_match: IfMatch = None,
) -> ImportReport:
    """As the next revision of the draft."""
    revision = revision_of(if_match)
    draft = await ask.tables.get(number)
    before = None if draft.base is None else await ask.tables.lines(draft.base)
    rows, foreseen = await _read(ask, upload, await ask.tables.rows_of(draft.body), before)
    version = None
    if not upload.dry_run:
        lines = [line for _, line in rows]
        version = await ask.drafts.take_in(
            number, lines, mode=upload.mode, who=actor.name, why=upload.why, revision=revision
        )
        response.headers["ETag"] = etag(version.revision)
    return ImportReport.of(len(rows), foreseen, version)


async def _read(
    ask: Services, upload: Upload, present: tuple[Line, ...], before: tuple[Line, ...] | None
) -> tuple[tuple[tuple[int, Line], ...], Foreseen]:
    """The rows of an uploaded file and what they would come to. Raises `ProblemError` for a file with problems."""
    imported = await asyncio.to_thread(read_file, upload.name, upload.data)
    if imported.problems:
        raise file_problem(imported.problems, imported.more)
    foreseen = await asyncio.to_thread(
        foresee, ask.tables.frame(), present, before, imported.rows, upload.mode, ask.clock()
    )
    if foreseen.impossible:
        errors = [each for each in foreseen.findings.items if each.severity is Severity.ERROR]
        raise file_problem(errors, foreseen.findings.errors - len(errors))
    return imported.rows, foreseen
