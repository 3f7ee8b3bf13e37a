"""Routes of a call's transfer (转接): an agent asks for one, swaps, merges, drops, hands over, takes back; and of the
emergency handoff, which is an agent's or a supervisor's one action.

Whether that may be done the call itself decides (`ivr.flow.transfer`); here its answer becomes a sentence.
"""

import asyncio
from collections.abc import Mapping

import structlog
from fastapi import APIRouter

from config import audit
from config.database import is_outage, within
from hotline.accounts import Role
from hotline.api import asking
from hotline.api.auth import Actor, allow, forbidden
from hotline.api.deps import Ask, Services
from hotline.api.fields import CallPath
from hotline.api.problems import Fault, ProblemError, responses
from hotline.api.routing import LimitedRoute
from hotline.api.transfer_models import Accepted, EmergencyRequest, MergeRequest, OnBehalf, TransferRequest
from hotline.questions import new_request
from ivr.call import (
    Asked,
    DropAsked,
    EmergencyAsked,
    HandOverAsked,
    MergeAsked,
    SwapAsked,
    TakeBackAsked,
    TransferAsked,
    TransferKind,
)
from ivr.flow import consulting, transfer

log = structlog.get_logger(__name__)

router = APIRouter(
    prefix="/calls/{call}",
    tags=["calls"],
    route_class=LimitedRoute,
    dependencies=[allow(Role.AGENT, Role.SUPERVISOR)],
    responses=responses(404, 409, 504),
)

NOT_EMERGENCY = "not_emergency"  # see `ivr.flow.danger.refused`
AUDIT_LIMIT_S = 1.0  # what an emergency lets the audit log take

REFUSALS: Mapping[str, str] = {
    transfer.NOT_TALKING: "no agent talks with the citizen now, so there is nothing to transfer",
    transfer.NOT_YOURS: "another agent talks with the citizen; only that agent, or a supervisor for them, can do this",
    transfer.NO_TRANSFER: "no transfer with consultation is under way; it may just have ended, see the call's story",
    transfer.UNKNOWN_NUMBER: "the transfer table has no row in force for this number; look it up there",
    transfer.QUEUE: "the people of this number answer from a queue and cannot be consulted first; transfer it blind",
    transfer.CONFERENCE: "others speak with the citizen too, so a line can only be consulted first; ask for it warm",
    transfer.FULL: "the call has as many people as it can hold; let somebody go first",
    consulting.NO_CONSENT: "the citizen has not agreed to speak with both; ask the citizen first, or hand over",
    NOT_EMERGENCY: "this is no emergency number; transfer the call instead",
    "suspended": "this number is suspended in the transfer table; go on helping the citizen, or take another number",
    "retired": "this number is retired in the transfer table; go on helping the citizen, or take another number",
    "closed": "this number is outside its service hours now; see them in the transfer table",
}


@router.post("/transfer", status_code=202, summary="Transfer a call")
async def transfer_call(call: CallPath, wanted: TransferRequest, actor: Actor, ask: Ask) -> Accepted:
    """Rings the targets of a row of the transfer table for the citizen. The answer comes when ringing begins; what
    became of it the call's story and its order tell. If nobody answers, the citizen comes back to a person.
    """
    worker, agent = await _running(ask, call), _agent(actor, wanted)
    event = TransferAsked(
        at=ask.clock(),
        request=new_request(),
        agent=agent,
        number=wanted.number,
        transfer=TransferKind(wanted.kind),
    )
    await _put(ask, actor, worker, call, event)
    return Accepted(call=call, agent=agent, doing="transfer", number=wanted.number, kind=wanted.kind)


@router.post("/transfer/hand-over", summary="Hand a call over")
async def hand_over(call: CallPath, actor: Actor, ask: Ask, whose: OnBehalf | None = None) -> Accepted:
    """The agent leaves. In a warm transfer citizen and line are brought together, or the line rings on; in a conference
    the others go on. With an emergency desk on the line it confirms that the citizen is in its hands.
    """
    worker, agent = await _running(ask, call), _agent(actor, whose)
    await _put(ask, actor, worker, call, HandOverAsked(at=ask.clock(), request=new_request(), agent=agent))
    return Accepted(call=call, agent=agent, doing="hand_over")


@router.post("/transfer/take-back", summary="Take a call back")
async def take_back(call: CallPath, actor: Actor, ask: Ask, whose: OnBehalf | None = None) -> Accepted:
    """The agent of a warm transfer lets the line go and is with the citizen again."""
    worker, agent = await _running(ask, call), _agent(actor, whose)
    await _put(ask, actor, worker, call, TakeBackAsked(at=ask.clock(), request=new_request(), agent=agent))
    return Accepted(call=call, agent=agent, doing="take_back")


@router.post("/transfer/swap", summary="Turn from the line to the citizen, or back")
async def swap(call: CallPath, actor: Actor, ask: Ask, whose: OnBehalf | None = None) -> Accepted:
    """The agent of a warm transfer whose line has answered speaks with the other one; who is left alone hears music."""
    worker, agent = await _running(ask, call), _agent(actor, whose)
    await _put(ask, actor, worker, call, SwapAsked(at=ask.clock(), request=new_request(), agent=agent))
    return Accepted(call=call, agent=agent, doing="swap")


@router.post("/transfer/merge", summary="Bring all together")
async def merge(call: CallPath, wanted: MergeRequest, actor: Actor, ask: Ask) -> Accepted:
    """A conference (三方通话) of citizen, agent and line; only with the citizen's consent, which must be said."""
    worker, agent = await _running(ask, call), _agent(actor, wanted)
    event = MergeAsked(at=ask.clock(), request=new_request(), agent=agent, consent=wanted.consent)
    await _put(ask, actor, worker, call, event)
    return Accepted(call=call, agent=agent, doing="merge")


@router.post("/transfer/drop", summary="Let a line go from a conference")
async def drop(call: CallPath, actor: Actor, ask: Ask, whose: OnBehalf | None = None) -> Accepted:
    """The line that came last is let go; the others go on."""
    worker, agent = await _running(ask, call), _agent(actor, whose)
    await _put(ask, actor, worker, call, DropAsked(at=ask.clock(), request=new_request(), agent=agent))
    return Accepted(call=call, agent=agent, doing="drop")


@router.post("/emergency", status_code=202, summary="Put a citizen through to 110, 119, 120 or 122")
async def emergency(call: CallPath, wanted: EmergencyRequest, actor: Actor, ask: Ask) -> Accepted:
    """The routes to the number are rung one after another, before every queue and restriction. The agent who talks
    stays until leaving (`hand-over`). A supervisor who names no agent puts a citizen through who has none yet. Place
    and event go along in the SIP headers and in the incident ticket.
    """
    worker, (agent, supervisor) = await _running(ask, call), _who_helps(actor, wanted)
    event = EmergencyAsked(
        at=ask.clock(),
        request=new_request(),
        agent=agent,
        number=wanted.number,
        supervisor=supervisor,
        place=wanted.place,
        event=wanted.event,
    )
    await _put_at_once(ask, actor, worker, call, event)
    return Accepted(call=call, agent=agent, doing="emergency", number=wanted.number)


def _who_helps(actor: Actor, wanted: EmergencyRequest) -> tuple[str, bool]:
    """In whose name an emergency handoff is asked for, and whether as a supervisor of a call without an agent."""
    if Role.SUPERVISOR in actor.roles and wanted.agent is None:
        return actor.agent or actor.name, True
    return _agent(actor, wanted), False


def _agent(actor: Actor, whose: OnBehalf | None) -> str:
    """For whom it is asked: agents speak for themselves, supervisors for anybody."""
    given = None if whose is None else whose.agent
    if Role.SUPERVISOR in actor.roles:
        agent = given or actor.agent
        if agent is None:
            reason = "is missing; say which agent talks on the call"
            faults = [Fault(field="body.agent", reason=reason)]
            raise ProblemError(422, "request-invalid", f"body.agent: {reason}", faults=faults)
        return agent
    if actor.agent is None:
        raise forbidden(f"no agent of the roster is bound to the account {actor.name}; an admin can bind one")
    if given not in (None, actor.agent):
        raise forbidden("agents transfer only their own calls; ask a supervisor for another's")
    return actor.agent


async def _running(ask: Services, call: str) -> str:
    """The worker that runs the call."""
    worker = await asking.worker_of(ask, call)
    if worker is None:
        raise _refused("the call is over", transfer.NOT_TALKING)
    return worker


async def _put(ask: Services, actor: Actor, worker: str, call: str, event: Asked) -> None:
    """Ask the call; returns when it said yes, raises a `ProblemError` otherwise."""
    if actor.agent != event.agent:
        await _remember(ask, actor, call, event)
    await _say(ask, worker, call, event)


async def _put_at_once(ask: Services, actor: Actor, worker: str, call: str, event: Asked) -> None:
    """The same for a danger to life: the audit log is written meanwhile, and its failure is no obstacle."""
    remembering = None
    if actor.agent != event.agent:
        remembering = asyncio.create_task(within(AUDIT_LIMIT_S, _remember(ask, actor, call, event)))
    try:
        await _say(ask, worker, call, event)
    finally:
        if remembering is not None:
            try:
                await remembering
            except Exception as error:
                if not is_outage(error):
                    raise
                log.error("an emergency handoff is not in the audit log", call=call, who=actor.name)


async def _say(ask: Services, worker: str, call: str, event: Asked) -> None:
    refusal = await asking.put(ask, worker, call, event)
    if refusal:
        raise _refused(REFUSALS.get(refusal, "the call refused it"), refusal)


async def _remember(ask: Services, actor: Actor, call: str, event: Asked) -> None:
    """Who asks in an agent's name is in no other record. Before asking: what was done must be found here."""
    detail: dict[str, object] = {"agent": event.agent}
    if isinstance(event, TransferAsked):
        detail |= {"number": event.number, "kind": str(event.transfer)}
    elif isinstance(event, MergeAsked):
        detail |= {"consent": event.consent}
    elif isinstance(event, EmergencyAsked):
        detail |= {"number": event.number, "supervisor": event.supervisor}
    action = f"call.{event.__struct_config__.tag}"
    async with ask.database.begin() as connection:
        entry = audit.Entry(ask.clock(), actor.name, action, f"call:{call}", detail=detail)
        await audit.record(connection, entry)


def _refused(sentence: str, word: str) -> ProblemError:
    return ProblemError(409, f"transfer-{word.replace('_', '-')}", sentence)
