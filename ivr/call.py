"""The vocabulary of one call: what can happen (events), what can be done (commands), what is known (state).

Plain typed values, nothing more: no I/O, no clock, no decision. Times are UNIX seconds (UTC), durations seconds.
Events are what the journal keeps, so a field may be added with a default but never renamed or given a new meaning.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec


class Role(StrEnum):
    """Whom a leg belongs to."""

    CITIZEN = "citizen"
    AGENT = "agent"
    DUTY = "duty"  # a duty phone (值班电话), rung when no agent can answer


class EndCause(StrEnum):
    """Why a leg ended, in the field's words; carriers map their own codes to these (Q.850 for Asterisk)."""

    HANGUP = "hangup"  # the party hung up, or we did: the ordinary end
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"  # unknown number, unregistered phone, dead gateway
    LOST = "lost"  # gone without a hang-up: network failure, or found missing after a restart


class Outcome(StrEnum):
    """How a call ended, as the citizen would tell it."""

    ANSWERED = "answered"  # spoke with an agent or a duty phone
    MESSAGE = "message"  # left a message (留言)
    ABANDONED = "abandoned"  # hung up before anybody answered
    UNATTENDED = "unattended"  # nobody could answer and no message was left


# ---------------------------------------------------------------- what a citizen can be made to hear


class Say(msgspec.Struct, frozen=True, tag="say"):
    """A prompt of the city pack, by key, with the values its text asks for."""

    key: str
    values: dict[str, str | int] = {}


class Tone(msgspec.Struct, frozen=True, tag="tone"):
    """A tone of the national tone plan: ``ring`` or ``beep``."""

    name: str


class Music(msgspec.Struct, frozen=True, tag="music"):
    """Music on hold, from where it begins."""


Sound: TypeAlias = Say | Tone | Music


# ---------------------------------------------------------------- events


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Something that happened; ``at`` is when."""

    at: float


class CallArrived(Event, frozen=True, kw_only=True, tag="call_arrived"):
    """A citizen's call reached us. The call's id is the carrier's id of the citizen's leg."""

    call: str
    dialled: str
    caller: str | None  # as the carrier gave it; None when withheld
    carrier: str
    rules: str  # version of the rules that hold for this call to its end
    recording: str | None = None  # the name under which the carrier records it, None when it does not


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


class ControlResumed(Event, frozen=True, kw_only=True, tag="control_resumed"):
    """What the carrier says exists of this call, after a restart, a lost connection or a check."""

    up: tuple[str, ...]
    ringing: tuple[str, ...]
    prompts: tuple[str, ...]
    room: bool


class Talk(msgspec.Struct, frozen=True):
    """One conversation within a call."""

    leg: str
    role: Role
    party: str  # agent id, or the duty phone's address
    began: float
    ended: float | None = None


class CallClosed(Event, frozen=True, kw_only=True, tag="call_closed"):
    """The last event of each call: everything is over and this is what it came to."""

    outcome: Outcome
    talks: tuple[Talk, ...] = ()


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
    | ControlResumed
    | CallClosed
    | SwitchHandled
)


# ---------------------------------------------------------------- commands


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="do"):
    """Something to be done for one call."""


class Accept(Command, frozen=True, kw_only=True, tag="accept"):
    """Open the call's room and put the citizen into it. Harmless when done already."""

    leg: str


class Play(Command, frozen=True, kw_only=True, tag="play"):
    """Play sounds to the room, one after another; ends with `PromptEnded`. Music is played alone and in a ``loop``:
    it goes on until `StopPlaying`.
    """

    prompt: str
    sounds: tuple[Sound, ...]
    loop: bool = False


class StopPlaying(Command, frozen=True, kw_only=True, tag="stop_playing"):
    prompt: str


class Dial(Command, frozen=True, kw_only=True, tag="dial"):
    """Ring a phone. ``address`` is ``desk:8001`` (an agent's phone) or ``phone:13800000000`` (a number on the
    trunk). Ends with `LegAnswered`, or `LegEnded` at the latest after ``timeout_s``.
    """

    leg: str
    address: str
    timeout_s: float
    caller: str | None


class Join(Command, frozen=True, kw_only=True, tag="join"):
    """Put an answered leg into the call's room."""

    leg: str


class HangUp(Command, frozen=True, kw_only=True, tag="hang_up"):
    leg: str


class Check(Command, frozen=True, kw_only=True, tag="check"):
    """Ask the carrier what exists of this call; answered by `ControlResumed`."""


class CloseRoom(Command, frozen=True, kw_only=True, tag="close_room"):
    pass


class SeekAgent(Command, frozen=True, kw_only=True, tag="seek_agent"):
    """Stand in the queue since ``since``; answered by `Queued` or `QueueFailed`, later by `AgentOffered`.
    Said again, it keeps the place and only asks for the answer.
    """

    skill: str
    priority: int  # higher goes first
    since: float


class StopSeeking(Command, frozen=True, kw_only=True, tag="stop_seeking"):
    pass


class HoldAgent(Command, frozen=True, kw_only=True, tag="hold_agent"):
    """The agent talks on this call: keep the reservation until `ReleaseAgent`."""

    agent: str


class ReleaseAgent(Command, frozen=True, kw_only=True, tag="release_agent"):
    """The agent is done with this call. ``cause`` tells a failed offer from a finished talk (``talked``)."""

    agent: str
    talked: bool
    cause: EndCause


class CloseCall(Command, frozen=True, kw_only=True, tag="close_call"):
    """Write the call's last event, `CallClosed`."""

    outcome: Outcome
    talks: tuple[Talk, ...]


CarrierCommand: TypeAlias = Accept | Play | StopPlaying | Dial | Join | HangUp | Check | CloseRoom
QueueCommand: TypeAlias = SeekAgent | StopSeeking | HoldAgent | ReleaseAgent
AnyCommand: TypeAlias = CarrierCommand | QueueCommand | CloseCall


# ---------------------------------------------------------------- state


class Stage(StrEnum):
    """Where a call is; one module of `ivr.flow` each."""

    ARRIVING = "arriving"
    GREETING = "greeting"
    WAITING = "waiting"
    DUTY = "duty"
    TALKING = "talking"
    MESSAGE = "message"
    FAREWELL = "farewell"
    CLOSING = "closing"
    CLOSED = "closed"


class Leg(msgspec.Struct, frozen=True):
    """A party's connection as the flow knows it."""

    id: str
    role: Role
    party: str  # caller's number, agent id or address; never written to a log unmasked
    up: bool = False


class Prompt(msgspec.Struct, frozen=True):
    """What is being played to the room now."""

    id: str
    sounds: tuple[Sound, ...]
    loop: bool


class Call(msgspec.Struct):
    """Everything the flow knows of a call. Only `ivr.flow` makes new ones; to others it is read-only."""

    id: str
    stage: Stage = Stage.ARRIVING
    arrived_at: float = 0.0
    dialled: str = ""
    caller: str | None = None
    rules: str = ""
    legs: dict[str, Leg] = {}
    prompt: Prompt | None = None
    prompts_played: int = 0
    timers: dict[str, float] = {}  # name -> when due; the engine keeps its clock set to these
    skill: str = ""
    priority: int = 0
    emergency: bool = False  # the caller pressed the danger-to-life key
    queue_failures: int = 0
    announce: bool = False  # the queue was asked in order to tell the citizen the place
    duty_next: int = 0  # index of the next duty phone to ring
    duty_rung: int = 0  # duty phones rung in the whole call: a call may come here more than once
    talks: tuple[Talk, ...] = ()
    message_left: bool = False
    unattended: bool = False  # nobody could answer


event_encoder = msgspec.json.Encoder()
event_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
call_decoder: msgspec.json.Decoder[Call] = msgspec.json.Decoder(Call)
