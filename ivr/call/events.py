"""What can happen to a call. Events are what the journal keeps: a field may be added with a default, never renamed."""

from datetime import date
from typing import TypeAlias

import msgspec

from ivr.call.facts import Attempt, Talk
from ivr.call.words import EndCause, Outcome, TransferKind


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Something that happened; ``at`` is when."""

    at: float


class HandedOver(msgspec.Struct, frozen=True):
    """What an emergency desk said of a citizen whom it handed over to us (110移交)."""

    desk: str  # 110
    incident: str = ""  # its own number of the matter
    place: str = ""


class CallArrived(Event, frozen=True, kw_only=True, tag="call_arrived"):
    """A citizen's call reached us. The call's id is the carrier's id of the citizen's leg."""

    call: str
    dialled: str
    caller: str | None  # as the carrier gave it; None when withheld
    carrier: str
    rules: str  # version of the rules that hold for this call to its end
    recording: str | None = None  # the name under which the carrier records it, None when it does not
    restricted_until: date | None = None  # the last day of a restriction of this caller (限制使用)
    handed_over: HandedOver | None = None


class LegAnswered(Event, frozen=True, kw_only=True, tag="leg_answered"):
    leg: str


class LegEnded(Event, frozen=True, kw_only=True, tag="leg_ended"):
    leg: str
    cause: EndCause


class DigitPressed(Event, frozen=True, kw_only=True, tag="digit_pressed"):
    leg: str
    digit: str  # one of 0-9 * # A-D


class PromptEnded(Event, frozen=True, kw_only=True, tag="prompt_ended"):
    """A prompt is over: heard to its end, or (``heard`` false) stopped or not playable."""

    prompt: str
    heard: bool


class TimerFired(Event, frozen=True, kw_only=True, tag="timer_fired"):
    timer: str


class Queued(Event, frozen=True, kw_only=True, tag="queued"):
    """The queue's answer to `SeekAgent`: the call's place (1 is next) and the agents on shift for its skill."""

    skill: str
    position: int
    on_shift: int


class QueueFailed(Event, frozen=True, kw_only=True, tag="queue_failed"):
    """The queue could not be asked."""

    reason: str


class AgentOffered(Event, frozen=True, kw_only=True, tag="agent_offered"):
    """The queue reserved an agent for this call; the reservation is a lease and expires by itself."""

    leg: str  # id that the agent's leg will bear
    agent: str
    address: str  # where to dial, see `Dial`
    ring_s: float


class TransferAsked(Event, frozen=True, kw_only=True, tag="transfer_asked"):
    """The agent asks for the citizen to be brought to another line; answered by `Reply`."""

    request: str  # id of the question
    agent: str
    number: str  # as the agent typed it: a row of the transfer table
    transfer: TransferKind  # blind or warm


class HandOverAsked(Event, frozen=True, kw_only=True, tag="hand_over_asked"):
    """The agent of a warm transfer leaves: citizen and line go on. Answered by `Reply`."""

    request: str
    agent: str


class TakeBackAsked(Event, frozen=True, kw_only=True, tag="take_back_asked"):
    """The agent of a warm transfer gives it up and goes on with the citizen. Answered by `Reply`."""

    request: str
    agent: str


class MergeAsked(Event, frozen=True, kw_only=True, tag="merge_asked"):
    """The agent of a warm transfer brings all together (三方通话). Answered by `Reply`."""

    request: str
    agent: str
    consent: bool  # the citizen agreed to it; without that it is not done


class SwapAsked(Event, frozen=True, kw_only=True, tag="swap_asked"):
    """The agent of a warm transfer turns from the line to the citizen, or back; the other hears music. Answered by
    `Reply`.
    """

    request: str
    agent: str


class DropAsked(Event, frozen=True, kw_only=True, tag="drop_asked"):
    """The agent lets the line that came last go from a conference. Answered by `Reply`."""

    request: str
    agent: str


class EmergencyAsked(Event, frozen=True, kw_only=True, tag="emergency_asked"):
    """Put the citizen through to an emergency number. Asked by the agent who talks, or of a call that has no agent
    yet by a supervisor. Answered by `Reply`.
    """

    request: str
    agent: str  # who asks
    number: str  # 110, 119, 120 or 122
    supervisor: bool = False
    place: str = ""  # where help is needed, in the citizen's words; handed along
    event: str = ""  # what happened, likewise


# a person's question about a call: each is answered by `Reply`
Asked: TypeAlias = TransferAsked | HandOverAsked | TakeBackAsked | MergeAsked | SwapAsked | DropAsked | EmergencyAsked


class ListenAsked(Event, frozen=True, kw_only=True, tag="listen_asked"):
    """A supervisor wants to hear the call. Answered by `Reply`, as are the four below. The first of them that is
    answered with yes rings the supervisor's phone.
    """

    request: str
    supervisor: str  # the supervisor's id in the roster
    address: str  # where the supervisor's phone is dialled, see `Dial`


class WhisperAsked(Event, frozen=True, kw_only=True, tag="whisper_asked"):
    """A supervisor wants to speak to the agent alone."""

    request: str
    supervisor: str
    address: str


class JoinAsked(Event, frozen=True, kw_only=True, tag="join_asked"):
    """A supervisor wants to speak with all."""

    request: str
    supervisor: str
    address: str


class TakeOverAsked(Event, frozen=True, kw_only=True, tag="take_over_asked"):
    """A supervisor wants to talk with the citizen in the agent's place."""

    request: str
    supervisor: str
    address: str


class LeaveAsked(Event, frozen=True, kw_only=True, tag="leave_asked"):
    """A supervisor wants to be let go; the call goes on."""

    request: str
    supervisor: str


ModeAsked: TypeAlias = ListenAsked | WhisperAsked | JoinAsked | TakeOverAsked
SupervisionAsked: TypeAlias = ModeAsked | LeaveAsked


class ControlResumed(Event, frozen=True, kw_only=True, tag="control_resumed"):
    """What the carrier says exists of this call, after a restart, a lost connection or a check."""

    up: tuple[str, ...]
    ringing: tuple[str, ...]
    prompts: tuple[str, ...]
    room: bool


class CallClosed(Event, frozen=True, kw_only=True, tag="call_closed"):
    """The last event of each call: everything is over and this is what it came to."""

    outcome: Outcome
    talks: tuple[Talk, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    appeal: bool = False  # a restricted caller appealed; the recording keeps it


class SwitchHandled(Event, frozen=True, kw_only=True, tag="switch_handled"):
    """The carrier's own fallback served the call while no worker could; learned afterwards from its slip."""

    answered: bool
    ended: float


AnyEvent: TypeAlias = (
    CallArrived
    | LegAnswered
    | LegEnded
    | DigitPressed
    | PromptEnded
    | TimerFired
    | Queued
    | QueueFailed
    | AgentOffered
    | TransferAsked
    | HandOverAsked
    | TakeBackAsked
    | MergeAsked
    | SwapAsked
    | DropAsked
    | EmergencyAsked
    | ListenAsked
    | WhisperAsked
    | JoinAsked
    | TakeOverAsked
    | LeaveAsked
    | ControlResumed
    | CallClosed
    | SwitchHandled
)
