"""Returning: a transfer failed, and the agent who had the call is rung again; nobody else has been offered the agent
meanwhile. If the agent does not answer, the citizen goes to the head of the queue.
"""

from ivr.call import EndCause, Leg, LegAnswered, LegEnded, Music, PromptEnded, Role, Sound, Stage, TimerFired, Transfer
from ivr.flow import talking, waiting
from ivr.flow.turn import Turn


def enter(turn: Turn, transfer: Transfer, *before: Sound) -> None:
    call = turn.call
    turn.move(Stage.RETURNING)
    call.transfer = transfer
    if before:
        turn.play(*before)
    else:
        turn.play(Music(), loop=True)
    _ring(turn, transfer)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    turn.play(Music(), loop=True)


def leg_answered(turn: Turn, event: LegAnswered) -> None:
    leg = turn.call.legs[event.leg]
    turn.call.transfer = None
    turn.answered(leg)
    turn.hold_agent(leg.party)
    talking.enter(turn)


def leg_ended(turn: Turn, event: LegEnded) -> None:
    turn.forget(event.leg)
    _queue(turn, event.cause)


def timer(turn: Turn, event: TimerFired) -> None:
    leave_leg(turn)
    _queue(turn, EndCause.NO_ANSWER)


def resumed(turn: Turn) -> None:
    transfer = turn.call.transfer
    if transfer is not None:
        turn.hold_agent(transfer.agent)


def leave(turn: Turn) -> None:
    leave_leg(turn)
    transfer, turn.call.transfer = turn.call.transfer, None
    if transfer is not None:
        turn.release_agent(transfer.agent, talked=True, cause=EndCause.HANGUP)


def leave_leg(turn: Turn) -> None:
    leg = _ringing(turn)
    if leg is not None:
        turn.hang_up(leg.id)
        turn.forget(leg.id)


def _ring(turn: Turn, transfer: Transfer) -> None:
    call, rules = turn.call, turn.rules
    call.returns += 1
    turn.dial(f"{call.id}-r{call.returns}", Role.AGENT, transfer.home, transfer.agent, rules.ring_s)
    turn.set_timer("offer", rules.ring_s + rules.ring_grace_s)


def _queue(turn: Turn, cause: EndCause) -> None:
    call = turn.call
    transfer, call.transfer = call.transfer, None
    if transfer is not None:
        turn.release_agent(transfer.agent, talked=False, cause=cause)
    call.priority = max(call.priority, talking.LOST_LINE_PRIORITY)
    waiting.enter(turn)


def _ringing(turn: Turn) -> Leg | None:
    return next((leg for leg in turn.call.legs.values() if leg.role is Role.AGENT and not leg.up), None)
