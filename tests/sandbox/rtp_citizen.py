"""A citizen whose audio packets are made here one by one: for what a real phone does only when something goes wrong.

SIPp carries the signalling (a real SIP stack, no Asterisk); Python owns the RTP port and chooses sequence numbers and
SSRC. The hotline must accept calls from any SIP phone (`sip.softphone`), because SIPp is no trunk of its.
"""

import asyncio
import contextlib
import random
import re
import signal
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

from hotline.runtime import paths
from tests.sandbox.audio import FRAME, Samples
from tests.sandbox.g711 import alaw_decode, alaw_encode
from tests.sandbox.leg import NotObserved, Party, until
from tests.sandbox.media import Exchange, Line
from tests.sandbox.ports import free_ports

PAYLOAD_ALAW = 8
_HEADER = struct.Struct(">BBHII")  # RFC 3550 section 5.1


class RtpLine(Line, asyncio.DatagramProtocol):
    """A line that is an RTP stream of its own making."""

    def __init__(self) -> None:
        super().__init__()
        self.peer: tuple[str, int] | None = None
        self._socket: asyncio.DatagramTransport | None = None
        self.restart(random.randrange(40000, 60000))

    def restart(self, sequence: int) -> None:
        """Go on as a new source: another SSRC, this sequence number, another timestamp."""
        self._sequence, self._ssrc = sequence, random.getrandbits(32)
        self._timestamp, self._marker = random.getrandbits(31), True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.DatagramTransport, transport)

    @property
    def port(self) -> int:
        assert self._socket is not None
        return int(self._socket.get_extra_info("sockname")[1])

    def is_open(self) -> bool:
        return self.peer is not None and self._socket is not None and not self._socket.is_closing()

    def write(self, frame: Samples) -> None:
        assert self._socket is not None
        kind = PAYLOAD_ALAW | (0x80 if self._marker else 0)
        header = _HEADER.pack(0x80, kind, self._sequence, self._timestamp, self._ssrc)
        self._socket.sendto(header + alaw_encode(frame), self.peer)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        self._marker = False

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) > _HEADER.size and data[1] & 0x7F == PAYLOAD_ALAW:
            self.take(alaw_decode(data[_HEADER.size :]).tobytes())

    def close(self) -> None:
        super().close()
        if self._socket is not None:
            self._socket.close()


class RtpCitizen(Party):
    """The citizen; made by `World.rtp_call`."""

    def __init__(self, line: RtpLine, sipp: asyncio.subprocess.Process, number: str) -> None:
        super().__init__(line)
        self._rtp = line
        self._sipp = sipp
        self.number = number

    def __str__(self) -> str:
        return f"citizen on {self.number}"

    def restart_stream(self, sequence: int) -> None:
        """From the next packet on the audio is another source's: new SSRC, this sequence number.

        It is what a media gateway does when it fails over or when the network moves a call.
        """
        self._rtp.restart(sequence)

    @property
    def has_ended(self) -> bool:
        return self._sipp.returncode is not None

    async def hang_up(self) -> None:
        """Say BYE."""
        if not self.has_ended:
            self._sipp.send_signal(signal.SIGUSR1)  # SIPp: no new calls; and a second time: end those there are
            self._sipp.send_signal(signal.SIGUSR1)
        await self.ends()

    async def ends(self, within: float = 5.0) -> None:
        """Wait until the call is over."""
        try:
            await asyncio.wait_for(self._sipp.wait(), within)
        except TimeoutError:
            raise NotObserved(f"{self} does not end; {self.report()} (waited {within:g} s)") from None


@contextlib.asynccontextmanager
async def rtp_call(
    exchange: Exchange,
    folder: Path,
    hotline: tuple[str, int],
    line: RtpLine,
    *,
    number: str,
    caller: str,
    within: float,
) -> AsyncIterator[RtpCitizen]:
    """A call while the block lasts; see `World.rtp_call`."""
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: line, local_addr=("127.0.0.1", 0))
    process, port = await _sipp(folder / line.ident, hotline, line.port, number, caller)
    citizen = RtpCitizen(line, process, number)
    try:
        await until(lambda: citizen.has_ended or port() > 0, within, lambda: f"{citizen} is not answered")
        if citizen.has_ended:
            raise NotObserved(f"{citizen} is refused (SIPp status {process.returncode})")
        line.peer = (hotline[0], port())
        line.begin()
        exchange.add(line)
        yield citizen
    finally:
        exchange.remove(line)
        if not citizen.has_ended:
            process.kill()
            await process.wait()


async def _sipp(
    folder: Path, hotline: tuple[str, int], rtp_port: int, number: str, caller: str
) -> tuple[asyncio.subprocess.Process, Callable[[], int]]:
    """SIPp making the call, and what tells the hotline's RTP port once that is known (0 before)."""
    folder.mkdir(parents=True)  # noqa: ASYNC240 - a folder of a test
    scenario, said = folder / "scenario.xml", folder / "said.log"
    scenario.write_text(_SCENARIO.format(caller=caller, rtp_port=rtp_port), "utf-8")
    sip, control = free_ports(2)
    process = await asyncio.create_subprocess_exec(
        *paths.sipp(), "-sf", str(scenario), "-s", number, "-m", "1", "-i", "127.0.0.1", "-p", str(sip),
        "-ci", "127.0.0.1", "-cp", str(control), "-trace_logs", "-log_file", str(said), "-nostdin",
        f"{hotline[0]}:{hotline[1]}",
        cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip

    def port() -> int:
        found = re.search(r"^media (\d+)\n", said.read_text("utf-8"), re.M) if said.exists() else None
        return int(found[1]) if found else 0

    return process, port


_SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="citizen">
  <send retrans="500">
    <![CDATA[
      INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:{caller}@[local_ip]:[local_port]>;tag=[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>
      Call-ID: [call_id]
      CSeq: 1 INVITE
      Contact: <sip:{caller}@[local_ip]:[local_port]>
      Max-Forwards: 70
      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=citizen 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [local_ip]
      t=0 0
      m=audio {rtp_port} RTP/AVP 8
      a=rtpmap:8 PCMA/8000
    ]]>
  </send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200">
    <action>
      <ereg regexp="m=audio ([0-9]+)" search_in="msg" check_it="true" assign_to="whole,port"/>
      <log message="media [$port]"/>
    </action>
  </recv>
  <send>
    <![CDATA[
      ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:{caller}@[local_ip]:[local_port]>;tag=[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
      Call-ID: [call_id]
      CSeq: 1 ACK
      Max-Forwards: 70
      Content-Length: 0
    ]]>
  </send>
  <recv request="BYE"/>
  <send>
    <![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0
    ]]>
  </send>
  <Reference variables="whole"/>
</scenario>
"""
