"""Programs that we run and that must survive us (Asterisk, Redis): started detached, adopted when already alive.

A `kill -9` of our process leaves them running; the next start finds them again. Nothing here restarts a call, and no
process is ever touched that is not provably the one that was started.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

POLL_S = 0.02
OPEN_FILES = 65536
PR_SET_PDEATHSIG = 1  # see prctl(2)

# Records the process's own identity before it becomes the program, so that there is no moment in which the program
# runs and no pid file tells of it; raises the limit of open files; keeps what it writes private.
_LAUNCH = f"""
umask 077
ulimit -S -n {OPEN_FILES} 2>/dev/null || ulimit -S -n "$(ulimit -H -n)"
{{ cat /proc/$$/stat /proc/sys/kernel/random/boot_id; }} > "$0.new" && mv "$0.new" "$0" && exec "$@"
"""


class ServiceError(Exception):
    """A program could not be started or stopped; the text says which, why, and where its output is."""


class Service:
    """One program of one installation.

    ``folder`` keeps its pid file and its output; ``ready`` tells whether it serves (it may raise `OSError` until then).
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        folder: Path,
        *,
        ready: Callable[[], Awaitable[bool]],
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        ready_limit_s: float = 30.0,
        stop_limit_s: float = 10.0,
    ) -> None:
        self.name = name
        self.argv = [str(part) for part in argv]
        self.folder = folder
        self.pidfile = folder / f"{name}.pid"
        self.output = folder / f"{name}.out"
        self._ready = ready
        self._env = env
        self.stop_signal = stop_signal
        self._ready_limit_s = ready_limit_s
        self._stop_limit_s = stop_limit_s
        self._child: subprocess.Popen[bytes] | None = None
        self.mortal = False
        """Whether the program dies with the process that starts it, as a sandbox's should."""

    def pid(self) -> int | None:
        """The running program's pid, None when it does not run."""
        if self._child is not None:
            self._child.poll()  # collects it when it ended, or it would look alive as a zombie
        try:
            stat, boot = self.pidfile.read_text("ascii").splitlines()
            recorded, started = _identity(stat)
            now = Path(f"/proc/{recorded}/stat").read_text("ascii", errors="replace").strip()
            same_boot = boot == Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        except (OSError, ValueError):
            return None
        return recorded if same_boot and _identity(now) == (recorded, started) and not _is_zombie(now) else None

    async def start(self) -> bool:
        """Start the program, or adopt it when it runs, and wait until it serves.

        Returns True when it was started now. Raises `ServiceError`.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with self._alone():
            fresh = self.pid() is None
            if fresh:
                self._spawn()
            await self._wait_ready()
        log.info("service up", service=self.name, pid=self.pid(), adopted=not fresh)
        return fresh

    async def stop(self) -> None:
        """End the program: its stop signal, and after a limit SIGKILL. Nothing happens when it does not run."""
        with self._handle() as handle:
            if handle is not None:
                signal.pidfd_send_signal(handle, self.stop_signal)
                if not await _ended(handle, self._stop_limit_s):
                    log.warning("service does not end by itself, killed", service=self.name)
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                    await _ended(handle, self._stop_limit_s)
        if self.pid() is not None:
            raise ServiceError(f"{self.name} (pid {self.pid()}) cannot be ended; end it by hand")
        self.pidfile.unlink(missing_ok=True)

    async def ended(self) -> None:
        """Wait until the program is no more."""
        with self._handle() as handle:
            if handle is not None:
                await _ended(handle, None)

    # ------------------------------------------------------------ how

    def _spawn(self) -> None:
        with self.output.open("ab") as output:
            self._child = subprocess.Popen(
                ["/bin/sh", "-c", _LAUNCH, str(self.pidfile), *self.argv],
                cwd=self.folder,
                env={**os.environ, **(self._env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent if self.mortal else None,
            )

    async def _wait_ready(self) -> None:
        for _ in range(round(self._ready_limit_s / POLL_S)):
            with contextlib.suppress(OSError):
                if await self._ready():
                    return
            if self._child is not None and self._child.poll() is not None:
                raise ServiceError(f"{self.name} ended while starting: {self._last_words()}")
            await asyncio.sleep(POLL_S)
        raise ServiceError(f"{self.name} runs but did not become ready in {self._ready_limit_s:g} s; see {self.output}")

    def _last_words(self) -> str:
        try:
            with self.output.open(encoding="utf-8", errors="replace") as lines:
                last = deque((line.strip() for line in lines if line.strip()), maxlen=3)
        except OSError:
            last = deque()
        return f"{' | '.join(last) or 'it said nothing'} (see {self.output})"

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Two of our processes that start at the same time start one program."""
        with (self.folder / f"{self.name}.lock").open("w") as lock:
            for _ in range(round(self._ready_limit_s * 2 / POLL_S)):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(POLL_S)
            else:
                raise ServiceError(f"another process has been starting {self.name} for too long; stop it and try again")
            yield

    @contextlib.contextmanager
    def _handle(self) -> Iterator[int | None]:
        """A pidfd of the program, which cannot come to mean another process; None when it does not run."""
        pid = self.pid()
        handle: int | None = None
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)
            if self.pid() != pid and handle is not None:
                os.close(handle)
                handle = None
        try:
            yield handle
        finally:
            if handle is not None:
                os.close(handle)


async def keep(service: Service, *, longest_wait_s: float = 5.0) -> None:
    """Start a program and start it again whenever it ends, until cancelled; it then goes on by itself."""
    wait = POLL_S
    while True:
        try:
            await service.start()
            began = asyncio.get_running_loop().time()
            await service.ended()
            lasted = asyncio.get_running_loop().time() - began
            log.error("service ended", service=service.name, lasted_s=round(lasted, 1))
            wait = POLL_S if lasted > longest_wait_s else min(wait * 2, longest_wait_s)
        except ServiceError as error:
            log.error("service cannot be started", service=service.name, reason=str(error))
            wait = min(wait * 2, longest_wait_s)
        await asyncio.sleep(wait)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _identity(stat: str) -> tuple[int, int]:
    """Pid and start time (ticks since boot) of a line of /proc/<pid>/stat; see proc_pid_stat(5)."""
    pid, _, rest = stat.partition(" ")
    return int(pid), int(rest.rpartition(")")[2].split()[19])


def _is_zombie(stat: str) -> bool:
    return stat.rpartition(")")[2].split()[0] in "ZX"


async def _ended(handle: int, limit_s: float | None) -> bool:
    """Whether the process of a pidfd ends within the limit."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(handle, over.set)
    try:
        await asyncio.wait_for(over.wait(), limit_s)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(handle)
    return True
