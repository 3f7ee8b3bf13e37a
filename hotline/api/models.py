"""What the API takes and gives, with the documentation that its users see.

Times are ISO 8601 in China's time, durations seconds. A caller's number is masked everywhere but in one order.
"""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bridge.model import Change, Order, Status
from config.chinatime import china_time
from config.logs import mask_number
from hotline.api.callbook import CallLine
from hotline.api.fields import Caller, CallId, Category, Content, Reason, Where, Who, Why
from hotline.api.transfer_models import OrderEmergencyLine, OrderTransferLine
from hotline.story import Line
from recordings.ledger import Gap, Recording, State
from routing.agents import AgentState, Presence
from routing.board import AgentStatus


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Editable(_Strict):
    """Fields that people write. What is left out stays as it is."""

    status: Status | None = Field(default=None, description="See the rules of each status in `Order`.")
    reason: Reason | None = None
    category: Category | None = None
    content: Content | None = None
    place: Where | None = None
    urgent: bool | None = Field(default=None, description="To be handled before others.")
    call_back: bool | None = Field(default=None, description="The citizen waits to be called.")

    def edit(self) -> dict[str, Any]:
        """The fields that were given. Null clears a category or a reason, and means nothing elsewhere."""
        given = self.model_dump(include=set(_Editable.model_fields), exclude_unset=True)
        return {name: value for name, value in given.items() if value is not None or name in ("category", "reason")}


class NewOrder(_Editable):
    """An order opened by hand. A call opens its order by itself."""

    by: Who | None = None
    why: Why
    caller: Caller | None = None
    call: CallId | None = None


class OrderEdit(_Editable):
    """A change of an order, with who makes it and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "by": "8001",
                    "why": "taken down on the line",
                    "status": "accepted",
                    "category": "求助",
                    "content": "幸福路的路灯不亮",
                    "place": "袁州区幸福路12号",
                }
            ]
        }
    )

    by: Who | None = None
    why: Why


class OrderLine(BaseModel):
    """An order as lists show it: the caller's number masked, without what the citizen said."""

    number: str = Field(description="Order number with its check digit.", examples=["YC261121000014"])
    version: int = Field(description="Counts the changes made by people; see `If-Match`.")
    opened: datetime
    updated: datetime
    status: Status
    category: str | None
    urgent: bool
    call_back: bool = Field(description="The citizen left a message, or appealed, and waits to be called.")
    caller: str | None = Field(description="Null when withheld or not known.", examples=["138****8000"])
    call: str | None = Field(description="Id of the call it came with.")
    dialled: str | None
    outcome: str | None = Field(description="How the call ended; null while it lasts.", examples=["answered"])
    waited_s: float | None = Field(description="Until somebody answered, or the caller gave up.")
    talk_s: float | None
    agents: list[str] = Field(description="Ids of the agents who talked, in their order.")
    transfer_failed: bool = Field(description="The last transfer of the call brought the citizen to nobody.")
    appeal: bool = Field(description="A restricted caller appealed and waits to be called; the recording keeps it.")
    danger: bool = Field(description="The call was a danger to life, which made the order urgent.")

    @classmethod
    def of(cls, order: Order) -> "OrderLine":
        return cls.model_validate(_order(order) | {"caller": _masked(order.caller)})


class HistoryEntry(BaseModel):
    """One change of an order. History is never changed."""

    at: datetime
    who: str = Field(description="`hotline` for what the call itself told.")
    why: str
    fields: dict[str, tuple[Any, Any]] = Field(description="Each changed field: its value before and after.")


class OrderInFull(OrderLine):
    """One order with everything: the caller's number whole, content, history.

    `draft`: opened by a call. `accepted` and `answered` need a category and a content. `not_accepted` needs a reason.
    """

    content: str
    place: str
    reason: str | None
    transfers: list[OrderTransferLine] = Field(description="Every target rung for the citizen, in their order.")
    emergency: list[OrderEmergencyLine] = Field(description="Emergency numbers that the call was handed to.")
    history: list[HistoryEntry]

    @classmethod
    def in_full(cls, order: Order, history: list[Change]) -> "OrderInFull":
        told = [
            HistoryEntry(at=china_time(change.at), who=change.who, why=change.why, fields=dict(change.fields))
            for change in history
        ]
        transfers = [OrderTransferLine.of(transfer) for transfer in order.transfers]
        emergency = [OrderEmergencyLine.of(each) for each in order.emergency or ()]
        fields = {"caller": order.caller, "transfers": transfers, "emergency": emergency, "history": told}
        return cls.model_validate(_order(order) | fields)


class CallSummary(BaseModel):
    """A call as lists show it."""

    call: str = Field(examples=["hotline-1795190400.1"])
    arrived: datetime
    ended: datetime | None = Field(description="Null while it lasts.")
    worker: str = Field(description="The process that runs it, or did.")
    caller: str | None = Field(examples=["138****8000"])
    dialled: str | None
    order: str | None = Field(description="Number of its order.")
    outcome: str | None = Field(examples=["answered"])
    waited_s: float | None
    talk_s: float | None
    agents: list[str]
    recording: State | None = Field(description="State of its recording; null when none is expected.")

    @classmethod
    def of(cls, line: CallLine) -> "CallSummary":
        until = line.answered if line.answered is not None else line.closed
        return cls(
            call=line.call,
            arrived=china_time(line.opened),
            ended=_time(line.closed),
            worker=line.worker,
            caller=_masked(line.caller),
            dialled=line.dialled,
            order=line.order,
            outcome=line.outcome,
            waited_s=None if until is None else round(max(0.0, until - line.opened), 3),
            talk_s=line.talk_s,
            agents=line.agents or [],
            recording=None if line.recording is None else State(line.recording),
        )


class StoryLine(BaseModel):
    """One event of a call."""

    seq: int = Field(description="Its place in the call's journal.")
    at: datetime
    offset_s: float = Field(description="Seconds since the call arrived.")
    kind: str = Field(examples=["leg_answered"])
    text: str = Field(description="What happened, in one sentence.", examples=["Agent 8001 answered."])

    @classmethod
    def of(cls, line: Line) -> "StoryLine":
        return cls(seq=line.seq, at=china_time(line.at), offset_s=line.offset_s, kind=line.kind, text=line.text)


class CallInFull(CallSummary):
    """One call with its story."""

    story: list[StoryLine]


class RecordingLine(BaseModel):
    """What is known of a call's recording."""

    name: str
    call: str | None = Field(description="Null for an orphan: files of which no call is known.")
    began: datetime
    ended: datetime | None
    state: State = Field(description="`expected`, `stored`, `gap` (something is missing) or `orphan`.")
    gap: Gap | None = Field(description="What is missing of it.")
    expected_s: float | None = Field(description="How long the journal proves the citizen was on the line.")
    seconds: float | None = Field(description="How long the kept recording is.")
    path: str | None = Field(description="The kept file, relative to the archive.", examples=["2026/11/21/h-1.ogg"])
    sha256: str | None
    bytes: int | None
    stored_at: datetime | None
    keep_until: date | None = Field(description="The last day on which it must be kept.")
    keep_source: str | None = Field(description="Where that is written.", examples=["宜春 §13(9)"])

    @classmethod
    def of(cls, recording: Recording, now: float) -> "RecordingLine":
        times = {name: _time(getattr(recording, name)) for name in ("began", "ended", "stored_at")}
        return cls.model_validate({**vars(recording), **times, "gap": recording.gap(now)})


class AgentLine(BaseModel):
    """An agent on the board."""

    id: str = Field(examples=["8001"])
    name: str
    skills: list[str]
    state: AgentState = Field(description="What the agent is doing.")
    since: datetime = Field(description="When this state began.")
    presence: Presence = Field(description="What was asked for; holds again after the talk.")
    call: str | None = Field(description="The call rung for or talked on.")

    @classmethod
    def of(cls, agent: AgentStatus) -> "AgentLine":
        return cls(
            id=agent.id,
            name=agent.name,
            skills=list(agent.skills),
            state=agent.state,
            since=china_time(agent.since),
            presence=agent.presence,
            call=agent.call,
        )


class PresenceChange(_Strict):
    """What an agent wants to be."""

    presence: Presence = Field(description="`ready` 示闲, `paused` 示忙 or `off` 签退.", examples=["ready"])


class Health(BaseModel):
    """How the hotline is."""

    well: bool
    parts: dict[str, str] = Field(
        default_factory=dict, description="Each part and what is wrong with it; empty when it is well."
    )


def _order(order: Order) -> dict[str, Any]:
    times = {"opened": china_time(order.opened), "updated": china_time(order.updated)}
    waited = order.waited_s
    known = {"waited_s": None if waited is None else round(waited, 3), "transfer_failed": order.transfer_failed}
    known["danger"] = order.emergency is not None
    return {**vars(order), **times, **known}


def _masked(caller: str | None) -> str | None:
    return None if caller is None else mask_number(caller)


def _time(at: float | None) -> datetime | None:
    return None if at is None else china_time(at)
