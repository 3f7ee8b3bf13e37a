"""Transfer tables are published, rolled back and imported while citizens call, by people who signed in.

What a version says is read from its rows as the API gives them, not by the product's own resolving. No call sees half
a table: each version changes a row's target and its announcement, and the row that it leads to, all at once.
"""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import openpyxl
import pytest
import pytest_asyncio

from config.chinatime import china_time
from config.database import Database
from config.packs import load_pack
from hotline.runtime import paths, postgres
from ivr.call import Announcement
from ivr.flow import Rules
from ivr.journal import JournalReader
from ivr.prompts import EspeakSpeaker, PromptStore
from ivr.prompts.audio import read_wav
from tests.end_to_end.support import (
    CITIZEN,
    Kept,
    Person,
    Reply,
    Town,
    hear_each_other,
    journalled,
    sign_up,
    town,
)
from tests.sandbox import Answer, Installation, Leg
from tests.sandbox.leg import until

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

DIALLED = "12319"
MIDDLES = ("12360", "12367")  # DIALLED leads to one of them by turns
WRONG = "07952999999"  # where the other one leads: whoever saw half a table would ring here
EVERY_S = 0.33  # about three calls a second
CALLS = 75
LIMIT_S = 40.0  # generous: the machine may have other work
QUICK = """
[limits]
target_ring_s = 15
wrap_up_s = 0
"""

Rows = Mapping[str, Mapping[str, Any]]


# ---------------------------------------------------------------- what stands in the versions


@dataclass(frozen=True)
class Edition:
    """What one of the tests' tables says of `DIALLED`."""

    number: int

    @property
    def phone(self) -> str:
        return f"0795200{self.number:04}"

    @property
    def hz(self) -> float:
        return 800.0 + 100 * self.number

    @property
    def rows(self) -> list[dict[str, str]]:
        there, other = MIDDLES if self.number % 2 else MIDDLES[::-1]
        return [
            row(DIALLED, "alias", f"line:{there}", announcement=f"现在是第{self.number}版转接表。"),
            row(there, "sub_center", f"phone:{self.phone}"),
            row(other, "sub_center", f"phone:{WRONG}"),
        ]


def row(number: str, mode: str, targets: str, announcement: str = "") -> dict[str, str]:
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


def as_csv(rows: Iterable[Mapping[str, str]]) -> bytes:
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def edited_xlsx(workbook: bytes, rows: Iterable[Mapping[str, str]]) -> bytes:
    """The exported workbook as an admin sends it back: the cells of some rows written anew."""
    book = openpyxl.load_workbook(io.BytesIO(workbook))
    sheet = book.worksheets[0]
    columns = {str(cell.value).strip("*"): cell.column for cell in sheet[1]}
    by_number = {str(cells[columns["号码"] - 1].value): cells[0].row for cells in sheet.iter_rows(min_row=2)}
    chinese = {"mode": "方式", "targets": "转接目标", "announcement": "公告"}
    words = {"alias": "归并到另一号码", "sub_center": "设分中心"}
    for wanted in rows:
        for column, heading in chinese.items():
            value = words.get(wanted[column], wanted[column])
            sheet.cell(by_number[wanted["number"]], columns[heading]).value = value
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


# ---------------------------------------------------------------- the people, and what they do


@dataclass
class Office:
    """The town with its people: two admins who write tables, a supervisor who approves them."""

    town: Town
    li: Person
    wang: Person
    zhao: Person

    @property
    def hotline(self) -> Installation:
        return self.town.hotline

    async def import_file(self, name: str, data: bytes, why: str, mode: str = "merge") -> Reply:
        form = {"file": (name, data), "why": why, "mode": mode}
        return await self.li.ask("POST", "/api/tables/import", data=_form(form))

    async def check(self, number: int, revision: int) -> int:
        """Check a draft without errors; returns its revision."""
        checked = await self.li.ask("POST", f"/api/tables/{number}/check", revision=revision)
        assert checked.status == 200, checked
        assert checked.body["table"]["state"] == "checked", checked.body["findings"]
        assert checked.revision is not None
        return checked.revision

    async def approve(self, number: int, revision: int, why: str, **when: str) -> Reply:
        approval = {"why": why, **when}
        return await self.zhao.ask("POST", f"/api/tables/{number}/approve", revision=revision, json=approval)

    async def approved(self, made: Reply, why: str, **when: str) -> int:
        """Check and approve an imported draft; returns the number of its version."""
        assert made.status == 201, made
        number = int(made.body["table"]["number"])
        revision = await self.check(number, made.body["table"]["revision"])
        done = await self.approve(number, revision, why, **when)
        assert done.status == 200, done
        return number

    async def publish(self, rows: Iterable[Mapping[str, str]], why: str = "按新文件调整") -> int:
        return await self.approved(await self.import_file("转接表.csv", as_csv(rows), why), "已核对")

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
        return await journalled(f"sqlite+aiosqlite:///{self.hotline.state / 'hotline.db'}", number)

    async def version_of_new_calls(self, number: str, version: int, phone: str) -> None:
        """Call a number until new calls have a version; then the phone that it names is reached."""
        for attempt in range(round(LIMIT_S)):
            caller = f"1370000{attempt:04}"
            citizen = await self.town.call(number, caller=caller, within=20)
            await citizen.hears_speech(within=10)
            await citizen.press("#")
            (kept,) = [each for each in await self.eventually(number, caller) if each.arrived.caller == caller]
            if version_in(kept) == version:
                await answered_leg(self.town, phone, caller)
                await citizen.hang_up()
                return
            await citizen.hang_up()
        raise AssertionError(f"calls never had version {version}")

    async def eventually(self, number: str, caller: str) -> list[Kept]:
        """The calls of a number, once that of a caller is in the journal."""
        deadline = asyncio.get_running_loop().time() + LIMIT_S
        while True:
            found = await self.calls(number)
            if any(each.arrived.caller == caller for each in found):
                return found
            assert asyncio.get_running_loop().time() < deadline, f"no call of {caller} to {number} in the journal"


def _form(fields: Mapping[str, Any]) -> Any:
    import aiohttp

    form = aiohttp.FormData()
    for name, value in fields.items():
        if isinstance(value, tuple):
            form.add_field(name, value[1], filename=value[0])
        else:
            form.add_field(name, value)
    return form


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with town(tmp_path_factory.mktemp("tables"), pack=QUICK) as place:
        people = [
            await sign_up(place.hotline, name, role)
            for name, role in (("li.na", "admin"), ("wang.wei", "admin"), ("zhao.min", "supervisor"))
        ]
        yield Office(place, *people)


@pytest_asyncio.fixture(loop_scope="module")
async def work(office: Office) -> AsyncIterator[Office]:
    """The office with agent 8001 on shift, every phone as nobody had touched it."""
    place = office.town
    place.new_phones()
    place.world.phone(WRONG, Answer(after=0.1, tone=CITIZEN))
    await place.hotline.sign_in("8001")
    yield office
    await place.everybody_hangs_up()


# ---------------------------------------------------------------- what calls came to


def version_in(kept: Kept) -> int:
    """The table's version in the rules that a call began with."""
    return int(kept.arrived.rules.rpartition("-table-")[2])


def target_in(rows: Rows, number: str) -> str:
    """Where a number leads by the rows of a table, followed by plain means."""
    target = str(rows[number]["targets"]).split(";")[0].split()[0]
    kind, _, to = target.partition(":")
    return target_in(rows, to) if kind == "line" else target


async def answered_leg(place: Town, phone: str, caller: str, within: float = LIMIT_S) -> Leg:
    """The leg on which a phone has answered the call of a caller."""

    def found() -> list[Leg]:
        return [leg for leg in place.world.phone(phone).legs if leg.caller == caller and leg.answered.is_set()]

    await until(lambda: bool(found()), within, lambda: f"phone {phone} does not answer the call of {caller}")
    return found()[0]


class Load:
    """Citizens who dial `DIALLED` one after another, about three a second, each from a number of their own."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._enough = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.reached: dict[str, str] = {}  # caller → the phone that answered and was heard

    async def run(self) -> None:
        """Until `end` and at least `CALLS` calls. Raises what went wrong in any of them."""
        while not self._enough.is_set() or len(self._tasks) < CALLS:
            self._tasks.append(asyncio.create_task(self._call(f"139{len(self._tasks):08}")))
            await asyncio.sleep(EVERY_S)
        await asyncio.gather(*self._tasks)

    def end(self) -> None:
        self._enough.set()

    async def more(self, calls: int) -> None:
        """Wait until so many more calls have begun and are over."""
        wanted = len(self._tasks) + calls
        await self._until(lambda: len(self.reached) >= wanted, f"{calls} more calls")

    async def reaches(self, edition: Edition) -> None:
        """Wait until calls that begin from now on reach the edition's phone."""
        before = len(self._tasks)
        await self._until(
            lambda: any(self.reached.get(f"139{n:08}") == edition.phone for n in range(before, len(self._tasks))),
            f"a call to edition {edition.number}",
        )

    async def _until(self, condition: Any, what: str) -> None:
        def failed() -> bool:
            return any(task.done() and task.exception() is not None for task in self._tasks)

        await until(lambda: condition() or failed(), LIMIT_S, lambda: f"there never was {what}")
        for task in self._tasks:
            if task.done():
                task.result()

    async def _call(self, caller: str) -> None:
        world = self._office.town.world
        citizen = await world.call(DIALLED, caller=caller, tone=CITIZEN, within=20)
        await citizen.hears_speech(within=15)
        await citizen.press("#")  # on at once; the announcement is listened to by others

        def answered() -> list[Leg]:
            legs = (leg for phone in list(world.phones.values()) for leg in phone.legs)
            return [leg for leg in legs if leg.caller == caller and leg.answered.is_set()]

        await until(lambda: bool(answered()), LIMIT_S, lambda: f"nobody answers the call of {caller}")
        (leg,) = answered()
        await citizen.hears(world.phone(leg.number).behaviour.tone, within=LIMIT_S)  # type: ignore[union-attr]
        self.reached[caller] = leg.number
        await citizen.hang_up()


async def hears_announcement(office: Office, edition: Edition) -> None:
    """A citizen dials and listens to the end: the words are those of this edition."""
    pack = load_pack(office.hotline.folder / "packs", office.hotline.city_folder.name)
    store = PromptStore(pack, EspeakSpeaker(paths.espeak()), office.hotline.state / "prompts")
    said = await store.media(Announcement(edition.rows[0]["announcement"]))
    assert said is not None
    _, words = read_wav(said.read_bytes())
    citizen = await office.town.call(DIALLED, caller=f"136{edition.number:08}", tone=None, within=20)
    await citizen.hears(edition.hz, within=LIMIT_S)
    heard = citizen.heard()
    await citizen.hang_up()
    others = [Edition(number) for number in (1, 2, 3) if number != edition.number]
    likeness = similar(heard, words)
    assert likeness > 0.6, f"the announcement was not heard ({likeness:.2f})"
    for other in others:
        media = await store.media(Announcement(other.rows[0]["announcement"]))
        assert media is not None
        assert similar(heard, read_wav(media.read_bytes())[1]) < likeness


def similar(heard: np.ndarray[Any, Any], words: np.ndarray[Any, Any]) -> float:
    """The highest normalised cross-correlation of some words with any part of what was heard; 1 is the same."""
    signal, template = heard.astype(float), words.astype(float)
    if len(signal) < len(template):
        return 0.0
    size = 1 << (len(signal) + len(template)).bit_length()
    spectrum = np.fft.rfft(signal, size) * np.conj(np.fft.rfft(template, size))
    products = np.fft.irfft(spectrum, size)[: len(signal) - len(template) + 1]
    energy = np.concatenate([[0.0], np.cumsum(signal**2)])
    windows = energy[len(template) :] - energy[: len(energy) - len(template)]
    scale = np.sqrt(np.maximum(windows, 1.0) * float(np.sum(template**2)))
    return float(np.max(products / scale))


# ---------------------------------------------------------------- the tests


async def test_given_a_load_of_calls_when_tables_are_published_and_rolled_back_then_each_call_has_its_whole_version(
    work: Office,
) -> None:
    place = work.town
    one, two, three = editions = [Edition(1), Edition(2), Edition(3)]
    for edition in editions:
        place.world.phone(edition.phone, Answer(after=0.2, tone=edition.hz))
    first = await work.publish(one.rows, "第一版")
    await work.version_of_new_calls(DIALLED, first, one.phone)
    load = Load(work)
    running = asyncio.create_task(load.run())
    try:
        talking, agent = await place.talk(caller="13511112222")  # began with the first version
        await load.more(5)
        await hears_announcement(work, one)

        exported = await work.li.ask("GET", f"/api/tables/{first}/export?format=xlsx")
        workbook = edited_xlsx(exported.body, two.rows)
        second = await work.approved(await work.import_file("转接表.xlsx", workbook, "第二版", "replace"), "第二版无误")
        await load.reaches(two)
        await hears_announcement(work, two)

        bad = [*three.rows[:2], row(MIDDLES[1], "sub_center", "skill:nobody"), row("1", "alias", "line:12360")]
        refused = await work.import_file("坏表.csv", as_csv(bad), "第三版")
        assert refused.status == 422
        assert {finding["row"] for finding in refused.body["findings"]} >= {4, 5}
        assert await work.effective() == second
        await load.reaches(two)

        (old,) = [each for each in await work.calls("12345") if each.arrived.caller == "13511112222"]
        wanted = {"number": DIALLED, "kind": "blind", "agent": "8001"}
        await work.hotline.api("POST", f"/api/calls/{old.arrived.call}/transfer", json=wanted)
        await agent.ends()
        line = await answered_leg(place, one.phone, "13511112222")  # still by the table it began with
        await hear_each_other(talking, line, other_hz=one.hz)
        await talking.hang_up()

        back = await work.zhao.ask("POST", f"/api/tables/{second}/rollback", json={"why": "目标有误，先恢复"})
        assert back.status == 201
        third = int(back.body["number"])
        assert back.body["restores"] == first
        await load.reaches(one)

        fourth = await work.publish(three.rows, "第三版")
        await load.reaches(three)
        await hears_announcement(work, three)
    finally:
        load.end()
        await running

    tables = {number: await work.rows(number) for number in (first, second, third, fourth)}
    assert [target_in(tables[each], DIALLED) for each in tables] == [
        f"phone:{edition.phone}" for edition in (one, two, one, three)
    ]
    await all_by_their_version(work, load, tables)
    assert await work.history(second) == [
        ("li.na", "table.import", "第二版"),
        ("li.na", "table.check", ""),
        ("zhao.min", "table.approve", "第二版无误"),
    ]
    assert await work.history(third) == [("zhao.min", "table.rollback", "目标有误，先恢复")]
    assert [each[:2] for each in await work.history(fourth)][-1] == ("zhao.min", "table.approve")


async def all_by_their_version(work: Office, load: Load, tables: Mapping[int, Rows]) -> None:
    """Every call of the load reached what its version says; new versions came whole, in their order, at once for all."""
    assert len(load.reached) >= CALLS
    assert not work.town.world.phone(WRONG).legs, "somebody saw half a table"
    found = [each for each in await work.calls(DIALLED) if each.arrived.caller in load.reached]
    assert len(found) == len(load.reached), "one call, one arrival"
    for each in found:
        rows = tables[version_in(each)]
        assert f"phone:{load.reached[each.arrived.caller or '']}" == target_in(rows, DIALLED), each
    in_order = [version_in(each) for each in found]
    assert in_order == sorted(in_order), "a call that came later had an older table"
    assert set(in_order) == set(tables)
    database = Database(f"sqlite+aiosqlite:///{work.hotline.state / 'hotline.db'}")
    try:
        reader = JournalReader(database)
        for version in sorted({each.arrived.rules for each in found}):
            body = await reader.rules(version)
            assert body is not None
            kept = msgspec.json.decode(body, type=Rules).table
            rows = tables[int(version.rpartition("-table-")[2])]
            assert {line.number: line.announcement for line in kept.rows()} == {
                number: each["announcement"] for number, each in rows.items()
            }
    finally:
        await database.dispose()


async def test_given_two_admins_at_one_draft_then_the_second_sees_the_difference_and_both_changes_are_published(
    work: Office,
) -> None:
    begun = await work.li.ask("POST", "/api/tables", json={"why": "两处调整"})
    number, read = int(begun.body["number"]), begun.revision
    assert begun.status == 201
    edits = {"12336": "07953000001", "12312": "07953000002"}
    both = {
        line: {"name": f"热线{line}", "mode": "utility", "targets": f"phone:{phone}", "source": "测试", "why": "改直拨"}
        for line, phone in edits.items()
    }
    path = f"/api/tables/{number}/rows"
    mine = await work.li.ask("PUT", f"{path}/12336", revision=read, json=both["12336"])
    assert mine.status == 200
    stale = await work.wang.ask("PUT", f"{path}/12312", revision=read, json=both["12312"])
    assert stale.status == 412
    assert [each["number"] for each in stale.body["diff"]["changed"]] == ["12336"]
    again = await work.wang.ask("PUT", f"{path}/12312", revision=stale.body["present"], json=both["12312"])
    assert again.status == 200
    assert again.revision is not None
    revision = await work.check(number, again.revision)
    for author in (work.li, work.wang):
        own = await author.ask("POST", f"/api/tables/{number}/approve", revision=revision, json={"why": "自己批准"})
        assert own.status == 403
    assert (await work.approve(number, revision, "两处都对")).status == 200
    for line, phone in edits.items():
        work.town.world.phone(phone, Answer(after=0.1, tone=900))
        await work.version_of_new_calls(line, number, phone)
    assert [each for each in await work.history(number) if each[1] in ("table.put", "table.approve")] == [
        ("li.na", "table.put", "改直拨"),
        ("wang.wei", "table.put", "改直拨"),
        ("zhao.min", "table.approve", "两处都对"),
    ]


async def test_given_a_draft_made_before_another_was_approved_then_it_is_refused_with_the_difference_until_rebased(
    work: Office,
) -> None:
    late = await work.import_file("甲.csv", as_csv([row("12301", "utility", "phone:07953000003")]), "甲的调整")
    number = int(late.body["table"]["number"])
    revision = await work.check(number, late.body["table"]["revision"])
    other = await work.publish([row("12330", "utility", "phone:07953000004")], "乙的调整")
    refused = await work.approve(number, revision, "已核对")
    assert refused.status == 409
    assert refused.body["present"] == other
    assert [each["number"] for each in refused.body["diff"]["changed"]] == ["12330"]
    rebased = await work.li.ask(
        "POST", f"/api/tables/{number}/rebase", revision=revision, json={"why": "在乙之上", "choices": []}
    )
    assert rebased.status == 200
    assert rebased.revision is not None
    assert (await work.approve(number, await work.check(number, rebased.revision), "已核对")).status == 200
    for line, phone in (("12301", "07953000003"), ("12330", "07953000004")):
        work.town.world.phone(phone, Answer(after=0.1, tone=900))
        await work.version_of_new_calls(line, number, phone)


async def test_given_a_version_with_a_time_when_it_has_come_then_calls_have_the_table_and_nobody_did_anything(
    work: Office,
) -> None:
    before = await work.effective()
    made = await work.import_file("定时.csv", as_csv([row("12322", "utility", "phone:07953000005")]), "定时启用")
    number = int(made.body["table"]["number"])
    revision = await work.check(number, made.body["table"]["revision"])
    at = china_time(asyncio.get_running_loop().time())  # replaced below by the server's own time
    created = made.body["table"]["created"]
    at = type(at).fromisoformat(created) + timedelta(seconds=8)
    done = await work.approve(number, revision, "到时生效", at=at.isoformat())
    assert done.status == 200, done
    assert done.body["state"] == "scheduled"
    early = await work.town.call("12322", caller="13300000001", within=20)
    found = await work.eventually("12322", "13300000001")
    await early.hang_up()
    if found[-1].arrived.at < at.timestamp():
        assert version_in(found[-1]) == before
    work.town.world.phone("07953000005", Answer(after=0.1, tone=900))
    await work.version_of_new_calls("12322", number, "07953000005")
    later = [each for each in await work.calls("12322") if version_in(each) == number]
    assert all(each.arrived.at >= at.timestamp() for each in later), "not before its time"
    assert (await work.history(number))[-1] == ("zhao.min", "table.approve", "到时生效")


async def test_given_a_worker_killed_in_a_call_then_the_call_keeps_the_version_it_began_with(work: Office) -> None:
    place, old, new = work.town, "07953000006", "07953000007"
    for phone in (old, new):
        place.world.phone(phone, Answer(after=0.2, tone=1300))
    first = await work.publish([row("12318", "utility", f"phone:{old}")], "旧目标")
    await work.version_of_new_calls("12318", first, old)
    citizen, agent = await place.talk(caller="13400000001")
    (kept,) = [each for each in await work.calls("12345") if each.arrived.caller == "13400000001"]
    second = await work.publish([row("12318", "utility", f"phone:{new}")], "新目标")
    await work.version_of_new_calls("12318", second, new)
    place.hotline.kill("w1")
    await hear_each_other(citizen, agent)
    await place.hotline.eventually(f"/api/calls/{kept.arrived.call}", lambda found: "control_resumed" in str(found), 30)
    await place.hotline.ready()
    await place.hotline.api(
        "POST",
        f"/api/calls/{kept.arrived.call}/transfer",
        json={"number": "12318", "kind": "blind", "agent": "8001"},
    )
    line = await answered_leg(place, old, "13400000001")
    await hear_each_other(citizen, line, other_hz=1300)
    await citizen.hang_up()
    await place.closed(kept.arrived.call)
    (over,) = [each for each in await work.calls("12345") if each.arrived.call == kept.arrived.call]
    assert version_in(over) == first
    assert over.closed is not None
    assert [attempt.address for attempt in over.closed.attempts] == [f"phone:{old}"]
    await work.version_of_new_calls("12318", second, new)  # and new calls have the new one


@pytest.mark.postgres
async def test_given_a_worker_started_without_the_database_then_calls_are_routed_by_the_last_known_table(
    tmp_path: Path,
) -> None:
    server = await asyncio.to_thread(postgres.start, tmp_path / "postgres")
    try:
        url = server.create_database("hotline")
        async with town(tmp_path, pack=QUICK, environment={"HOTLINE_DATABASE_URL": url}) as place:
            place.new_phones()
            li = await sign_up(place.hotline, "li.na", "admin")
            zhao = await sign_up(place.hotline, "zhao.min", "supervisor")
            office = Office(place, li, li, zhao)
            phone = place.world.phone("07953000008", Answer(after=0.2, tone=1300))
            number = await office.publish([row("12318", "utility", "phone:07953000008")])
            await place.hotline.says(f"-table-{number}", within=LIMIT_S)
            await until(
                lambda: f"-table-{number}" in (place.hotline.state / "table.json").read_text("utf-8"),
                LIMIT_S,
                lambda: "the table is not kept in the file",
            )
            await asyncio.to_thread(server.stop)
            pid = place.hotline.kill("w1")
            await until(lambda: place.hotline.pid("w1") != pid, LIMIT_S, lambda: "w1 is not started again")
            await place.hotline.ready()
            citizen = await place.call("12318", caller="13400000002", within=30)
            await citizen.hears_speech(within=15)
            await citizen.press("#")
            line = await phone.answers(within=LIMIT_S)
            await hear_each_other(citizen, line, other_hz=1300)
            await citizen.hang_up()
            await asyncio.to_thread(server.start)
            call = await place.last_call(within=LIMIT_S)
            await place.closed(call, within=LIMIT_S)
            (kept,) = await journalled(url, "12318")
            assert version_in(kept) == number
    finally:
        await asyncio.to_thread(server.stop)
