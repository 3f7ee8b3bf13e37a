"""The tap forwards SIP unchanged, and stamps the INVITE, the 200 and the first packet that is not silence."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench import g711, tap
from tests.sandbox import free_ports

LIMIT_S = 5.0
INVITE = b"INVITE sip:12345@127.0.0.1 SIP/2.0\r\nCall-ID: one@test\r\nCSeq: 1 INVITE\r\n\r\n"
ANSWER = b"SIP/2.0 200 OK\r\nCall-ID: one@test\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\nm=audio %d RTP/AVP 8\r\n"
BYE = b"BYE sip:12345@127.0.0.1 SIP/2.0\r\nCall-ID: one@test\r\nCSeq: 2 BYE\r\n\r\n"
SILENCE, SOUND = b"\xd5" * 160, g711.alaw(g711.tone(800, 0.02))


def udp(port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    sock.settimeout(LIMIT_S)
    return sock


def rtp(payload: bytes) -> bytes:
    return struct.pack("!BBHII", 0x80, 8, 1, 160, 7) + payload


@contextmanager
def tapped() -> Iterator[tuple[tap.Tap, socket.socket, socket.socket, tuple[str, int], tuple[str, int]]]:
    """A running tap between a switch's and a caller's socket, and the addresses of its trunk and its audio."""
    switch_port, trunk, audio = (free_ports()[0] for _ in range(3))
    with closing(udp(switch_port)) as switch, closing(udp()) as caller:
        running = tap.Tap(switch_port, trunk, audio)
        thread = threading.Thread(target=running.run)
        thread.start()
        try:
            yield running, switch, caller, ("127.0.0.1", trunk), ("127.0.0.1", audio)
        finally:
            running.stop()
            thread.join(LIMIT_S)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def test_messages_pass_unchanged_both_ways() -> None:
    with tapped() as (_, switch, caller, trunk, _audio):
        caller.sendto(INVITE, trunk)
        assert switch.recv(4096) == INVITE
        switch.sendto(ANSWER % 9, trunk)
        assert caller.recv(4096) == ANSWER % 9


def test_the_first_packet_that_is_not_silence_is_the_greetings() -> None:
    with tapped() as (running, switch, caller, trunk, audio), closing(udp()) as media:
        begun = time.time_ns()
        caller.sendto(INVITE, trunk)
        switch.recv(4096)
        switch.sendto(ANSWER % media.getsockname()[1], trunk)
        caller.recv(4096)
        seen = running.calls["one@test"]
        media.sendto(rtp(SILENCE), audio)
        until(lambda: seen.heard == 1)
        assert seen.first_audio is None
        between = time.time_ns()
        media.sendto(rtp(SOUND), audio)
        until(lambda: seen.heard == 2)
        assert seen.answered is not None
        assert seen.first_audio is not None
        assert begun <= seen.invited <= seen.answered <= between <= seen.first_audio <= time.time_ns()


def test_the_caller_speaks_as_long_as_the_call_lasts() -> None:
    with tapped() as (running, switch, caller, trunk, audio), closing(udp()) as media:
        caller.sendto(INVITE, trunk)
        switch.recv(4096)
        switch.sendto(ANSWER % media.getsockname()[1], trunk)
        media.sendto(rtp(SOUND), audio)
        assert g711.is_audible(media.recv(4096)[12:])
        caller.sendto(BYE, trunk)
        seen = running.calls["one@test"]
        until(lambda: seen.ended is not None)
        assert not seen.ended_by_switch


def test_what_was_seen_is_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "tap.json"
    seen = tap.Seen("one@test", invited=1, answered=2, first_audio=None, heard=3)
    tap.write(path, [seen])
    assert tap.read(path) == {"one@test": seen}
