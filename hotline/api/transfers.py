"""Routes of transfers (转接): what they came to, one by one and as figures of lines and targets."""

import re
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from bridge.transfers import Place, Span
from config.chinatime import china_day
from hotline.accounts import Role
from hotline.api.auth import allow
from hotline.api.deps import Ask
from hotline.api.paging import Cursor, Limit, Page, decode, encode
from hotline.api.problems import Fault, ProblemError
from hotline.api.routing import LimitedRoute
from hotline.api.transfer_csv import MEDIA_TYPE, figures_csv, transfers_csv
from hotline.api.transfer_models import TableFormat, TransferFigure, TransferFigures, TransferLine

USUAL_DAYS, MOST_DAYS = 30, 366
MOST_ROWS = 20_000  # of a CSV
_EARLIEST, _LATEST = date(2000, 1, 1), date(2199, 12, 31)

router = APIRouter(
    prefix="/transfers",
    tags=["transfers"],
    route_class=LimitedRoute,
    dependencies=[allow(Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR)],
    responses={200: {"content": {"text/csv": {}}}},
)

From = Annotated[
    date | None, Query(alias="from", ge=_EARLIEST, le=_LATEST, description="The first day, in China's time.")
]
To = Annotated[date | None, Query(alias="to", ge=_EARLIEST, le=_LATEST, description="The last day, in China's time.")]
OfLine = Annotated[
    str | None,
    Query(pattern=r"^[0-9]{3,11}$", description="Only of this row of the transfer table.", examples=["12366"]),
]
Format = Annotated[TableFormat, Query(description="`csv` is for spreadsheets, with Chinese headings.")]


@router.get("", summary="List transfers", response_model=Page[TransferLine])
async def list_transfers(
    ask: Ask,
    limit: Limit = 50,
    cursor: Cursor = None,
    begin: From = None,
    end: To = None,
    line: OfLine = None,
    format: Format = TableFormat.JSON,
) -> Page[TransferLine] | Response:
    """Each target rung, newest first, from when its call is over. As CSV everything that fits, without pages."""
    span = _span(begin, end, line)
    if format is TableFormat.CSV:
        every = await ask.transfers.page(span, limit=MOST_ROWS + 1)
        if len(every) > MOST_ROWS:
            raise _bad("from", f"leaves more than {MOST_ROWS} transfers; ask for fewer days or for one line")
        return _csv(transfers_csv(every), "transfers.csv")
    found = await ask.transfers.page(span, limit=limit + 1, after=_place(cursor))
    page = found[:limit]
    last = encode(page[-1].began, f"{page[-1].seq}:{page[-1].call}") if len(found) > limit else None
    return Page(items=[TransferLine.of(each) for each in page], next=last)


@router.get("/figures", summary="Figures of transfers", response_model=TransferFigures)
async def figures(
    ask: Ask, begin: From = None, end: To = None, line: OfLine = None, format: Format = TableFormat.JSON
) -> TransferFigures | Response:
    """Of each line and target: how often it was rung and with what result, and how soon it answered. Without days:
    the 30 up to today.
    """
    end = end or china_day(ask.clock())
    begin = begin or end - timedelta(days=USUAL_DAYS - 1)
    if (end - begin).days >= MOST_DAYS:
        raise _bad("from", f"and to are more than {MOST_DAYS} days apart; ask for fewer")
    found = await ask.transfers.figures(_span(begin, end, line))
    if format is TableFormat.CSV:
        return _csv(figures_csv(found), f"transfer-figures-{begin}-{end}.csv")
    return TransferFigures(**{"from": begin, "to": end}, items=[TransferFigure.of(figure) for figure in found])


def _span(begin: date | None, end: date | None, line: str | None) -> Span:
    """Whole days in China, the last one included."""
    if begin is not None and end is not None and begin > end:
        raise _bad("from", "is after to; turn them round")
    return Span.of_days(begin, end, line)


def _place(cursor: str | None) -> Place | None:
    """Where the page before ended. Raises a `ProblemError` for a cursor of another list."""
    place = decode(cursor)
    if place is None:
        return None
    parts = re.fullmatch(r"([0-9]{1,9}):(.*)", place[1], re.DOTALL)
    if parts is None:
        raise _bad("cursor", "is not the `next` of any page of this list; begin again without a cursor", kind="cursor")
    return Place(place[0], parts[2], int(parts[1]))


def _csv(content: bytes, name: str) -> Response:
    return Response(content, media_type=MEDIA_TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _bad(field: str, reason: str, *, kind: str = "request-invalid") -> ProblemError:
    return ProblemError(422, kind, f"query.{field}: {reason}", faults=[Fault(field=f"query.{field}", reason=reason)])
