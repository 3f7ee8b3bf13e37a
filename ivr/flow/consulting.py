"""Consulting: a warm transfer (咨询转接). The agent goes on talking with the citizen while the line rings; when it
answers, agent and line speak alone, the citizen on hold with music; then the agent hands over, takes back, swaps, or
brings all together. An emergency number is not consulted: its operator comes to the citizen at once.

Whoever of the helpers leaves, the citizen keeps a person: see each function.
"""

from msgspec.structs import replace

from ivr.call import (
    Check,
    EndCause,
    HandOverAsked,
    Leg,
    LegAnswered,
    LegEnded,
    MergeAsked,
    Music,
    PromptEnded,
    Role,
    Room,
    Say,
    Stage,
    SwapAsked,
    TakeBackAsked,
    TimerFired,
    Transfer,
    TransferKind,
    TransferResult,
)
from ivr.flow import conference, danger, forwarding, ringing
from ivr.flow.turn import Turn

NOT_YOURS = "not_yours"
NO_TRANSFER = "no_transfer"
NO_CONSENT = "no_consent"


def enter(turn: Turn, transfer: Transfer) -> None:
    """Ring the line; all hear that it is being done. The flow made sure that there is a target."""
    turn.move(Stage.CONSULTING)
    turn.call.transfer = transfer
    turn.set_timer("check", turn.rules.check_every_s)
    emergency = transfer.kind is TransferKind.EMERGENCY
    turn.play(Say("emergency_connecting" if emergency else "transfer_begins", {"line": transfer.line}))
    next_target(turn)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    if not conference.with_citizen(turn):
        turn.play(Music(), loop=True)


def leg_answered(turn: Turn, event: LegAnswered) -> None:
    """The line answered: it hears the agent first, and the citizen hears music; in an emergency it hears all."""
    transfer = turn.call.transfer
    ringing.answered(turn)
    if transfer is not None and transfer.kind is TransferKind.EMERGENCY:
        _join(turn, turn.call.legs[event.leg])
        return
    turn.move_leg(turn.call.legs[event.leg], Room.CONSULT)
    _consult(turn)


def leg_ended(turn: Turn, event: LegEnded) -> None:
    leg, target = turn.call.legs[event.leg], ringing.target_leg(turn)
    if leg.role is Role.AGENT:
        _agent_left(turn, leg, event.cause)
    elif target is None or leg.id != target.id:
        turn.forget(leg.id)  # one of a conference that went on without the agent
        if not conference.with_citizen(turn):
            turn.play(Say("transfer_hold"))
    elif leg.up:
        ringing.give_up(turn, TransferResult.ENDED, hang_up=False)
        _back(turn)
    else:
        ringing.give_up(turn, ringing.RESULTS[event.cause], hang_up=False)
        next_target(turn)


def timer(turn: Turn, event: TimerFired) -> None:
    if event.timer == "check":
        turn.commands.append(Check())
        turn.set_timer("check", turn.rules.check_every_s)
        return
    ringing.give_up(turn, TransferResult.NO_ANSWER)
    next_target(turn)


def next_target(turn: Turn) -> None:
    """Ring on, or tell all that nobody answers; the agent never left."""
    if ringing.ring(turn):
        return
    transfer, turn.call.transfer = turn.call.transfer, None
    if transfer is not None:
        if transfer.kind is TransferKind.EMERGENCY:
            turn.alarm(danger.FAILED, transfer.line)
        turn.play(Say("transfer_not_answered", {"line": transfer.line}))
    conference.gather(turn)


# ---------------------------------------------------------------- what the agent asks for


def hand_over_asked(turn: Turn, event: HandOverAsked) -> None:
    """The agent is done. While the line still rings, the citizen waits for it alone."""
    agent = conference.agent_of(turn)
    if agent is None or agent.party != event.agent:
        turn.reply(event.request, NOT_YOURS)
        return
    turn.reply(event.request)
    turn.hang_up(agent.id)
    _agent_left(turn, agent, EndCause.HANGUP)


def take_back_asked(turn: Turn, event: TakeBackAsked) -> None:
    agent = conference.agent_of(turn)
    if agent is None or agent.party != event.agent:
        turn.reply(event.request, NOT_YOURS)
        return
    turn.reply(event.request)
    ringing.give_up(turn, TransferResult.CANCELLED)
    _back(turn)


def swap_asked(turn: Turn, event: SwapAsked) -> None:
    """The agent turns to the other; whoever is alone then hears music."""
    refusal, agent = _refusal(turn, event.agent)
    turn.reply(event.request, refusal)
    if agent is None or refusal:
        return
    if agent.room is Room.CONSULT:
        turn.stop_playing()
        turn.move_leg(agent, Room.MAIN)
        turn.hold_line()
    else:
        turn.unhold_line()
        _consult(turn)


def merge_asked(turn: Turn, event: MergeAsked) -> None:
    """All together (三方通话), with the citizen's consent."""
    refusal, _ = _refusal(turn, event.agent)
    if not refusal and not event.consent:
        refusal = NO_CONSENT
    target = _consulted(turn)
    turn.reply(event.request, refusal)
    if not refusal and target is not None:
        _join(turn, target)


def _refusal(turn: Turn, asking: str) -> tuple[str, Leg | None]:
    """Why a question about the line that answered is refused, and whose question it is."""
    agent = conference.agent_of(turn)
    if agent is None or agent.party != asking:
        return NOT_YOURS, agent
    return (NO_TRANSFER if _consulted(turn) is None else ""), agent


# ---------------------------------------------------------------- after a restart, at the end


def resumed(turn: Turn) -> None:
    agent = conference.agent_of(turn)
    if agent is not None:
        turn.hold_agent(agent.party)
    if ringing.target_leg(turn) is None:
        next_target(turn)


def leave(turn: Turn) -> None:
    """The citizen is gone, and nobody is left to transfer."""
    ringing.give_up(turn, TransferResult.ABANDONED)
    turn.call.transfer = None
    turn.call.held = None
    conference.leave(turn)


# ---------------------------------------------------------------- who goes where


def _consult(turn: Turn) -> None:
    """Agent and line alone; the citizen, if nobody else is there, on hold."""
    agent = conference.agent_of(turn)
    if agent is not None:
        turn.move_leg(agent, Room.CONSULT)
    if not conference.with_citizen(turn):
        turn.play(Say("transfer_hold"))


def _join(turn: Turn, target: Leg) -> None:
    """The line comes to the citizen, the agent too."""
    turn.unhold_line()
    turn.answered(target)
    ringing.over(turn, TransferResult.CONNECTED)
    turn.call.transfer = None
    agent = conference.agent_of(turn)
    if agent is not None and agent.room is not Room.MAIN:
        turn.move_leg(agent, Room.MAIN)
    conference.gather(turn)


def _back(turn: Turn) -> None:
    """Agent and citizen in one room again, without the line."""
    turn.stop_playing()
    turn.unhold_line()
    turn.call.transfer = None
    agent = conference.agent_of(turn)
    if agent is not None and agent.room is not Room.MAIN:
        turn.move_leg(agent, Room.MAIN)
    conference.gather(turn)


def _agent_left(turn: Turn, agent: Leg, cause: EndCause) -> None:
    """After the line answered: citizen and line are brought together, which is what hanging up means on any exchange.
    Before: others go on with the citizen, or the line rings on for the citizen alone.
    """
    turn.forget(agent.id)
    target = _consulted(turn)
    if target is not None:
        turn.release_agent(agent.party, talked=True, cause=cause)
        _join(turn, target)
    elif conference.with_citizen(turn):
        ringing.give_up(turn, TransferResult.CANCELLED)
        turn.call.transfer = None
        turn.release_agent(agent.party, talked=True, cause=cause)
        conference.gather(turn)
    else:
        _ring_on(turn, agent, cause)


def _ring_on(turn: Turn, agent: Leg, cause: EndCause) -> None:
    """The citizen waits for the line alone; a failure comes back to the agent, unless the agent's line was lost."""
    transfer = turn.call.transfer
    reachable = cause is not EndCause.LOST and bool(agent.address)
    if transfer is not None:
        turn.call.transfer = replace(
            transfer, agent=agent.party if reachable else "", home=agent.address if reachable else ""
        )
    if not reachable:
        turn.release_agent(agent.party, talked=True, cause=cause)
    forwarding.take_over(turn)


def _consulted(turn: Turn) -> Leg | None:
    """The line that has answered and is in the other room."""
    leg = ringing.target_leg(turn)
    return leg if leg is not None and leg.up else None
