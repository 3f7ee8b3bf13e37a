"""Routes of incident tickets (警情单): the systems of emergency desks read them and say that they have them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hotline.accounts import Role
from hotline.api.alarm_models import Receipt, TicketLine
from hotline.api.auth import Actor, allow, doer
from hotline.api.deps import Ask
from hotline.api.paging import Limit
from hotline.api.problems import responses
from hotline.api.routing import LimitedRoute

LARGEST = 2**53

router = APIRouter(prefix="/tickets", tags=["tickets"], route_class=LimitedRoute, dependencies=[allow(Role.SUPERVISOR)])


class TicketList(BaseModel):
    """Tickets in the order of their changes."""

    items: list[TicketLine]
    after: int = Field(description="Pass it as `after` to read on.")


@router.get("", summary="Read incident tickets")
async def list_tickets(
    ask: Ask,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="`after` of the answer before; 0 from the start.")] = 0,
    pending: Annotated[bool, Query(description="Only those whose receipt nobody has told.")] = False,
    limit: Limit = 50,
) -> TicketList:
    """One ticket for each call and emergency number, there as soon as the first route is rung. It comes again whenever
    something about it has changed: a route that failed, the connection, the agent's confirmation.
    """
    found = await ask.tickets.after(after, limit=limit, pending_only=pending)
    return TicketList(items=[TicketLine.of(ticket) for ticket in found], after=found[-1].change if found else after)


@router.post("/{ticket}/received", summary="Say that a ticket is there", responses=responses(404))
async def receive_ticket(
    ticket: Annotated[int, Path(ge=1, le=LARGEST, description="Id of a ticket.")],
    receipt: Receipt,
    actor: Actor,
    ask: Ask,
) -> TicketLine:
    """For the ticket as it was at `change`; one that has changed since stays `pending`, as the answer shows."""
    who = doer(actor, receipt.by)
    return TicketLine.of(await ask.tickets.receive(ticket, who=who, change=receipt.change))
