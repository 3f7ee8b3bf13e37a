"""Ringing the targets of a transfer, one after another, each as often as its row says; every attempt is written down.

Knows nothing of who waits meanwhile: that is `forwarding` (the citizen) and `consulting` (citizen and agent).
"""

from msgspec.structs import replace

from ivr.call import Attempt, EndCause, Leg, Role, Room, TransferKind, TransferResult
from ivr.flow.turn import Turn

RESULTS = {
    EndCause.HANGUP: TransferResult.REJECTED,  # while it rings, a hang-up is a refusal
    EndCause.BUSY: TransferResult.BUSY,
    EndCause.NO_ANSWER: TransferResult.NO_ANSWER,
    EndCause.REJECTED: TransferResult.REJECTED,
    EndCause.UNREACHABLE: TransferResult.UNREACHABLE,
    EndCause.LOST: TransferResult.LOST,
}


def ring(turn: Turn) -> bool:
    """Ring the next target of the call's transfer. False when there is none left."""
    call, rules = turn.call, turn.rules
    transfer = call.transfer
    if transfer is None:
        return False
    while transfer.targets and transfer.tries >= transfer.targets[0].tries:
        transfer = replace(transfer, targets=transfer.targets[1:], tries=0)
    if not transfer.targets:
        return False
    target = transfer.targets[0]
    call.transfer = replace(transfer, tries=transfer.tries + 1)
    usual_s = rules.emergency_ring_s if transfer.kind is TransferKind.EMERGENCY else rules.target_ring_s
    ring_s = usual_s if target.ring_s is None else target.ring_s
    turn.dial(f"{call.id}-t{len(call.attempts) + 1}", Role.LINE, target.address, transfer.line, ring_s, told=True)
    call.attempts = (
        *call.attempts,
        Attempt(transfer.line, target.address, transfer.kind, transfer.agent, began=turn.at),
    )
    turn.set_timer("offer", ring_s + rules.ring_grace_s)
    return True


def target_leg(turn: Turn) -> Leg | None:
    """The leg of whoever the call is being transferred to: it rings, or is in the other room."""
    return next(
        (leg for leg in turn.call.legs.values() if leg.role is Role.LINE and (not leg.up or leg.room is Room.CONSULT)),
        None,
    )


def answered(turn: Turn) -> None:
    """Note when the present target answered."""
    turn.clear_timer("offer")
    _note(turn, answered=turn.at)


def over(turn: Turn, result: TransferResult) -> None:
    """Note what became of the present target."""
    turn.clear_timer("offer")
    if turn.call.attempts and turn.call.attempts[-1].result is None:
        _note(turn, ended=turn.at, result=result)


def give_up(turn: Turn, result: TransferResult, *, hang_up: bool = True) -> None:
    """No longer this target: its leg, if there is one, is let go, and the attempt is written down."""
    leg = target_leg(turn)
    if leg is not None:
        if hang_up:
            turn.hang_up(leg.id)
        turn.forget(leg.id)
    over(turn, result)


def _note(turn: Turn, **facts: object) -> None:
    *before, last = turn.call.attempts
    turn.call.attempts = (*before, replace(last, **facts))
