"""What the engine needs from the outside, as small ports: a carrier, a queue, sounds, somewhere to report to.

Adapters live elsewhere (`ivr.carriers`, the composition root); nothing here does anything.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Protocol

from ivr.call import AnyEvent, CarrierCommand, ControlResumed, QueueCommand, Sound


class Sink(Protocol):
    """Where events of calls go. Never blocks, never fails."""

    def post(self, call: str, event: AnyEvent) -> None: ...


class Carrier(Protocol):
    """The phone network as the engine sees it. What happens is posted to the `Sink` it was made with."""

    async def run(self, call: str, command: CarrierCommand) -> None:
        """Run one command. Whatever the call's own state makes impossible (a leg that is gone, an endpoint that does
        not exist) is posted as an event, not raised. Raises `CarrierUnavailable` when the carrier cannot be reached;
        the command is then lost, and `ControlResumed` follows once it can.
        """

    async def inventory(self, prompts: Mapping[str, str | None]) -> dict[str, ControlResumed]:
        """What exists of the calls named (call id -> prompt that should be playing), and of every other call that the
        carrier finds to be ours.
        """


class CarrierUnavailable(Exception):
    """The carrier cannot be reached now."""


class Reception(Protocol):
    """What a carrier asks when a call arrives. Answers at once, from memory."""

    def version(self) -> str:
        """The rules that the call gets."""

    def restricted_until(self, caller: str | None, at: float) -> date | None:
        """The last day of a restriction of this caller, None when there is none."""


class Queue(Protocol):
    """The ACD as the engine sees it. Answers and offers are posted to the `Sink`."""

    async def run(self, call: str, command: QueueCommand) -> None: ...


class Replies(Protocol):
    """Where answers to people's questions go (`ivr.call.Reply`)."""

    async def reply(self, request: str, refusal: str) -> None:
        """Tell who asked: yes with an empty `refusal`. Nobody may be waiting any more; that is no error."""


class Alarms(Protocol):
    """Where supervisors are told what cannot wait (`ivr.call.Alarm`)."""

    def alarm(self, call: str, kind: str, line: str) -> None:
        """Never blocks, never fails: a citizen in danger is waiting behind it."""


class Sounds(Protocol):
    """Finds the audio of a sound."""

    async def media(self, sound: Sound) -> Path | None:
        """A file that the switch can play (8 kHz mono), or None when there is none: the call goes on without."""


class Observer(Protocol):
    """Told what the engine does, for metrics."""

    def event(self, stage: str, event: AnyEvent) -> None: ...

    def trouble(self, what: str) -> None: ...
