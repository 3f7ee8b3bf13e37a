"""Routes of a call's transfer (转接): an agent asks for one, hands over, takes back.

Whether that may be done the call itself decides (`ivr.flow.transfer`); here its answer becomes a sentence.
"""

from collections.abc import Mapping

from fastapi import APIRouter

from config import audit
from hotline.accounts import Role
from hotline.api.auth import Actor, allow, forbidden
from hotline.api.deps import Ask, Services
from hotline.api.fields import CallPath
from hotline.api.problems import RETRY_AFTER_S, Fault, ProblemError, responses
from hotline.api.routing import LimitedRoute
from hotline.api.transfer_models import Accepted, OnBehalf, TransferRequest
from hotline.questions import Asked, NoAnswer, NotTaken, new_request
from ivr.call import HandOverAsked, TakeBackAsked, TransferAsked, TransferKind
from ivr.flow import transfer
from routing.errors import AcdUnavailable

router = APIRouter(
    prefix="/calls/{call}/transfer",
    tags=["calls"],
    route_class=LimitedRoute,
    dependencies=[allow(Role.AGENT, Role.SUPERVISOR)],
    responses=responses(404, 409, 504),
)

REFUSALS: Mapping[str, str] = {
    transfer.NOT_TALKING: "no agent talks with the citizen now, so there is nothing to transfer",
    transfer.NOT_YOURS: "another agent talks with the citizen; only that agent, or a supervisor for them, can do this",
    transfer.NO_TRANSFER: "no transfer with consultation is under way; it may just have ended, see the call's story",
    transfer.UNKNOWN_NUMBER: "the transfer table has no row in force for this number; look it up there",
    transfer.QUEUE: "the people of this number answer from a queue and cannot be consulted first; transfer it blind",
    "suspended": "this number is suspended in the transfer table; go on helping the citizen, or take another number",
    "retired": "this number is retired in the transfer table; go on helping the citizen, or take another number",
    "closed": "this number is outside its service hours now; see them in the transfer table",
}


@router.post("", status_code=202, summary="Transfer a call")
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


@router.post("/hand-over", summary="Hand a call over")
async def hand_over(call: CallPath, actor: Actor, ask: Ask, whose: OnBehalf | None = None) -> Accepted:
    """The agent of a warm transfer leaves: citizen and line are brought together, or the line rings on."""
    worker, agent = await _running(ask, call), _agent(actor, whose)
    await _put(ask, actor, worker, call, HandOverAsked(at=ask.clock(), request=new_request(), agent=agent))
    return Accepted(call=call, agent=agent, doing="hand_over")


@router.post("/take-back", summary="Take a call back")
async def take_back(call: CallPath, actor: Actor, ask: Ask, whose: OnBehalf | None = None) -> Accepted:
    """The agent of a warm transfer lets the line go and is with the citizen again."""
    worker, agent = await _running(ask, call), _agent(actor, whose)
    await _put(ask, actor, worker, call, TakeBackAsked(at=ask.clock(), request=new_request(), agent=agent))
    return Accepted(call=call, agent=agent, doing="take_back")


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
    line = await ask.calls.find(call) if "\0" not in call else None
    if line is None:
        raise ProblemError(
            404, "call-unknown", "there is no call with this id; the list of calls shows those there are"
        )
    if line.closed is not None:
        raise _refused("the call is over", transfer.NOT_TALKING)
    return line.worker


async def _put(ask: Services, actor: Actor, worker: str, call: str, event: Asked) -> None:
    """Ask the call; returns when it said yes, raises a `ProblemError` otherwise."""
    if actor.agent != event.agent:
        await _remember(ask, actor, call, event)
    try:
        refusal = await ask.questions.ask(worker, call, event)
    except NotTaken as error:
        raise ProblemError(503, "worker-away", str(error), headers={"Retry-After": str(RETRY_AFTER_S)}) from None
    except NoAnswer as error:
        raise ProblemError(504, "worker-silent", str(error)) from None
    except AcdUnavailable:
        detail = "the worker that runs the call cannot be asked now; see what became of the call before trying again"
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        raise ProblemError(503, "queue-unreachable", detail, headers=headers) from None
    if refusal:
        raise _refused(REFUSALS.get(refusal, "the call refused it"), refusal)


async def _remember(ask: Services, actor: Actor, call: str, event: Asked) -> None:
    """Who asks in an agent's name is in no other record. Before asking: what was done must be found here."""
    detail: dict[str, object] = {"agent": event.agent}
    if isinstance(event, TransferAsked):
        detail |= {"number": event.number, "kind": str(event.transfer)}
    action = f"call.{event.__struct_config__.tag}"
    async with ask.database.begin() as connection:
        entry = audit.Entry(ask.clock(), actor.name, action, f"call:{call}", detail=detail)
        await audit.record(connection, entry)


def _refused(sentence: str, word: str) -> ProblemError:
    return ProblemError(409, f"transfer-{word.replace('_', '-')}", sentence)
