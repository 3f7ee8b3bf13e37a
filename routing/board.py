"""What the queue tells: a caller's place, an offer of an agent, and the board that supervisors see.

Plain values. Times are UNIX seconds by Redis's clock, durations seconds.
"""

import msgspec

from routing.agents import AgentState, Presence


class Place(msgspec.Struct, frozen=True):
    """Where a call stands."""

    skill: str
    position: int  # among the waiting calls of its skill; 1 is next
    on_shift: int  # agents of that skill who are signed in, whatever they are doing


class Offer(msgspec.Struct, frozen=True):
    """An agent reserved for a call: ring the agent's phone, then say `hold` or `release`."""

    call: str
    agent: str
    address: str
    lease: str  # unique; the same offer delivered again after a worker's death bears the same one
    ring_s: float  # how long to let it ring
    why: str  # why this agent and this call, for the journal and the log
    expires_at: float  # when the reservation ends by itself


class AgentStatus(msgspec.Struct, frozen=True):
    """One agent on the board."""

    id: str
    name: str
    skills: tuple[str, ...]
    state: AgentState
    since: float  # when this state began
    presence: Presence  # what the agent asked for; holds again when the hands are free
    call: str | None = None  # the call rung for or talked on


class WaitingCall(msgspec.Struct, frozen=True):
    """One caller in a queue."""

    call: str
    priority: int
    since: float
    worker: str  # the worker process that runs this call
    agent: str | None = None  # who is being rung for it now


class SkillQueue(msgspec.Struct, frozen=True):
    """One skill's queue."""

    waiting: int
    ready: int
    on_shift: int
    calls: tuple[WaitingCall, ...] = ()  # the first of them, in order


class Board(msgspec.Struct, frozen=True):
    """Everything at one moment."""

    at: float
    agents: dict[str, AgentStatus]
    queues: dict[str, SkillQueue]
