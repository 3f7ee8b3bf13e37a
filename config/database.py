"""The one database of an installation: engine, shared metadata, migrations, and what counts as an outage.

SQLite by default, PostgreSQL when a city outgrows it. It holds no table and no query of its own.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, MetaData, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from config.errors import ConfigError

# Every package declares its tables on this metadata; constraint names are fixed so that migrations can name them.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

T = TypeVar("T")
Dialect = Literal["sqlite", "postgresql"]
_DRIVERS: dict[str, tuple[Dialect, str]] = {
    "sqlite": ("sqlite", "sqlite+aiosqlite"),
    "sqlite+aiosqlite": ("sqlite", "sqlite+aiosqlite"),
    "postgres": ("postgresql", "postgresql+asyncpg"),
    "postgresql": ("postgresql", "postgresql+asyncpg"),
    "postgresql+asyncpg": ("postgresql", "postgresql+asyncpg"),
}
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x1234500  # advisory lock: one process migrates, the others wait and find nothing to do

# A session that holds a transaction open and does nothing is ended by the server, so that a frozen process cannot
# keep the journal's followers waiting for ever; the keepalives do the same for a machine that vanished.
# https://www.postgresql.org/docs/current/runtime-config-client.html
_POSTGRES_SESSION = {
    "application_name": "hotline",
    "default_transaction_isolation": "read committed",  # each statement its own snapshot: followers rely on it
    "idle_in_transaction_session_timeout": "60000",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


class DatabaseUnreachable(Exception):
    """What was asked needs the database, and the database cannot be reached now. Ask again later."""


class Database:
    """Connections to the installation's database.

    ``url`` is an SQLAlchemy URL; ``sqlite:///…`` and ``postgresql://…`` are given their async drivers. On SQLite,
    ``synchronous`` FULL makes a commit survive a power cut, NORMAL only a crash of the process; ``busy_timeout_s``
    is how long a writer waits for another one.
    Raises `ConfigError` for a URL that names neither database.
    """

    def __init__(
        self,
        url: str,
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        busy_timeout_s: float = 5.0,
        connect_timeout_s: float = 3.0,
        pool_size: int = 10,
    ) -> None:
        self._url, self.dialect = _parse(url)
        self._busy_timeout_s, self._connect_timeout_s = busy_timeout_s, connect_timeout_s
        self._sqlite_turn = asyncio.Lock()
        self._engine = self._new_engine(pool_size, synchronous)
        self._relaxed = self._new_engine(pool_size, "NORMAL")

    def _new_engine(self, pool_size: int, synchronous: Literal["FULL", "NORMAL"]) -> AsyncEngine:
        if self.dialect == "sqlite":
            arguments: dict[str, Any] = {"timeout": self._busy_timeout_s}
        else:
            session = _POSTGRES_SESSION | ({} if synchronous == "FULL" else {"synchronous_commit": "off"})
            arguments = {"timeout": self._connect_timeout_s, "server_settings": session}
        engine = create_async_engine(
            self._url,
            connect_args=arguments,
            pool_size=pool_size,
            pool_timeout=self._busy_timeout_s,
            hide_parameters=True,  # errors are logged, and the values are personal data
        )
        if self.dialect == "sqlite":
            event.listen(engine.sync_engine, "connect", _sqlite_session(synchronous))
            event.listen(engine.sync_engine, "begin", _sqlite_begin)
        else:
            event.listen(engine.sync_engine, "checkout", _discard_if_closed)
        return engine

    @asynccontextmanager
    async def begin(self, *, replayable: bool = False) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write: committed at the end of the block, rolled back when it raises.

        ``replayable`` says that a power cut may undo it, because everything in it would be done again: its commit
        does not wait for the disk. Only the last such transactions can be lost, none that an ordinary one followed.

        SQLite has one writer at a time. Within the process writers queue here and are served in order, instead of
        polling each other's lock; never open a second one inside the block.
        """
        engine = self._relaxed if replayable else self._engine
        if self.dialect == "postgresql":
            async with engine.begin() as connection:
                yield connection
            return
        async with asyncio.timeout(self._busy_timeout_s):
            await self._sqlite_turn.acquire()
        try:
            async with engine.connect() as connection:
                # IMMEDIATE takes the write lock at once: a transaction that reads first and writes later would
                # otherwise fail when somebody wrote in between. https://www.sqlite.org/isolation.html
                await connection.execution_options(sqlite_begin="IMMEDIATE")
                async with connection.begin():
                    yield connection
        finally:
            self._sqlite_turn.release()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading: one transaction, rolled back at the end. Readers never wait for writers."""
        async with self._engine.connect() as connection:
            yield connection

    async def migrate(self) -> None:
        """Bring the schema to the newest revision. Safe when several processes do it at once.

        All pending revisions are applied in one transaction, so an interrupted migration leaves nothing behind.
        """
        # a third of a second to import, which only a migration should cost; and not while it keeps writers waiting
        import alembic.command  # noqa: F401

        async with self.begin() as connection:
            if self.dialect == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            await connection.run_sync(_upgrade)

    async def dispose(self) -> None:
        """Close all idle connections. The database can be used again afterwards."""
        await _wound_up(GIVEN_UP_LIMIT_S)
        await self._engine.dispose()
        await self._relaxed.dispose()

    def __repr__(self) -> str:
        return f"Database({self._url.render_as_string(hide_password=True)!r})"


def _parse(url: str) -> tuple[URL, Dialect]:
    try:
        parsed = make_url(url)
        dialect, driver = _DRIVERS[parsed.drivername]
    except (ArgumentError, KeyError):
        # The text is not repeated: it may hold a password.
        raise ConfigError(
            "settings", None, "database_url", "must begin with sqlite:/// or postgresql://; give such a URL"
        ) from None
    if dialect == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigError("settings", None, "database_url", "must name a file, as in sqlite:////var/lib/hotline.db")
    return parsed.set(drivername=driver), dialect


def _sqlite_session(synchronous: str) -> Any:
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `_sqlite_begin` says, not where the driver guesses
        cursor = connection.cursor()
        # The busy timeout (connect's ``timeout``) is set before this. WAL: readers and the writer do not block each
        # other; it is a property of the file, so all but the first time this changes nothing.
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    return configure


def _sqlite_begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")


def _discard_if_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """Do not hand out a connection which the server has closed meanwhile. Costs no round trip, unlike a ping."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _upgrade(connection: Connection) -> None:
    import alembic.command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, "head")


GIVEN_UP_LIMIT_S = 2.0  # a server that answers rolls back much faster; one that does not is not waited for

_given_up: set[asyncio.Task[Any]] = set()


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Await ``work``, or raise `DatabaseUnreachable` after ``seconds``.

    Unlike `asyncio.timeout` it does not wait for the cancelled work to wind up: rolling back on a server that does
    not answer takes as long as the statement. The outcome of a transaction given up so is unknown.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        _give_up(task)
        raise
    if done:
        return task.result()
    _give_up(task)
    raise DatabaseUnreachable(f"the database did not answer within {seconds:g} s")


async def _wound_up(limit_s: float) -> None:
    """Let what was given up finish its rollback while its connection is open; on a closed one it would never end."""
    loop = asyncio.get_running_loop()
    ours = {task for task in _given_up if task.get_loop() is loop}
    if ours:
        await asyncio.wait(ours, timeout=limit_s)


def _give_up(task: asyncio.Task[Any]) -> None:
    task.cancel()
    _given_up.add(task)  # the loop itself keeps no reference to it
    task.add_done_callback(_forget)


def _forget(task: asyncio.Task[Any]) -> None:
    _given_up.discard(task)
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio does not complain: the caller has long been told


# SQLSTATE classes and codes: 08 connection, 53 insufficient resources, 57 operator intervention (shutdown, start-up,
# cancelled), 58 system error; 25006 read-only (a standby after a fail-over), 55P03 lock not available.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_OUTAGE_CLASSES = ("08", "53", "57", "58")
_OUTAGE_CODES = frozenset({"25006", "55P03"})
# https://www.sqlite.org/rescode.html
_SQLITE_OUTAGES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def is_outage(error: BaseException) -> bool:
    """Whether ``error`` says that the database cannot be reached or cannot write now, and a later try may succeed.

    True for refused, lost and timed-out connections, a server that starts, stops or has no room, a locked SQLite
    file; false for what would fail again: a missing table, a broken constraint, a wrong statement.
    """
    return any(_is_outage(each) for each in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = getattr(seen, "orig", None) or seen.__cause__


def _is_outage(error: BaseException) -> bool:
    if isinstance(error, DatabaseUnreachable | OSError | TimeoutError | PoolTimeoutError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(_OUTAGE_CLASSES) or state in _OUTAGE_CODES
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(code, int) and (code & 0xFF) in _SQLITE_OUTAGES
