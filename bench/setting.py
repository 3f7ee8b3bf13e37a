"""Sets the stage: folders, sounds and ports of both systems, up together from the first figure to the last.

All of it is under `.runtime/bench` and made anew by each run; nothing is left running.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import g711
from bench.block import Caller
from bench.plain import PlainDialplan
from bench.subject import GREETING_S, HELLO_S, Ports, Subject, agents
from bench.whole import Hotline, end_leftover
from hotline.runtime import paths
from tests.sandbox import free_ports

_RTP_PORTS = 3000  # for one system, or for SIPp: two legs of two ports each are 750 calls
_RTP_FIRST, _RTP_END = 11000, 32768  # below the ports that the kernel hands out itself
_UDP = Path("/proc/net/udp")
HOTLINE, DIALPLAN = "hotline", "dialplan"


def folder() -> Path:
    return paths.layout().root / "bench"


@contextmanager
def both_systems(desks: int) -> Iterator[dict[str, Caller]]:
    """Callers of the hotline and of the dialplan, both running with so many agents at their desks."""
    home = folder()
    end_leftover(home / HOTLINE)
    for name in (HOTLINE, DIALPLAN, "calls"):
        shutil.rmtree(home / name, ignore_errors=True)
        (home / name).mkdir(parents=True)
    hello, rest, greeting, voice = (home / f"{name}.wav" for name in ("hello", "rest", "greeting", "voice"))
    g711.write_wav(hello, g711.tone(800, HELLO_S))
    g711.write_wav(rest, g711.tone(800, GREETING_S - HELLO_S))
    g711.write_wav(greeting, g711.tone(800, GREETING_S))
    g711.write_alaw_wav(voice, g711.tone(1000, 1.0))
    hotlines, dialplans, sipps = _apart(3)
    systems: list[Subject] = [
        Hotline(home / HOTLINE, _ports(hotlines), hello, rest, agents(desks)),
        PlainDialplan(home / DIALPLAN, _ports(dialplans), greeting, agents(desks)),
    ]
    with ExitStack() as running:
        callers = {}
        for system in systems:
            running.callback(system.stop)
            system.start()
            calls = home / "calls" / system.name
            calls.mkdir()
            callers[system.name] = Caller(system, calls, port=free_ports()[0], audio=sipps, voice=voice)
        yield callers


def _apart(blocks: int) -> list[range]:
    """Blocks of ports for audio, those that others use least: Asterisk and SIPp step over a port that is taken."""
    taken = [int(line.split()[1].rpartition(":")[2], 16) for line in _UDP.read_text("ascii").splitlines()[1:]]
    starts = range(_RTP_FIRST, _RTP_END - _RTP_PORTS, _RTP_PORTS)
    every = [range(first, first + _RTP_PORTS) for first in starts]
    return sorted(every, key=lambda block: sum(port in block for port in taken))[:blocks]


def _ports(audio: range) -> Ports:
    sip, trunk, second, second_audio, desks, desk_audio, http, api = free_ports(8)
    return Ports(sip, trunk, second, second_audio, desks, desk_audio, http, api, audio.start, audio.stop - 1)
