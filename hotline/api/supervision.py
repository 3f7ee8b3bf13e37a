"""Routes of supervising: a supervisor listens to a call (监听), whispers to the agent (耳语), joins in (强插), takes
the call over (接管), leaves.

Whoever listens hears what a citizen tells in confidence, so each question is in the audit log before it is asked, with
who asked it and of which call (个人信息保护法 第五十一条、第五十四条). Whether it may be done now the call itself
decides (`ivr.flow.supervising`); here its answer becomes a sentence.
"""

from collections.abc import Mapping
from typing import Literal

from fastapi import APIRouter

from config import audit
from hotline.accounts import Role
from hotline.api import asking
from hotline.api.auth import Actor, allow
from hotline.api.deps import Ask, Services
from hotline.api.fields import CallPath
from hotline.api.problems import ProblemError, responses
from hotline.api.routing import LimitedRoute
from hotline.api.supervision_models import Supervised, SupervisionRequest
from hotline.questions import new_request
from ivr.call import (
    JoinAsked,
    LeaveAsked,
    ListenAsked,
    ModeAsked,
    SupervisionAsked,
    TakeOverAsked,
    WhisperAsked,
)
from ivr.flow import supervising, transfer

router = APIRouter(
    prefix="/calls/{call}/supervision",
    tags=["calls"],
    route_class=LimitedRoute,
    dependencies=[allow(Role.SUPERVISOR)],
    responses=responses(404, 409, 504),
)

EVENTS: Mapping[str, type[ModeAsked]] = {"listen": ListenAsked, "whisper": WhisperAsked, "join": JoinAsked}
OVER = "over"
REFUSALS: Mapping[str, str] = {
    OVER: "the call is over; its recording can be heard instead",
    transfer.NOT_TALKING: "no agent talks with the citizen now, so there is nothing to supervise",
    transfer.FULL: "the call has as many people as it can hold; listen or whisper, or let somebody go first",
    supervising.SUPERVISED: "another supervisor is on this call already; one at a time",
    supervising.OWN_CALL: "the agent who talks on this call is you; nobody supervises themselves",
    supervising.NOT_SUPERVISING: "you are not supervising this call; whoever took a call over ends it by hanging up",
}


@router.post("", status_code=202, summary="Listen to a call, whisper to its agent, or join in")
async def supervise(call: CallPath, wanted: SupervisionRequest, actor: Actor, ask: Ask) -> Supervised:
    """Rings the supervisor's phone, that of the agent in the roster whom the account is bound to; once it is answered,
    the mode holds and can be changed at any time by asking again. If nobody answers, the call goes on as it was.
    """
    return await _change(ask, actor, call, EVENTS[wanted.mode], wanted.mode)


@router.post("/take-over", status_code=202, summary="Take a call over")
async def take_over(call: CallPath, actor: Actor, ask: Ask) -> Supervised:
    """The supervisor talks with the citizen in the agent's place, at once or as soon as the supervisor's phone is
    answered; until then the agent stays. From then on it is the supervisor's call, until one of the two hangs up.
    """
    return await _change(ask, actor, call, TakeOverAsked, "take_over")


@router.delete("", status_code=204, summary="Leave a call that one supervises")
async def leave(call: CallPath, actor: Actor, ask: Ask) -> None:
    """Lets the supervisor's phone go; the call goes on. Hanging up does the same."""
    supervisor, _ = _phone(ask, actor)
    await _put(ask, actor, call, LeaveAsked(at=ask.clock(), request=new_request(), supervisor=supervisor))


async def _change(
    ask: Services,
    actor: Actor,
    call: str,
    kind: type[ModeAsked],
    mode: Literal["listen", "whisper", "join", "take_over"],
) -> Supervised:
    supervisor, address = _phone(ask, actor)
    event = kind(at=ask.clock(), request=new_request(), supervisor=supervisor, address=address)
    await _put(ask, actor, call, event)
    return Supervised(call=call, supervisor=supervisor, mode=mode)


def _phone(ask: Services, actor: Actor) -> tuple[str, str]:
    """The roster's id of whoever asks, and where their phone is dialled."""
    if actor.agent is None:
        raise ProblemError(
            422,
            "no-phone",
            f"no agent of the roster is bound to the account {actor.name}, so there is no phone to ring; an admin can "
            "bind one",
        )
    address = next((each.address for each in ask.pack().agents if each.id == actor.agent), None)
    if address is None:
        raise ProblemError(
            422,
            "no-phone",
            f"agent {actor.agent}, whom the account {actor.name} is bound to, is not in the roster any more; an admin "
            "can bind another",
        )
    return actor.agent, address


async def _put(ask: Services, actor: Actor, call: str, event: SupervisionAsked) -> None:
    """Write down who asks, then ask the call. Raises a `ProblemError` unless it says yes."""
    worker = await asking.worker_of(ask, call)
    if worker is None:
        raise _refused(OVER)
    async with ask.database.begin() as connection:
        action = f"call.{event.__struct_config__.tag}"
        entry = audit.Entry(ask.clock(), actor.name, action, f"call:{call}", detail={"supervisor": event.supervisor})
        await audit.record(connection, entry)
    refusal = await asking.put(ask, worker, call, event)
    if refusal:
        raise _refused(refusal)


def _refused(word: str) -> ProblemError:
    return ProblemError(
        409, f"supervision-{word.replace('_', '-')}", REFUSALS.get(word, "the call refused it; see its story")
    )
