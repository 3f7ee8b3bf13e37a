"""One end of a call in the outside world: a citizen's, or that of a phone which was rung.

Speaks, listens, presses keys and hangs up. Every wait has a limit and says what was observed instead.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from tests.sandbox.ari import AriClient
from tests.sandbox.audio import FRAME, LEVEL, RATE, Samples, has_tone, is_speech, timeline, tones
from tests.sandbox.media import Exchange, Line

POLL_S = 0.02
WINDOW_S = 0.2
COMMON_TONES = (300, 400, 440, 450, 500, 600, 700, 800, 900, 950, 1000, 1100, 1300)
SPEECH_WINDOW_S = 1.0


class NotObserved(AssertionError):
    """Something did not happen within its limit."""


async def until(condition: Callable[[], bool], within: float, missing: Callable[[], str]) -> None:
    """Wait until a condition holds; `missing` words the complaint when it does not in time."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise NotObserved(f"{missing()} (waited {within:g} s)")
        await asyncio.sleep(POLL_S)


class Ears(Protocol):
    """Whatever hears: what all who listen have in common is in `Listening`."""

    def heard(self) -> Samples: ...

    def heard_last(self, seconds: float) -> Samples: ...


class Listening:
    """Waits on what is heard. Needs `heard` and `heard_last`; `__str__` names the listener in complaints."""

    def heard(self) -> Samples:
        """All that this party heard since it was connected: 8 kHz, wall-clock time."""
        raise NotImplementedError

    def heard_last(self, seconds: float) -> Samples:
        raise NotImplementedError

    async def hears(self, *freqs: float, within: float = 5.0) -> None:
        """Wait until all these frequencies are heard at once (now, not in the past)."""
        await until(
            lambda: all(has_tone(self.heard_last(WINDOW_S), hz) for hz in freqs),
            within,
            lambda: f"{self} does not hear {freqs} Hz; {self.report()}",
        )

    async def hears_not(self, hz: float, within: float = 5.0) -> None:
        """Wait until a frequency is not heard any more."""
        await until(
            lambda: not has_tone(self.heard_last(WINDOW_S), hz),
            within,
            lambda: f"{self} still hears {hz} Hz; {self.report()}",
        )

    async def hears_speech(self, within: float = 5.0) -> None:
        """Wait until somebody (or a prompt) speaks."""
        await until(
            lambda: is_speech(self.heard_last(SPEECH_WINDOW_S)),
            within,
            lambda: f"{self} hears nobody speak; {self.report()}",
        )

    async def hears_silence(self, seconds: float = 0.3, within: float = 5.0) -> None:
        """Wait until nothing was heard for so many seconds."""
        await until(
            lambda: len(last := self.heard_last(seconds)) >= seconds * RATE * 0.9 and abs(last).max(initial=0) < 100,
            within,
            lambda: f"{self} does not hear silence; {self.report()}",
        )

    def report(self) -> str:
        """What was heard, for complaints."""
        heard = self.heard()
        spans = timeline(heard, COMMON_TONES)
        told = ", ".join(f"{span.hz:g} Hz {span.start:.1f}-{span.end:.1f} s" for span in spans[-8:])
        return f"heard in {len(heard) / RATE:.1f} s: {told or 'no tone'}"


class Network(Protocol):
    """What a leg needs of the world."""

    ari: AriClient
    exchange: Exchange


class Leg(Listening):
    """A connection of the outside world's Asterisk.

    `number` is whose phone this is, `caller` the number shown to it (or, of a citizen, the number it calls from).
    """

    def __init__(self, network: Network, channel: str, number: str, caller: str) -> None:
        self.channel = channel
        self.number = number
        self.caller = caller
        self.digits = ""  # keys that the other side pressed
        self.cause: int | None = None  # Q.850 cause of the end
        self.answered = asyncio.Event()
        self.over = asyncio.Event()
        self._network = network
        self._line: Line = network.exchange.open_line()
        self._bridge = f"leg-{self._line.ident}"
        self._media = f"media-{self._line.ident}"

    def __str__(self) -> str:
        return f"phone {self.number}"

    # ------------------------------------------------------------ doing

    async def speak(self, hz: float, level: int = LEVEL) -> None:
        """Say a steady tone from now on, instead of what was said before."""
        self._line.speak(hz, level)

    async def play(self, samples: Samples) -> None:
        """Say something once (8 kHz)."""
        self._line.play(samples)

    async def stop_speaking(self) -> None:
        self._line.quiet()

    async def press(self, keys: str, *, duration_ms: int = 100, between_ms: int = 100) -> None:
        """Press keys, sent as RFC 4733 events."""
        await self._network.ari.request(
            "POST", f"channels/{self.channel}/dtmf", dtmf=keys, duration=duration_ms, between=between_ms
        )

    async def answer(self) -> None:
        """Pick up."""
        await self._network.ari.request("POST", f"channels/{self.channel}/answer")
        await self.connect()

    async def ring(self) -> None:
        """Say 180 Ringing."""
        await self._network.ari.request("POST", f"channels/{self.channel}/ring")

    async def hang_up(self, cause: int = 16) -> None:
        """Hang up, or refuse with a Q.850 cause when not answered yet. Returns when the leg is over."""
        self.cause = cause
        await self._network.ari.attempt("DELETE", f"channels/{self.channel}", reason_code=cause)
        await self.ends()

    async def header(self, name: str) -> str:
        """A header of the INVITE that rang this phone; empty when there is none."""
        answer = await self._network.ari.request(
            "GET", f"channels/{self.channel}/variable", variable=f"PJSIP_HEADER(read,{name})"
        )
        return str(answer["value"])

    # ------------------------------------------------------------ observing

    def heard(self) -> Samples:
        return self._line.heard()

    def heard_last(self, seconds: float) -> Samples:
        return self._line.heard_last(seconds)

    def said(self) -> Samples:
        """All that this party said since it was connected."""
        return self._line.said()

    @property
    def seconds(self) -> float:
        """How long this party has been (or was) connected."""
        return self._line.seconds

    @property
    def has_ended(self) -> bool:
        return self.over.is_set()

    async def is_answered(self, within: float = 5.0) -> None:
        """Wait until the call is answered."""
        await until(
            lambda: self.answered.is_set() or self.has_ended, within, lambda: f"{self} is not answered"
        )
        if not self.answered.is_set():
            raise NotObserved(f"{self} ended unanswered with cause {self.cause}")

    async def ends(self, within: float = 5.0) -> int:
        """Wait until this leg is over; returns the Q.850 cause."""
        await until(lambda: self.has_ended, within, lambda: f"{self} does not end; {self.report()}")
        return self.cause or 0

    async def gets_keys(self, keys: str, within: float = 5.0) -> None:
        """Wait until the other side has pressed these keys, and no others."""
        await until(lambda: self.digits == keys, within, lambda: f"{self} got keys {self.digits!r}, not {keys!r}")

    # ------------------------------------------------------------ for the world

    async def prepare(self) -> None:
        """Lay the line to Python, so that connecting takes a single request later."""
        ari = self._network.ari
        await ari.request("POST", f"bridges/{self._bridge}", type="mixing")
        await ari.request(
            "POST",
            "channels/externalMedia",
            channelId=self._media,
            app=ari.app,
            external_host=self._network.exchange.address,
            encapsulation="audiosocket",
            transport="tcp",
            format="slin",
            data=self._line.ident,
        )

    async def media_entered(self) -> None:
        await self._network.ari.request("POST", f"bridges/{self._bridge}/addChannel", channel=self._media)

    async def connect(self) -> None:
        """The leg is up: put it on its line."""
        if not self.answered.is_set():
            self.answered.set()
            await self._network.ari.request("POST", f"bridges/{self._bridge}/addChannel", channel=self.channel)
            self._line.begin()

    @property
    def media(self) -> str:
        """Channel id of the line to Python."""
        return self._media

    def mark_over(self, cause: int | None) -> None:
        self.cause = self.cause or cause
        self._network.exchange.close_line(self._line)
        self.over.set()

    async def clear(self) -> None:
        """Take away what the leg used."""
        await self._network.ari.attempt("DELETE", f"channels/{self._media}")
        await self._network.ari.attempt("DELETE", f"bridges/{self._bridge}")


__all__ = ["FRAME", "Ears", "Leg", "Listening", "NotObserved", "tones", "until"]
