"""The PostgreSQL for tests is a real one, keeps its address over a restart, and leaves nothing running."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hotline.runtime import paths, postgres
from hotline.runtime.errors import SetupError
from hotline.runtime.postgres import Postgres

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    deep = tmp_path_factory.mktemp("postgres") / "/".join(["a-rather-long-folder-name"] * 5)  # no socket fits here
    with postgres.running(deep, durable=False) as started:
        yield started


async def ask(url: str, question: str) -> object:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        return (await connection.execute(text(question))).scalar()


async def test_it_is_postgresql_in_utf8(server: Postgres) -> None:
    assert str(await ask(server.url, "select version()")).startswith("PostgreSQL ")
    assert await ask(server.url, "show server_encoding") == "UTF8"
    assert await ask(server.url, "select '热线' || 12345") == "热线12345"


async def test_when_restarted_then_it_is_at_the_same_address_with_its_rows(server: Postgres) -> None:
    url = server.create_database("restarted")
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("create table orders (code text)"))
        await connection.execute(text("insert into orders values ('A1')"))
    server.stop()
    with pytest.raises(OSError, match="Connect call failed"):
        await ask(url, "select 1")
    server.start()
    assert await ask(url, "select code from orders") == "A1"


async def test_nobody_gets_in_without_the_password(server: Postgres) -> None:
    password = server.url.split(":")[2].split("@")[0]
    with pytest.raises(DBAPIError, match="password authentication failed"):
        await ask(server.url.replace(password, "guess"), "select 1")
    assert (server._folder / "password").stat().st_mode & 0o077 == 0


async def test_it_listens_on_loopback_alone_and_only_by_tcp(server: Postgres) -> None:
    assert await ask(server.url, "show listen_addresses") == "127.0.0.1"
    assert await ask(server.url, "show unix_socket_directories") == ""


def test_when_its_starter_is_killed_then_the_server_ends_too(tmp_path: Path) -> None:
    starter = (
        "import sys; from pathlib import Path; from hotline.runtime import postgres\n"
        "server = postgres.start(Path(sys.argv[1]), durable=False); print(server._process.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter, tmp_path / "pg"],
        cwd=paths.checkout(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as started:  # fmt: skip
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        ended = os.pidfd_open(pid)
        started.kill()
    assert _readable_within(ended, 30)


def _readable_within(descriptor: int, seconds: float) -> bool:
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home nobody else may enter")
def test_given_root_in_a_folder_nobody_else_may_enter_then_it_runs_unprivileged(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with postgres.running(tmp_path / "pg", durable=False) as server:
        assert server._process is not None
        status = Path(f"/proc/{server._process.pid}/status").read_text()
    assert "Uid:\t65534\t65534\t65534\t65534" in status


def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    server = postgres.start(tmp_path / "pg", durable=False)
    server.stop()
    server.stop()


def test_what_keeps_it_from_starting_is_told(tmp_path: Path) -> None:
    server = postgres.start(tmp_path / "pg", durable=False)
    server.stop()
    (tmp_path / "pg/cluster/postgresql.conf").write_text("nonsense = 1\n")
    with pytest.raises(SetupError, match=r"PostgreSQL does not start: .*configuration file"):
        server.start()
