"""Routes of the city: its rules and words as they hold now, each with where it comes from."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema

from config.packs.effective import describe
from hotline.api.auth import ANYBODY, allow
from hotline.api.deps import Ask
from hotline.api.problems import ProblemError, responses
from hotline.api.routing import LimitedRoute

router = APIRouter(prefix="/city", tags=["city"], route_class=LimitedRoute, dependencies=[allow(*ANYBODY)])


class _Part(BaseModel):
    model_config = ConfigDict(from_attributes=True)


_PLAIN = {"type": ["string", "number", "boolean", "array", "object", "null"]}


class CityValue(_Part):
    """One effective value."""

    field: str = Field(description="Its path in `city.toml`.", examples=["deadlines.咨询"])
    value: Annotated[JsonValue, WithJsonSchema(_PLAIN)] = Field(
        description="Limits are `{amount, unit}` or `{percent}` of an order's first limit; null is none.",
        examples=[{"within": {"amount": 2, "unit": "working_days"}}],
    )
    source: str = Field(description="The city with its article, the city, or `default`.", examples=["宜春 §14"])


class CityNotice(_Part):
    """Something an admin should know: a draft, a regulation that has expired, a value that is missing."""

    file: str
    line: int | None
    field: str | None
    text: str


class CityRulesView(_Part):
    """The city pack in force."""

    id: str = Field(examples=["yichun"])
    version: str = Field(description="Changes with every value.")
    name: str = Field(examples=["宜春市"])
    regulation: str
    status: str = Field(description="`in_force`, `draft` or `expired`.")
    valid_from: date | None
    valid_until: date | None = Field(description="The last day.")
    notices: list[CityNotice]
    values: list[CityValue]


@router.get("", summary="Show the city's rules", responses=responses(404))
async def show_city(
    ask: Ask,
    field: Annotated[
        str | None, Query(max_length=100, description="One value or section only: `deadlines.咨询`, `revisit`.")
    ] = None,
) -> CityRulesView:
    """Every effective value, and where it comes from. Duty phones are masked."""
    found = describe(ask.pack(), field)
    if found is None:
        raise ProblemError(404, "unknown-field", "the city has no such value; ask without `field` for all of them")
    return CityRulesView.model_validate(found)
