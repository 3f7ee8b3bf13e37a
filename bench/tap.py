"""Stands on the trunk between SIPp and the switch: forwards SIP unchanged, stamps it, and is the citizens' phone audio.

Its times are exact to microseconds without any privilege: what it sends is stamped just before, what it receives by
the kernel on arrival (SO_TIMESTAMPNS, socket(7)), so its own delays and SIPp's are in no figure. It runs as a process
of its own (`python -m bench.tap`), and on SIGTERM writes what it saw of each call as one line of JSON.
"""

import argparse
import json
import selectors
import signal
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import g711

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
_PACKET_S = 0.020
_LOCAL = "127.0.0.1"


@dataclass
class Seen:
    """What passed of one call. Times are UNIX nanoseconds; None where it did not happen."""

    call: str  # SIP Call-ID
    invited: int
    repeated: int = 0  # INVITEs sent again because nobody said anything (RFC 3261 §17.1.1.2: after 500 ms)
    answered: int | None = None
    refused: int | None = None  # final status that was no success
    first_audio: int | None = None  # first packet that is not silence, only where the tap is the audio end
    heard: int = 0  # packets that arrived there
    said: int = 0  # packets sent back
    ended: int | None = None  # first BYE
    ended_by_switch: bool = False


class Tap:
    """One trunk. `sip` is the switch's port, `trunk` the one it takes calls from, `audio` the citizens' audio port."""

    def __init__(self, sip: int, trunk: int, audio: int) -> None:
        self._switch = (_LOCAL, sip)
        self._caller: tuple[str, int] | None = None
        self._trunk = stamped_socket(trunk)
        self._audio = stamped_socket(audio)
        self.calls: dict[str, Seen] = {}
        self._talking: dict[int, Seen] = {}  # by the switch's audio port
        self._voice = [g711.alaw(g711.tone(1000, 1.0))[n : n + g711.FRAME] for n in range(0, g711.RATE, g711.FRAME)]
        self._stop = False

    def run(self) -> None:
        selector = selectors.DefaultSelector()
        selector.register(self._trunk, selectors.EVENT_READ)
        selector.register(self._audio, selectors.EVENT_READ)
        due = time.monotonic() + _PACKET_S
        while not self._stop:
            selector.select(max(0.0, due - time.monotonic()))
            heard = list(datagrams(self._audio))
            self._forward()  # after reading and before looking: a call's 200 is older than its audio
            for packet, source, at in heard:
                self._hear(packet, source[1], at)
            if time.monotonic() >= due:
                self._speak()
                due = max(due + _PACKET_S, time.monotonic() - _PACKET_S)

    def stop(self, *_: Any) -> None:
        self._stop = True

    # ------------------------------------------------------------ signalling

    def _forward(self) -> None:
        for message, source, at in datagrams(self._trunk):
            if source == self._switch:
                self._from_switch(message, at)
                if self._caller is not None:
                    self._trunk.sendto(message, self._caller)
            else:
                self._caller = source
                self._from_caller(message)
                self._trunk.sendto(message, self._switch)

    def _from_caller(self, message: bytes) -> None:
        call = _header(message, b"Call-ID")
        if message.startswith(b"INVITE "):
            if call in self.calls:
                self.calls[call].repeated += 1
            else:
                self.calls[call] = Seen(call, time.time_ns())
        elif message.startswith(b"BYE "):
            self._end(call, time.time_ns(), by_switch=False)

    def _from_switch(self, message: bytes, at: int) -> None:
        seen = self.calls.get(_header(message, b"Call-ID"))
        if seen is None:
            return
        if message.startswith(b"BYE "):
            self._end(seen.call, at, by_switch=True)
        elif message.startswith(b"SIP/2.0 ") and _header(message, b"CSeq").endswith("INVITE"):
            status = int(message[8:11])
            if 200 <= status < 300 and seen.answered is None:
                seen.answered = at
                self._talking[_audio_port(message)] = seen
            elif status >= 300:
                seen.refused = status

    def _end(self, call: str, at: int, *, by_switch: bool) -> None:
        seen = self.calls.get(call)
        if seen is not None and seen.ended is None:
            seen.ended, seen.ended_by_switch = at, by_switch

    # ------------------------------------------------------------ audio

    def _hear(self, packet: bytes, port: int, at: int) -> None:
        seen = self._talking.get(port)
        if seen is None or len(packet) <= 12 or packet[1] & 0x7F != 8:
            return
        seen.heard += 1
        if seen.first_audio is None and g711.is_audible(packet[12:]):
            seen.first_audio = at

    def _speak(self) -> None:
        """One packet to each call in which the switch has spoken; others' audio ends elsewhere."""
        for port, seen in self._talking.items():
            if seen.heard and seen.ended is None:
                seq = seen.said
                header = struct.pack("!BBHII", 0x80, 8, seq & 0xFFFF, seq * g711.FRAME & 0xFFFFFFFF, port)
                self._audio.sendto(header + self._voice[seq % len(self._voice)], (_LOCAL, port))
                seen.said += 1


def stamped_socket(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((_LOCAL, port))
    sock.setblocking(False)
    return sock


def datagrams(sock: socket.socket) -> Iterator[tuple[bytes, tuple[str, int], int]]:
    """Everything that waits in a socket: (bytes, source, arrival in UNIX nanoseconds)."""
    while True:
        try:
            data, ancillary, _, source = sock.recvmsg(8192, 64)
        except BlockingIOError:
            return
        except ConnectionError:  # an ICMP answer to something sent before
            continue
        at = time.time_ns()
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("@ll", payload[:16])
                at = seconds * 1_000_000_000 + nanoseconds
        yield data, source, at


def _header(message: bytes, name: bytes) -> str:
    begin = message.find(b"\r\n" + name + b":")
    if begin < 0:
        return ""
    begin += len(name) + 3
    return message[begin : message.find(b"\r\n", begin)].strip().decode("ascii", "replace")


def _audio_port(message: bytes) -> int:
    begin = message.find(b"m=audio ")
    return int(message[begin + 8 :].split(b" ", 1)[0]) if begin >= 0 else 0


def write(path: Path, seen: Iterable[Seen]) -> None:
    """One line of JSON for each call."""
    path.write_text("".join(json.dumps(asdict(call)) + "\n" for call in seen), "ascii")


def read(path: Path) -> dict[str, Seen]:
    """What a tap wrote, by Call-ID."""
    return {seen.call: seen for seen in (Seen(**json.loads(line)) for line in path.read_text("ascii").splitlines())}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("sip", "trunk", "audio"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    tap = Tap(given.sip, given.trunk, given.audio)
    signal.signal(signal.SIGTERM, tap.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("ready", flush=True)
    tap.run()
    write(given.out, tap.calls.values())


if __name__ == "__main__":
    main()
