"""The vocabulary of one call: what can happen (events), what can be done (commands), what is known (state).

Plain typed values, nothing more: no I/O, no clock, no decision. Times are UNIX seconds (UTC), durations seconds.
Events are what the journal keeps, so a field may be added with a default but never renamed or given a new meaning.
"""

from datetime import date
from enum import StrEnum
from typing import TypeAlias

import msgspec

from routing.tables.model import Target


class Role(StrEnum):
    """Whom a leg belongs to."""

    CITIZEN = "citizen"
    AGENT = "agent"
    DUTY = "duty"  # a duty phone (值班电话), rung when no agent can answer
    LINE = "line"  # a line of the transfer table, or an external number: whoever a call was transferred to
    SUPERVISOR = "supervisor"  # a supervisor (班长) who has taken a call over; before, see `Supervisor`


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
    RESTRICTED = "restricted"  # a restricted caller who neither appealed nor reported an emergency


class TransferKind(StrEnum):
    """How a call comes to another line."""

    FORWARD = "forward"  # the dialled number leads there: no agent has had the call yet
    BLIND = "blind"  # the agent lets go at once
    WARM = "warm"  # the agent speaks with the line first, and stays until handing over
    EMERGENCY = "emergency"  # to 110, 119, 120 or 122; whoever is with the citizen stays until told to leave


class TransferResult(StrEnum):
    """What became of ringing one target, in the field's words."""

    CONNECTED = "connected"  # citizen and target were brought together
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    LOST = "lost"  # line gone in the middle of it
    ENDED = "ended"  # the target hung up before it was brought together with the citizen
    CANCELLED = "cancelled"  # taken back by the agent, or given up by the citizen with a key
    ABANDONED = "abandoned"  # the citizen hung up meanwhile


class Room(StrEnum):
    """Where a leg is. Every call has the one; the other is for what the citizen shall not hear."""

    MAIN = "main"
    CONSULT = "consult"
    WHISPER = "whisper"  # behind the agent's ear: a supervisor, and what the agent says and hears


class Supervision(StrEnum):
    """What a supervisor does on a call that an agent talks on."""

    LISTEN = "listen"  # 监听: hears all, nobody hears the supervisor
    WHISPER = "whisper"  # 耳语: hears what the agent hears and says; the agent alone hears the supervisor
    JOIN = "join"  # 强插: everybody hears everybody
    TAKE_OVER = "take_over"  # 接管: talks with the citizen in the agent's place, as soon as the phone is answered


# ---------------------------------------------------------------- what a citizen can be made to hear


class Say(msgspec.Struct, frozen=True, tag="say"):
    """A prompt of the city pack, by key, with the values its text asks for."""

    key: str
    values: dict[str, str | int] = {}


class Announcement(msgspec.Struct, frozen=True, tag="announcement"):
    """A text of the transfer table, said as it stands."""

    text: str


class Tone(msgspec.Struct, frozen=True, tag="tone"):
    """A tone of the national tone plan: ``ring`` or ``beep``."""

    name: str


class Music(msgspec.Struct, frozen=True, tag="music"):
    """Music on hold, from where it begins."""


Sound: TypeAlias = Say | Announcement | Tone | Music


# ---------------------------------------------------------------- events


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


class Talk(msgspec.Struct, frozen=True):
    """One conversation within a call."""

    leg: str
    role: Role
    party: str  # agent id, the duty phone's address, or the line's number
    began: float
    ended: float | None = None


class Attempt(msgspec.Struct, frozen=True):
    """One target of a transfer, rung once (转接记录)."""

    line: str  # the row of the transfer table
    address: str
    transfer: TransferKind
    agent: str  # who transferred; empty when the dialled number led there
    began: float
    answered: float | None = None
    ended: float | None = None  # when the result was known
    result: TransferResult | None = None


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


# ---------------------------------------------------------------- commands


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="do"):
    """Something to be done for one call."""


class Accept(Command, frozen=True, kw_only=True, tag="accept"):
    """Open the call's room and put the citizen into it. Harmless when done already."""

    leg: str


class Play(Command, frozen=True, kw_only=True, tag="play"):
    """Play sounds to a room, one after another; ends with `PromptEnded`. Music is played alone and in a ``loop``:
    it goes on until `StopPlaying`.
    """

    prompt: str
    sounds: tuple[Sound, ...]
    loop: bool = False
    room: Room = Room.MAIN


class StopPlaying(Command, frozen=True, kw_only=True, tag="stop_playing"):
    prompt: str
    room: Room = Room.MAIN


class Dial(Command, frozen=True, kw_only=True, tag="dial"):
    """Ring a phone. ``address`` is ``desk:8001`` (an agent's phone) or ``phone:13800000000`` (a number on the
    trunk). Ends with `LegAnswered`, or `LegEnded` at the latest after ``timeout_s``.
    """

    leg: str
    address: str
    timeout_s: float
    caller: str | None
    headers: dict[str, str] = {}  # SIP headers that go along (X-…)


class Join(Command, frozen=True, kw_only=True, tag="join"):
    """Put an answered leg into a room of the call, out of the other one. With ``muted`` nobody there hears it, nor its
    keys; None is for legs that are never muted.
    """

    leg: str
    room: Room = Room.MAIN
    muted: bool | None = None


class Whisper(Command, frozen=True, kw_only=True, tag="whisper"):
    """Put an answered leg behind another's ear: it hears what that one hears and says, and only that one hears it."""

    leg: str
    to: str


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


class Reply(Command, frozen=True, kw_only=True, tag="reply"):
    """Answer a person's question. ``refusal`` is one word for why not (see `ivr.flow.transfer`), empty for yes."""

    request: str
    refusal: str = ""


class Alarm(Command, frozen=True, kw_only=True, tag="alarm"):
    """Tell supervisors at once. ``kind`` is one word (see `ivr.flow.danger`), ``line`` the emergency number."""

    kind: str
    line: str


class CloseCall(Command, frozen=True, kw_only=True, tag="close_call"):
    """Write the call's last event, `CallClosed`."""

    outcome: Outcome
    talks: tuple[Talk, ...]
    attempts: tuple[Attempt, ...] = ()
    appeal: bool = False


CarrierCommand: TypeAlias = Accept | Play | StopPlaying | Dial | Join | Whisper | HangUp | Check | CloseRoom
QueueCommand: TypeAlias = SeekAgent | StopSeeking | HoldAgent | ReleaseAgent
AnyCommand: TypeAlias = CarrierCommand | QueueCommand | Reply | Alarm | CloseCall


# ---------------------------------------------------------------- state


class Stage(StrEnum):
    """Where a call is; one module of `ivr.flow` each."""

    ARRIVING = "arriving"
    RESTRICTED = "restricted"
    GREETING = "greeting"
    CHOOSING = "choosing"
    FORWARDING = "forwarding"
    WAITING = "waiting"
    DUTY = "duty"
    TALKING = "talking"
    CONSULTING = "consulting"
    RETURNING = "returning"
    CONFERENCE = "conference"
    MESSAGE = "message"
    FAREWELL = "farewell"
    CLOSING = "closing"
    CLOSED = "closed"


class Leg(msgspec.Struct, frozen=True):
    """A party's connection as the flow knows it."""

    id: str
    role: Role
    party: str  # caller's number, agent id, address or line; never written to a log unmasked
    up: bool = False
    room: Room = Room.MAIN
    address: str = ""  # where it was dialled


class Supervisor(msgspec.Struct, frozen=True):
    """A supervisor's connection while an agent talks. It is none of `Call.legs`: the stages do not know of it."""

    id: str
    party: str  # the supervisor's id in the roster
    address: str
    mode: Supervision
    up: bool = False


class Prompt(msgspec.Struct, frozen=True):
    """What is being played to the room now."""

    id: str
    sounds: tuple[Sound, ...]
    loop: bool


class Transfer(msgspec.Struct, frozen=True):
    """A transfer under way."""

    line: str  # the row of the transfer table
    kind: TransferKind
    targets: tuple[Target, ...]  # still to be rung, the one that rings now first
    tries: int = 0  # how often the first was rung already
    agent: str = ""  # whose call it is, reserved until it is over; empty when nobody's
    home: str = ""  # the address of that agent's phone


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
    line: str = ""  # the row of the transfer table that the dialled number came to; empty for the hotline's own
    skill: str = ""
    steps: tuple[Target, ...] = ()  # where the call goes when the present skill or target does not answer
    priority: int = 0
    emergency: bool = False  # the caller pressed the danger-to-life key
    place: str = ""  # where help is needed, as whoever asked for it said
    event: str = ""  # what happened, likewise
    queue_failures: int = 0
    announce: bool = False  # the queue was asked in order to tell the citizen the place
    duty_next: int = 0  # index of the next duty phone to ring
    duty_rung: int = 0  # duty phones rung in the whole call: a call may come here more than once
    talks: tuple[Talk, ...] = ()
    transfer: Transfer | None = None
    attempts: tuple[Attempt, ...] = ()
    held: str | None = None  # the music that a line on hold hears in the other room
    supervisor: Supervisor | None = None
    supervised: int = 0  # how often a supervisor's phone was rung
    returns: int = 0  # how often an agent was rung again after a transfer
    restricted: bool = False
    appeal: bool = False
    message_left: bool = False
    unattended: bool = False  # nobody could answer


event_encoder = msgspec.json.Encoder()
event_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
call_decoder: msgspec.json.Decoder[Call] = msgspec.json.Decoder(Call)
