"""What holds in every stage: who hangs up, what is stale, what a restart found. The stage's own handlers come after.

Keeps duplicates, latecomers and events of parties already gone away from the stages, so that these need not ask.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ivr.call import (
    Accept,
    AgentOffered,
    AnyEvent,
    Asked,
    CallClosed,
    ControlResumed,
    DigitPressed,
    DropAsked,
    EmergencyAsked,
    EndCause,
    HandOverAsked,
    LegAnswered,
    LegEnded,
    MergeAsked,
    PromptEnded,
    Stage,
    SupervisionAsked,
    SwapAsked,
    TakeBackAsked,
    TimerFired,
    TransferAsked,
)
from ivr.flow import (
    closing,
    conference,
    consulting,
    duty,
    forwarding,
    returning,
    supervising,
    talking,
    transfer,
    waiting,
)
from ivr.flow.turn import Turn

Handler = Callable[[Turn, Any], None]
Table = Mapping[Stage, Mapping[type, Handler]]

# how a stage lets go of what it began when the citizen is gone, and what it does again after a restart
LEAVE: dict[Stage, Callable[[Turn], None]] = {
    Stage.FORWARDING: forwarding.leave,
    Stage.WAITING: waiting.leave,
    Stage.DUTY: duty.leave,
    Stage.TALKING: talking.leave,
    Stage.CONSULTING: consulting.leave,
    Stage.CONFERENCE: conference.leave,
    Stage.RETURNING: returning.leave,
}
RESUME: dict[Stage, Callable[[Turn], None]] = {
    Stage.FORWARDING: forwarding.resumed,
    Stage.WAITING: waiting.resumed,
    Stage.DUTY: duty.resumed,
    Stage.TALKING: talking.resumed,
    Stage.CONSULTING: consulting.resumed,
    Stage.CONFERENCE: conference.resumed,
    Stage.RETURNING: returning.resumed,
    Stage.CLOSING: closing.hang_up,
}


def handle(turn: Turn, event: AnyEvent, table: Table) -> None:
    """Sift the event, then give it to the stage."""
    stage = turn.call.stage
    if stage is Stage.CLOSED:
        _afterwards(turn, event)
        return
    if supervising.took(turn, event):
        return
    sift = _SIFTS.get(type(event))
    if sift is not None and not sift(turn, event, table):
        return
    handler = table[turn.call.stage].get(type(event))
    if handler is not None:
        handler(turn, event)


def _afterwards(turn: Turn, event: AnyEvent) -> None:
    """The call is over: a reservation that comes too late is given back, a leg that comes too late is let go."""
    if isinstance(event, AgentOffered):
        turn.release_agent(event.agent, talked=False, cause=EndCause.HANGUP)
    elif isinstance(event, LegAnswered):
        turn.hang_up(event.leg)
    elif isinstance(event, Asked | SupervisionAsked):
        turn.reply(event.request, transfer.NOT_TALKING)


# Each sift returns whether the stage should see the event.


def _digit(turn: Turn, event: DigitPressed, table: Table) -> bool:
    return event.leg == turn.call.id


def _prompt(turn: Turn, event: PromptEnded, table: Table) -> bool:
    prompt = turn.call.prompt
    if prompt is None or prompt.id != event.prompt:
        return False
    turn.call.prompt = None
    return True


def _timer(turn: Turn, event: TimerFired, table: Table) -> bool:
    due = turn.call.timers.get(event.timer)
    if due is None or due > event.at:  # cancelled, or set anew since it fired
        return False
    turn.clear_timer(event.timer)
    return True


def _answered(turn: Turn, event: LegAnswered, table: Table) -> bool:
    leg = turn.call.legs.get(event.leg)
    if leg is None:  # answered in the instant we gave up on it
        turn.hang_up(event.leg)
        return False
    return not leg.up


def _ended(turn: Turn, event: LegEnded, table: Table) -> bool:
    call = turn.call
    if event.leg not in call.legs:
        return False
    if event.leg == call.id:
        leave = LEAVE.get(call.stage)
        if leave is not None:
            leave(turn)
        turn.forget(call.id)
        closing.finish(turn)
        return False
    return True


def _offered(turn: Turn, event: AgentOffered, table: Table) -> bool:
    if turn.call.stage is Stage.WAITING:
        return True
    turn.release_agent(event.agent, talked=False, cause=EndCause.HANGUP)
    return False


def _asked(turn: Turn, event: Asked, table: Table) -> bool:
    """A person's question is always answered, also when it comes too late."""
    if type(event) in table[turn.call.stage]:
        return True
    talk_wanted = isinstance(event, TransferAsked | EmergencyAsked)
    wrong_time = transfer.NOT_TALKING if talk_wanted else transfer.NO_TRANSFER
    turn.reply(event.request, wrong_time)
    return False


def _closed(turn: Turn, event: CallClosed, table: Table) -> bool:
    closing.closed(turn, event)
    return False


def _resumed(turn: Turn, event: ControlResumed, table: Table) -> bool:
    """Turn the difference between what we believe and what the carrier has into events; do again what is missing."""
    call = turn.call
    present = {*event.up, *event.ringing}
    for orphan in sorted(present - call.legs.keys() - supervising.known_legs(turn)):
        turn.hang_up(orphan)
    if call.id not in call.legs:
        closing.finish(turn)
        return False
    if call.id not in present:
        handle(turn, LegEnded(at=event.at, leg=call.id, cause=EndCause.LOST), table)
        return False
    if not event.room:
        turn.commands.append(Accept(leg=call.id))
    supervising.resumed(turn, event)
    for leg in list(call.legs.values()):
        if leg.id == call.id:
            continue
        if leg.id not in present:
            handle(turn, LegEnded(at=event.at, leg=leg.id, cause=EndCause.LOST), table)
        elif leg.up:
            turn.join(leg)
        elif leg.id in event.up:
            handle(turn, LegAnswered(at=event.at, leg=leg.id), table)
    prompt = call.prompt
    if prompt is not None and prompt.id not in event.prompts and not _just_started(turn, prompt.id):
        turn.play_again()
    again = RESUME.get(call.stage)
    if again is not None:
        again(turn)
    return False


def _just_started(turn: Turn, prompt: str) -> bool:
    return any(getattr(command, "prompt", None) == prompt for command in turn.commands)


_SIFTS: dict[type, Callable[[Turn, Any, Table], bool]] = {
    DigitPressed: _digit,
    PromptEnded: _prompt,
    TimerFired: _timer,
    LegAnswered: _answered,
    LegEnded: _ended,
    AgentOffered: _offered,
    TransferAsked: _asked,
    HandOverAsked: _asked,
    TakeBackAsked: _asked,
    MergeAsked: _asked,
    SwapAsked: _asked,
    DropAsked: _asked,
    EmergencyAsked: _asked,
    CallClosed: _closed,
    ControlResumed: _resumed,
}
