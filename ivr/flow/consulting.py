"""Consulting: a warm transfer (咨询转接). The agent goes on talking with the citizen while the line rings; when it
answers, agent and line speak alone, the citizen on hold with music; then the agent hands over or takes back.

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
    Music,
    PromptEnded,
    Role,
    Room,
    Say,
    Stage,
    TakeBackAsked,
    TimerFired,
    Transfer,
    TransferResult,
)
from ivr.flow import forwarding, ringing, talking
from ivr.flow.turn import Turn


def enter(turn: Turn, transfer: Transfer) -> None:
    """Ring the line; both hear that it is being done. The flow made sure that there is a target."""
    turn.move(Stage.CONSULTING)
    turn.call.transfer = transfer
    turn.set_timer("check", turn.rules.check_every_s)
    turn.play(Say("transfer_begins", {"line": transfer.line}))
    next_target(turn)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    if _consulted(turn) is not None:
        turn.play(Music(), loop=True)


def leg_answered(turn: Turn, event: LegAnswered) -> None:
    """The line answered: it hears the agent first, and the citizen hears music."""
    ringing.answered(turn)
    turn.play(Say("transfer_hold"))
    turn.move_leg(turn.call.legs[event.leg], Room.CONSULT)
    agent = _agent(turn)
    if agent is not None:
        turn.move_leg(agent, Room.CONSULT)


def leg_ended(turn: Turn, event: LegEnded) -> None:
    leg = turn.call.legs[event.leg]
    if leg.role is Role.AGENT:
        _agent_left(turn, leg, event.cause)
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


def hand_over_asked(turn: Turn, event: HandOverAsked) -> None:
    """The agent is done. While the line still rings, the citizen waits for it alone."""
    agent = _agent(turn)
    if agent is None or agent.party != event.agent:
        turn.reply(event.request, "not_yours")
        return
    turn.reply(event.request)
    turn.hang_up(agent.id)
    _agent_left(turn, agent, EndCause.HANGUP)


def take_back_asked(turn: Turn, event: TakeBackAsked) -> None:
    agent = _agent(turn)
    if agent is None or agent.party != event.agent:
        turn.reply(event.request, "not_yours")
        return
    turn.reply(event.request)
    ringing.give_up(turn, TransferResult.CANCELLED)
    _back(turn)


def next_target(turn: Turn) -> None:
    """Ring on, or tell both that nobody answers; the agent never left."""
    if ringing.ring(turn):
        return
    transfer = turn.call.transfer
    if transfer is not None:
        turn.play(Say("transfer_not_answered", {"line": transfer.line}))
    turn.call.transfer = None
    talking.enter(turn)


def resumed(turn: Turn) -> None:
    agent = _agent(turn)
    if agent is not None:
        turn.hold_agent(agent.party)
    if ringing.target_leg(turn) is None:
        next_target(turn)


def leave(turn: Turn) -> None:
    """The citizen is gone, and nobody is left to transfer."""
    ringing.give_up(turn, TransferResult.ABANDONED)
    turn.call.transfer = None
    talking.leave(turn)


def _agent_left(turn: Turn, agent: Leg, cause: EndCause) -> None:
    """Before the line answered: it rings on for the citizen alone. Afterwards: citizen and line are brought together,
    which is what hanging up means on any exchange.
    """
    turn.forget(agent.id)
    target = _consulted(turn)
    if target is not None:
        turn.answered(target)
        ringing.over(turn, TransferResult.CONNECTED)
        turn.call.transfer = None
        turn.release_agent(agent.party, talked=True, cause=cause)
        talking.enter(turn)
        return
    transfer = turn.call.transfer
    if transfer is not None:
        reachable = cause is not EndCause.LOST and bool(agent.address)
        turn.call.transfer = replace(
            transfer, agent=agent.party if reachable else "", home=agent.address if reachable else ""
        )
        if not reachable:
            turn.release_agent(agent.party, talked=True, cause=cause)
    forwarding.take_over(turn)


def _back(turn: Turn) -> None:
    """Agent and citizen in one room again, without the line."""
    turn.stop_playing()
    turn.call.transfer = None
    agent = _agent(turn)
    if agent is not None and agent.room is not Room.MAIN:
        turn.move_leg(agent, Room.MAIN)
    talking.enter(turn)


def _agent(turn: Turn) -> Leg | None:
    return next((leg for leg in turn.call.legs.values() if leg.role is Role.AGENT), None)


def _consulted(turn: Turn) -> Leg | None:
    """The line that has answered and speaks with the agent."""
    leg = ringing.target_leg(turn)
    return leg if leg is not None and leg.up else None
