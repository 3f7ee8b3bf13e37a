"""Restrictions of abusive callers (限制使用热线): what one is, its states, and the rules a person's decision must keep.

A restriction is never made by a program (PIPL §24): one person proposes it with calls as evidence, a supervisor who is
somebody else confirms it. It ends by itself with its last day. The way to an emergency service and the way to an
appeal are never restricted: see `ivr.flow`. Pure: no table, no clock.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol

from routing.errors import RoutingError

LEAD_DAYS = 7  # how far ahead one may begin: time for the second person, not for behaviour nobody has seen yet
# The rules name no time (四川 §21: "given reasonable time"). After half a year a caller is warned anew.
WARNING_HOLDS_S = 183 * 86400.0


class State(StrEnum):
    """Where a restriction is in its life, on a given day."""

    PROPOSED = "proposed"  # 待确认
    LAPSED = "lapsed"  # nobody confirmed it before its last day was over
    REFUSED = "refused"  # 不予限制
    UPCOMING = "upcoming"  # confirmed, not begun
    ACTIVE = "active"  # 限制中
    ENDED = "ended"  # over by itself
    LIFTED = "lifted"  # 提前解除


class Decision(StrEnum):
    """What people decided: a restriction's state without the calendar."""

    PROPOSED = "proposed"
    LAPSED = "lapsed"
    REFUSED = "refused"
    CONFIRMED = "confirmed"
    LIFTED = "lifted"


class Outcome(StrEnum):
    """What came of an appeal (申诉)."""

    UPHELD = "upheld"  # 维持: the restriction stays
    LIFTED = "lifted"  # 解除


@dataclass(frozen=True)
class Policy:
    """What the city's rules say (珠海 §9, 四川 §21); ``sources`` is where they say it, by the field's name."""

    enabled: bool
    max_days: int  # calendar days, the first one counted
    warn_first: bool
    grounds: tuple[str, ...] = ()  # the behaviour they name
    sources: Mapping[str, str] = field(default_factory=dict)

    def source(self, field: str) -> str:
        return self.sources.get(field, "default")


NO_RESTRICTIONS = Policy(enabled=False, max_days=0, warn_first=False)


@dataclass(frozen=True)
class Person:
    """A signed-in person; never a program, and never a token that several people share."""

    name: str
    supervisor: bool


@dataclass(frozen=True)
class Arrival:
    """What the journal knows of a call's beginning; ``caller`` as the carrier gave it, None when withheld."""

    caller: str | None = field(repr=False)
    at: float


class Calls(Protocol):
    """Where evidence is looked up: the journal."""

    async def arrivals(self, calls: Collection[str]) -> Mapping[str, Arrival]:
        """The calls that exist, by id."""
        ...


@dataclass(frozen=True)
class Terms:
    """What is proposed. ``calls`` are the evidence; the number is theirs, so that nobody has to type or read it.

    ``begins`` and ``ends`` are days in China, both included; without ``begins`` it is the day of the proposal.
    """

    calls: tuple[str, ...]
    reason: str
    ends: date
    begins: date | None = None


@dataclass(frozen=True)
class Restriction:
    """One restriction. Times are UNIX seconds; ``caller`` is masked; ``calls`` are its evidence, oldest first."""

    id: int
    caller: str
    reason: str
    begins: date
    ends: date  # the last day
    decision: Decision
    proposed_by: str
    proposed_at: float
    decided_by: str | None  # who confirmed or refused it
    decided_at: float | None
    decided_why: str | None
    lifted_by: str | None
    lifted_at: float | None
    lifted_why: str | None
    calls: tuple[str, ...] = ()

    def state(self, today: date) -> State:
        match self.decision:
            case Decision.PROPOSED:
                return State.PROPOSED if today <= self.ends else State.LAPSED
            case Decision.CONFIRMED if today < self.begins:
                return State.UPCOMING
            case Decision.CONFIRMED:
                return State.ACTIVE if today <= self.ends else State.ENDED
        return State(self.decision)


@dataclass(frozen=True)
class Warned:
    """A warning (提醒) that somebody gave a caller, in which call and when."""

    id: int
    caller: str  # masked
    call: str
    at: float
    by: str
    note: str


@dataclass(frozen=True)
class Appeal:
    """An appeal against a restriction. ``by`` is who recorded it: ``hotline`` when the caller pressed the key."""

    id: int
    restriction: int
    at: float
    by: str
    call: str | None
    note: str
    outcome: Outcome | None
    decided_by: str | None
    decided_at: float | None
    decided_why: str | None


class RestrictionError(RoutingError):
    """The family of errors about restrictions; the text is one sentence for the person who asked."""


class UnknownRestriction(RestrictionError):
    """No restriction, or no appeal, has this id."""


class RestrictionRefused(RestrictionError):
    """Something given cannot be used; ``field`` says what."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class RestrictionConflict(RestrictionError):
    """What was asked does not fit to what was decided before."""


class RestrictionsUnknown(RestrictionError):
    """The city's rules know no restriction of callers."""


class AnotherPersonNeeded(RestrictionError):
    """This person may not take this decision: it needs a supervisor, or somebody else."""


def check_enabled(policy: Policy) -> None:
    """Raises `RestrictionsUnknown`."""
    if not policy.enabled:
        raise RestrictionsUnknown(
            f"the city's rules know no restriction of callers (source: {policy.source('enabled')})"
        )


def check_length(policy: Policy, begins: date, ends: date) -> None:
    """Raises `RestrictionRefused` for a period that is empty or longer than the rules allow."""
    days = (ends - begins).days + 1
    if days < 1:
        raise RestrictionRefused("ends", "the last day must not be before the first")
    if days > policy.max_days:
        raise RestrictionRefused(
            "ends",
            f"that would be {days} calendar days; at most {policy.max_days} are allowed "
            f"(source: {policy.source('max_days')})",
        )


def check_beginning(begins: date, today: date) -> None:
    """Raises `RestrictionRefused` for a first day that is over, or too far ahead."""
    if begins < today:
        raise RestrictionRefused("begins", "the first day is over; take today or a later one")
    if begins > today + timedelta(days=LEAD_DAYS):
        raise RestrictionRefused("begins", f"the first day must be within {LEAD_DAYS} days from today")


def check_supervisor(who: Person) -> None:
    """Raises `AnotherPersonNeeded`."""
    if not who.supervisor:
        raise AnotherPersonNeeded("this decision needs a supervisor")
