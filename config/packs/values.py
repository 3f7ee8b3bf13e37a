"""The kinds of values that the tables of ``city.toml`` are made of: names, addresses, limits, shares, times of day.

Reads single values; which of them a table has stands in `model` and `rules`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

EMERGENCY_NUMBERS = ("110", "119", "120", "122")  # in every city, whatever its regulation lists

ADDRESS = r"^(desk:[0-9]{2,8}|phone:\+?[0-9]{3,20})$"  # see `ivr.call.Dial`
LINE_NUMBER = r"^[0-9]{3,11}$"
PERIOD = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


class Table(BaseModel):
    """One table of ``city.toml``: nothing unknown, nothing converted, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Unit(StrEnum):
    """What a limit is counted in. Only working hours and working days stand still when nobody works."""

    MINUTES = "minutes"
    HOURS = "hours"
    WORKING_HOURS = "working_hours"
    CALENDAR_DAYS = "calendar_days"
    WORKING_DAYS = "working_days"


@dataclass(frozen=True, slots=True)
class Span:
    """A limit of time. ``at once`` is 0 minutes, ``same day`` is 0 calendar days: until the day ends."""

    amount: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Share:
    """A limit measured by an order's original one. Half a day counts as a whole working day."""

    percent: int


_SPAN = re.compile(r"([1-9][0-9]{0,2}) (minute|hour|working hour|calendar day|working day)s?")
_SHARE = re.compile(r"([1-9][0-9]{0,2})% of the original")
_WORDS = {"at once": Span(0, Unit.MINUTES), "same day": Span(0, Unit.CALENDAR_DAYS)}
_SPAN_FORM = (
    "must be a time as in “5 working days”, “3 working hours”, “2 hours”, “30 minutes”, “same day” or “at once”"
)


def read_span(text: object) -> Span:
    """``5 working days``. Raises `ValueError` with the forms there are."""
    if isinstance(text, Span):
        return text
    if isinstance(text, str):
        if text in _WORDS:
            return _WORDS[text]
        if found := _SPAN.fullmatch(text):
            return Span(int(found[1]), Unit(found[2].replace(" ", "_") + "s"))
    raise ValueError(_SPAN_FORM)


def read_optional_span(text: object) -> Span | None:
    """A span, or ``none`` where a regulation knows no such limit."""
    if text is None or text == "none":
        return None
    try:
        return read_span(text)
    except ValueError:
        raise ValueError(f"{_SPAN_FORM}, or “none”") from None


def read_length(text: object) -> Span | Share:
    """A span, or ``50% of the original``."""
    if isinstance(text, Share):
        return text
    if isinstance(text, str) and (found := _SHARE.fullmatch(text)):
        return Share(int(found[1]))
    try:
        return read_span(text)
    except ValueError:
        raise ValueError(f"{_SPAN_FORM}, or a part as in “50% of the original”") from None


Name = Annotated[str, Field(min_length=1, max_length=40)]
SkillId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
PromptKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Address = Annotated[str, Field(pattern=ADDRESS)]
Number = Annotated[str, Field(pattern=LINE_NUMBER)]
Period = Annotated[str, Field(pattern=PERIOD)]  # may go over midnight: 21:00-09:00
Names = Annotated[tuple[Name, ...], Field(strict=False)]
Numbers = Annotated[tuple[Number, ...], Field(strict=False)]
Periods = Annotated[tuple[Period, ...], Field(strict=False)]
Limit = Annotated[Span, BeforeValidator(read_span)]
OptionalLimit = Annotated[Span | None, BeforeValidator(read_optional_span)]
Length = Annotated[Span | Share, BeforeValidator(read_length)]
