"""Fixtures for tests that need a database: every test with `database` runs on SQLite and on a real PostgreSQL.

Outages are real ones: the server is stopped or frozen, the SQLite file is locked by somebody else.
"""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from config.database import Database
from hotline.runtime import postgres as runtime
from hotline.runtime.postgres import Postgres

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


async def eventually(condition: Callable[[], bool | Awaitable[bool]], limit_s: float = 20.0) -> None:
    """Wait until ``condition`` holds; fail when it does not within ``limit_s``."""
    limit = time.monotonic() + limit_s
    while True:
        holds = condition()
        if holds if isinstance(holds, bool) else await holds:
            return
        assert time.monotonic() < limit, f"not within {limit_s} s: {condition}"
        await asyncio.sleep(0.005)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One PostgreSQL server for all tests; each test gets a database of its own in it."""
    with runtime.running(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """``sqlite``, then ``postgresql``."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a new, empty database."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'hotline.db'}"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """The URL of a new, empty PostgreSQL database, for tests of what only PostgreSQL does."""
    return new_database(postgres)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database."""
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.dispose()


def new_database(server: Postgres) -> str:
    return server.create_database(f"t{uuid4().hex}")


# ---------------------------------------------------------------- outages


class Outage:
    """A database which the test can take away and give back."""

    url: str
    readable = False  # whether reading works all the same

    async def begin(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError


class LockedSqlite(Outage):
    """Another program holds the file's write lock; in WAL mode that does not keep readers out."""

    readable = True

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._path = path
        self._holder: sqlite3.Connection | None = None

    async def begin(self) -> None:
        self._holder = sqlite3.connect(self._path, isolation_level=None, timeout=0)
        await eventually(self._locked)

    def _locked(self) -> bool:
        assert self._holder is not None
        try:
            self._holder.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:  # the journal is writing just now, and needs the event loop to finish
            return False
        return True

    def end(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None


class StoppedPostgres(Outage):
    """The server is shut down: connections break, new ones are refused."""

    def __init__(self, server: Postgres) -> None:
        self.url = new_database(server)
        self._server = server
        self._stopped = False

    async def begin(self) -> None:
        self._server.stop()
        self._stopped = True

    def end(self) -> None:
        if self._stopped:
            self._server.start()
            self._stopped = False


class FrozenPostgres(Outage):
    """The server accepts connections and statements, and answers nothing."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self.url = new_database(server)
        self._folder = folder
        self._frozen: list[int] = []

    async def begin(self) -> None:
        self._freeze()

    def _freeze(self) -> None:
        master = int((self._folder / "cluster/postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(master, signal.SIGSTOP)  # first, so that no further process appears
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        self._frozen = [master, *map(int, children)]
        for pid in self._frozen[1:]:
            os.kill(pid, signal.SIGSTOP)

    def end(self) -> None:
        for pid in reversed(self._frozen):
            os.kill(pid, signal.SIGCONT)
        self._frozen = []


@pytest.fixture(scope="session")
def doomed_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, Path]]:
    """A second server, for outages, so that no other test suffers."""
    folder = tmp_path_factory.mktemp("doomed")
    with runtime.running(folder, durable=False) as server:
        yield server, folder


OUTAGES = [
    "sqlite-locked",
    pytest.param("postgresql-stopped", marks=pytest.mark.postgres),
    pytest.param("postgresql-frozen", marks=pytest.mark.postgres),
]


@pytest.fixture(params=OUTAGES)
def outage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outage]:
    """A database that can be taken away, in each of the ways in which databases go away."""
    if request.param == "sqlite-locked":
        found: Outage = LockedSqlite(tmp_path / "hotline.db")
    else:
        server, folder = request.getfixturevalue("doomed_postgres")
        found = StoppedPostgres(server) if request.param == "postgresql-stopped" else FrozenPostgres(server, folder)
    yield found
    found.end()
