"""Routes of orders. The rules are `bridge.model`'s; who may do what comes with roles."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from bridge.model import Order, Status
from bridge.numbers import parse_number
from bridge.orders import Place
from hotline.api.deps import Ask, Services
from hotline.api.fields import OrderNumber
from hotline.api.models import NewOrder, OrderEdit, OrderInFull, OrderLine
from hotline.api.paging import Cursor, Limit, Page, decode, encode
from hotline.api.problems import Fault, ProblemError, responses
from hotline.api.routing import LimitedRoute

router = APIRouter(prefix="/orders", tags=["orders"], route_class=LimitedRoute)

IfMatch = Annotated[
    str | None,
    Header(description='The version that was read, as in `"3"`; the change is refused when there is a newer one.'),
]


@router.post(
    "",
    status_code=201,
    summary="Open an order by hand",
    responses=responses(409),
    response_description="The new order.",
)
async def open_order(new: NewOrder, ask: Ask, response: Response) -> OrderInFull:
    """For what did not come by a call; a call's order opens by itself when the call arrives."""
    order = await ask.orders.open(who=new.by, why=new.why, edit=new.edit(), caller=new.caller, call=new.call)
    response.headers["Location"] = f"/api/orders/{order.number}"
    return await _in_full(ask, order, response)


@router.get("", summary="List orders")
async def list_orders(
    ask: Ask,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: Annotated[Status | None, Query(description="Only orders with this status.")] = None,
    call_back: Annotated[
        bool | None, Query(description="Only orders whose citizen waits to be called (or not).")
    ] = None,
    call: Annotated[str | None, Query(max_length=200, description="Only the order of this call.")] = None,
) -> Page[OrderLine]:
    """Newest first. Callers' numbers are masked."""
    place = decode(cursor)
    after = None if place is None else Place(*place)
    found = await ask.orders.page(limit=limit + 1, after=after, status=status, call_back=call_back, call=call)
    page = found[:limit]
    last = encode(page[-1].opened, page[-1].number) if len(found) > limit else None
    return Page(items=[OrderLine.of(order) for order in page], next=last)


@router.get("/{number}", summary="Read one order", responses=responses(404))
async def read_order(number: OrderNumber, ask: Ask, response: Response) -> OrderInFull:
    """With everything: the caller's number whole, and the history. `ETag` is the version."""
    return await _in_full(ask, await ask.orders.get(parse_number(number, ask.orders.prefix)), response)


@router.patch("/{number}", summary="Change an order", responses=responses(404, 412))
async def change_order(
    number: OrderNumber, edit: OrderEdit, ask: Ask, response: Response, if_match: IfMatch = None
) -> OrderInFull:
    """Fields that are left out stay as they are. Every change is kept in the history with who, when and why."""
    found = parse_number(number, ask.orders.prefix)
    version = _version(if_match)
    order = await ask.orders.change(found, who=edit.by, why=edit.why, edit=edit.edit(), version=version)
    return await _in_full(ask, order, response)


async def _in_full(ask: Services, order: Order, response: Response) -> OrderInFull:
    response.headers["ETag"] = f'"{order.version}"'
    return OrderInFull.in_full(order, await ask.orders.history(order.number))


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().strip('"')
    if digits.isascii() and digits.isdigit() and len(digits) < 10:
        return int(digits)
    reason = 'must be the ETag that was read, as in "3"'
    raise ProblemError(
        422, "request-invalid", f"header.if-match: {reason}", faults=[Fault(field="header.if-match", reason=reason)]
    )
