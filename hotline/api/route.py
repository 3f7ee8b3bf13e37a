"""The simulator over HTTP: where a call would go, and why. Rings nobody and changes nothing."""

from typing import Annotated

from fastapi import APIRouter, Query

from config.packs import PackErrors, cities
from hotline.api.auth import ANYBODY, allow
from hotline.api.deps import Ask
from hotline.api.problems import Fault, ProblemError, responses
from hotline.api.routing import LimitedRoute
from hotline.simulator import Simulation, parse_moment
from routing.tables.states import UnknownTable

router = APIRouter(prefix="/route", tags=["tables"], route_class=LimitedRoute, dependencies=[allow(*ANYBODY)])

Number = Annotated[
    str, Query(max_length=64, description="The number dialled, in any spelling.", examples=["0795-12331"])
]
At = Annotated[
    str | None,
    Query(
        max_length=40,
        description="When; ISO 8601, in China's time unless it says otherwise. Now, if left out.",
        examples=["2026-10-01 03:00"],
    ),
]
Version = Annotated[
    int | None,
    Query(ge=1, le=2**31 - 1, description="A version of our table, drafts too; else the one that holds at that time."),
]
City = Annotated[
    str | None, Query(max_length=32, description="Another city's pack: its own lines.", examples=["chenzhou"])
]


@router.get("", summary="Say where a call would go", responses=responses(404))
async def simulate(ask: Ask, number: Number, at: At = None, table: Version = None, city: City = None) -> Simulation:
    """Asks the table as a call would: the steps in order, the reasons, the same in Chinese sentences, and what the
    caller hears first.
    """
    moment = ask.clock() if at is None else _moment(at)
    if table is not None and city is not None and city != ask.pack().id:
        raise _refused("table", "is for the tables of the city that this installation serves; leave out `city`")
    if city is not None and city not in cities(ask.simulator.packs):
        raise ProblemError(404, "city-unknown", "there is no pack of this city; `hotline city list` shows them all")
    try:
        chosen = await ask.simulator.choose(city, table, moment)
    except UnknownTable as error:
        raise ProblemError(404, "table-unknown", str(error)) from None
    except PackErrors as errors:
        count = len(errors.lines)
        sentence = f"the city's pack cannot be used, it has {count} errors; `hotline route --city` shows them"
        raise _refused("city", sentence) from None
    return chosen.simulate(number, moment)


def _moment(text: str) -> float:
    try:
        return parse_moment(text)
    except ValueError as error:
        raise _refused("at", str(error)) from None


def _refused(parameter: str, reason: str) -> ProblemError:
    field = f"query.{parameter}"
    return ProblemError(422, "request-invalid", f"{field}: {reason}", faults=[Fault(field=field, reason=reason)])
