"""The agent asks for a transfer (转接): allowed to every row of the transfer table, refused with one word otherwise."""

from ivr.call import EmergencyAsked, EndCause, Leg, Say, Stage, Transfer, TransferAsked, TransferKind
from ivr.flow import conference, consulting, danger, forwarding, onward
from ivr.flow.turn import Turn
from routing.tables import Reception, Route, resolve

# Why a question is answered with no. The API has the sentences.
NOT_TALKING = "not_talking"  # nobody of ours talks with the citizen now
NOT_YOURS = "not_yours"  # another agent talks
NO_TRANSFER = "no_transfer"  # nothing to hand over or to take back
UNKNOWN_NUMBER = "unknown_number"  # no row of the table
QUEUE = "queue"  # the row leads to a queue, where nobody can be consulted first
CONFERENCE = "conference"  # others talk with the citizen too: only a line that is consulted first can come in
FULL = "full"  # five people are in the call
REFUSED_BY = {Reception.SUSPENDED: "suspended", Reception.RETIRED: "retired", Reception.CLOSED: "closed"}


MOST_PARTIES = 5


def asked(turn: Turn, event: TransferAsked) -> None:
    agent = conference.agent_of(turn)
    route = resolve(event.number, event.at, turn.rules.table)
    refusal = _refusal(turn, agent, event, route)
    turn.reply(event.request, refusal)
    if refusal or agent is None:
        return
    phones = onward.phones_first(route.steps)
    if route.emergency:  # however it was asked for: nobody leaves before the operator is there
        _put_through(turn, agent, route.number)
    elif not phones:
        _to_queue(turn, agent, route)
    elif event.transfer is TransferKind.WARM:
        consulting.enter(turn, Transfer(route.number, event.transfer, phones, agent=agent.party))
    else:
        _let_go(turn, agent)
        home = agent.address
        transfer = Transfer(route.number, event.transfer, phones, agent=agent.party if home else "", home=home)
        if not home:  # a leg from before its address was kept
            turn.release_agent(agent.party, talked=True, cause=EndCause.HANGUP)
        forwarding.enter(turn, transfer, Say("transfer_begins", {"line": route.number}))


def emergency_asked(turn: Turn, event: EmergencyAsked) -> None:
    """The agent's one action: the number's routes are rung, and the agent stays until told to leave."""
    agent = conference.agent_of(turn)
    refusal = _not_allowed(turn, agent, event.agent) or danger.refused(turn, event.number)
    turn.reply(event.request, refusal)
    if not refusal and agent is not None:
        danger.keep(turn, event)
        _put_through(turn, agent, event.number)


def _put_through(turn: Turn, agent: Leg, number: str) -> None:
    turn.call.emergency = True
    consulting.enter(turn, danger.to(turn, number, agent.party))


def _not_allowed(turn: Turn, agent: Leg | None, asking: str) -> str:
    if agent is None:
        return NOT_TALKING
    if agent.party != asking:
        return NOT_YOURS
    return FULL if len(turn.call.legs) >= MOST_PARTIES else ""


def _refusal(turn: Turn, agent: Leg | None, event: TransferAsked, route: Route) -> str:
    refusal = _not_allowed(turn, agent, event.agent)
    if refusal:
        return refusal
    if turn.call.stage is Stage.CONFERENCE and event.transfer is not TransferKind.WARM and not route.emergency:
        return CONFERENCE
    if route.line is None:
        return UNKNOWN_NUMBER
    if route.reception in REFUSED_BY:
        return REFUSED_BY[route.reception]
    if event.transfer is TransferKind.WARM and not onward.phones_first(route.steps):
        return QUEUE
    return ""


def _to_queue(turn: Turn, agent: Leg, route: Route) -> None:
    """The row's people answer from a queue: the citizen stands in it since the call arrived."""
    _let_go(turn, agent)
    turn.release_agent(agent.party, talked=True, cause=EndCause.HANGUP)
    turn.call.steps = route.steps
    onward.go(turn, Say("transfer_begins", {"line": route.number}))


def _let_go(turn: Turn, agent: Leg) -> None:
    turn.hang_up(agent.id)
    turn.forget(agent.id)
