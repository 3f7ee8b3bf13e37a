"""Keeps the hotline's processes alive: forks them, and starts again at once whichever dies or hangs.

Everything is imported before the first fork, so a new worker is at work in milliseconds. The supervisor itself does
nothing else: no threads, no sockets, no calls.
"""

import ctypes
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

BEAT_EVERY_S = 0.5
HUNG_AFTER_S = 10.0  # no beat for this long: the event loop of that process is stuck
STOP_LIMIT_S = 8.0
CRASH_LOOP_S = 5.0  # a process that lived shorter than this is started again more slowly
LONGEST_WAIT_S = 5.0

_PR_SET_PDEATHSIG = 1

Role = Callable[[int], None]  # the body of a process; its argument is where to write its heartbeat


class _Child:
    """One process and what is known of it."""

    def __init__(self, name: str, role: Role) -> None:
        self.name = name
        self.role = role
        self.pid = 0
        self.pipe = -1
        self.started = 0.0
        self.beat = 0.0
        self.crashes = 0
        self.start_at = 0.0  # when to (re)start it while it is not running

    @property
    def running(self) -> bool:
        return self.pid != 0


class Supervisor:
    """Runs `roles` until SIGTERM or SIGINT; SIGHUP is passed on (read the configuration again).

    `pids` is a folder in which each process's pid is kept as ``<role>.pid``; `on_end` is told the pid of each process
    that ended.
    """

    def __init__(self, roles: Mapping[str, Role], pids: Path, on_end: Callable[[int], None] = lambda pid: None) -> None:
        self._on_end = on_end
        self._pids = pids
        self._children = [_Child(name, role) for name, role in roles.items()]
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._reload = False

    def run(self) -> None:
        signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, self._signalled) for number in signals}
        try:
            while not self._stopping:
                self._start_due()
                self._pass_reload()
                self._listen(BEAT_EVERY_S)
                self._end_hung()
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, frame: object) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        else:
            self._stopping = True

    def _pass_reload(self) -> None:
        if self._reload:
            self._reload = False
            for child in self._children:
                if child.running:
                    os.kill(child.pid, signal.SIGHUP)

    # ------------------------------------------------------------ starting

    def _start_due(self) -> None:
        for child in self._children:
            if not child.running and time.monotonic() >= child.start_at:
                self._start(child)

    def _start(self, child: _Child) -> None:
        read_end, write_end = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            self._become(child, write_end, supervisor)
        os.close(write_end)
        os.set_blocking(read_end, False)
        child.pid, child.pipe = pid, read_end
        child.started = child.beat = time.monotonic()
        self._selector.register(read_end, selectors.EVENT_READ, child)
        (self._pids / f"{child.name}.pid").write_text(f"{pid}\n", "ascii")
        log.info("process started", process=child.name, pid=pid)

    def _become(self, child: _Child, write_end: int, supervisor: int) -> None:
        """In the new process: never returns."""
        status = 1
        try:
            for other in self._children:
                if other.running and other.pipe >= 0:
                    os.close(other.pipe)
            # a worker without a supervisor would live beside its successor: two hands on the same calls
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != supervisor:
                os._exit(1)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            os.set_blocking(write_end, False)
            child.role(write_end)
            status = 0
        except BaseException as error:  # the last place where it can be told
            if isinstance(error, SystemExit):
                status = error.code if isinstance(error.code, int) else 1
            else:
                log.exception("process failed", process=child.name)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    # ------------------------------------------------------------ watching

    def _listen(self, limit_s: float) -> None:
        for key, _ in self._selector.select(limit_s):
            child: _Child = key.data
            if self._beats(child):
                child.beat = time.monotonic()
            else:
                self._ended(child)

    def _beats(self, child: _Child) -> bool:
        try:
            return os.read(child.pipe, 4096) != b""
        except BlockingIOError:
            return True

    def _ended(self, child: _Child) -> None:
        self._selector.unregister(child.pipe)
        os.close(child.pipe)
        _, status = os.waitpid(child.pid, 0)
        self._on_end(child.pid)
        lived = time.monotonic() - child.started
        child.crashes = child.crashes + 1 if lived < CRASH_LOOP_S else 0
        wait = min(0.2 * 2**child.crashes, LONGEST_WAIT_S) if child.crashes > 1 else 0.0
        child.start_at = time.monotonic() + wait
        child.pid, child.pipe = 0, -1
        if not self._stopping:
            code = os.waitstatus_to_exitcode(status)
            log.error("process ended, starting it again", process=child.name, status=code, lived_s=round(lived, 1))

    def _end_hung(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.running and now - child.beat > HUNG_AFTER_S:
                log.error("process hangs, ending it", process=child.name, pid=child.pid)
                os.kill(child.pid, signal.SIGKILL)
                child.beat = now

    # ------------------------------------------------------------ stopping

    def _stop(self) -> None:
        self._stopping = True
        for child in self._children:
            if child.running:
                os.kill(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_LIMIT_S
        while any(child.running for child in self._children):
            self._listen(0.1)
            if time.monotonic() > deadline:
                for child in self._children:
                    if child.running:
                        os.kill(child.pid, signal.SIGKILL)
                deadline += STOP_LIMIT_S
