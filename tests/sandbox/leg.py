"""One end of a call in the outside world: a citizen's, or that of a phone which was rung.

Speaks, listens, presses keys and hangs up. Every wait has a limit and says what was observed instead.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from tests.sandbox.ari import AriClient, AriRefused
from tests.sandbox.audio import LEVEL, RATE, Samples, has_tone, is_speech, timeline
from tests.sandbox.media import Exchange, Line, SocketLine

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


class Party:
    """Somebody on a line: what all who speak and listen have in common. `str()` names the party in complaints."""

    def __init__(self, line: Line) -> None:
        self.line = line

    async def speak(self, hz: float, level: int = LEVEL) -> None:
        """Say a steady tone (whole hertz) from now on, instead of what was said before."""
        self.line.speak(hz, level)

    async def play(self, samples: Samples) -> None:
        """Say something once (8 kHz)."""
        self.line.play(samples)

    async def stop_speaking(self) -> None:
        self.line.quiet()

    def heard(self) -> Samples:
        """All that this party heard since it was connected: 8 kHz, wall-clock time, silence where nothing came."""
        return self.line.heard()

    def heard_last(self, seconds: float) -> Samples:
        return self.line.heard_last(seconds)

    def said(self) -> Samples:
        """All that this party said since it was connected."""
        return self.line.said()

    @property
    def seconds(self) -> float:
        """How long this party has been (or was) connected."""
        return self.line.seconds

    async def hears(self, *freqs: float, within: float = 5.0, lasting: float = WINDOW_S) -> None:
        """Wait until all these frequencies are heard at once, and have been for ``lasting`` seconds without a gap."""

        def steady() -> bool:
            last, size = self.heard_last(lasting), round(WINDOW_S / 2 * RATE)
            windows = [last[at : at + size] for at in range(0, len(last) - size + 1, size)]
            return len(last) >= round(lasting * RATE) and all(has_tone(part, hz) for part in windows for hz in freqs)

        await until(
            steady,
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


class Leg(Party):
    """A connection of the outside world's Asterisk.

    `number` is whose phone this is, `caller` the number shown to it, "anonymous" where that is withheld (or, of a
    citizen, the number it calls from).
    """

    def __init__(self, network: Network, channel: str, number: str, caller: str) -> None:
        self.channel = channel
        self.number = number
        self.caller = caller
        self.digits = ""  # keys that the other side pressed
        self.cause: int | None = None  # Q.850 cause of the end
        self.answered = asyncio.Event()
        self.over = asyncio.Event()
        super().__init__(network.exchange.add(SocketLine()))
        self._network = network
        self._bridge = f"leg-{self.line.ident}"
        self.media = f"media-{self.line.ident}"  # channel of the line to Python

    def __str__(self) -> str:
        return f"phone {self.number}"

    # ------------------------------------------------------------ doing

    async def press(self, keys: str, *, duration_ms: int = 100, between_ms: int = 100) -> None:
        """Press keys, sent as RFC 4733 events; returns when all are pressed.

        Asterisk 22.10 counts keys twice that come in on a channel which has sent keys itself, so let one side press.
        """
        await self._network.ari.request(
            "POST", f"channels/{self.channel}/dtmf", dtmf=keys, duration=duration_ms, between=between_ms
        )
        await asyncio.sleep(len(keys) * (duration_ms + between_ms) / 1000)

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
        try:
            answer = await self._network.ari.request(
                "GET", f"channels/{self.channel}/variable", variable=f"PJSIP_HEADER(read,{name})"
            )
        except AriRefused as refused:
            if refused.status == 500:  # "unable to read": the INVITE has no such header
                return ""
            raise
        return str(answer["value"])

    # ------------------------------------------------------------ observing

    @property
    def has_ended(self) -> bool:
        return self.over.is_set()

    async def is_answered(self, within: float = 5.0) -> None:
        """Wait until the call is answered."""
        await until(lambda: self.answered.is_set() or self.has_ended, within, lambda: f"{self} is not answered")
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
            channelId=self.media,
            app=ari.app,
            external_host=self._network.exchange.address,
            encapsulation="audiosocket",
            transport="tcp",
            format="slin",
            data=self.line.ident,
        )

    async def media_entered(self) -> None:
        await self._network.ari.request("POST", f"bridges/{self._bridge}/addChannel", channel=self.media)

    async def connect(self) -> None:
        """The leg is up: put it on its line."""
        if not self.answered.is_set():
            self.answered.set()
            await self._network.ari.request("POST", f"bridges/{self._bridge}/addChannel", channel=self.channel)
            self.line.begin()

    def mark_over(self, cause: int | None) -> None:
        self.cause = self.cause or cause
        self._network.exchange.remove(self.line)
        self.over.set()

    async def clear(self) -> None:
        """Take away what the leg used."""
        await self._network.ari.attempt("DELETE", f"channels/{self.media}")
        await self._network.ari.attempt("DELETE", f"bridges/{self._bridge}")
