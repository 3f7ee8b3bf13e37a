"""Message (留言): nobody can answer, so the citizen is asked to speak after the tone; the call's recording keeps it."""

from ivr.call import DigitPressed, PromptEnded, Say, Sound, Stage, TimerFired, Tone
from ivr.flow import farewell
from ivr.flow.turn import Turn

END_KEY = "#"


def enter(turn: Turn, reason: Sound, ask: str | None = "leave_message") -> None:
    """Say why, then ask for the message (None: `reason` asks already); the tone is the start of it."""
    turn.move(Stage.MESSAGE)
    turn.play(reason, *((Say(ask),) if ask else ()), Tone("beep"))
    turn.set_timer("message", turn.rules.message_limit_s)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    """The tone has sounded: from now on the citizen is speaking."""
    turn.call.message_left = True


def key(turn: Turn, event: DigitPressed) -> None:
    if event.digit == END_KEY:
        finish(turn)


def timer(turn: Turn, event: TimerFired) -> None:
    turn.call.message_left = True
    finish(turn)


def finish(turn: Turn) -> None:
    farewell.enter(turn, "message_thanks")
