"""Forwarding (转接): the citizen waits with music while another line rings. If nobody answers, always back to a person:
the agent who transferred, else the queue with the place kept.
"""

from ivr.call import (
    DigitPressed,
    EndCause,
    LegAnswered,
    LegEnded,
    Music,
    PromptEnded,
    Say,
    Sound,
    Stage,
    TimerFired,
    Transfer,
    TransferKind,
    TransferResult,
)
from ivr.flow import danger, onward, returning, ringing, talking, waiting
from ivr.flow.turn import Turn

PERSON_KEY = "0"


def enter(turn: Turn, transfer: Transfer, *before: Sound) -> None:
    """Begin to ring; `before` is said first, music follows."""
    turn.move(Stage.FORWARDING)
    turn.call.transfer = transfer
    _sound(turn, *before)
    if not ringing.ring(turn):
        failed(turn)


def take_over(turn: Turn) -> None:
    """The agent left while the line rings: the citizen waits alone, and it rings on."""
    due = turn.call.timers.get("offer")
    turn.move(Stage.FORWARDING)
    turn.set_timer("offer", turn.rules.target_ring_s if due is None else max(0.0, due - turn.at))
    _sound(turn)


def _sound(turn: Turn, *before: Sound) -> None:
    if before:
        turn.play(*before)
    else:
        turn.play(Music(), loop=True)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    turn.play(Music(), loop=True)


def leg_answered(turn: Turn, event: LegAnswered) -> None:
    call = turn.call
    ringing.answered(turn)
    turn.answered(call.legs[event.leg])
    ringing.over(turn, TransferResult.CONNECTED)
    let_agent_go(turn)
    talking.enter(turn)


def leg_ended(turn: Turn, event: LegEnded) -> None:
    ringing.give_up(turn, ringing.RESULTS[event.cause], hang_up=False)
    next_target(turn)


def timer(turn: Turn, event: TimerFired) -> None:
    ringing.give_up(turn, TransferResult.NO_ANSWER)
    next_target(turn)


def key(turn: Turn, event: DigitPressed) -> None:
    """Whoever asks for a person, or presses the key for a danger to life, is not kept waiting for the line. While an
    emergency number rings no key means anything: a finger that slips must not break it off.
    """
    transfer = turn.call.transfer
    if transfer is not None and transfer.kind is TransferKind.EMERGENCY:
        return
    if waiting.is_emergency(turn, event.digit):
        if not turn.call.emergency:
            ringing.give_up(turn, TransferResult.CANCELLED)
            let_agent_go(turn)
            danger.enter(turn)
    elif waiting.apply_key(turn, event.digit) or event.digit == PERSON_KEY:
        ringing.give_up(turn, TransferResult.CANCELLED)
        failed(turn, said=False)


def next_target(turn: Turn) -> None:
    if not ringing.ring(turn):
        failed(turn)


def failed(turn: Turn, *, said: bool = True) -> None:
    """Nobody there: back to a person."""
    call = turn.call
    transfer, call.transfer = call.transfer, None
    sorry: tuple[Sound, ...] = ()
    if transfer is not None and transfer.kind is TransferKind.EMERGENCY:
        sorry = (danger.failed(turn, transfer),)
    elif transfer is not None and said:
        sorry = (Say("transfer_failed", {"line": transfer.line}),)
    if transfer is not None and transfer.home:
        returning.enter(turn, transfer, *sorry)
    else:
        onward.go(turn, *sorry)


def resumed(turn: Turn) -> None:
    transfer = turn.call.transfer
    if transfer is not None and transfer.agent:
        turn.hold_agent(transfer.agent)
    if ringing.target_leg(turn) is None:
        next_target(turn)


def leave(turn: Turn) -> None:
    ringing.give_up(turn, TransferResult.ABANDONED)
    let_agent_go(turn)


def let_agent_go(turn: Turn) -> None:
    """The agent who transferred is free again."""
    transfer, turn.call.transfer = turn.call.transfer, None
    if transfer is not None and transfer.agent:
        turn.release_agent(transfer.agent, talked=True, cause=EndCause.HANGUP)
