"""What the API takes and gives about alarms and incident tickets, with the documentation that its users see."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from bridge.alarms import KeptAlarm
from bridge.emergencies import Route
from bridge.tickets import Ticket
from bridge.transfers import shown_target
from config.chinatime import china_time
from config.logs import mask_number
from hotline.api.fields import Done, Who
from ivr.flow import danger

TEXTS: Mapping[str, str] = {
    danger.CALLED: "A citizen is being put through to {line}; no agent is with the citizen.",
    danger.FAILED: "No route to {line} answered; the citizen stays with a person, or gets the first one free.",
}


class AlarmLine(BaseModel):
    """One alarm."""

    id: int
    at: datetime
    call: str = Field(examples=["hotline-1795190400.1"])
    order: str | None = Field(description="Number of the call's order.")
    caller: str | None = Field(description="Masked; the order has it whole.", examples=["138****8000"])
    kind: str = Field(description="`emergency` or `emergency_failed`.", examples=["emergency_failed"])
    line: str = Field(description="The emergency number.", examples=["119"])
    text: str = Field(description="What is the matter, in words.")
    acknowledged: datetime | None = Field(description="Null while nobody has taken care of it.")
    acknowledged_by: str | None
    done: str | None = Field(description="What that person did.")

    @classmethod
    def of(cls, alarm: KeptAlarm) -> "AlarmLine":
        return cls(
            id=alarm.id,
            at=china_time(alarm.at),
            call=alarm.call,
            order=alarm.order,
            caller=None if alarm.caller is None else mask_number(alarm.caller),
            kind=alarm.kind,
            line=alarm.line,
            text=text_of(alarm.kind, alarm.line),
            acknowledged=_time(alarm.acknowledged),
            acknowledged_by=alarm.acknowledged_by,
            done=alarm.done,
        )


def text_of(kind: str, line: str) -> str:
    """An alarm in words."""
    return TEXTS.get(kind, f"{kind}: {{line}}").format(line=line)


class AlarmList(BaseModel):
    """The alarms, the open ones first."""

    items: list[AlarmLine]
    mark: str = Field(description="What the list is like now: pass it as `after` to wait for news.", examples=["7-5"])


class Acknowledgement(BaseModel):
    """A supervisor has taken care of an alarm."""

    model_config = ConfigDict(extra="forbid")

    done: Done
    by: Who | None = None


class RouteLine(BaseModel):
    """One route to the emergency number, rung once."""

    target: str = Field(description="Masked when it is a person's phone.", examples=["phone:119"])
    began: datetime
    answered: datetime | None
    ended: datetime | None = Field(description="When the result was known.")
    result: str | None = Field(description="Null while it rings.", examples=["busy"])

    @classmethod
    def of(cls, route: Route) -> "RouteLine":
        times = {name: _time(getattr(route, name)) for name in ("began", "answered", "ended")}
        return cls.model_validate({**times, "target": shown_target(route.address), "result": route.result})


class TicketLine(BaseModel):
    """An incident ticket (警情单). The caller's number is whole: the emergency desk may have to call back."""

    id: int
    change: int = Field(description="Grows with every change of any ticket; pass the highest as `after`.")
    state: str = Field(description="`pending` until its receipt is told, and again whenever it has changed since.")
    call: str = Field(examples=["hotline-1795190400.1"])
    number: str = Field(description="The emergency number.", examples=["119"])
    order: str | None = Field(description="Number of the call's order.")
    caller: str | None = Field(description="Whole; null when withheld.", examples=["13800138000"])
    dialled: str
    place: str
    event: str
    began: datetime = Field(description="When the first route was rung.")
    asked_by: str | None = Field(description="Agent or supervisor; null when the citizen pressed the key.")
    routes: list[RouteLine] = Field(description="Every route tried, in their order.")
    connected: datetime | None = Field(description="When citizen and emergency desk could speak.")
    confirmed: datetime | None
    confirmed_by: str | None = Field(description="The agent who then left them to each other.")
    received: datetime | None
    received_by: str | None

    @classmethod
    def of(cls, ticket: Ticket) -> "TicketLine":
        times = ("began", "connected", "confirmed", "received")
        told = {
            "state": "pending" if ticket.received is None else "received",
            "order": ticket.order_number,
            "asked_by": ticket.asked_by or None,
            "routes": [RouteLine.of(route) for route in ticket.routes],
        }
        return cls.model_validate({**vars(ticket), **told, **{name: _time(getattr(ticket, name)) for name in times}})


class Receipt(BaseModel):
    """An emergency desk's system has a ticket."""

    model_config = ConfigDict(extra="forbid")

    change: int = Field(ge=1, le=2**53, description="`change` of the ticket as it was read.")
    by: Who | None = None


def _time(at: float | None) -> datetime | None:
    return None if at is None else china_time(at)
