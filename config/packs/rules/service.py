"""The rules for calls: emergencies, urgent incidents, what is not accepted, experts, restricted callers, goals."""

from typing import Annotated, Literal

from pydantic import Field

from config.packs.values import PERIOD, Name, Names, Number, Numbers, OptionalLimit, Table

LeaderHours = Annotated[str, Field(pattern=r"^周[一二三四五六日] " + PERIOD.removeprefix("^"))]


class Emergency(Table):
    """A live emergency is handed over at once in every city; no limit of an order ever governs it."""

    numbers: Numbers  # at least 110, 119, 120, 122
    linked: Numbers  # with which the regulation asks for joint procedures (联动)
    connected: Numbers  # whose systems exchange data with ours
    utilities: Names  # public services with the same joint procedures
    keys: dict[Annotated[str, Field(pattern=r"^[0-9*#]$")], Number]  # the second key -> its emergency number
    choice_s: Annotated[float, Field(ge=1, le=30)]  # for the second key; then a person answers
    ring_s: Annotated[float, Field(ge=1, le=60)]  # one route rings this long where its row says nothing else


class Urgent(Table):
    """A kind of urgent incident (突发事件): it has an order, and the limits here instead of the category's.

    All limits count from the dispatch, `phone_within` from the call. A city writes the whole entry.
    """

    name: Name
    covers: Annotated[Names, Field(min_length=1)]
    categories: Names = ()  # empty: any
    phone_within: OptionalLimit = None  # the responsible unit is telephoned
    respond_within: OptionalLimit = None  # the unit's first answer
    progress_within: OptionalLimit = None  # its report of progress
    on_site_within: OptionalLimit = None  # on the spot, or settled without going there
    at_once: bool = False  # 第一时间, without a number
    report_to: Names = ()  # told besides the unit
    units: Names = ()  # whose business it is
    on_call: Names = ()  # must be reachable day and night


class Reason(Table):
    """Why a matter is not accepted, in words for agents."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")]
    text: Annotated[str, Field(min_length=1, max_length=80)]
    source: str = ""  # the clause
    # explain: 解释; tell_channel: 告知法定途径; admonish: 劝导教育; hand_over: 即时转接
    handling: Literal["explain", "tell_channel", "admonish", "hand_over"] = "explain"


class NotAccepted(Table):
    """What the hotline does not accept (不予受理)."""

    reasons: Annotated[tuple[Reason, ...], Field(strict=False, min_length=1)]
    # what the citizen is owed: the reason, its legal basis, help with a transfer, where to go
    duties: Annotated[tuple[Literal["tell_reason", "tell_basis", "transfer", "tell_where"], ...], Field(strict=False)]


class Consultation(Table):
    """Answering with the help of experts, other units and sub-centers."""

    consent: bool  # the citizen must agree first
    # those that the regulation names; it forbids no other
    ways: Annotated[
        tuple[Literal["three_way", "transfer", "expert_seat", "sms", "call_back"], ...],
        Field(strict=False, min_length=1),
    ]
    answer_within: OptionalLimit  # by message or call back
    sub_center_ways: Annotated[tuple[Literal["three_way", "transfer", "order"], ...], Field(strict=False, min_length=1)]
    expert_seats: bool
    enterprise_seats: bool  # 政企通


class Restrictions(Table):
    """Callers who abuse the hotline. Always a person's decision with a reason and an end (PIPL §24).

    The emergency path is never restricted.
    """

    enabled: bool
    max_days: Annotated[int, Field(ge=1, le=365)]  # calendar days
    warn_first: bool  # warned, and given reasonable time
    grounds: Names
    refer_to: Names  # who is told when it may be an offence


class LeaderDay(Table):
    """领导接听日."""

    enabled: bool
    unit_heads: bool  # heads of units take turns as well (部门负责人轮值日)
    hours: Annotated[tuple[LeaderHours, ...], Field(strict=False)]  # published ones only


class Deputies(Table):
    """人大代表: a register and a book of what deputies bring forward."""

    enabled: bool


class Answering(Table):
    """Goals for the answer rate (接通率)."""

    goal_percent: Annotated[int, Field(ge=1, le=100)]
    within_s: Annotated[int, Field(ge=5, le=120)]
    seats_goal_percent: Annotated[int, Field(ge=1, le=100)]  # expert seats and sub-centers; below it: 约谈
