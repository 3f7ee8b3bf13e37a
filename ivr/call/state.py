"""What is known of a call."""

import msgspec

from ivr.call.facts import Attempt, Talk
from ivr.call.sounds import Sound
from ivr.call.words import Role, Room, Stage, Supervision, TransferKind
from routing.tables.model import Target


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
