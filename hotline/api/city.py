"""Routes of the city: its rules and words as they hold now, each with where it comes from."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema

from config.chinatime import china_time
from config.packs.effective import describe
from config.workdays import Workdays
from hotline.api.auth import ANYBODY, allow
from hotline.api.deps import Ask, Services
from hotline.api.problems import ProblemError, responses
from hotline.api.routing import LimitedRoute
from routing.tables.model import Line, LineMode
from routing.tables.pack_lines import table_of_pack

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


class CityLines(_Part):
    """The transfer table (转接表) in force. It can have a hundred thousand rows: they are read in pages."""

    number: int | None = Field(description="The version in force; null: the city pack's lines, before there is one.")
    since: datetime | None = Field(description="When it took effect.")
    rows: int
    modes: dict[LineMode, int] = Field(description="How many rows of each mode.", examples=[{"merged": 21}])
    to_confirm: int = Field(description="Rows that the city has still to confirm (待确认).")
    path: str | None = Field(description="Where the rows are.", examples=["/api/tables/3/rows"])


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
    lines: CityLines | None = Field(default=None, description="Null where `field` asks for something else.")


@router.get("", summary="Show the city's rules", responses=responses(404))
async def show_city(
    ask: Ask,
    field: Annotated[
        str | None, Query(max_length=100, description="One value or section only: `deadlines.咨询`, `revisit`.")
    ] = None,
) -> CityRulesView:
    """Every effective value, and where it comes from, and what the transfer table holds. Duty phones are masked."""
    found = describe(ask.pack(), field)
    if found is None:
        raise ProblemError(404, "unknown-field", "the city has no such value; ask without `field` for all of them")
    view = CityRulesView.model_validate(found)
    if field is None:
        view.lines = await _lines(ask)
    return view


async def _lines(ask: Services) -> CityLines:
    effective = await ask.tables.effective()
    if effective is None:
        table = await asyncio.to_thread(table_of_pack, ask.pack(), Workdays())
        return await asyncio.to_thread(_counted, table.rows())
    lines = await asyncio.to_thread(_counted, await ask.tables.rows_of(effective.body))
    lines.number, lines.since = effective.number, china_time(effective.since)
    lines.path = f"/api/tables/{effective.number}/rows"
    return lines


def _counted(rows: Iterable[Line]) -> CityLines:
    lines = list(rows)
    modes = Counter(line.mode for line in lines)
    unconfirmed = sum(line.confirm for line in lines)
    return CityLines(number=None, since=None, rows=len(lines), modes=dict(modes), to_confirm=unconfirmed, path=None)
