"""Closing: everybody is let go and the call's last event is written; nothing is left behind in the switch."""

from ivr.call import Call, CallClosed, Outcome, Stage, TimerFired
from ivr.flow.turn import Turn


def hang_up(turn: Turn) -> None:
    """Let the citizen go; the carrier's word that the leg ended comes next, or the timer."""
    turn.move(Stage.CLOSING)
    turn.stop_playing()
    turn.hang_up(turn.call.id)
    turn.set_timer("closing", turn.rules.hangup_limit_s)


def finish(turn: Turn) -> None:
    """The citizen is gone, or should be by now: end whatever is left and write down what it came to."""
    turn.move(Stage.CLOSING)
    turn.call.prompt = turn.call.held = None  # the rooms' sounds end with the rooms
    for leg in list(turn.call.legs.values()):
        turn.hang_up(leg.id)
        turn.forget(leg.id)
    turn.close(outcome(turn.call))
    turn.set_timer("closing", turn.rules.hangup_limit_s)


def timer(turn: Turn, event: TimerFired) -> None:
    finish(turn)


def closed(turn: Turn, event: CallClosed) -> None:
    turn.move(Stage.CLOSED)
    turn.call.legs = {}
    turn.call.talks = event.talks
    turn.call.attempts = event.attempts


def outcome(call: Call) -> Outcome:
    if call.talks:
        return Outcome.ANSWERED
    if call.message_left:
        return Outcome.MESSAGE
    if call.restricted:
        return Outcome.RESTRICTED
    return Outcome.UNATTENDED if call.unattended else Outcome.ABANDONED
