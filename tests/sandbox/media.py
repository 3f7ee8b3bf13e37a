"""Live audio between Python and the outside world's Asterisk: one AudioSocket connection per leg, 8 kHz both ways.

A single clock sends every leg's 20 ms frame; what arrives is kept on wall-clock time. It decides nothing about calls.
Source: https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/
"""

import asyncio
import contextlib
import uuid
from typing import TypeVar

import numpy as np

from tests.sandbox.audio import FRAME, RATE, Samples, tone

KIND_HANGUP, KIND_UUID, KIND_AUDIO = 0x00, 0x01, 0x10
FRAME_S = FRAME / RATE
SILENCE = np.zeros(FRAME, dtype=np.int16)
LATE_S = 0.1
"""A frame that arrives later than this after where it belongs means that nothing came in between: silence."""


class Line:
    """What one party says and hears. How a frame travels is the subclasses' business."""

    def __init__(self) -> None:
        self.ident = str(uuid.uuid4())
        self._clock = asyncio.get_running_loop().time
        self._began: float | None = None
        self._ended: float | None = None
        self._heard = bytearray()
        self._said = bytearray()
        self._loop: Samples | None = None
        self._at = 0
        self._once: Samples = SILENCE[:0]

    # ------------------------------------------------------------ what is said

    def speak(self, hz: float, level: int) -> None:
        """A steady tone until told otherwise."""
        self._loop, self._at = tone(round(hz), 1.0, level), 0

    def play(self, samples: Samples) -> None:
        """Say something once, after what is being played already; a tone goes on when it is over."""
        self._once = np.concatenate([self._once, samples])

    def quiet(self) -> None:
        self._loop, self._once = None, SILENCE[:0]

    def send_frame(self) -> None:
        """The clock ticked: 20 ms more are said. Does nothing before the party is connected."""
        if self.is_open():
            frame = self._next()
            self._said += frame.tobytes()
            self.write(frame)

    def is_open(self) -> bool:
        """Whether frames can be sent."""
        raise NotImplementedError

    def write(self, frame: Samples) -> None:
        raise NotImplementedError

    def _next(self) -> Samples:
        if len(self._once):
            frame, self._once = self._once[:FRAME], self._once[FRAME:]
            return np.pad(frame, (0, FRAME - len(frame)))
        if self._loop is None:
            return SILENCE
        frame = np.take(self._loop, range(self._at, self._at + FRAME), mode="wrap")
        self._at = (self._at + FRAME) % len(self._loop)
        return frame

    # ------------------------------------------------------------ what is heard

    def begin(self) -> None:
        """From now on the leg is up; positions in `heard` and `said` count from here."""
        self._began = self._clock()
        self._heard.clear()
        self._said.clear()

    @property
    def seconds(self) -> float:
        """How long the leg has been (or was) up."""
        if self._began is None:
            return 0.0
        return (self._clock() if self._ended is None else self._ended) - self._began

    def heard(self) -> Samples:
        """All that was heard up to now, silence where nothing came."""
        self._fill(LATE_S)
        return np.frombuffer(bytes(self._heard), dtype=np.int16)

    def heard_last(self, seconds: float) -> Samples:
        self._fill(LATE_S)
        return np.frombuffer(bytes(self._heard[-round(seconds * RATE) * 2 :]), dtype=np.int16)

    def said(self) -> Samples:
        return np.frombuffer(bytes(self._said), dtype=np.int16)

    def _fill(self, tolerance_s: float) -> None:
        missing = self.seconds - len(self._heard) / 2 / RATE
        if missing > tolerance_s:
            self._heard += bytes(round((missing - FRAME_S) * RATE) * 2)

    def take(self, payload: bytes) -> None:
        if self._began is not None and self._ended is None:
            self._fill(LATE_S)
            self._heard += payload

    def close(self) -> None:
        """The party is gone; what was heard and said stays readable."""
        self._ended = self._ended or self._clock()


class SocketLine(Line):
    """A line through an AudioSocket connection that Asterisk opens."""

    def __init__(self) -> None:
        super().__init__()
        self._transport: asyncio.Transport | None = None

    def attach(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def write(self, frame: Samples) -> None:
        assert self._transport is not None
        self._transport.write(bytes((KIND_AUDIO, FRAME * 2 >> 8, FRAME * 2 & 255)) + frame.tobytes())

    def close(self) -> None:
        super().close()
        if self._transport is not None:
            self._transport.close()


AnyLine = TypeVar("AnyLine", bound=Line)


class _Connection(asyncio.Protocol):
    """Reads AudioSocket messages: kind (1 byte), length (2 bytes, big endian), payload."""

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange
        self._buffer = bytearray()
        self._line: SocketLine | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 3:
            end = 3 + int.from_bytes(self._buffer[1:3])
            if len(self._buffer) < end:
                return
            kind, payload = self._buffer[0], bytes(self._buffer[3:end])
            del self._buffer[:end]
            self._message(kind, payload)

    def _message(self, kind: int, payload: bytes) -> None:
        assert self._transport is not None
        if kind == KIND_UUID:
            line = self._exchange.lines.get(str(uuid.UUID(bytes=payload)))
            if isinstance(line, SocketLine):
                self._line = line
                line.attach(self._transport)
            else:
                self._transport.close()
        elif kind == KIND_AUDIO and self._line is not None:
            self._line.take(payload)
        elif kind == KIND_HANGUP:
            self._transport.close()


class Exchange:
    """All lines, the server that Asterisk connects to, and the clock."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self.address = ""
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        self._ticker = asyncio.create_task(self._tick(), name="world clock")

    async def stop(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        for line in list(self.lines.values()):
            self.remove(line)
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 1)

    def add(self, line: AnyLine) -> AnyLine:
        """The clock ticks for this line from now on."""
        self.lines[line.ident] = line
        return line

    def remove(self, line: Line) -> None:
        self.lines.pop(line.ident, None)
        line.close()

    async def _tick(self) -> None:
        """Every 20 ms a frame for everybody; after a short stall the missing ones follow at once."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            now = clock()
            if now - due > 0.2:  # too late to catch up: a phone would not either
                due = now
            while due <= now:
                for line in list(self.lines.values()):
                    line.send_frame()
                due += FRAME_S
            await asyncio.sleep(due - clock())
