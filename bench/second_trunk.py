"""The bench's own phones on a system's second trunk: citizens who press keys, and whoever is rung there.

Made for times: what arrives is stamped by the kernel, what leaves just before it does, as in `bench.tap`. All parties
share one SIP and one audio port; a party is known by its Call-ID and by the switch's audio port. Nothing here judges.
"""

import asyncio
import contextlib
import itertools
import secrets
import struct
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench import g711, sip, tap
from bench.sip import Header, Message

CITIZEN_HZ, OPERATOR_HZ = 1900.0, 2900.0
"""What each side says: whole frames of 20 ms, and where neither speech nor music has much."""

_LEVEL = 8000
_HEARD = _LEVEL / 4  # a tone this strong in one packet is heard
_PACKET_S = 0.020
_KEY_PACKETS = 5  # 100 ms: shorter ones Asterisk stretches to 80 ms
_KEYS = "0123456789*#"
_ALAW: NDArray[np.float64] = np.array([g711.decode(code) for code in range(256)], dtype=np.float64)
_RTP = struct.Struct("!BBHII")  # RFC 3550 section 5.1
_EVENT = struct.Struct("!BBH")  # RFC 4733 section 2.3
_REPEAT_S, _REPEATS = 0.5, 6  # RFC 3261 T1: 0.5, 1, 2, … s


@dataclass(frozen=True)
class Ports:
    """UDP ports on 127.0.0.1: the system's SIP port, this trunk's, and the one where all parties here listen."""

    switch: int
    trunk: int
    audio: int


class Ear:
    """Waits for a tone: `first` is the UNIX time in nanoseconds when the first packet with it arrived."""

    def __init__(self, hz: float) -> None:
        self._wave = np.exp(2j * np.pi * hz / g711.RATE * np.arange(g711.FRAME)) * (2 / g711.FRAME)
        self._heard = asyncio.Event()
        self.first: int | None = None

    def take(self, samples: NDArray[np.float64], at: int) -> None:
        if self.first is None and abs(samples @ self._wave) >= _HEARD:
            self.first = at
            self._heard.set()

    async def heard(self, within: float) -> int:
        """Raises `TimeoutError`."""
        await asyncio.wait_for(self._heard.wait(), within)
        assert self.first is not None
        return self.first


class _Key:
    """A key that is being pressed; `over` gets the time when its end was sent."""

    def __init__(self, key: str, timestamp: int) -> None:
        self.event = _KEYS.index(key)
        self.timestamp = timestamp
        self.packets = 0
        self.over: asyncio.Future[int] = asyncio.get_running_loop().create_future()


class Party:
    """One call here: a citizen's, or that of a phone which was rung. Times are UNIX nanoseconds."""

    def __init__(self, trunk: "SecondTrunk", call: str, number: str, hz: float) -> None:
        self.call, self.number = call, number
        self.tag = secrets.token_hex(4)
        self.invited = 0  # a citizen's INVITE sent; that of a phone arrived
        self.refused = 0  # final status that was no success
        self.answered, self.ended = asyncio.Event(), asyncio.Event()
        self.ended_by_switch = False
        self.peer = 0  # the switch's audio port
        self.dialog: list[Header] = []  # From, To of our requests, once there is a dialog
        self.target = ""  # where our requests go
        self.last = b""  # our last response to its INVITE
        self._trunk = trunk
        self._ears: list[Ear] = []
        self._voice = trunk.voice(hz)
        self._sequence, self._timestamp = secrets.randbelow(1 << 15), secrets.randbelow(1 << 31)
        self._ssrc = secrets.randbits(32)
        self._key: _Key | None = None

    async def press(self, key: str) -> int:
        """Press a key for 100 ms. Returns when the first of the three packets that tell its end left."""
        self._key = _Key(key, self._timestamp)
        return await self._key.over

    def listen(self, hz: float) -> Ear:
        """From now on."""
        ear = Ear(hz)
        self._ears.append(ear)
        return ear

    async def hears(self, hz: float, within: float) -> int:
        """When the tone was heard first from now on. Raises `TimeoutError`."""
        return await self.listen(hz).heard(within)

    async def hang_up(self) -> None:
        """Say BYE, unless the call is over."""
        if not self.ended.is_set():
            await self._trunk.bye(self)

    # ------------------------------------------------------------ for the trunk

    def end(self, *, by_switch: bool) -> None:
        if not self.ended.is_set():
            self.ended_by_switch = by_switch
            self.ended.set()

    def take(self, packet: bytes, at: int) -> None:
        if self._ears and len(packet) == _RTP.size + g711.FRAME and packet[1] & 0x7F == sip.PAYLOAD_ALAW:
            samples = _ALAW[np.frombuffer(packet, np.uint8, offset=_RTP.size)]
            for ear in self._ears:
                ear.take(samples, at)
            self._ears = [ear for ear in self._ears if ear.first is None]

    def speak(self) -> None:
        """The clock ticked: 20 ms of voice, or of the key that is being pressed."""
        if self._key is None:
            self._send(sip.PAYLOAD_ALAW, self._timestamp, self._voice)
        else:
            self._go_on_pressing(self._key)
        self._timestamp = (self._timestamp + g711.FRAME) & 0xFFFFFFFF

    def _go_on_pressing(self, key: _Key) -> None:
        key.packets += 1
        begins = 0x80 if key.packets == 1 else 0  # the marker
        if key.packets <= _KEY_PACKETS:
            event = _EVENT.pack(key.event, 10, key.packets * g711.FRAME)
            self._send(sip.PAYLOAD_KEYS | begins, key.timestamp, event)
            return
        end = _EVENT.pack(key.event, 0x80 | 10, _KEY_PACKETS * g711.FRAME)
        self._key, at = None, time.time_ns()
        for _ in range(3):  # RFC 4733 section 2.5.1.4
            self._send(sip.PAYLOAD_KEYS, key.timestamp, end)
        key.over.set_result(at)

    def _send(self, kind: int, timestamp: int, payload: bytes) -> None:
        header = _RTP.pack(0x80, kind, self._sequence, timestamp, self._ssrc)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._trunk.send_audio(header + payload, self.peer)


class SecondTrunk:
    """Use it as ``async with SecondTrunk.open(ports) as trunk``. Whoever is rung here says 180, is picked up ``ring_s``
    later, and says `OPERATOR_HZ`.
    """

    def __init__(self, ports: Ports, ring_s: float) -> None:
        self._ports, self._ring_s = ports, ring_s
        self._sip, self._audio = tap.stamped_socket(ports.trunk), tap.stamped_socket(ports.audio)
        self._contact = f"sip:phone@{sip.LOCAL}:{ports.trunk}"
        self._parties: dict[str, Party] = {}
        self._speaking: dict[int, Party] = {}  # by the switch's audio port
        self._rung: defaultdict[str, asyncio.Queue[Party]] = defaultdict(asyncio.Queue)  # by the caller's number
        self._voices: dict[float, bytes] = {}
        self._branches = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self.asked = asyncio.Event()  # the switch has asked by OPTIONS whether anybody is here

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, ports: Ports, *, ring_s: float = 0.3) -> AsyncIterator["SecondTrunk"]:
        trunk = cls(ports, ring_s)
        loop = asyncio.get_running_loop()
        loop.add_reader(trunk._sip, trunk._hear_sip)
        loop.add_reader(trunk._audio, trunk._hear_audio)
        trunk.spawn(trunk._tick())
        try:
            yield trunk
        finally:
            for task in list(trunk._tasks):
                task.cancel()
            await asyncio.gather(*trunk._tasks, return_exceptions=True)
            for sock in (trunk._sip, trunk._audio):
                loop.remove_reader(sock)
                sock.close()

    # ------------------------------------------------------------ doing

    async def call(self, number: str, caller: str, within: float = 10.0) -> Party:
        """A citizen calls; returns when the call is answered. Raises `TimeoutError`, `ConnectionError` when refused."""
        party = Party(self, f"{secrets.token_hex(8)}@bench", caller, CITIZEN_HZ)
        self._parties[party.call] = party
        party.target = f"sip:{number}@{sip.LOCAL}:{self._ports.switch}"
        party.dialog = [
            Header("From", f"<sip:{caller}@{sip.LOCAL}:{self._ports.trunk}>;tag={party.tag}"),
            Header("To", f"<{party.target}>"),
        ]
        invite = self._request(party, "INVITE", 1, sip.sdp(self._ports.audio))
        party.invited = time.time_ns()
        self.spawn(self._repeat(invite, party.answered, party.ended))
        try:
            await asyncio.wait_for(party.answered.wait(), within)
        finally:
            if party.refused or not party.answered.is_set():
                party.end(by_switch=bool(party.refused))
        if party.refused:
            raise ConnectionError(f"the call was refused with {party.refused}")
        return party

    async def rung(self, caller: str, within: float) -> Party:
        """The next phone here that is rung for this caller. Raises `TimeoutError`."""
        return await asyncio.wait_for(self._rung[caller].get(), within)

    def rings_left(self, caller: str) -> int:
        """How many more phones were rung for this caller than anybody asked for."""
        return self._rung[caller].qsize()

    async def all_over(self, within: float) -> bool:
        """Wait until no call is left here; returns whether that is so."""
        try:
            await asyncio.wait_for(asyncio.gather(*(party.ended.wait() for party in self._parties.values())), within)
        except TimeoutError:
            return False
        return True

    async def bye(self, party: Party) -> None:
        party.end(by_switch=False)
        self._speaking.pop(party.peer, None)
        self._send(self._request(party, "BYE", 2))

    def voice(self, hz: float) -> bytes:
        """A packet of a tone; it may be repeated, because whole periods fit into it."""
        if hz not in self._voices:
            self._voices[hz] = g711.alaw(g711.tone(hz, _PACKET_S, _LEVEL))
        return self._voices[hz]

    def send_audio(self, packet: bytes, port: int) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):  # lost, as on any network
            self._audio.sendto(packet, (sip.LOCAL, port))

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------ signalling

    def _request(self, party: Party, method: str, sequence: int, body: str = "") -> bytes:
        via = f"SIP/2.0/UDP {sip.LOCAL}:{self._ports.trunk};rport;branch=z9hG4bK{party.tag}{next(self._branches)}"
        headers = [
            Header("Via", via),
            *party.dialog,
            Header("Call-ID", party.call),
            Header("CSeq", f"{sequence} {method}"),
            Header("Contact", f"<{self._contact}>"),
            Header("Max-Forwards", "70"),
        ]
        return sip.render(f"{method} {party.target} SIP/2.0", headers, body)

    def _send(self, message: bytes) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            self._sip.sendto(message, (sip.LOCAL, self._ports.switch))

    async def _repeat(self, message: bytes, *until: asyncio.Event) -> None:
        """Send it until one of these has happened (RFC 3261 sections 13.3.1.4 and 17.1.1.2)."""
        for attempt in range(_REPEATS):
            if any(event.is_set() for event in until):
                return
            self._send(message)
            await asyncio.sleep(_REPEAT_S * 2**attempt)

    def _hear_sip(self) -> None:
        for data, _, at in tap.datagrams(self._sip):
            message = sip.parse(data)
            party = self._parties.get(message.header("Call-ID"))
            if message.status:
                if party is not None:
                    self._on_response(party, message)
            elif message.method == "INVITE":
                self._on_invite(party, message, at)
            else:
                self._on_request(party, message)

    def _on_response(self, party: Party, message: Message) -> None:
        if message.answers != "INVITE" or message.status < 200:
            return
        party.dialog = [party.dialog[0], Header("To", message.header("To"))]
        if message.status >= 300:
            party.refused = message.status
            party.answered.set()
        else:
            party.target = sip.uri(message.header("Contact"))
            self._talks(party, message.audio_port)
        self._send(self._request(party, "ACK", 1))

    def _on_invite(self, party: Party | None, message: Message, at: int) -> None:
        if party is None:
            party = Party(self, message.header("Call-ID"), message.dialled, OPERATOR_HZ)
            party.invited, party.peer = at, message.audio_port
            party.dialog = [
                Header("From", f"{message.header('To')};tag={party.tag}"),
                Header("To", message.header("From")),
            ]
            party.target = sip.uri(message.header("Contact"))
            self._parties[party.call] = party
            self._rung[sip.caller(message)].put_nowait(party)
            self.spawn(self._serve(party, message))
        elif party.answered.is_set():  # changes something of a call that is up
            self._send(sip.reply(message, "200 OK", party.tag, self._contact, sip.sdp(self._ports.audio)))
        else:
            self._send(party.last)

    async def _serve(self, party: Party, invite: Message) -> None:
        """Ring, then pick up, unless the caller gave up."""
        party.last = sip.reply(invite, "180 Ringing", party.tag, self._contact)
        self._send(party.last)
        await asyncio.sleep(self._ring_s)
        if party.ended.is_set():
            self._send(sip.reply(invite, "487 Request Terminated", party.tag, self._contact))
            return
        party.last = sip.reply(invite, "200 OK", party.tag, self._contact, sip.sdp(self._ports.audio))
        await self._repeat(party.last, party.answered, party.ended)

    def _on_request(self, party: Party | None, message: Message) -> None:
        if message.method == "ACK":
            if party is not None and party.peer and not party.ended.is_set():
                self._talks(party, party.peer)
            return
        self._send(sip.reply(message, "200 OK", "phone", self._contact))
        if message.method == "OPTIONS":
            self.asked.set()
        elif party is not None and message.method in ("BYE", "CANCEL"):
            self._speaking.pop(party.peer, None)
            party.end(by_switch=True)

    def _talks(self, party: Party, peer: int) -> None:
        if not party.ended.is_set():
            party.peer = peer
            self._speaking[peer] = party
            party.answered.set()

    # ------------------------------------------------------------ audio

    def _hear_audio(self) -> None:
        for packet, source, at in tap.datagrams(self._audio):
            party = self._speaking.get(source[1])
            if party is not None:
                party.take(packet, at)

    async def _tick(self) -> None:
        due = time.monotonic()
        while True:
            for party in list(self._speaking.values()):
                party.speak()
            due = max(due + _PACKET_S, time.monotonic() - _PACKET_S)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
