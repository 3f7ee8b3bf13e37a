"""Conversation: the citizen and an agent (or a duty phone) in one room. When the agent hangs up, the call says
good-bye; when the agent's line is lost, the citizen goes back to the head of the queue.
"""

from ivr.call import Check, EndCause, Leg, LegEnded, Role, Say, Stage, TimerFired
from ivr.flow import farewell, waiting
from ivr.flow.turn import Turn

LOST_LINE_PRIORITY = 5  # before ordinary callers, behind a danger to life


def enter(turn: Turn) -> None:
    turn.move(Stage.TALKING)
    turn.set_timer("check", turn.rules.check_every_s)


def timer(turn: Turn, event: TimerFired) -> None:
    """A hang-up that the carrier forgot to tell must not leave the citizen alone in a room."""
    turn.commands.append(Check())
    turn.set_timer("check", turn.rules.check_every_s)


def leg_ended(turn: Turn, event: LegEnded) -> None:
    leg = turn.call.legs[event.leg]
    turn.forget(leg.id)
    if leg.role is Role.AGENT:
        turn.release_agent(leg.party, talked=True, cause=event.cause)
    if event.cause is EndCause.LOST:
        turn.call.priority = max(turn.call.priority, LOST_LINE_PRIORITY)
        waiting.enter(turn, Say("agent_lost"))
    else:
        farewell.enter(turn)


def resumed(turn: Turn) -> None:
    leg = partner(turn)
    if leg is not None and leg.role is Role.AGENT:
        turn.hold_agent(leg.party)


def leave(turn: Turn) -> None:
    leg = partner(turn)
    if leg is not None:
        turn.hang_up(leg.id)
        turn.forget(leg.id)
        if leg.role is Role.AGENT:
            turn.release_agent(leg.party, talked=True, cause=EndCause.HANGUP)


def partner(turn: Turn) -> Leg | None:
    """Whoever talks with the citizen."""
    return next((leg for leg in turn.call.legs.values() if leg.role is not Role.CITIZEN and leg.up), None)
