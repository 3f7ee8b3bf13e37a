"""The database: transactions, migrations, and telling an outage from a mistake. On SQLite and PostgreSQL alike."""

import asyncio
import importlib
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from config.database import Database, DatabaseUnreachable, is_outage, metadata, within
from config.errors import ConfigError
from hotline.runtime.postgres import Postgres
from tests.support.database import LockedSqlite, Outage, eventually, new_database

ROOT = Path(__file__).parents[2]
PACKAGES = ("ivr", "routing", "bridge", "recordings", "hotline")
MIGRATE = """
import asyncio, sys
from config.database import Database
print("ready", flush=True)
sys.stdin.readline()
asyncio.run(Database(sys.argv[1]).migrate())
"""


async def count(database: Database) -> int:
    async with database.connect() as connection:
        return await connection.scalar(text("SELECT count(*) FROM rules")) or 0


async def insert(database: Database, version: str) -> None:
    async with database.begin() as connection:
        await connection.execute(text("INSERT INTO rules VALUES (:v, '{}', 0)"), {"v": version})


async def test_a_block_is_one_transaction(database: Database) -> None:
    async def fail() -> None:
        async with database.begin() as connection:
            await connection.execute(text("INSERT INTO rules VALUES ('a', '{}', 0)"))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await fail()
    assert await count(database) == 0
    await insert(database, "a")
    assert await count(database) == 1


async def test_writers_that_read_first_do_not_fail_each_other(database: Database, database_url: str) -> None:
    """Nor do those of two processes, here two databases of one process."""

    async def add(database: Database, version: str) -> None:
        async with database.begin() as connection:
            await connection.scalar(text("SELECT count(*) FROM rules"))
            await connection.execute(text("INSERT INTO rules VALUES (:v, '{}', 0)"), {"v": version})

    other = Database(database_url)
    await asyncio.gather(
        *(add(each, f"{index}-{n}") for index, each in enumerate((database, other)) for n in range(20))
    )
    await other.dispose()
    assert await count(database) == 40


async def test_only_a_replayable_transaction_does_not_wait_for_the_disk(database: Database) -> None:
    setting = "PRAGMA synchronous" if database.dialect == "sqlite" else "SHOW synchronous_commit"
    async with database.begin() as connection:
        lasting = await connection.scalar(text(setting))
    async with database.begin(replayable=True) as connection:
        replayable = await connection.scalar(text(setting))
        await connection.execute(text("INSERT INTO rules VALUES ('a', '{}', 0)"))
    assert await count(database) == 1
    if database.dialect == "sqlite":
        assert (lasting, replayable) == (2, 1)  # FULL, NORMAL
    else:
        assert replayable == "off"  # the other is the server's own setting


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    await insert(database, "a")
    async with database.begin() as connection:
        await connection.execute(text("INSERT INTO rules VALUES ('b', '{}', 0)"))
        assert await count(database) == 1


async def test_given_a_cancelled_transaction_then_the_next_one_can_write(database: Database) -> None:
    async def hold() -> None:
        async with database.begin() as connection:
            await connection.execute(text("INSERT INTO rules VALUES ('held', '{}', 0)"))
            holding.set()
            await asyncio.get_running_loop().create_future()

    holding = asyncio.Event()
    task = asyncio.create_task(hold())
    await holding.wait()
    task.cancel()
    await asyncio.wait({task})
    await insert(database, "next")
    assert await count(database) == 1


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await insert(database, "a")
    await database.migrate()
    assert await count(database) == 1


def migrating_process(url: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", MIGRATE, url], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)


async def test_several_processes_may_migrate_at_once(database_url: str) -> None:
    processes = [migrating_process(database_url) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:  # now all at once
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    problems = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], problems
    database = Database(database_url)
    assert await count(database) == 0
    await database.dispose()


async def test_the_migrations_make_the_tables_that_the_packages_declare(database: Database) -> None:
    for source in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        if re.search(r'Table\(\s*"\w+",\s*metadata', source.read_text("utf-8")):
            importlib.import_module(".".join(source.relative_to(ROOT).with_suffix("").parts))

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_sqlite_is_durable_and_lets_readers_read(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    async with database.connect() as connection:
        found = [await connection.scalar(text(f"PRAGMA {p}")) for p in ("synchronous", "journal_mode", "foreign_keys")]
    await database.dispose()
    assert found == [2, "wal", 1]  # 2 is FULL, https://www.sqlite.org/pragma.html#pragma_synchronous


@pytest.mark.parametrize("url", ["mysql://root:geheim@db/hotline", "geheim", "sqlite:///:memory:", "sqlite://"])
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match="database_url") as caught:
        Database(url)
    assert "geheim" not in str(caught.value)


def test_a_password_is_not_shown() -> None:
    assert "geheim" not in repr(Database("postgresql://hotline:geheim@127.0.0.1/hotline"))


async def test_errors_do_not_repeat_values(database: Database) -> None:
    await insert(database, "13800138000")
    with pytest.raises(IntegrityError) as caught:
        await insert(database, "13800138000")
    assert "[SQL parameters hidden" in str(caught.value)


# ---------------------------------------------------------------- outages


async def test_an_outage_is_recognised_and_passes(outage: Outage) -> None:
    database = Database(outage.url, busy_timeout_s=0.3, connect_timeout_s=0.3)
    await database.migrate()
    await insert(database, "before")
    await outage.begin()
    error = (await asyncio.gather(within(2.0, insert(database, "during")), return_exceptions=True))[0]
    assert isinstance(error, Exception)
    assert is_outage(error), repr(error)
    outage.end()

    async def works() -> bool:
        result = (await asyncio.gather(insert(database, "after"), return_exceptions=True))[0]
        assert result is None or is_outage(result), repr(result)
        return result is None

    await eventually(works)
    await database.dispose()


@pytest.mark.parametrize("statement", ["SELECT * FROM missing", "SELEC 1", "INSERT INTO rules VALUES ('a', '{}', 0)"])
async def test_a_mistake_is_not_an_outage(database: Database, statement: str) -> None:
    await insert(database, "a")
    with pytest.raises(DBAPIError) as caught:
        async with database.begin() as connection:
            await connection.execute(text(statement))
    assert not is_outage(caught.value)


@pytest.mark.parametrize("error", [ValueError(), KeyError("x"), asyncio.CancelledError()])
def test_errors_of_the_program_are_not_an_outage(error: BaseException) -> None:
    assert not is_outage(error)


async def test_a_sqlite_folder_that_is_missing_is_an_outage(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'unmounted' / 'x.db'}")
    threads = threading.active_count()
    with pytest.raises(DBAPIError) as caught:
        await count(database)
    assert is_outage(caught.value)
    await eventually(lambda: threading.active_count() <= threads)  # the driver's thread outlives its error a little


@pytest.mark.postgres
async def test_given_the_server_restarted_then_the_first_request_after_it_works(
    doomed_postgres: tuple[Postgres, Path],
) -> None:
    """No stale connection is handed out."""
    server, _ = doomed_postgres
    database = Database(new_database(server))
    await database.migrate()
    await asyncio.gather(*(insert(database, f"v{n}") for n in range(5)))
    await asyncio.to_thread(server.stop)  # the loop goes on meanwhile, and sees the connections break
    server.start()
    assert await count(database) == 5
    await database.dispose()


async def test_within_gives_the_result_or_the_error_of_the_work() -> None:
    async def fail() -> None:
        raise KeyError("x")

    assert await within(5, asyncio.sleep(0, "result")) == "result"
    with pytest.raises(KeyError):
        await within(5, fail())


async def test_within_does_not_wait_for_work_that_is_slow_to_give_up() -> None:
    wound_up = asyncio.Event()
    release = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await release.wait()
            wound_up.set()

    with pytest.raises(DatabaseUnreachable, match=r"0\.01 s"):
        await within(0.01, stubborn())
    assert not wound_up.is_set()
    release.set()
    await wound_up.wait()


async def test_given_a_locked_file_then_a_writer_gives_up_after_its_time(tmp_path: Path) -> None:
    lock = LockedSqlite(tmp_path / "x.db")
    database = Database(lock.url, busy_timeout_s=0.05)
    await database.migrate()
    await lock.begin()
    with pytest.raises(DBAPIError) as caught:
        await insert(database, "a")
    assert is_outage(caught.value)
    lock.end()
    await insert(database, "a")
    await database.dispose()
