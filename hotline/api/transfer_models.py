"""What the API takes and gives about transfers (转接), with the documentation that its users see.

Targets are masked when they are people's phones; the lines of the table are public numbers.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from bridge.model import OrderEmergency, OrderTransfer
from bridge.transfers import Figure, Transfer, shown_target
from config.chinatime import china_time
from hotline.api.fields import AgentId, Happened, Where
from ivr.call import TransferKind, TransferResult

_TARGET = Field(description="Where it rang; masked when it is a person's phone.", examples=["phone:12366"])
_LINE = Field(description="The row of the transfer table.", examples=["12366"])


class TableFormat(StrEnum):
    JSON = "json"
    CSV = "csv"


class OnBehalf(BaseModel):
    """Whose call it is."""

    model_config = ConfigDict(extra="forbid")

    agent: AgentId | None = Field(
        default=None,
        description="The agent who talks. Agents leave it out; supervisors and the installation's token say it.",
        examples=["8001"],
    )


class TransferRequest(OnBehalf):
    """Where the citizen shall be brought, and how."""

    number: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        pattern=r"^\+?[0-9][0-9 ()-]{1,22}$",
        description="A row of the transfer table, with or without area code.",
        examples=["12366"],
    )
    kind: Literal["blind", "warm"] = Field(
        description="`blind`: the agent is let go at once. `warm`: the agent speaks with the line first, then hands "
        "over or takes back."
    )


class MergeRequest(OnBehalf):
    """All together in one conversation (三方通话)."""

    consent: StrictBool = Field(
        description="Whether the citizen agreed to it, having been asked (四川 §12(1), 邵阳 §12). It must be said: "
        "left out, the request cannot be used (422); `false` is kept in the call's story, and the call refuses (409)."
    )


class EmergencyRequest(OnBehalf):
    """Whom the citizen needs, and what the emergency desk should know."""

    number: Literal["110", "119", "120", "122"] = Field(description="公安, 火警, 急救 or 交通事故.")
    place: Where = Field(default="", description="Where help is needed.")
    event: Happened = ""


class Accepted(BaseModel):
    """What the call is doing now that it was asked."""

    call: str = Field(examples=["hotline-1795190400.1"])
    agent: str = Field(description="The agent who talked, or talks; or the supervisor who asked.", examples=["8001"])
    doing: Literal["transfer", "hand_over", "take_back", "merge", "swap", "drop", "emergency"]
    number: str | None = Field(default=None, description="Where to, as it was given.", examples=["12366"])
    kind: Literal["blind", "warm"] | None = None


class OrderTransferLine(BaseModel):
    """One target rung for the citizen, as the order tells it."""

    line: str = _LINE
    target: str = _TARGET
    kind: TransferKind = Field(description="`forward`: the dialled number led there.")
    agent: str | None = Field(description="Who transferred; null when the dialled number led there.")
    began: datetime
    answered_s: float | None = Field(description="Seconds until somebody answered there; null when nobody did.")
    result: TransferResult | None

    @classmethod
    def of(cls, transfer: OrderTransfer) -> "OrderTransferLine":
        return cls.model_validate(
            {**vars(transfer), "agent": transfer.agent or None, "began": china_time(transfer.began)}
        )


class OrderEmergencyLine(BaseModel):
    """An emergency number that the call was handed to, as the order tells it."""

    number: str = Field(examples=["119"])
    place: str = Field(description="What the emergency desk was told of the place.")
    event: str = Field(description="What it was told of what happened.")
    asked_by: str | None = Field(description="Agent or supervisor; null when the citizen pressed the key.")
    began: datetime = Field(description="When the first route was rung.")
    connected: datetime | None = Field(description="When citizen and emergency desk could speak.")
    confirmed_by: str | None = Field(description="The agent who then left them to each other.")
    confirmed: datetime | None

    @classmethod
    def of(cls, emergency: OrderEmergency) -> "OrderEmergencyLine":
        times = {name: _time(getattr(emergency, name)) for name in ("began", "connected", "confirmed")}
        return cls.model_validate({**vars(emergency), **times, "asked_by": emergency.asked_by or None})


class TransferLine(BaseModel):
    """One target rung for a citizen."""

    call: str = Field(examples=["hotline-1795190400.1"])
    seq: int = Field(description="Its place among the call's transfers, from 1.")
    line: str = _LINE
    target: str = _TARGET
    kind: TransferKind
    agent: str | None = Field(description="Who transferred; null when the dialled number led there.")
    began: datetime
    answered_s: float | None = Field(description="Seconds until somebody answered; null when nobody did.")
    ended: datetime | None = Field(description="When the result was known.")
    result: TransferResult | None

    @classmethod
    def of(cls, transfer: Transfer) -> "TransferLine":
        return cls(
            call=transfer.call,
            seq=transfer.seq,
            line=transfer.line,
            target=shown_target(transfer.address),
            kind=transfer.kind,
            agent=transfer.agent or None,
            began=china_time(transfer.began),
            answered_s=None if transfer.answered_s is None else round(transfer.answered_s, 3),
            ended=None if transfer.ended is None else china_time(transfer.ended),
            result=transfer.result,
        )


class AnswerTimes(BaseModel):
    """Seconds from ringing until the target answered, of the attempts that were answered."""

    mean: float
    p50: float = Field(description="Half of them took no longer (nearest rank).")
    p95: float = Field(description="95 % of them took no longer (nearest rank).")


class TransferFigure(BaseModel):
    """What the transfers to one target of a line came to."""

    line: str = _LINE
    target: str = _TARGET
    attempts: int = Field(description="How often it was rung.")
    connected: int = Field(description="How often citizen and target were brought together.")
    success: float = Field(description="`connected` / `attempts`, 0 to 1.", examples=[0.875])
    results: dict[str, int] = Field(description="How often each result.", examples=[{"connected": 7, "busy": 1}])
    answer_s: AnswerTimes | None = Field(description="Null when it never answered.")

    @classmethod
    def of(cls, figure: Figure) -> "TransferFigure":
        waits = figure.answer_s
        return cls(
            line=figure.line,
            target=shown_target(figure.address),
            attempts=figure.attempts,
            connected=figure.connected,
            success=round(figure.success, 4),
            results=dict(sorted(figure.results.items())),
            answer_s=None if waits is None else AnswerTimes(mean=waits.mean, p50=waits.p50, p95=waits.p95),
        )


class TransferFigures(BaseModel):
    """The figures of some days. A transfer counts on the day it began, from when its call is over."""

    model_config = ConfigDict(populate_by_name=True)

    begin: date = Field(alias="from", description="The first day.")
    end: date = Field(alias="to", description="The last day.")
    items: list[TransferFigure] = Field(description="By line and target.")


def _time(at: float | None) -> datetime | None:
    return None if at is None else china_time(at)
