"""Transfer tables are published, rolled back and imported while citizens call, by people who signed in.

No call sees half a table: each version changes a row's target and its announcement, and the row it leads to, at once.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from config.database import Database
from hotline.runtime import postgres
from ivr.flow import Rules
from ivr.journal import JournalReader
from tests.end_to_end.editions import CALLS, DIALLED, MIDDLES, WRONG, Edition, Load, edited_xlsx, hears_announcement
from tests.end_to_end.offices import LIMIT_S, Office, Rows, answered_leg, as_csv, office, row, target_in, version_in
from tests.end_to_end.support import CITIZEN, hear_each_other, journalled, town
from tests.sandbox import Answer, Leg
from tests.sandbox.leg import until

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

QUICK = """
[limits]
target_ring_s = 15
wrap_up_s = 0
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with town(tmp_path_factory.mktemp("tables"), pack=QUICK) as place:
        yield await office(place)


@pytest_asyncio.fixture(loop_scope="module")
async def work(people: Office) -> AsyncIterator[Office]:
    """The office with nobody on shift, every phone as nobody had touched it."""
    place = people.town
    place.new_phones()
    place.world.phone(WRONG, Answer(after=0.1, tone=CITIZEN))
    await place.hotline.sign_out("8001")
    yield people
    await place.everybody_hangs_up()


async def talk(work: Office, caller: str) -> tuple[Leg, Leg, str]:
    """A citizen and agent 8001, talking, and the id of their call."""
    await work.hotline.sign_in("8001")
    citizen, agent = await work.town.talk(caller=caller)
    return citizen, agent, (await work.call_of(caller)).arrived.call


async def transfer(work: Office, call: str, number: str) -> None:
    wanted = {"number": number, "kind": "blind", "agent": "8001"}
    await work.hotline.api("POST", f"/api/calls/{call}/transfer", json=wanted)


# ---------------------------------------------------------------- the tests


async def test_given_a_load_of_calls_when_tables_are_published_and_rolled_back_then_each_call_has_its_whole_version(
    work: Office,
) -> None:
    place = work.town
    one, two, three = editions = [Edition(1), Edition(2), Edition(3)]
    for edition in editions:
        place.world.phone(edition.phone, Answer(after=0.2, tone=edition.hz))
    first = await work.publish(one.rows, "第一版")
    await work.new_calls_have(first, DIALLED, one.phone)
    load = Load(place, editions)
    running = asyncio.create_task(load.run())
    try:
        talking, agent, old = await talk(work, "13511112222")  # began with the first version
        await load.more(5)
        await hears_announcement(place, one, editions)

        exported = await work.li.ask("GET", f"/api/tables/{first}/export?format=xlsx")
        workbook = edited_xlsx(exported.body, two.rows)
        second = await work.approved(await work.import_file("转接表.xlsx", workbook, "第二版", "replace"), "第二版无误")
        await load.reaches(two)
        await hears_announcement(place, two, editions)

        bad = [*three.rows[:2], row(MIDDLES[1], "nonsense", ""), row("1", "alias", "line:12360")]
        refused = await work.import_file("坏表.csv", as_csv(bad), "第三版")
        assert refused.status == 422
        assert {finding["row"] for finding in refused.body["extra"]["findings"]} == {4, 5}
        assert await work.effective() == second
        await load.reaches(two)

        await transfer(work, old, DIALLED)
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
        await hears_announcement(place, three, editions)
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
    """Every call of the load reached what its version says; versions came whole, in their order, for all at once."""
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
    assert [each["number"] for each in stale.body["extra"]["diff"]["changed"]] == ["12336"]
    again = await work.wang.ask("PUT", f"{path}/12312", revision=stale.body["extra"]["present"], json=both["12312"])
    assert again.status == 200
    assert again.revision is not None
    revision = await work.check(number, again.revision)
    for author in (work.li, work.wang):
        own = await author.ask("POST", f"/api/tables/{number}/approve", revision=revision, json={"why": "自己批准"})
        assert own.status == 403
    assert (await work.approve(number, revision, "两处都对")).status == 200
    for line, phone in edits.items():
        work.town.world.phone(phone, Answer(after=0.1, tone=900))
        await work.new_calls_have(number, line, phone)
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
    revision = await work.check(number, late.revision)
    other = await work.publish([row("12330", "utility", "phone:07953000004")], "乙的调整")
    refused = await work.approve(number, revision, "已核对")
    assert refused.status == 409
    assert refused.body["extra"]["present"] == other
    assert [each["number"] for each in refused.body["extra"]["diff"]["changed"]] == ["12330"]
    rebased = await work.li.ask(
        "POST", f"/api/tables/{number}/rebase", revision=revision, json={"why": "在乙之上", "choices": []}
    )
    assert rebased.status == 200
    assert rebased.revision is not None
    assert (await work.approve(number, await work.check(number, rebased.revision), "已核对")).status == 200
    for line, phone in (("12301", "07953000003"), ("12330", "07953000004")):
        work.town.world.phone(phone, Answer(after=0.1, tone=900))
        await work.new_calls_have(number, line, phone)


async def test_given_a_version_with_a_time_when_it_has_come_then_calls_have_the_table_and_nobody_did_anything(
    work: Office,
) -> None:
    before = await work.effective()
    made = await work.import_file("定时.csv", as_csv([row("12322", "utility", "phone:07953000005")]), "定时启用")
    number = int(made.body["table"]["number"])
    revision = await work.check(number, made.revision)
    at = datetime.fromisoformat(made.body["table"]["created"]) + timedelta(seconds=10)
    done = await work.approve(number, revision, "到时生效", at=at.isoformat())
    assert done.status == 200, done
    assert done.body["state"] == "scheduled"
    early = await work.town.call("12322", caller="13300000001", within=20)
    kept = await work.call_of("13300000001", "12322")
    await early.hang_up()
    if kept.arrived.at < at.timestamp():
        assert version_in(kept) == before
    work.town.world.phone("07953000005", Answer(after=0.1, tone=900))
    await work.new_calls_have(number, "12322", "07953000005")
    later = [each for each in await work.calls("12322") if version_in(each) == number]
    assert all(each.arrived.at >= at.timestamp() for each in later), "not before its time"
    assert (await work.history(number))[-1] == ("zhao.min", "table.approve", "到时生效")


async def test_given_a_worker_killed_in_a_call_then_the_call_keeps_the_version_it_began_with(work: Office) -> None:
    place, old, new = work.town, "07953000006", "07953000007"
    for phone in (old, new):
        place.world.phone(phone, Answer(after=0.2, tone=1300))
    first = await work.publish([row("12318", "utility", f"phone:{old}")], "旧目标")
    await work.new_calls_have(first, "12318", old)
    citizen, agent, call = await talk(work, "13400000001")
    second = await work.publish([row("12318", "utility", f"phone:{new}")], "新目标")
    await work.new_calls_have(second, "12318", new)
    place.hotline.kill("w1")
    await hear_each_other(citizen, agent)
    await place.hotline.eventually(f"/api/calls/{call}", lambda found: "control_resumed" in str(found), LIMIT_S)
    await place.hotline.ready()
    await transfer(work, call, "12318")
    line = await answered_leg(place, old, "13400000001")
    await hear_each_other(citizen, line, other_hz=1300)
    await citizen.hang_up()
    await place.closed(call, within=LIMIT_S)
    kept = await work.call_of("13400000001")
    assert version_in(kept) == first
    assert kept.closed is not None
    assert [attempt.address for attempt in kept.closed.attempts] == [f"phone:{old}"]
    await work.new_calls_have(second, "12318", new)  # and new calls have the new one


@pytest.mark.postgres
async def test_given_a_worker_started_without_the_database_then_calls_are_routed_by_the_last_known_table(
    tmp_path: Path,
) -> None:
    server = await asyncio.to_thread(postgres.start, tmp_path / "postgres")
    try:
        url = server.create_database("hotline")
        async with town(tmp_path, pack=QUICK, environment={"HOTLINE_DATABASE_URL": url}) as place:
            place.new_phones()
            work = await office(place, url)
            phone = place.world.phone("07953000008", Answer(after=0.2, tone=1300))
            number = await work.publish([row("12318", "utility", "phone:07953000008")], "启用直拨")
            known = place.hotline.state / "table.json"

            def is_known() -> bool:
                return known.is_file() and f"-table-{number}" in known.read_text("utf-8")

            await until(is_known, LIMIT_S, lambda: "the table is not kept in the file")
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
