"""The rules for an order on its way to a unit and back: categories, limits, extensions, warnings."""

from typing import Annotated, Literal

from pydantic import Field

from config.packs.values import Length, Limit, Name, Names, OptionalLimit, Periods, Table

Anchor = Literal["dispatched", "received", "signed"]


class Orders(Table):
    prefix: Annotated[str, Field(pattern=r"^[A-Z0-9]{0,6}$")]  # first characters of every order number
    categories: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]


class Clock(Table):
    """From when a limit in days runs. Hours and minutes run day and night from the moment itself."""

    anchor: Anchor  # of the deadlines
    # same_day: the anchor's day is the first; next_workday: the first working day after it is;
    # second_workday: the anchor's day is day one, counting begins with the second working day (珠海 §22)
    start: Literal["same_day", "next_workday", "second_workday"]
    working_hours: Periods  # of a working day, for limits in working hours


class Dispatch(Table):
    within: Limit  # from acceptance until the order is with a unit


class Signing(Table):
    """A unit confirms that it has an order (签收)."""

    within: Limit
    anchor: Literal["dispatched", "received"]
    deemed_when_late: bool  # unsigned when the limit runs out: it counts as signed


class Returns(Table):
    """A unit sends back what is not its business (退单)."""

    within: Limit
    anchor: Anchor
    site_check: OptionalLimit  # instead of `within`, from the signing, where somebody must go and look first
    site_photos: bool  # such a return needs photographs
    approved: Literal["restart", "continue"]  # what the clock does at the next unit
    refused: Literal["first_receipt", "continue"]  # from when the limit counts for the unit that keeps it
    exclude_review: bool  # the time of the hotline's review does not count
    late: Literal["nothing", "overdue", "deemed_signed", "red_card"]


class Deadline(Table):
    """Until when an order of one category is done; a city replaces the whole entry."""

    within: Limit
    complex: OptionalLimit = None  # 疑难复杂, see `Complexity`
    enterprise: OptionalLimit = None  # 涉企


class Complexity(Table):
    min_calls: Annotated[int, Field(ge=0, le=100)]  # an order can be complex from this many calls on; 0: always


class Extension(Table):
    """More time for an order (延期)."""

    times: Annotated[int, Field(ge=0, le=10)]
    ask_before_due: OptionalLimit  # latest request; none: any time before it is due
    longest: Length
    exact: bool  # an extension is as long as `longest`, never shorter
    major_total: OptionalLimit  # 特别重大、复杂: first limit and extensions together
    not_for: Names  # categories that are never extended
    tell_citizen: bool


class Cards(Table):
    """Warnings that a unit sees (黄牌、红牌)."""

    yellow_left: Limit  # yellow when no more than this is left; same day: on the day it is due
    # unsigned: past the signing limit; unprocessed: past due and nothing was done; overdue: past due
    red_when: Annotated[tuple[Literal["unsigned", "unprocessed", "overdue"], ...], Field(strict=False)]
    red_steps: Names  # in this order


class Supervision(Table):
    """督办: what is done when a unit does not move."""

    when: Names
    ways: Names
    within_system: Limit  # through the system
    within: Limit  # in any other way
    extension: OptionalLimit  # longest, once
