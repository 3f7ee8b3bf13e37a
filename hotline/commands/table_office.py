"""The installation's transfer tables as commands work on them: straight on the database, or the pack's where there is
none to ask.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import inspect
from sqlalchemy.engine import URL, make_url

from config.database import Database, DatabaseUnreachable, is_outage
from config.packs import Pack, load_pack
from config.packs.store import today_in_china
from config.settings import Settings, load_settings
from config.workdays import CALENDARS, load_workdays
from hotline.commands.table_words import Refused, refusal
from hotline.lookup import NotFoundError
from routing.tables import storage
from routing.tables.drafts import Drafts
from routing.tables.files import MAX_BYTES, Imported, read_file
from routing.tables.model import Line
from routing.tables.pack_lines import PackFrame, table_of_pack
from routing.tables.publishing import Publishing
from routing.tables.states import State, TableError, UnknownTable, Version
from routing.tables.versions import Versions

T = TypeVar("T")

NEVER_STARTED = "本系统尚未启动过，数据库中没有转接表"
NO_DATABASE = "数据库现在无法连接"


@dataclass(frozen=True)
class Office:
    """The tables of the installation's city."""

    database: Database
    frame: PackFrame
    versions: Versions

    @property
    def drafts(self) -> Drafts:
        return Drafts(self.versions)

    @property
    def publishing(self) -> Publishing:
        return Publishing(self.versions)

    async def revision(self, number: int, seen: int | None) -> int:
        """The revision that is meant: the one the person has seen, else the present one."""
        return (await self.versions.get(number)).revision if seen is None else seen

    async def touches_emergencies(self, version: Version) -> bool:
        """Whether a draft changes rows of emergency numbers, which a supervisor has to confirm."""
        if version.base is None:
            return False
        changes = await self.versions.compare(
            await self.versions.lines(version.base), await self.versions.rows_of(version.body)
        )
        return bool(changes.emergency())


@dataclass(frozen=True)
class Known:
    """Rows that are known without changing anything. ``version`` None: the pack's own, and ``notice`` says why."""

    lines: tuple[Line, ...]
    version: Version | None
    notice: str = ""

    @property
    def approved(self) -> tuple[Line, ...] | None:
        """The rows that somebody approved before, if there are any."""
        return None if self.version is None else self.lines


def on_tables(path: Path | None, work: Callable[[Office], Awaitable[T]]) -> T:
    """Run it on the installation's tables; the pack's lines are version 1 where there is none yet.

    Raises `Refused` and `NotFoundError` with what to do, `PackErrors`, and the database's errors.
    """
    settings = load_settings(path)
    frame = frame_of(settings, load_pack(settings.packs_dir, settings.city, today=today_in_china()))
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def main() -> T:
        database = Database(settings.database)
        try:
            await database.migrate()
            office = Office(database, frame, Versions(database, frame.pack.id, frame=lambda: frame))
            if await office.versions.last_approved() is None:
                await office.versions.adopt_pack(table_of_pack(frame.pack, frame.workdays))
            return await work(office)
        except UnknownTable as error:
            raise NotFoundError(refusal(error).lines[0]) from None
        except TableError as error:
            raise refusal(error) from None
        except OSError as error:  # a connection that is refused comes as it is
            raise DatabaseUnreachable("the transfer tables cannot be read") from error
        finally:
            await database.dispose()

    return asyncio.run(main())


def frame_of(settings: Settings, pack: Pack) -> PackFrame:
    """What stands around the rows of a pack's city."""
    return PackFrame(pack, load_workdays(settings.packs_dir / CALENDARS))


async def in_force(settings: Settings, frame: PackFrame) -> Known:
    """The rows that calls are routed by now. Changes nothing, and needs no database."""
    return await _known(settings, frame, scheduled=False)


async def to_follow(settings: Settings, frame: PackFrame) -> Known:
    """The rows that the next table will follow: those in force, or the last that are scheduled."""
    return await _known(settings, frame, scheduled=True)


async def _known(settings: Settings, frame: PackFrame, *, scheduled: bool) -> Known:
    notice = ""
    if frame.pack.id == settings.city:
        try:
            found = await _of_database(settings, frame, scheduled=scheduled)
        except Exception as error:
            if not is_outage(error):
                raise
            found, notice = None, NO_DATABASE
        if found is not None:
            return found
        notice = notice or NEVER_STARTED
    return Known(tuple(table_of_pack(frame.pack, frame.workdays).rows()), None, notice)


def _may_exist(url: URL) -> bool:
    """Whether there is a database to ask; connecting to an SQLite file would make one."""
    return not url.drivername.startswith("sqlite") or Path(url.database or "").is_file()


async def _of_database(settings: Settings, frame: PackFrame, *, scheduled: bool) -> Known | None:
    """None when the database has never held a table in force; it is not made by looking."""
    if not _may_exist(make_url(settings.database)):
        return None
    database = Database(settings.database)
    try:
        async with database.connect() as connection:
            if not await connection.run_sync(lambda sync: inspect(sync).has_table(storage.versions.name)):
                return None
        versions = Versions(database, frame.pack.id, frame=lambda: frame)
        if scheduled:
            version = await versions.last_approved()
        else:
            version = next(iter(await versions.page(limit=1, state=State.EFFECTIVE)), None)
        return None if version is None else Known(await versions.rows_of(version.body), version)
    finally:
        await database.dispose()


def read(file: Path) -> Imported:
    """The rows of a file, or its problems. Raises `Refused` for one that is too large to be read at all."""
    size = file.stat().st_size
    if size > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        raise Refused(f"{file.name}有{size / 2**20:.1f} MiB，最大{limit} MiB；请删除图片和多余内容后另存")
    return read_file(file.name, file.read_bytes())


def now() -> float:
    return time.time()
