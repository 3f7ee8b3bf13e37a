"""Processes of the bench: starts programs that end with it, and reads CPU seconds and memory from /proc.

It ends only what it started.
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2)
_TICKS = os.sysconf("SC_CLK_TCK")


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def start(
    argv: Sequence[str], folder: Path, name: str, *, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program whose output goes to ``<folder>/<name>.out`` and which gets SIGTERM when the bench ends."""
    with (folder / f"{name}.out").open("wb") as output:
        return subprocess.Popen(
            [str(part) for part in argv],
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the bench, which then ends its programs in order
            preexec_fn=_end_with_parent,
        )


def stop(process: subprocess.Popen[bytes], limit_s: float = 10.0, *, ask: int = signal.SIGTERM) -> None:
    """End a program that `start` started; after the limit it is killed."""
    if process.poll() is None:
        process.send_signal(ask)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def command_line(pid: int) -> bytes:
    """A process's arguments, each ending with NUL; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_until_gone(pid: int, limit_s: float) -> None:
    """Raises `RuntimeError` when the process still runs after the limit."""
    deadline = time.monotonic() + limit_s
    while command_line(pid):
        if time.monotonic() > deadline:
            raise RuntimeError(f"process {pid} of an earlier run does not end; end it by hand")
        time.sleep(0.1)


def output(argv: Sequence[str], limit_s: float = 30.0) -> str:
    """What a short program prints."""
    return subprocess.run(list(argv), capture_output=True, text=True, check=False, timeout=limit_s).stdout


@dataclass(frozen=True)
class Usage:
    """What the processes of one role have used: CPU seconds since they started, bytes of memory they hold now.

    Memory is the proportional set size: pages shared by n processes count 1/n each (proc_pid_smaps_rollup(5)).
    """

    cpu_s: float
    memory: int = 0


def cpu_seconds(pid: int) -> float:
    """User and system time of the process itself; 0 when it is no more."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:13]) / _TICKS


def memory_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def usage(roles: Mapping[int, str]) -> dict[str, Usage]:
    """Use by role of the processes given as pid → role."""
    found: dict[str, Usage] = {}
    for pid, role in roles.items():
        before = found.get(role, Usage(0.0))
        found[role] = Usage(before.cpu_s + cpu_seconds(pid), before.memory + memory_bytes(pid))
    return found


def busy_seconds() -> float:
    """CPU seconds that all processors together have worked since boot, for anybody, stolen time included."""
    fields = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(ticks) for ticks in fields[:8])
    return (user + nice + system + irq + softirq + steal) / _TICKS


def descendants(root: int) -> dict[int, str]:
    """pid → command name of all processes below ``root``."""
    children: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                head, _, rest = (entry / "stat").read_text("ascii", errors="replace").rpartition(")")
            except OSError:
                continue
            parent = int(rest.split()[1])
            children.setdefault(parent, []).append((int(entry.name), head.partition("(")[2]))
    found: dict[int, str] = {}
    pending = [root]
    while pending:
        for pid, name in children.get(pending.pop(), ()):
            found[pid] = name
            pending.append(pid)
    return found


class Meter:
    """CPU seconds used between `start` and `read`, by role; also of processes that ended in between, as last seen."""

    def __init__(self, roles: Callable[[], Mapping[int, str]]) -> None:
        self._roles = roles
        self._begun: dict[int, float] = {}
        self._seen: dict[int, tuple[str, float]] = {}

    def start(self) -> None:
        self._seen.clear()
        self._begun = {pid: cpu_seconds(pid) for pid in self._roles()}

    def look(self) -> None:
        """Note the counters now; called every second or so, so that little is lost of a process that ends."""
        for pid, role in self._roles().items():
            seconds = cpu_seconds(pid)
            if seconds:
                self._seen[pid] = role, seconds

    def read(self) -> dict[str, float]:
        self.look()
        used: dict[str, float] = {}
        for pid, (role, seconds) in self._seen.items():
            used[role] = used.get(role, 0.0) + seconds - self._begun.get(pid, 0.0)
        return used
