"""Transfer tables as an office works on them: admins who write them, a supervisor who approves them, over HTTP.

What a version says is read from its rows as the API gives them, not by the product's own resolving.
"""

import asyncio
import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.end_to_end.support import Kept, Person, Reply, Town, journalled, sign_up
from tests.sandbox import Installation, Leg
from tests.sandbox.leg import until

LIMIT_S = 40.0  # generous: the machine may have other work

Row = Mapping[str, str]
Rows = Mapping[str, Mapping[str, Any]]  # by number, as the API gives them


def row(number: str, mode: str, targets: str, announcement: str = "") -> dict[str, str]:
    """A row as files have it."""
    return {
        "number": number,
        "name": f"热线{number}",
        "mode": mode,
        "unit": "",
        "status": "open",
        "targets": targets,
        "announcement": announcement,
        "source": "测试",
    }


def as_csv(rows: Iterable[Row]) -> bytes:
    """As a spreadsheet saves it: UTF-8 with a byte order mark."""
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def version_in(kept: Kept) -> int:
    """The table's version in the rules that a call began with."""
    return int(kept.arrived.rules.rpartition("-table-")[2])


def target_in(rows: Rows, number: str) -> str:
    """Where a number leads by the rows of a table: ``phone:12366``."""
    target = str(rows[number]["targets"]).split(";")[0].split()[0]
    kind, _, to = target.partition(":")
    return target_in(rows, to) if kind == "line" else target


async def answered_leg(place: Town, phone: str, caller: str) -> Leg:
    """The leg on which a phone has answered the call of a caller; waits for it."""

    def found() -> list[Leg]:
        return [leg for leg in place.world.phone(phone).legs if leg.caller == caller and leg.answered.is_set()]

    await until(lambda: bool(found()), LIMIT_S, lambda: f"phone {phone} does not answer the call of {caller}")
    return found()[0]


@dataclass
class Office:
    """The town with its people."""

    town: Town
    database: str  # its URL
    li: Person  # admin
    wang: Person  # admin
    zhao: Person  # supervisor

    @property
    def hotline(self) -> Installation:
        return self.town.hotline

    # ------------------------------------------------------------ doing

    async def import_file(self, name: str, data: bytes, why: str, mode: str = "merge") -> Reply:
        """Li imports a file as a draft."""
        form = aiohttp.FormData({"why": why, "mode": mode})
        form.add_field("file", data, filename=name)
        return await self.li.ask("POST", "/api/tables/import", data=form)

    async def check(self, number: int, revision: int | None) -> int:
        """Li checks a draft, which has no errors; returns its revision."""
        checked = await self.li.ask("POST", f"/api/tables/{number}/check", revision=revision)
        assert checked.status == 200, checked
        assert checked.body["table"]["state"] == "checked", checked.body["findings"]
        assert checked.revision is not None
        return checked.revision

    async def approve(self, number: int, revision: int, why: str, **when: str) -> Reply:
        """Zhao approves a checked draft, or is refused."""
        approval = {"why": why, **when}
        return await self.zhao.ask("POST", f"/api/tables/{number}/approve", revision=revision, json=approval)

    async def approved(self, imported: Reply, why: str) -> int:
        """An imported draft, checked and approved; returns the number of the version."""
        assert imported.status == 201, imported
        number = int(imported.body["table"]["number"])
        done = await self.approve(number, await self.check(number, imported.revision), why)
        assert done.status == 200, done
        return number

    async def publish(self, rows: Iterable[Row], why: str) -> int:
        """Rows changed and in force; returns the number of the version."""
        return await self.approved(await self.import_file("转接表.csv", as_csv(rows), why), "已核对")

    # ------------------------------------------------------------ looking

    async def effective(self) -> int:
        return int((await self.li.get("/api/tables/effective"))["number"])

    async def rows(self, version: int) -> dict[str, dict[str, Any]]:
        page = await self.li.get(f"/api/tables/{version}/rows?limit=200")
        assert page["next"] is None
        return {each["number"]: each for each in page["items"]}

    async def history(self, version: int) -> list[tuple[str, str, str]]:
        """Who did what to a version and why, oldest first, as the audit log tells it."""
        page = await self.li.get(f"/api/audit?subject=table:{self.hotline.city_folder.name}/{version}")
        return [(each["who"], each["action"], each["why"]) for each in reversed(page["items"])]

    async def calls(self, number: str) -> list[Kept]:
        """The calls that dialled a number, in the order of their arrival."""
        return await journalled(self.database, number)

    async def call_of(self, caller: str, number: str = "12345") -> Kept:
        """The last call of a caller, once it is in the journal."""
        deadline = asyncio.get_running_loop().time() + LIMIT_S
        while True:
            found = [each for each in await self.calls(number) if each.arrived.caller == caller]
            if found:
                return found[-1]
            assert asyncio.get_running_loop().time() < deadline, f"no call of {caller} to {number} in the journal"

    async def new_calls_have(self, version: int, number: str, phone: str) -> None:
        """Call a number until new calls have a version; then the phone which that names answers."""
        deadline, attempt = asyncio.get_running_loop().time() + LIMIT_S, 0
        while asyncio.get_running_loop().time() < deadline:
            caller = f"137{version:03}{attempt:05}"
            attempt += 1
            citizen = await self.town.call(number, caller=caller, within=20)
            await citizen.hears_speech(within=10)
            await citizen.press("#")
            has_it = version_in(await self.call_of(caller, number)) == version
            if has_it:
                await answered_leg(self.town, phone, caller)
            await citizen.hang_up()
            if has_it:
                return
        raise AssertionError(f"new calls to {number} never had version {version}")


async def office(place: Town, database: str = "") -> Office:
    """The people of a town, signed in, once there is a table; ``database`` is its URL when it is not the usual one."""
    await place.hotline.eventually("/api/tables/effective", lambda found: bool(found["number"]), LIMIT_S)
    people = [
        await sign_up(place.hotline, name, role)
        for name, role in (("li.na", "admin"), ("wang.wei", "admin"), ("zhao.min", "supervisor"))
    ]
    return Office(place, database or f"sqlite+aiosqlite:///{place.hotline.state / 'hotline.db'}", *people)
