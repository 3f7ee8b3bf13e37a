"""Says where a call would go, without making one: any number, any time, any city's lines, any version of our table.

Asks the same `resolve` and the same greeting as a call; what it gives is what the command prints and the API answers.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from config.chinatime import CHINA, china_day, china_time
from config.database import Database
from config.packs import Pack, Slot, load_pack
from config.workdays import CALENDARS, Workdays, load_workdays
from ivr.call import Announcement, Say, Sound
from ivr.flow.greeting import welcome
from routing.tables import Line, LineMode, Reception, Route, Table, Target, TargetKind, resolve
from routing.tables.cells import cells_of
from routing.tables.explain import explain
from routing.tables.pack_lines import PackFrame, table_of_pack
from routing.tables.resolve import in_force
from routing.tables.states import Effective
from routing.tables.versions import Versions

FIRST_YEAR, LAST_YEAR = 2004, 2099  # the first is the working calendar's


class Step(BaseModel):
    """One place a call goes to."""

    model_config = ConfigDict(from_attributes=True)

    kind: TargetKind = Field(description="`skill`: people of a queue; else a number that is rung.")
    to: str = Field(description="The skill, or the number.", examples=["12366"])
    ring_s: float | None = Field(description="How long, in seconds; null: as the city's rules say.")
    tries: int


class Grounds(BaseModel):
    """One step of the way to the answer, for programs; `explanation` has it in words."""

    model_config = ConfigDict(from_attributes=True)

    why: str = Field(examples=["follow"])
    number: str = Field(examples=["12331"])
    detail: str = Field(examples=["12315"])


class Simulation(BaseModel):
    """Where a call would go."""

    dialled: str = Field(description="The number as it was given.", examples=["079512331"])
    at: datetime = Field(description="The time of the call.")
    city: str = Field(examples=["yichun"])
    table: str = Field(description="The table that was asked.", examples=["yichun-table-3"])
    notice: str | None = Field(description="Why it was this table, when it is not the one that calls are routed by.")
    number: str = Field(description="The number as it was understood.", examples=["12331"])
    line: dict[str, str] | None = Field(description="The number's row, as in the table's file; null: there is none.")
    reception: Reception = Field(description="What the caller is told about the number.")
    final: str = Field(description="The number that an alias led to.", examples=["12315"])
    emergency: bool
    steps: list[Step] = Field(description="Tried in this order; in the last one people answer.")
    reasons: list[Grounds]
    explanation: list[str] = Field(description="The same in Chinese sentences.")
    heard: list[str] = Field(description="What the caller hears first, in the city's words.")


class RowOutlook(BaseModel):
    """One row of a table, and where a call to it would go."""

    line: dict[str, str]
    in_force: bool = Field(description="Whether the row holds at that time; `steps` is empty when it does not.")
    reception: Reception | None
    emergency: bool
    steps: list[Step]


class Outlook(BaseModel):
    """Every row of a table, by number and date."""

    at: datetime
    city: str
    table: str
    notice: str | None
    rows: list[RowOutlook]


class TablesPort(Protocol):
    """The part of `routing.tables.versions.Versions` that is used here."""

    async def effective(self, at: float | None = None) -> Effective | None: ...

    async def table(self, number: int) -> Table: ...


@dataclass(frozen=True)
class Chosen:
    """The table that is asked, its city's pack, and why it is this one where that needs saying."""

    pack: Pack
    table: Table
    notice: str | None = None

    def simulate(self, dialled: str, at: float) -> Simulation:
        """The route of one call at the UNIX time ``at``."""
        route = self._route(dialled, at)
        return Simulation(
            dialled=dialled,
            at=china_time(at),
            city=self.table.city,
            table=self.table.version,
            notice=self.notice,
            number=route.number,
            line=None if route.line is None else cells_of(route.line, chinese=False),
            reception=route.reception,
            final=route.final,
            emergency=route.emergency,
            steps=_steps(route),
            reasons=[Grounds.model_validate(reason) for reason in route.reasons],
            explanation=explain(route, self.table, at, self.pack.skills),
            heard=heard(route, self.pack),
        )

    def outlook(self, at: float) -> Outlook:
        """All rows."""
        rows = [self._row(line, at) for line in self.table.rows()]
        return Outlook(at=china_time(at), city=self.table.city, table=self.table.version, notice=self.notice, rows=rows)

    def _row(self, line: Line, at: float) -> RowOutlook:
        holds = in_force(self.table.lines[line.number], china_day(at)) is line
        route = self._route(line.number, at) if holds else None
        return RowOutlook(
            line=cells_of(line, chinese=False),
            in_force=holds,
            reception=None if route is None else route.reception,
            emergency=line.mode is LineMode.EMERGENCY,
            steps=[] if route is None else _steps(route),
        )

    def _route(self, dialled: str, at: float) -> Route:
        """As `ivr.flow.greeting` takes it: without a row a call stands in the entry's queue first."""
        route = resolve(dialled, at, self.table)
        if route.line is not None or self.pack.entry.skill == self.pack.general_skill:
            return route
        return msgspec.structs.replace(route, steps=(Target(TargetKind.SKILL, self.pack.entry.skill), *route.steps))


@dataclass(frozen=True)
class Simulator:
    """Chooses the table. ``packs`` is the folder of city packs, ``pack`` the installation's, ``tables`` its tables."""

    packs: Path
    pack: Callable[[], Pack]
    tables: TablesPort | None = None

    @classmethod
    def of_installation(cls, database: Database, packs: Path, pack: Callable[[], Pack]) -> Self:
        """With the tables in the installation's database."""

        def frame() -> PackFrame:
            return PackFrame(pack(), load_workdays(packs / CALENDARS))

        return cls(packs, pack, Versions(database, pack().id, frame=frame))

    async def choose(self, city: str | None, version: int | None, at: float) -> Chosen:
        """The table of a city, or a version of ours, or the one that holds at a time.

        Raises `PackErrors` for a city without a usable pack, `UnknownTable`, and the database's errors.
        """
        pack = self.pack()
        if city is not None and city != pack.id:
            return await self.of_pack(await asyncio.to_thread(load_pack, self.packs, city))
        if self.tables is None:
            return await self.of_pack(pack)
        if version is None:
            effective = await self.tables.effective(at)
            if effective is None:
                return await self.of_pack(pack, "此时还没有生效的转接表，以下按城市包中的转接表")
            version = effective.number
        table = msgspec.structs.replace(await self.tables.table(version), workdays=self._workdays())
        return Chosen(pack, table)

    async def of_pack(self, pack: Pack, notice: str | None = None) -> Chosen:
        """The pack's own lines."""
        table = await asyncio.to_thread(table_of_pack, pack, self._workdays())
        return Chosen(pack, table, notice)

    def _workdays(self) -> Workdays:
        """All known years: a time that is asked about may be long past."""
        return load_workdays(self.packs / CALENDARS, since=FIRST_YEAR)


def heard(route: Route, pack: Pack) -> list[str]:
    """What the caller hears before anything rings: the switch's first word, then what the flow says."""
    sounds = (Say("switch_hello"), *welcome(route, pack.entry.greeting))
    return [text for sound in sounds if (text := _text(sound, pack))]


def parse_moment(text: str) -> float:
    """A time as people write it, in China's time unless it says otherwise, as UNIX seconds. Raises `ValueError`."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("is no time; write it as in “2026-10-01 03:00”, in China's time") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}")
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=CHINA)).timestamp()


def _steps(route: Route) -> list[Step]:
    return [Step.model_validate(step) for step in route.steps]


def _text(sound: Sound, pack: Pack) -> str:
    """A text as it is written, with the values in it; what only sounds is none."""
    if isinstance(sound, Announcement):
        return sound.text
    if not isinstance(sound, Say):
        return ""
    parts = pack.prompts[sound.key].parts
    return "".join(str(sound.values[part.name]) if isinstance(part, Slot) else part for part in parts)
