"""What is measured: a telephone system that takes the bench's calls. The hotline is one, the plain dialplan the other.

This module only says what the bench needs of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.desks import Desks

DUTY = "9001"
"""The duty phone. When it rings, no worker has taken the call: for the bench the call has failed."""

HELLO_S, GREETING_S = 0.4, 3.0
"""How long the first word and the whole greeting, first word included, are."""


def agents(count: int) -> tuple[str, ...]:
    """Numbers of so many desk phones."""
    return tuple(str(8001 + number) for number in range(count))


@dataclass(frozen=True)
class Ports:
    """UDP ports on 127.0.0.1, but `http` and `api`, which are TCP."""

    sip: int  # the system
    trunk: int  # where its calls come from
    second_trunk: int  # where citizens in danger come from, and operators are rung
    second_audio: int
    desks: int
    desk_audio: int
    http: int
    api: int
    rtp_first: int
    rtp_last: int


@dataclass(frozen=True)
class Recorded:
    """Recordings since the last time they were asked for."""

    complete: int  # both sides audible, and as long as the call
    bad: int


class Subject(Protocol):
    """A running telephone system with its desk phones."""

    name: str
    folder: Path
    ports: Ports
    desks: Desks

    def start(self) -> None:
        """Start it and wait until it takes calls."""

    def stop(self) -> None: ...

    def roles(self) -> Mapping[int, str]:
        """Its processes now: pid → what it is, without the bench's own."""

    def idle(self) -> bool:
        """Whether no call is left in it."""

    def unarchived(self) -> int:
        """Recordings that still wait to be archived."""

    def recorded(self, expected: int, least_s: float) -> Recorded:
        """Look at the recordings of the last calls, ``expected`` of them, each at least so long."""
