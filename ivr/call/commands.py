"""What can be done for a call."""

from typing import TypeAlias

import msgspec

from ivr.call.facts import Attempt, Talk
from ivr.call.sounds import Sound
from ivr.call.words import EndCause, Outcome, Room


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
