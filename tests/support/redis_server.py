"""A real Redis for tests: one for the whole run (or that of `REDIS_URL`), and own ones that a test may break.

Nothing here imitates Redis. Without a server in the runtime such tests are skipped, saying how to get one.
"""

import asyncio
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from hotline.runtime import paths
from hotline.runtime.errors import SetupError

START_LIMIT_S = 10.0


class RedisServer:
    """A private redis-server on 127.0.0.1. With `durable` each write outlives even a kill."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "no",  # written at once all the same, which outlives a kill, and never waiting for a disk
            "loglevel": "warning",
            "logfile": str(self.folder / "redis.log"),
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [*paths.redis_server(), *arguments], stdout=subprocess.DEVNULL, preexec_fn=_end_with_this_process
        )
        with Redis(port=self.port, socket_timeout=1) as client:
            limit = time.monotonic() + START_LIMIT_S
            while not _answers(client):
                log = self.folder / "redis.log"
                if self._process.poll() is not None or time.monotonic() > limit:
                    raise RuntimeError(f"redis-server did not start: {log.read_text() if log.exists() else ''}")
                time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self, *, empty: bool) -> None:
        """Crash and start again, with the data it had or with none."""
        self.kill()
        if empty:
            shutil.rmtree(self.folder)
            self.folder.mkdir()
        self.start()

    def freeze(self) -> None:
        """It keeps its connections but answers nobody, until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def _started(folder: Path, *, durable: bool = False) -> RedisServer:
    server = RedisServer(folder, durable=durable)
    try:
        server.start()
    except SetupError as error:
        pytest.skip(str(error))
    return server


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis shared by the run: use it under `redis_prefix` only, and never flush or stop it."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    server = _started(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.kill()


@pytest.fixture
def redis_prefix(redis_url: str) -> Iterator[str]:
    """A key prefix for this test alone; its keys are removed afterwards."""
    prefix = f"test-{uuid.uuid4().hex}:"
    yield prefix
    remove_keys(redis_url, prefix)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, to be killed, emptied and frozen. Keeps its data over a restart unless told not to."""
    server = _started(tmp_path / "redis", durable=True)
    yield server
    server.kill()


def remove_keys(url: str, prefix: str) -> None:
    """Remove all keys that begin with `prefix`."""
    with Redis.from_url(url) as client:
        for key in client.scan_iter(match=f"{prefix}*", count=1000):
            client.delete(key)


async def eventually(condition: Callable[[], Awaitable[object]], limit_s: float = 5.0) -> None:
    """Wait until `condition` gives something true. Fails with what it gave last."""
    limit = time.monotonic() + limit_s
    while not (last := await condition()):
        assert time.monotonic() < limit, f"not so within {limit_s:g} s; last: {last!r}"
        await asyncio.sleep(0.005)


def _end_with_this_process() -> None:
    """Linux ends the server when the test run is killed (PR_SET_PDEATHSIG, prctl(2))."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
