"""Duty: no agent can answer, so the duty phones (值班电话) are rung one after another; the last resort is a message."""

from ivr.call import (
    DigitPressed,
    Leg,
    LegAnswered,
    LegEnded,
    Music,
    PromptEnded,
    Role,
    Say,
    Stage,
    TimerFired,
)
from ivr.flow import danger, message, talking, waiting
from ivr.flow.turn import Turn


def enter(turn: Turn) -> None:
    turn.move(Stage.DUTY)
    turn.stop_seeking()
    turn.call.duty_next = 0
    if turn.rules.duty_phones:
        turn.play(Say("nobody_on_shift"))
    ring_next(turn)


def ring_next(turn: Turn) -> None:
    """Ring the next duty phone, or take a message when there is none left."""
    call, rules = turn.call, turn.rules
    if call.duty_next >= len(rules.duty_phones):
        call.unattended = True
        message.enter(turn, Say("nobody_available"))
        return
    address = rules.duty_phones[call.duty_next]
    call.duty_next += 1
    call.duty_rung += 1
    turn.dial(f"{call.id}-d{call.duty_rung}", Role.DUTY, address, address, rules.ring_s)
    turn.set_timer("offer", rules.ring_s + rules.ring_grace_s)


def leg_answered(turn: Turn, event: LegAnswered) -> None:
    turn.answered(turn.call.legs[event.leg])
    talking.enter(turn)


def leg_ended(turn: Turn, event: LegEnded) -> None:
    turn.forget(event.leg)
    ring_next(turn)


def timer(turn: Turn, event: TimerFired) -> None:
    leg = ringing(turn)
    if leg is not None:
        turn.hang_up(leg.id)
        turn.forget(leg.id)
    ring_next(turn)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    turn.play(Music(), loop=True)


def key(turn: Turn, event: DigitPressed) -> None:
    """A person is being called already; only a danger to life comes before that."""
    if waiting.is_emergency(turn, event.digit) and not turn.call.emergency:
        leave(turn)
        danger.enter(turn)


def resumed(turn: Turn) -> None:
    if ringing(turn) is None:
        ring_next(turn)


def leave(turn: Turn) -> None:
    leg = ringing(turn)
    if leg is not None:
        turn.hang_up(leg.id)
        turn.forget(leg.id)


def ringing(turn: Turn) -> Leg | None:
    return next((leg for leg in turn.call.legs.values() if leg.role is Role.DUTY and not leg.up), None)
