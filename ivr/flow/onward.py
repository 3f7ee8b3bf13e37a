"""Onward: the next place a call can go to, by the steps its number's row left it. The last step is always people."""

from itertools import takewhile

from ivr.call import Sound, Transfer, TransferKind
from ivr.flow import forwarding, waiting
from ivr.flow.turn import Turn
from routing.tables import Target, TargetKind


def go(turn: Turn, *before: Sound) -> None:
    """To the next step; `before` is said first."""
    call = turn.call
    phones = phones_first(call.steps)
    if phones:
        call.steps = call.steps[len(phones) :]
        kind = TransferKind.EMERGENCY if call.emergency else TransferKind.FORWARD
        forwarding.enter(turn, Transfer(call.line or call.dialled, kind, phones), *before)
        return
    wait_s = None
    if call.steps:
        call.skill, wait_s, call.steps = call.steps[0].to, call.steps[0].ring_s, call.steps[1:]
    waiting.enter(turn, *before, overflow_s=wait_s)


def phones_first(steps: tuple[Target, ...]) -> tuple[Target, ...]:
    """The phones that are to be rung before anybody queues."""
    return tuple(takewhile(lambda step: step.kind is not TargetKind.SKILL, steps))
