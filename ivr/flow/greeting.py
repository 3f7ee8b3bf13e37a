"""Greeting: the notice that the call is recorded, at once and interruptible; then a person (`direct` mode).

GB/T 33358-2016 advises against a menu in front of a government hotline, so keys work silently here and any key,
right or wrong, or none, leads to a person.
"""

from ivr.call import Accept, CallArrived, DigitPressed, PromptEnded, Say, Stage, TimerFired
from ivr.flow import waiting
from ivr.flow.turn import Turn


def arrive(turn: Turn, event: CallArrived) -> None:
    """A new call: the dialled number decides how it is received."""
    rules, call = turn.rules, turn.call
    entry = rules.entries.get(event.dialled, rules.default_entry)
    call.arrived_at, call.dialled, call.caller, call.rules = (
        event.at,
        event.dialled,
        event.caller,
        event.rules,
    )
    call.skill = entry.skill
    turn.add_citizen()
    turn.move(Stage.GREETING)
    turn.commands.append(Accept(leg=call.id))
    turn.play(Say(entry.greeting))
    turn.set_timer("greeting", rules.greeting_limit_s)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    waiting.enter(turn)


def key(turn: Turn, event: DigitPressed) -> None:
    waiting.apply_key(turn, event.digit)
    waiting.enter(turn)


def timer(turn: Turn, event: TimerFired) -> None:
    """The carrier never said that the greeting ended; the citizen does not wait for it."""
    waiting.enter(turn)
