"""The bench's own phones speak SIP and RTP as a switch expects it; here the switch is a socket of the test."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from bench import g711, sip
from bench.second_trunk import CITIZEN_HZ, OPERATOR_HZ, Party, Ports, SecondTrunk
from bench.sip import Header, Message
from tests.sandbox import free_ports

LIMIT_S = 5.0
OPERATOR_SOUND = g711.alaw(g711.tone(OPERATOR_HZ, 0.02))
CALLER = "13800000001"


class Socket(asyncio.DatagramProtocol):
    """A port of the switch's: what arrived, and a way to send."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # asyncio's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.arrived.put_nowait(data)

    def send(self, data: bytes, port: int) -> None:
        assert self.transport is not None
        self.transport.sendto(data, (sip.LOCAL, port))

    async def next(self) -> bytes:
        return await asyncio.wait_for(self.arrived.get(), LIMIT_S)

    async def message(self, what: str) -> Message:
        """The next message that begins like this."""
        while True:
            message = sip.parse(await self.next())
            if message.start.startswith(what):
                return message


class Switch:
    """The switch's signalling and audio, and the trunk at its other end."""

    def __init__(self, ports: Ports, audio_port: int, trunk: SecondTrunk) -> None:
        self.ports, self.audio_port, self.trunk = ports, audio_port, trunk
        self.signalling, self.audio = Socket(), Socket()

    def send(self, start: str, call: str, method: str, *more: Header, body: str = "", tag: str = ";tag=theirs") -> None:
        headers = [
            Header("Via", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1"),
            Header("From", f"<sip:{CALLER}@127.0.0.1>{tag}"),
            Header("To", "<sip:119@127.0.0.1>"),
            Header("Call-ID", call),
            Header("CSeq", f"1 {method}"),
            Header("Contact", f"<sip:switch@127.0.0.1:{self.ports.switch}>"),
            *more,
        ]
        self.signalling.send(sip.render(start, headers, body), self.ports.trunk)

    def rings(self, call: str, *more: Header) -> None:
        """The switch rings 119 here."""
        start = f"INVITE sip:119@127.0.0.1:{self.ports.trunk} SIP/2.0"
        self.send(start, call, "INVITE", *more, body=sip.sdp(self.audio_port))

    def says(self, payload: bytes) -> None:
        self.audio.send(struct.pack("!BBHII", 0x80, 8, 1, 160, 7) + payload, self.ports.audio)

    async def citizen(self) -> Party:
        """A citizen's call, answered."""
        calling = asyncio.create_task(self.trunk.call("12345", CALLER))
        invite = await self.signalling.message("INVITE sip:12345@")
        contact = f"sip:switch@127.0.0.1:{self.ports.switch}"
        answer = sip.reply(invite, "200 OK", "theirs", contact, sip.sdp(self.audio_port))
        self.signalling.send(answer, self.ports.trunk)
        await self.signalling.message("ACK ")
        return await calling


@asynccontextmanager
async def connected() -> AsyncIterator[Switch]:
    switch_port, trunk_port, audio, switch_audio = free_ports(4)
    ports = Ports(switch_port, trunk_port, audio)
    loop = asyncio.get_running_loop()
    async with SecondTrunk.open(ports, ring_s=0.05) as trunk:
        switch = Switch(ports, switch_audio, trunk)
        await loop.create_datagram_endpoint(lambda: switch.signalling, (sip.LOCAL, switch_port))
        await loop.create_datagram_endpoint(lambda: switch.audio, (sip.LOCAL, switch_audio))
        try:
            yield switch
        finally:
            for each in (switch.signalling, switch.audio):
                if each.transport is not None:
                    each.transport.close()


async def test_the_switch_that_asks_is_told_that_somebody_is_here() -> None:
    async with connected() as switch:
        assert not switch.trunk.asked.is_set()
        switch.send("OPTIONS sip:127.0.0.1 SIP/2.0", "asks@test", "OPTIONS")
        await switch.signalling.message("SIP/2.0 200")
        assert switch.trunk.asked.is_set()


async def test_a_citizen_who_is_refused_has_no_call() -> None:
    async with connected() as switch:
        calling = asyncio.create_task(switch.trunk.call("12345", CALLER))
        invite = await switch.signalling.message("INVITE ")
        switch.signalling.send(sip.reply(invite, "503 Service Unavailable", "theirs", "sip:s"), switch.ports.trunk)
        with pytest.raises(ConnectionError, match="503"):
            await calling
        assert await switch.trunk.all_over(LIMIT_S)


async def test_a_citizen_whom_nobody_answers_gives_up() -> None:
    async with connected() as switch:
        with pytest.raises(TimeoutError):
            await switch.trunk.call("12345", CALLER, within=0.05)


async def test_a_key_is_five_packets_and_three_ends_and_its_time_is_that_of_the_first_end() -> None:
    async with connected() as switch:
        citizen = await switch.citizen()
        pressed = await citizen.press("2")
        events: list[tuple[int, int, int, int, bytes]] = []
        while len(events) < 8:
            packet = await switch.audio.next()
            if packet[1] & 0x7F == sip.PAYLOAD_KEYS:
                event, volume, duration = struct.unpack("!BBH", packet[12:])
                events.append((packet[1] >> 7, event, volume, duration, packet[4:8]))
        assert [event[0] for event in events] == [1] + [0] * 7, "the marker begins it"
        assert {event[1] for event in events} == {2}
        assert [event[2] >> 7 for event in events] == [0] * 5 + [1] * 3
        assert [event[3] for event in events] == [160, 320, 480, 640, 800, 800, 800, 800]
        assert len({event[4] for event in events}) == 1, "one key, one timestamp"
        assert pressed > citizen.invited


async def test_a_tone_is_heard_when_it_arrives_and_no_other_is_taken_for_it() -> None:
    async with connected() as switch:
        citizen = await switch.citizen()
        operator, other = citizen.listen(OPERATOR_HZ), citizen.listen(CITIZEN_HZ)
        switch.says(b"\xd5" * 160)
        switch.says(g711.alaw(g711.tone(450, 0.02)))
        switch.says(OPERATOR_SOUND)
        assert await operator.heard(LIMIT_S) > citizen.invited
        assert other.first is None


async def test_whoever_is_rung_rings_is_picked_up_and_speaks_until_the_switch_hangs_up() -> None:
    async with connected() as switch:
        switch.rings("rung@test", Header("P-Asserted-Identity", f"<sip:{CALLER}@127.0.0.1>"))
        operator = await switch.trunk.rung(CALLER, LIMIT_S)
        assert operator.number == "119"
        await switch.signalling.message("SIP/2.0 180")
        answer = await switch.signalling.message("SIP/2.0 200")
        assert answer.audio_port == switch.ports.audio
        switch.send("ACK sip:phone@127.0.0.1 SIP/2.0", "rung@test", "ACK")
        assert (await switch.audio.next())[12:] == OPERATOR_SOUND
        switch.send("BYE sip:phone@127.0.0.1 SIP/2.0", "rung@test", "BYE")
        await asyncio.wait_for(operator.ended.wait(), LIMIT_S)
        assert operator.ended_by_switch


async def test_a_repeated_invite_rings_nobody_else() -> None:
    async with connected() as switch:
        switch.rings("rung@test")
        await switch.trunk.rung(CALLER, LIMIT_S)
        switch.rings("rung@test")
        await switch.signalling.message("SIP/2.0 200")
        assert switch.trunk.rings_left(CALLER) == 0
        switch.rings("another@test")
        await switch.trunk.rung(CALLER, LIMIT_S)


async def test_a_call_that_is_taken_back_while_it_rings_is_not_picked_up() -> None:
    async with connected() as switch:
        switch.rings("rung@test")
        operator = await switch.trunk.rung(CALLER, LIMIT_S)
        switch.send("CANCEL sip:119@127.0.0.1 SIP/2.0", "rung@test", "CANCEL")
        await switch.signalling.message("SIP/2.0 487")
        assert operator.ended.is_set()
        assert not operator.answered.is_set()
