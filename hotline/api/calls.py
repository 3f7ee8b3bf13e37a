"""Routes of calls: which there are, and what happened in each."""

from typing import Annotated

from fastapi import APIRouter, Query

from hotline.api.auth import ANYBODY, allow
from hotline.api.callbook import Place
from hotline.api.deps import Ask
from hotline.api.fields import CallPath
from hotline.api.models import CallInFull, CallSummary, StoryLine
from hotline.api.paging import Cursor, Limit, Page, decode, encode
from hotline.api.problems import ProblemError, responses
from hotline.api.routing import LimitedRoute
from hotline.story import timeline

router = APIRouter(prefix="/calls", tags=["calls"], route_class=LimitedRoute, dependencies=[allow(*ANYBODY)])


@router.get("", summary="List calls")
async def list_calls(
    ask: Ask,
    limit: Limit = 50,
    cursor: Cursor = None,
    open: Annotated[bool, Query(description="Only calls that go on now.")] = False,
) -> Page[CallSummary]:
    """Newest first. Callers' numbers are masked."""
    place = decode(cursor)
    after = None if place is None else Place(*place)
    found = await ask.calls.page(limit=limit + 1, after=after, open_only=open)
    page = found[:limit]
    last = encode(page[-1].opened, page[-1].call) if len(found) > limit else None
    return Page(items=[CallSummary.of(line) for line in page], next=last)


@router.get("/{call}", summary="Read one call's story", responses=responses(404))
async def read_call(call: CallPath, ask: Ask) -> CallInFull:
    """Every event of the journal in one sentence, with the seconds since the call arrived."""
    line = await ask.calls.find(call) if "\0" not in call else None
    if line is None:
        raise ProblemError(
            404, "call-unknown", "there is no call with this id; the list of calls shows those there are"
        )
    story = [StoryLine.of(each) for each in timeline(await ask.journal.read(call))]
    return CallInFull(**CallSummary.of(line).model_dump(), story=story)
