"""What the routes of restrictions take and give. Callers' numbers are masked everywhere."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from config.audit import Kept
from config.chinatime import china_time
from hotline.api.fields import CallId, Why
from routing.restrictions import Appeal, Outcome, Policy, Restriction, State, Terms, Warned


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


Reason = Annotated[Why, Field(description="What the caller did.", examples=["三天内十二次辱骂话务员"])]


class Proposal(_Strict):
    """A restriction to be decided about. The number is that of the calls: it is never sent."""

    calls: Annotated[
        list[CallId], Field(min_length=1, max_length=20, description="Evidence: calls that all came from the caller.")
    ]
    reason: Reason
    begins: date | None = Field(default=None, description="The first day, in China; default: today.")
    ends: date = Field(description="The last day, in China. It ends by itself at the end of it.")

    def terms(self) -> Terms:
        return Terms(tuple(self.calls), self.reason, self.ends, self.begins)


class Confirmation(_Strict):
    """A word on the decision, for the history."""

    why: Why | None = None


class Grounds(_Strict):
    """Why it is decided so, for the history."""

    why: Why


class NewWarning(_Strict):
    """A warning that was given in a call."""

    call: CallId
    note: Annotated[Why, Field(description="What the caller was told.", examples=["已提醒不得辱骂，否则限制使用"])]


class NewAppeal(_Strict):
    """An appeal that reached somebody. Those made by key in a call are recorded by themselves."""

    note: Annotated[Why, Field(description="What the caller says.", examples=["称电话被他人使用"])]
    call: CallId | None = Field(default=None, description="The call in which it was made, if it was.")


class AppealDecision(_Strict):
    """What comes of an appeal."""

    outcome: Outcome = Field(description="`upheld` 维持: the restriction stays; `lifted` 解除: it ends now.")
    why: Why


class PolicyLine(BaseModel):
    """What the city's rules say of restrictions."""

    enabled: bool
    max_days: int = Field(description="The longest, in calendar days, the first one counted.")
    warn_first: bool = Field(description="Whether the caller must have been warned and have called again.")
    grounds: list[str] = Field(description="The behaviour that the rules name.")
    sources: dict[str, str] = Field(description="Where each is written.", examples=[{"max_days": "珠海 §9"}])

    @classmethod
    def of(cls, policy: Policy) -> "PolicyLine":
        return cls.model_validate(asdict(policy) | {"grounds": list(policy.grounds)})


class RestrictionLine(BaseModel):
    """One restriction, its number masked."""

    id: int
    caller: str = Field(examples=["138****8000"])
    state: State = Field(
        description="`proposed` 待确认, `lapsed` never confirmed, `refused` 不予限制, "
        "`upcoming` confirmed and not begun, `active` 限制中, `ended` by itself, `lifted` 提前解除."
    )
    reason: str
    calls: list[str] = Field(description="The evidence, oldest first.")
    begins: date = Field(description="The first day, in China.")
    ends: date = Field(description="The last day, in China.")
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None = Field(description="Who confirmed or refused it.")
    decided_at: datetime | None
    decided_why: str | None
    lifted_by: str | None
    lifted_at: datetime | None
    lifted_why: str | None

    @classmethod
    def of(cls, restriction: Restriction, today: date) -> "RestrictionLine":
        return cls.model_validate(_line(restriction) | {"state": restriction.state(today)})


class AppealLine(BaseModel):
    """One appeal."""

    id: int
    restriction: int
    at: datetime
    by: str = Field(description="Who recorded it; `hotline` when the caller pressed the key.")
    call: str | None = Field(description="The call in which it was made: its recording keeps what was said.")
    note: str
    outcome: Outcome | None = Field(description="Null while nobody decided.")
    decided_by: str | None
    decided_at: datetime | None
    decided_why: str | None

    @classmethod
    def of(cls, appeal: Appeal) -> "AppealLine":
        return cls.model_validate(_line(appeal))


class WarningLine(BaseModel):
    """One warning, the number masked."""

    id: int
    caller: str
    call: str
    at: datetime
    by: str
    note: str

    @classmethod
    def of(cls, warned: Warned) -> "WarningLine":
        return cls.model_validate(_line(warned))


class RestrictionStep(BaseModel):
    """One thing that was done about a restriction, as the audit log keeps it."""

    at: datetime
    who: str = Field(description="`hotline` for what happened by itself.")
    action: str = Field(examples=["restriction.confirm"])
    why: str
    detail: dict[str, Any]

    @classmethod
    def of(cls, entry: Kept) -> "RestrictionStep":
        return cls(
            at=china_time(entry.at), who=entry.who, action=entry.action, why=entry.why, detail=dict(entry.detail)
        )


class RestrictionInFull(RestrictionLine):
    """One restriction with its appeals and its whole history."""

    appeals: list[AppealLine]
    history: list[RestrictionStep]


def _line(found: Restriction | Appeal | Warned) -> dict[str, Any]:
    """Its fields, with times as people read them."""
    values = asdict(found)
    times = {name: values[name] for name in values if name == "at" or name.endswith("_at")}
    values |= {name: None if at is None else china_time(at) for name, at in times.items()}
    return values | ({"calls": list(values["calls"])} if "calls" in values else {})
