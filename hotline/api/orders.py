"""Routes of orders. The rules are `bridge.model`'s."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from bridge.model import Order, Status
from bridge.numbers import parse_number
from bridge.orders import Place
from hotline.accounts import Role
from hotline.api.auth import ANYBODY, Actor, allow, doer
from hotline.api.deps import Ask, Services
from hotline.api.etags import IfMatch, etag, version_of
from hotline.api.fields import OrderNumber
from hotline.api.models import NewOrder, OrderEdit, OrderInFull, OrderLine
from hotline.api.paging import Cursor, Limit, Page, decode, encode
from hotline.api.problems import responses
from hotline.api.routing import LimitedRoute

router = APIRouter(prefix="/orders", tags=["orders"], route_class=LimitedRoute)
_READ, _WRITE = [allow(*ANYBODY)], [allow(Role.AGENT, Role.SUPERVISOR)]


@router.post(
    "",
    status_code=201,
    summary="Open an order by hand",
    dependencies=_WRITE,
    responses=responses(409),
    response_description="The new order.",
)
async def open_order(new: NewOrder, actor: Actor, ask: Ask, response: Response) -> OrderInFull:
    """For what did not come by a call; a call's order opens by itself when the call arrives."""
    who = doer(actor, new.by)
    order = await ask.orders.open(who=who, why=new.why, edit=new.edit(), caller=new.caller, call=new.call)
    response.headers["Location"] = f"/api/orders/{order.number}"
    return await _in_full(ask, order, response)


@router.get("", summary="List orders", dependencies=_READ)
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


@router.get("/{number}", summary="Read one order", dependencies=_READ, responses=responses(404))
async def read_order(number: OrderNumber, ask: Ask, response: Response) -> OrderInFull:
    """With everything: the caller's number whole, and the history. `ETag` is the version."""
    return await _in_full(ask, await ask.orders.get(parse_number(number, ask.orders.prefix)), response)


@router.patch("/{number}", summary="Change an order", dependencies=_WRITE, responses=responses(404, 412))
async def change_order(
    number: OrderNumber, edit: OrderEdit, actor: Actor, ask: Ask, response: Response, if_match: IfMatch = None
) -> OrderInFull:
    """Fields that are left out stay as they are. Every change is kept in the history with who, when and why."""
    found = parse_number(number, ask.orders.prefix)
    version, who = version_of(if_match), doer(actor, edit.by)
    order = await ask.orders.change(found, who=who, why=edit.why, edit=edit.edit(), version=version)
    return await _in_full(ask, order, response)


async def _in_full(ask: Services, order: Order, response: Response) -> OrderInFull:
    response.headers["ETag"] = etag(order.version)
    return OrderInFull.in_full(order, await ask.orders.history(order.number))
