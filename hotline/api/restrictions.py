"""Routes of restrictions: two people's decision about an abusive caller, never a program's (PIPL §24).

Whatever changes something needs a person who signed in: neither a program's token nor the installation's will do.
The way to an emergency service and to an appeal stays open to everybody; that is the call's business, not a route's.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from config.chinatime import china_day
from hotline.accounts import Role, Way
from hotline.api.auth import Actor, allow, forbidden
from hotline.api.deps import Ask, Services
from hotline.api.paging import Cursor, Limit, Page, decode, encode
from hotline.api.problems import responses
from hotline.api.restriction_models import (
    AppealDecision,
    AppealLine,
    Confirmation,
    Grounds,
    NewAppeal,
    NewWarning,
    PolicyLine,
    Proposal,
    RestrictionInFull,
    RestrictionLine,
    RestrictionStep,
    WarningLine,
)
from hotline.api.routing import LimitedRoute
from routing.restrictions import Appeal, Person, Restriction, State, Warned

router = APIRouter(prefix="/restrictions", tags=["restrictions"], route_class=LimitedRoute)

_LARGEST = 2**53  # to which a cursor's number is exact
_APPEALS_SHOWN = 200  # of one restriction
_READ = [allow(Role.AGENT, Role.SUPERVISOR, Role.AUDITOR)]
_TELL = [allow(Role.AGENT, Role.SUPERVISOR)]
_DECIDE = [allow(Role.SUPERVISOR)]

Id = Annotated[int, Path(ge=1, le=_LARGEST, description="Number of the restriction.")]
AppealId = Annotated[int, Path(ge=1, le=_LARGEST, description="Number of the appeal.")]
OfCall = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]+$", description="The caller of this call.")]


@router.get("", summary="List restrictions", dependencies=_READ)
async def list_restrictions(
    ask: Ask,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Annotated[State | None, Query(description="Only restrictions in this state.")] = None,
) -> Page[RestrictionLine]:
    """Newest first. Numbers are masked."""
    found = await ask.restrictions.page(limit=limit + 1, before=_before(cursor), state=state)
    today = china_day(ask.clock())
    return Page(items=[RestrictionLine.of(each, today) for each in found[:limit]], next=_next(found, limit))


@router.post("", status_code=201, summary="Propose a restriction", dependencies=_TELL, responses=responses(403, 409))
async def propose(proposal: Proposal, actor: Actor, ask: Ask, response: Response) -> RestrictionInFull:
    """It restricts nobody until another person confirms it. Refused where the city's rules know no restriction, or ask
    for a warning first and there was none.
    """
    made = await ask.restrictions.propose(_person(actor), proposal.terms())
    response.headers["Location"] = f"/api/restrictions/{made.id}"
    return await _in_full(ask, made)


@router.get("/policy", summary="Read the city's rules of restrictions", dependencies=_READ)
async def read_policy(ask: Ask) -> PolicyLine:
    """Each with where it is written."""
    return PolicyLine.of(ask.restrictions.policy())


@router.get("/warnings", summary="List warnings", dependencies=_READ)
async def list_warnings(ask: Ask, limit: Limit = 50, cursor: Cursor = None, call: OfCall = None) -> Page[WarningLine]:
    """Newest first; with `call`, those given to the caller of that call."""
    found = await ask.warnings.page(limit=limit + 1, before=_before(cursor), call=call)
    return Page(items=[WarningLine.of(each) for each in found[:limit]], next=_next(found, limit))


@router.post(
    "/warnings", status_code=201, summary="Record a warning", dependencies=_TELL, responses=responses(403, 409)
)
async def warn(new: NewWarning, actor: Actor, ask: Ask) -> WarningLine:
    """That the caller of this call was warned. It counts from now: only later calls show that it did not help."""
    return WarningLine.of(await ask.warnings.add(_person(actor), new.call, new.note))


@router.get("/appeals", summary="List appeals", dependencies=_READ)
async def list_appeals(
    ask: Ask,
    limit: Limit = 50,
    cursor: Cursor = None,
    undecided: Annotated[bool | None, Query(description="Only those nobody decided about (or somebody did).")] = None,
) -> Page[AppealLine]:
    """Newest first."""
    found = await ask.appeals.page(limit=limit + 1, before=_before(cursor), undecided=undecided)
    return Page(items=[AppealLine.of(each) for each in found[:limit]], next=_next(found, limit))


@router.post(
    "/appeals/{appeal}/decision",
    summary="Decide about an appeal",
    dependencies=_DECIDE,
    responses=responses(403, 404, 409),
)
async def decide_appeal(appeal: AppealId, decision: AppealDecision, actor: Actor, ask: Ask) -> AppealLine:
    """By a supervisor who neither proposed nor confirmed the restriction. `lifted` ends it at once."""
    return AppealLine.of(await ask.appeals.decide(appeal, _person(actor), decision.outcome, decision.why))


@router.get("/{restriction}", summary="Read one restriction", dependencies=_READ, responses=responses(404))
async def read_restriction(restriction: Id, ask: Ask) -> RestrictionInFull:
    """With its appeals and its whole history."""
    return await _in_full(ask, await ask.restrictions.get(restriction))


@router.post(
    "/{restriction}/confirm", summary="Confirm a proposal", dependencies=_DECIDE, responses=responses(403, 404, 409)
)
async def confirm(restriction: Id, actor: Actor, ask: Ask, word: Confirmation | None = None) -> RestrictionInFull:
    """By a supervisor who did not propose it, once; workers know it within about a second."""
    why = (word.why if word is not None else None) or ""
    return await _in_full(ask, await ask.restrictions.confirm(restriction, _person(actor), why))


@router.post(
    "/{restriction}/refuse", summary="Refuse a proposal", dependencies=_DECIDE, responses=responses(403, 404, 409)
)
async def refuse(restriction: Id, word: Grounds, actor: Actor, ask: Ask) -> RestrictionInFull:
    """Nobody is restricted; the proposal stays on record."""
    return await _in_full(ask, await ask.restrictions.refuse(restriction, _person(actor), word.why))


@router.post(
    "/{restriction}/lift", summary="Lift a restriction early", dependencies=_DECIDE, responses=responses(403, 404, 409)
)
async def lift(restriction: Id, word: Grounds, actor: Actor, ask: Ask) -> RestrictionInFull:
    """It ends at once; workers know it within about a second."""
    return await _in_full(ask, await ask.restrictions.lift(restriction, _person(actor), word.why))


@router.post(
    "/{restriction}/appeals",
    status_code=201,
    summary="Record an appeal",
    dependencies=_TELL,
    responses=responses(403, 404, 409),
)
async def appeal(restriction: Id, new: NewAppeal, actor: Actor, ask: Ask) -> AppealLine:
    """For what reached a person; an appeal by key in a call is recorded by itself."""
    return AppealLine.of(await ask.appeals.add(restriction, _person(actor), new.note, new.call))


def _person(actor: Actor) -> Person:
    """Whoever signed in by name and password. Raises a `ProblemError` for programs and shared tokens."""
    if actor.way is not Way.SESSION:
        raise forbidden("only a person who signed in decides about callers; a token is not enough")
    return Person(actor.name, Role.SUPERVISOR in actor.roles)


async def _in_full(ask: Services, found: Restriction) -> RestrictionInFull:
    appeals = await ask.appeals.page(limit=_APPEALS_SHOWN, restriction=found.id)
    history = await ask.restrictions.history(found.id)
    return RestrictionInFull(
        **dict(RestrictionLine.of(found, china_day(ask.clock()))),
        appeals=[AppealLine.of(each) for each in appeals],
        history=[RestrictionStep.of(entry) for entry in history],
    )


def _before(cursor: str | None) -> int | None:
    place = decode(cursor)
    return None if place is None else max(0, min(int(place[0]), _LARGEST))


def _next(found: list[Restriction] | list[Warned] | list[Appeal], limit: int) -> str | None:
    return encode(float(found[limit - 1].id), "") if len(found) > limit else None
