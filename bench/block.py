"""One block of calls on one system: SIPp's citizens at a rate, the tap on their trunk, and everybody's CPU meanwhile.

A block ends when no call is left. It judges each call, and forgets none.
"""

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import processes, scenarios, tap
from bench.subject import DUTY, Subject
from hotline.runtime import paths

_PACKETS_S = 50  # 20 ms each
_HEARD_SHARE = 0.9  # a citizen who heard less of the sound than this had a broken call
_GRACE_S = 20.0
_ARCHIVE_LIMIT_S = 60.0


@dataclass(frozen=True)
class Load:
    """Calls to make. Without ``sipp_audio`` the tap is the citizens' audio end and sees the greeting's first packet.

    With ``to_archive`` the block lasts until all recordings are archived, so that their cost is in its CPU.
    """

    rate: float  # calls/s
    calls: int
    stay_s: float  # from pick-up to hang-up
    sipp_audio: bool = False
    to_archive: bool = False


@dataclass
class Block:
    """What came of a load. Times in seconds."""

    load: Load
    seen: list[tap.Seen]
    troubles: Counter[str] = field(default_factory=Counter)
    cpu_s: dict[str, float] = field(default_factory=dict)  # of the system, by role
    generator_cpu_s: float = 0.0
    other_cpu_s: float = 0.0  # whatever else the machine did
    lasted_s: float = 0.0
    idle_s: float = 0.0  # after the last caller had gone, until the system had no call left
    archived_s: float | None = 0.0  # after that, until all was archived; None when it took too long

    @property
    def failed(self) -> int:
        """Calls that failed, at least; troubles of one call may be counted under several names."""
        return max(self.troubles.values(), default=0)

    @property
    def pickups_ms(self) -> list[float]:
        return [(seen.answered - seen.invited) / 1e6 for seen in self.seen if seen.answered is not None]

    @property
    def prompts_ms(self) -> list[float]:
        return [(seen.first_audio - seen.invited) / 1e6 for seen in self.seen if seen.first_audio is not None]

    @property
    def cpu_total_s(self) -> float:
        return sum(self.cpu_s.values())


class Caller:
    """Citizens calling one system; `run` makes one block of calls after the other.

    ``port`` is SIPp's, ``audio`` a block of ports for the citizens' audio, ``voice`` what they say (an A-law WAV).
    """

    def __init__(self, subject: Subject, folder: Path, *, port: int, audio: range, voice: Path) -> None:
        self.subject = subject
        self._folder = folder
        self._port, self._audio, self._voice = port, audio, voice

    def start(self, load: Load) -> "Running":
        """Begin a block; the calls come by themselves."""
        folder = self._folder
        for stale in ("tap.json", "citizen.log"):
            (folder / stale).unlink(missing_ok=True)
        ports = self.subject.ports
        argv = [paths.layout().venv / "bin/python", "-m", "bench.tap", "--sip", ports.sip, "--trunk", ports.trunk]
        argv += ["--audio", self._audio.start, "--out", folder / "tap.json"]
        ear = processes.start([str(part) for part in argv], folder, "tap", env={"PYTHONPATH": str(paths.checkout())})
        _wait(lambda: (folder / "tap.out").read_bytes().startswith(b"ready"), 10.0, "the tap does not start")
        self.subject.desks.picked_up()
        running = Running(self.subject, load, folder, ear)
        running.begin(self._sipp(load))
        return running

    def run(self, load: Load, each_second: Callable[[], None] = lambda: None) -> Block:
        """Make the calls and wait until they are over."""
        running = self.start(load)
        try:
            return running.finish(each_second)
        finally:
            running.stop()

    def _sipp(self, load: Load) -> list[str]:
        ports = self.subject.ports
        scenario = self._folder / "citizen.xml"
        text = scenarios.citizen(
            sip=ports.sip,
            trunk=ports.trunk,
            stay_s=load.stay_s,
            audio=None if load.sipp_audio else self._audio.start,
            voice=self._voice if load.sipp_audio else None,
        )
        scenario.write_text(text, "utf-8")
        options = {
            "-sf": scenario,
            "-i": "127.0.0.1",
            "-p": self._port,
            "-mi": "127.0.0.1",
            "-min_rtp_port": self._audio.start + 2,
            "-max_rtp_port": self._audio.stop - 1,
            "-r": f"{load.rate * 10:.0f}",
            "-rp": "10000",
            "-m": load.calls,
            "-l": load.calls,
            "-recv_timeout": "10000",
            "-timeout": f"{load.calls / load.rate + load.stay_s + _GRACE_S:.0f}s",
            "-stf": self._folder / "citizen.csv",
            "-log_file": self._folder / "citizen.log",
            "-error_file": self._folder / "citizen.errors",
        }
        flags = ("-aa", "-nostdin", "-trace_stat", "-trace_logs", "-trace_err")
        target = f"127.0.0.1:{ports.trunk}"
        return [*paths.sipp(), target, *(str(part) for pair in options.items() for part in pair), *flags]


class Running:
    """A block under way."""

    def __init__(self, subject: Subject, load: Load, folder: Path, ear: subprocess.Popen[bytes]) -> None:
        self._subject, self._folder, self._ear = subject, folder, ear
        self.load = load
        self._reached: list[str] = []  # numbers of desk phones that were picked up
        self._meter = processes.Meter(subject.roles)
        self._generators: dict[int, str] = {}
        self._tools = processes.Meter(lambda: self._generators)

    def begin(self, sipp: list[str]) -> None:
        desk = self._subject.desks.process
        self._generators = {self._ear.pid: "tap"} | ({desk.pid: "desks"} if desk else {})
        self._tools.start()
        self._meter.start()
        self._busy = processes.busy_seconds()
        self._began = time.monotonic()
        self.sipp = processes.start(sipp, self._folder, "citizen")
        self._generators[self.sipp.pid] = "citizens"

    def reached(self) -> int:
        """How many calls have been picked up at a desk so far."""
        self._reached += self._subject.desks.picked_up()
        return len(self._reached)

    def finish(self, each_second: Callable[[], None] = lambda: None) -> Block:
        """Wait for SIPp's last call and for the system to be done with all of them; then count."""
        while self.sipp.poll() is None:
            self._look(each_second)
        block = Block(self.load, [], lasted_s=time.monotonic() - self._began)
        over = time.monotonic()
        while not self._subject.idle() and time.monotonic() < over + _GRACE_S:
            self._look(each_second)
        block.idle_s = time.monotonic() - over
        if self.load.to_archive:
            block.archived_s = self._await_archive(each_second)
        block.cpu_s = self._meter.read()
        block.generator_cpu_s = sum(self._tools.read().values())
        block.other_cpu_s = max(0.0, processes.busy_seconds() - self._busy - block.cpu_total_s - block.generator_cpu_s)
        self.stop()
        block.seen = list(tap.read(self._folder / "tap.json").values())
        self._judge(block)
        return block

    def stop(self) -> None:
        processes.stop(self.sipp)
        processes.stop(self._ear)

    def _await_archive(self, each_second: Callable[[], None]) -> float | None:
        begun = time.monotonic()
        while self._subject.unarchived():
            if time.monotonic() > begun + _ARCHIVE_LIMIT_S:
                return None
            self._look(each_second)
        return time.monotonic() - begun

    def _look(self, each_second: Callable[[], None]) -> None:
        self._meter.look()
        self._tools.look()
        each_second()
        time.sleep(0.5)

    # ------------------------------------------------------------ judging

    def _judge(self, block: Block) -> None:
        load, troubles = self.load, block.troubles
        self.reached()
        duty = self._reached.count(DUTY)
        recorded = self._subject.recorded(load.calls, load.stay_s - 1.0)
        troubles.update(
            {
                "not answered": load.calls - len(block.pickups_ms),
                "hung up by the system": sum(seen.ended_by_switch for seen in block.seen),
                "left to the duty phone": duty,
                "reached no agent": max(0, load.calls - (len(self._reached) - duty)),
                "broken audio": load.calls - self._sounding(block),
                "not recorded": recorded.bad,
                "still there": int(block.idle_s >= _GRACE_S),
            }
        )
        for name in [name for name, count in troubles.items() if not count]:
            del troubles[name]

    def _sounding(self, block: Block) -> int:
        """Calls in which the citizen heard the system nearly all the time."""
        enough = _HEARD_SHARE * _PACKETS_S * self.load.stay_s
        if not self.load.sipp_audio:
            return sum(seen.heard >= enough for seen in block.seen)
        log = self._folder / "citizen.log"
        lines = log.read_text("ascii", "replace").splitlines() if log.exists() else []
        counts = (line.rpartition(" heard ")[2].strip() for line in lines)  # empty for a call that heard nothing at all
        return sum(float(count) >= enough for count in counts if count)


def _wait(condition: Callable[[], bool], limit_s: float, otherwise: str) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(0.02)
