"""What an order (工单) is and which changes it allows. Pure: no table, no clock, no number is made here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ivr.call import TransferResult

CATEGORIES = ("咨询", "求助", "建议", "意见", "投诉", "举报")  # 宜春 §10 and §14; a city may have others

_NOT_FAILED = (TransferResult.CONNECTED, TransferResult.CANCELLED)


class Status(StrEnum):
    """Where an order stands. What follows an acceptance (dispatch, deadlines) is not here yet."""

    DRAFT = "draft"  # opened by a call, not yet written down
    ACCEPTED = "accepted"  # 受理: to be handled by a unit
    ANSWERED = "answered"  # answered on the line (即时答复办结, 宜春 §14)
    NOT_ACCEPTED = "not_accepted"  # 不予受理, with its reason (宜春 §11)


# A mistake can be put right, with a word about why: nothing is final but the history.
LEADS_TO: Mapping[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset({Status.ACCEPTED, Status.ANSWERED, Status.NOT_ACCEPTED}),
    Status.ACCEPTED: frozenset({Status.ANSWERED, Status.NOT_ACCEPTED}),
    Status.ANSWERED: frozenset({Status.ACCEPTED}),
    Status.NOT_ACCEPTED: frozenset({Status.ACCEPTED}),
}
EDITABLE = ("status", "reason", "category", "content", "place", "urgent", "call_back")


class OrderError(Exception):
    """The family of errors about orders; the text is one sentence for the person who asked."""


class UnknownOrder(OrderError):
    """No order has this number."""


class OrderExists(OrderError):
    """The call has an order already, whose number is ``number``."""

    def __init__(self, call: str, number: str) -> None:
        super().__init__(f"call {call} has order {number} already; change that one")
        self.number = number


class OrderRefused(OrderError):
    """The change is against the rules of orders; ``field`` is what stands in its way."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class OrderChanged(OrderError):
    """Somebody else changed the order since it was read."""

    def __init__(self, number: str, version: int) -> None:
        super().__init__(f"order {number} was changed by somebody else and is now at version {version}; read it again")
        self.version = version


@dataclass(frozen=True)
class OrderTransfer:
    """One target rung for the citizen. ``target`` is masked when it is a person's phone; ``began`` is UNIX seconds,
    ``answered_s`` seconds until somebody answered; kind and result are words of `ivr.call`.
    """

    line: str
    target: str
    kind: str
    agent: str
    began: float
    answered_s: float | None
    result: str | None


@dataclass(frozen=True)
class OrderEmergency:
    """The call was handed to an emergency number. Times are UNIX seconds; ``asked_by`` is empty when the citizen
    pressed the key, ``confirmed_by`` is the agent who left citizen and emergency desk to each other.
    """

    number: str
    place: str
    event: str
    asked_by: str
    began: float
    connected: float | None
    confirmed_by: str | None
    confirmed: float | None


@dataclass(frozen=True)
class Order:
    """One order as the database keeps it. Times are UNIX seconds, durations seconds; ``caller`` is whole."""

    number: str
    version: int
    opened: float
    updated: float
    status: Status
    reason: str | None
    category: str | None
    content: str
    place: str
    urgent: bool
    call_back: bool
    caller: str | None
    call: str | None
    dialled: str | None
    arrived: float | None
    answered: float | None
    closed: float | None
    outcome: str | None
    talk_s: float | None
    agents: tuple[str, ...]
    transfers: tuple[OrderTransfer, ...] = ()
    appeal: bool = False  # a restricted caller appealed
    emergency: tuple[OrderEmergency, ...] | None = None  # None: no danger to life

    @property
    def transfer_failed(self) -> bool:
        """Whether the last transfer did not bring the citizen to anybody, and nobody had called it off."""
        return bool(self.transfers) and self.transfers[-1].result not in _NOT_FAILED

    @property
    def waited_s(self) -> float | None:
        """From the call's arrival until somebody answered, or until it ended; None while neither is known."""
        until = self.answered if self.answered is not None else self.closed
        return None if until is None or self.arrived is None else max(0.0, until - self.arrived)


@dataclass(frozen=True)
class Change:
    """One entry of an order's history: ``fields`` maps each changed field to its value before and after."""

    at: float
    who: str
    why: str
    fields: Mapping[str, tuple[Any, Any]]


def changes(order: Order, edit: Mapping[str, Any], categories: Collection[str]) -> dict[str, tuple[Any, Any]]:
    """What the edit changes in the order, as field → (before, after); empty when all is so already.

    Raises `OrderRefused`. An order that is accepted after all loses the reason why it was not.
    """
    wanted = dict(edit)
    for field in wanted:
        if field not in EDITABLE:
            raise OrderRefused(field, f"{field} cannot be changed; what can be is {', '.join(EDITABLE)}")
    status = Status(wanted.get("status", order.status))
    if status is not order.status and status not in LEADS_TO[order.status]:
        possible = ", ".join(sorted(LEADS_TO[order.status]))
        raise OrderRefused(
            "status", f"an order that is {order.status} cannot become {status}; it can become {possible}"
        )
    if status is not Status.NOT_ACCEPTED and order.reason is not None:
        wanted.setdefault("reason", None)
    after = {field: wanted.get(field, getattr(order, field)) for field in EDITABLE}
    _check(status, after, categories)
    return {field: (getattr(order, field), value) for field, value in after.items() if value != getattr(order, field)}


def _check(status: Status, after: Mapping[str, Any], categories: Collection[str]) -> None:
    category = after["category"]
    if category is not None and category not in categories:
        raise OrderRefused("category", f"{category} is no category of this city; they are {' '.join(categories)}")
    if status in (Status.ACCEPTED, Status.ANSWERED):
        if category is None:
            raise OrderRefused("category", f"an order needs a category before it is {status}")
        if not after["content"].strip():
            raise OrderRefused("content", f"an order needs its content before it is {status}")
    if status is Status.NOT_ACCEPTED and not (after["reason"] or "").strip():
        raise OrderRefused("reason", "say why the order is not accepted, in the field reason")
    if status is not Status.NOT_ACCEPTED and after["reason"] is not None:
        raise OrderRefused("reason", "a reason goes with the status not_accepted only")
