"""Routes of the audit log: who did what. Reading only; it has no other side."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from config import audit
from hotline.accounts import Role
from hotline.api.account_models import AuditLine
from hotline.api.auth import allow
from hotline.api.deps import Ask
from hotline.api.paging import Cursor, Limit, Page, decode, encode
from hotline.api.routing import LimitedRoute

router = APIRouter(
    prefix="/audit", tags=["audit"], route_class=LimitedRoute, dependencies=[allow(Role.AUDITOR, Role.ADMIN)]
)

_LARGEST = 2**53  # to which a cursor's number is exact
_TEXT = r"^[^\x00]*$"


@router.get("", summary="Read the audit log")
async def list_entries(
    ask: Ask,
    limit: Limit = 50,
    cursor: Cursor = None,
    who: Annotated[str | None, Query(max_length=100, pattern=_TEXT, description="Only what this account did.")] = None,
    action: Annotated[
        str | None, Query(max_length=100, pattern=_TEXT, description="Only actions that begin so, as `account.`.")
    ] = None,
    subject: Annotated[
        str | None, Query(max_length=200, pattern=_TEXT, description="Only what was done to it, as `account:li.na`.")
    ] = None,
    begin: Annotated[AwareDatetime | None, Query(alias="from", description="Not before this time.")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to", description="Before this time.")] = None,
) -> Page[AuditLine]:
    """Newest first. Entries are never changed and never taken away."""
    place = decode(cursor)
    wanted = audit.Filter(
        who=who,
        action=action,
        subject=subject,
        begin=None if begin is None else begin.timestamp(),
        end=None if end is None else end.timestamp(),
    )
    before = None if place is None else max(0, min(int(place[0]), _LARGEST))
    found = await audit.page(ask.database, wanted, limit=limit + 1, before=before)
    page = found[:limit]
    last = encode(float(page[-1].id), "") if len(found) > limit else None
    return Page(items=[AuditLine.of(entry) for entry in page], next=last)
