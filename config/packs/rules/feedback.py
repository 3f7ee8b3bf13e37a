"""The rules for what the citizen says and hears about an order: progress, revisits, ratings, redoing, messages."""

from typing import Annotated, Literal

from pydantic import Field

from config.packs.values import Length, Limit, Name, Names, OptionalLimit, Periods, Table


class Progress(Table):
    """Asking for an order's progress (查询), adding to it (追加) and urging (催办)."""

    self_service: bool
    tell_progress: bool  # a repeated call about an open order without news is told its progress
    merge_duplicates: bool  # the same matter from many people becomes one order (并单)
    added_facts: Literal["append", "new_order"]  # new facts while the order is within its limit
    added_facts_restart: bool  # they set its clock back to the beginning
    urges_noted_from: Annotated[int, Field(ge=1, le=10)]  # from this urging call on the order shows how many there were
    urges_redispatch: bool  # urging sends the order out again
    after_end: Literal["new_order", "append"]  # new facts when the order is closed or overdue


class Sms(Table):
    """Which text messages a citizen gets."""

    acceptance: bool
    result_within: OptionalLimit  # from the unit's result; none: the result is not sent
    rating: bool
    revisit: bool
    reply: bool  # an agent may answer a question by message


class Revisit(Table):
    """Asking citizens how an order was handled (回访)."""

    share: Literal["all", "sample", "unsatisfied"]  # who is called
    sample_allowed: bool  # the regulation lets a city do with a sample
    sms_first: bool  # everybody is asked by message before
    tries: Annotated[int, Field(ge=1, le=10)]  # failed calls after which the revisit ends
    quiet: Periods  # nobody is called in these hours
    automatic: bool  # a machine may call
    questions: Names
    by_unit: bool  # the unit calls the citizen as well
    unit_tries: Annotated[int, Field(ge=1, le=10)]  # of the unit, for 咨询
    unit_within: OptionalLimit  # those tries


class Satisfaction(Table):
    """How citizens rate (满意度评价). A rating that nobody gave is kept as such, never as given."""

    scheme: Name  # by whose name the results are reported
    levels: Annotated[tuple[str, ...], Field(strict=False, min_length=2, max_length=9)]  # best first, as keys 1, 2, …
    unsatisfied: Names  # the levels after which an order may be redone
    unrated: Literal["close", "default"]
    unrated_after: Limit
    unrated_level: str  # taken with `default`
    exempt: Names  # categories that are not rated


class Redo(Table):
    """Handling an order again (重办)."""

    # justified: the unit failed to act, or the demand is fair; requested: the citizen asks and the hotline approves
    condition: Literal["unit_at_fault", "justified", "requested"]
    within: Length
    times: Annotated[int, Field(ge=0, le=10)]
    extendable: bool
    revisit_again: bool
    rating: Literal["first", "second"]  # which one counts
    still_unsatisfied: Literal["supervision", "close"]  # close: with a note (备注办结)
