"""Routes of recordings: what is kept, and what is missing. The sound itself is not given out here."""

from typing import Annotated

from fastapi import APIRouter, Query

from hotline.accounts import Role
from hotline.api.auth import allow
from hotline.api.deps import Ask, Services
from hotline.api.fields import CallPath
from hotline.api.models import RecordingLine
from hotline.api.paging import Cursor, Limit, Page, decode, encode
from hotline.api.problems import ProblemError, responses
from hotline.api.routing import LimitedRoute
from recordings.ledger import Place, Recording, State

router = APIRouter(
    prefix="/recordings",
    tags=["recordings"],
    route_class=LimitedRoute,
    dependencies=[allow(Role.SUPERVISOR, Role.AUDITOR)],
)


@router.get("", summary="List recordings")
async def list_recordings(
    ask: Ask,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Annotated[State | None, Query(description="Only recordings in this state.")] = None,
) -> Page[RecordingLine]:
    """Newest first, those that are expected included."""
    return _page(ask, await ask.ledger.page(limit=limit + 1, after=_after(cursor), state=state), limit)


@router.get("/gaps", summary="List what is missing")
async def list_gaps(ask: Ask, limit: Limit = 50, cursor: Cursor = None) -> Page[RecordingLine]:
    """Recordings that are missing, late, too short, one-sided or not proved, and files without a call. Newest first."""
    return _page(ask, await ask.ledger.gaps(limit=limit + 1, after=_after(cursor)), limit)


@router.get("/{call}", summary="Read what is known of a call's recording", responses=responses(404))
async def read_recording(call: CallPath, ask: Ask) -> RecordingLine:
    """Where it is kept, its hash, and until when it must be kept."""
    found = await ask.ledger.of_call(call) if "\0" not in call else None
    if found is None:
        raise ProblemError(404, "recording-unknown", "the ledger knows no recording of a call with this id")
    return RecordingLine.of(found, ask.clock())


def _after(cursor: str | None) -> Place | None:
    place = decode(cursor)
    return None if place is None else Place(*place)


def _page(ask: Services, found: list[Recording], limit: int) -> Page[RecordingLine]:
    page = found[:limit]
    last = encode(page[-1].began, page[-1].name) if len(found) > limit else None
    now = ask.clock()
    return Page(items=[RecordingLine.of(recording, now) for recording in page], next=last)
