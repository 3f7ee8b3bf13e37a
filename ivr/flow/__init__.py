"""The flow of a call: `advance` takes an event and gives the next state and the commands to run.

No I/O, no clock, no chance: the time is on the event, and the rules are a snapshot. Each stage of a call is a module
with one function per kind of event; the table below says which of them answers what, and where each may lead.

What always holds, whatever happens and in whatever order (tests/ivr/flow proves it with random events):
a call that is not over has a timer running; the citizen's leg is in the state until it ends; no command names a leg
that is gone; each call ends with exactly one `CallClosed`.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from ivr.call import (
    AgentOffered,
    AnyCommand,
    AnyEvent,
    Call,
    CallArrived,
    DigitPressed,
    DropAsked,
    EmergencyAsked,
    HandOverAsked,
    LegAnswered,
    LegEnded,
    MergeAsked,
    PromptEnded,
    Queued,
    QueueFailed,
    Stage,
    SwapAsked,
    TakeBackAsked,
    TimerFired,
    TransferAsked,
)
from ivr.flow import (
    anywhere,
    closing,
    conference,
    consulting,
    danger,
    duty,
    farewell,
    forwarding,
    greeting,
    message,
    restricted,
    returning,
    supervising,
    talking,
    transfer,
    waiting,
)
from ivr.flow.rules import KeyAction, Rules
from ivr.flow.turn import Turn

__all__ = ["HANDLERS", "LEADS_TO", "KeyAction", "Rules", "advance"]

Handler: TypeAlias = Callable[[Turn, Any], None]

# what each stage does with each kind of event; anything else is handled by `anywhere`, or means nothing there
HANDLERS: dict[Stage, dict[type, Handler]] = {
    Stage.ARRIVING: {CallArrived: greeting.arrive},
    Stage.RESTRICTED: {
        PromptEnded: restricted.prompt_ended,
        DigitPressed: restricted.key,
        TimerFired: restricted.timer,
    },
    Stage.GREETING: {
        PromptEnded: greeting.prompt_ended,
        DigitPressed: greeting.key,
        EmergencyAsked: danger.asked,
        TimerFired: greeting.timer,
    },
    Stage.CHOOSING: {
        PromptEnded: danger.prompt_ended,
        DigitPressed: danger.key,
        EmergencyAsked: danger.asked,
        TimerFired: danger.timer,
    },
    Stage.FORWARDING: {
        LegAnswered: forwarding.leg_answered,
        LegEnded: forwarding.leg_ended,
        DigitPressed: forwarding.key,
        PromptEnded: forwarding.prompt_ended,
        TimerFired: forwarding.timer,
    },
    Stage.WAITING: {
        Queued: waiting.queued,
        QueueFailed: waiting.queue_failed,
        AgentOffered: waiting.agent_offered,
        LegAnswered: waiting.leg_answered,
        LegEnded: waiting.leg_ended,
        DigitPressed: waiting.key,
        EmergencyAsked: waiting.emergency_asked,
        PromptEnded: waiting.prompt_ended,
        TimerFired: waiting.timer,
    },
    Stage.DUTY: {
        LegAnswered: duty.leg_answered,
        LegEnded: duty.leg_ended,
        DigitPressed: duty.key,
        PromptEnded: duty.prompt_ended,
        TimerFired: duty.timer,
    },
    Stage.TALKING: {
        LegEnded: talking.leg_ended,
        TransferAsked: transfer.asked,
        EmergencyAsked: transfer.emergency_asked,
        TimerFired: talking.timer,
    },
    Stage.CONSULTING: {
        LegAnswered: consulting.leg_answered,
        LegEnded: consulting.leg_ended,
        HandOverAsked: consulting.hand_over_asked,
        TakeBackAsked: consulting.take_back_asked,
        SwapAsked: consulting.swap_asked,
        MergeAsked: consulting.merge_asked,
        PromptEnded: consulting.prompt_ended,
        TimerFired: consulting.timer,
    },
    Stage.CONFERENCE: {
        LegEnded: conference.leg_ended,
        HandOverAsked: conference.hand_over_asked,
        DropAsked: conference.drop_asked,
        TransferAsked: transfer.asked,
        EmergencyAsked: transfer.emergency_asked,
        TimerFired: conference.timer,
    },
    Stage.RETURNING: {
        LegAnswered: returning.leg_answered,
        LegEnded: returning.leg_ended,
        PromptEnded: returning.prompt_ended,
        TimerFired: returning.timer,
    },
    Stage.MESSAGE: {
        DigitPressed: message.key,
        PromptEnded: message.prompt_ended,
        TimerFired: message.timer,
    },
    Stage.FAREWELL: {PromptEnded: farewell.prompt_ended, TimerFired: farewell.timer},
    Stage.CLOSING: {TimerFired: closing.timer},
    Stage.CLOSED: {},
}

# the stages a call can go to from each; ARCHITECTURE.md's diagram is drawn from this, tests hold it against what
# really happens. From every stage before CLOSED the citizen can hang up, which leads to CLOSING.
LEADS_TO: dict[Stage, frozenset[Stage]] = {
    Stage.ARRIVING: frozenset({Stage.GREETING, Stage.RESTRICTED, Stage.CLOSED}),
    Stage.RESTRICTED: frozenset({Stage.CHOOSING, Stage.WAITING, Stage.MESSAGE, Stage.FAREWELL, Stage.CLOSING}),
    Stage.GREETING: frozenset({Stage.CHOOSING, Stage.WAITING, Stage.FORWARDING, Stage.CLOSING}),
    Stage.CHOOSING: frozenset({Stage.FORWARDING, Stage.WAITING, Stage.CLOSING}),
    Stage.FORWARDING: frozenset({Stage.CHOOSING, Stage.TALKING, Stage.RETURNING, Stage.WAITING, Stage.CLOSING}),
    Stage.WAITING: frozenset(
        {Stage.CHOOSING, Stage.TALKING, Stage.FORWARDING, Stage.DUTY, Stage.MESSAGE, Stage.CLOSING}
    ),
    Stage.DUTY: frozenset({Stage.CHOOSING, Stage.TALKING, Stage.WAITING, Stage.MESSAGE, Stage.CLOSING}),
    Stage.TALKING: frozenset({Stage.FAREWELL, Stage.WAITING, Stage.CONSULTING, Stage.FORWARDING, Stage.CLOSING}),
    # WAITING: agent and line were both lost
    Stage.CONSULTING: frozenset({Stage.TALKING, Stage.CONFERENCE, Stage.FORWARDING, Stage.WAITING, Stage.CLOSING}),
    Stage.CONFERENCE: frozenset({Stage.TALKING, Stage.CONSULTING, Stage.CLOSING}),
    Stage.RETURNING: frozenset({Stage.TALKING, Stage.WAITING, Stage.CLOSING}),
    Stage.MESSAGE: frozenset({Stage.FAREWELL, Stage.CLOSING}),
    Stage.FAREWELL: frozenset({Stage.CLOSING}),
    Stage.CLOSING: frozenset({Stage.CLOSED}),
    Stage.CLOSED: frozenset(),
}


def advance(call: Call, event: AnyEvent, rules: Rules) -> tuple[Call, tuple[AnyCommand, ...]]:
    """Take one event into account.

    Returns the call's next state (`call` itself is not changed) and the commands to run, in order. An event that
    means nothing in the call's stage changes nothing: duplicates and latecomers are harmless.
    """
    turn = Turn(call, rules, event.at)
    anywhere.handle(turn, event, HANDLERS)
    supervising.settle(turn)
    return turn.call, tuple(turn.commands)
