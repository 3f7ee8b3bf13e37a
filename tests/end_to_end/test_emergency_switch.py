"""A citizen in danger while no process of ours is there: `kill -9` of the whole hotline, and the switch alone puts the
citizen through by the routes of the table that was in force last. Afterwards the journal has it.
"""

import csv
import io
import os
import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from config.packs import SHIPPED
from tests.end_to_end.offices import as_csv
from tests.end_to_end.support import CITIZEN, DUTY, DUTY_PHONES, Person, Town, hear_each_other, sides, sign_up, town
from tests.sandbox import Answer, Busy, Leg, Ports, Ring
from tests.sandbox.audio import longest_silence_s

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

OPERATOR = 1100.0
CALLER = "13611112222"
SILENCE_S = 2.0
FIRST, SECOND = "119", "07951190000"
NEW = "07951190001"


def rows() -> list[dict[str, str]]:
    """Yichun's lines; the fire brigade is rung on both trunks, for two seconds each."""
    with (SHIPPED / "yichun" / "lines.csv").open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    for row in found:
        if row["number"] == "119":
            row["targets"] = f"phone:{FIRST} 2s; backup:{SECOND} 2s"
    return found


def lines() -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows()[0].keys())
    writer.writeheader()
    writer.writerows(rows())
    return out.getvalue()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    ports = Ports()
    backup = {"HOTLINE_SIP__BACKUP_TRUNK": f"127.0.0.1:{ports.outside_sip}"}
    folder = tmp_path_factory.mktemp("alone")
    async with town(folder, lines=lines(), environment=backup, ports=ports) as place:
        yield place


@pytest_asyncio.fixture(loop_scope="module")
async def place(hotline: Town) -> AsyncIterator[Town]:
    if hotline.hotline.process is not None and hotline.hotline.process.poll() is not None:
        hotline.hotline.start()
    await hotline.hotline.ready()
    hotline.new_phones()
    for number in (FIRST, SECOND, NEW):
        hotline.world.phone(number, Answer(after=0.3, tone=OPERATOR))
    yield hotline
    await hotline.everybody_hangs_up()


async def danger(place: Town) -> Leg:
    """A citizen who presses 9 as soon as the switch speaks, and 2 for the fire brigade as soon as it asks."""
    citizen = await place.call(caller=CALLER, within=10)
    await citizen.hears_speech()
    await citizen.press("9")
    await citizen.press("2")
    return citizen


async def adopted(place: Town) -> str:
    """The call, once a hotline that was started again has it in its journal."""
    place.hotline.start()
    await place.hotline.ready()
    page = await place.hotline.eventually(
        "/api/calls", lambda page: page["items"] and page["items"][0]["call"] not in place.known, 30
    )
    assert page["items"][0]["worker"] == "switch"
    return str(page["items"][0]["call"])


async def test_with_every_process_killed_the_fire_brigade_is_reached_and_the_journal_learns_of_it(place: Town) -> None:
    await place.remember_calls()
    place.hotline.kill_all()
    citizen = await danger(place)
    operator = await place.world.phone(FIRST).answers(within=10)
    await hear_each_other(citizen, operator, other_hz=OPERATOR)
    assert operator.caller == CALLER
    call = await operator.header("X-Hotline-Call")
    assert CALLER in await operator.header("P-Asserted-Identity")
    await operator.hang_up()
    await citizen.ends()
    assert longest_silence_s(citizen.heard()) <= SILENCE_S, citizen.report()
    assert place.world.phone(DUTY_PHONES[0]).legs == []

    assert await adopted(place) == call
    story = await place.closed(call)
    assert "digit_pressed" in [line["kind"] for line in story["story"]]
    assert (await place.order(call))["outcome"] == "answered"
    _, samples = await place.recording(call)
    assert CITIZEN in sides(samples)[0]
    assert OPERATOR in sides(samples)[1]


async def test_with_every_process_killed_the_second_trunk_follows_a_busy_first(place: Town) -> None:
    place.world.phone(FIRST, Busy())
    place.hotline.kill_all()
    citizen = await danger(place)
    operator = await place.world.phone(SECOND).answers(within=10)
    await hear_each_other(citizen, operator, other_hz=OPERATOR)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S, citizen.report()


async def test_with_every_process_killed_and_nobody_at_119_a_person_answers(place: Town) -> None:
    for number in (FIRST, SECOND):
        place.world.phone(number, Ring())
    place.hotline.kill_all()
    citizen = await danger(place)
    duty = await place.world.phone(DUTY_PHONES[0]).answers(within=40)
    await hear_each_other(citizen, duty, other_hz=DUTY)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S, citizen.report()


async def test_with_a_hung_worker_the_fire_brigade_is_reached(place: Town) -> None:
    pid = place.hotline.pid("w1")
    os.kill(pid, signal.SIGSTOP)
    citizen = await danger(place)  # the supervisor ends the worker after a while
    operator = await place.world.phone(FIRST).answers(within=10)
    await hear_each_other(citizen, operator, other_hz=OPERATOR)


async def test_metrics_tell_which_routes_answer(place: Town) -> None:
    up = {f'hotline_emergency_route_up{{endpoint="{name}",number="119"}} 1.0' for name in ("trunk", "trunk2")}
    await place.hotline.eventually("/metrics", lambda text: all(line in text for line in up), 20)


async def test_a_table_that_came_into_force_is_what_the_switch_rings_when_it_is_alone(place: Town) -> None:
    """Also after a restart of the process that keeps the switch: what it was started with is older."""
    li, zhao = await sign_up(place.hotline, "li", "admin"), await sign_up(place.hotline, "zhao", "supervisor")
    await publish(li, zhao, [row | {"targets": f"phone:{NEW} 2s"} for row in rows() if row["number"] == "119"])
    await place.hotline.says("emergency routes in force")
    place.hotline.kill("keeper")
    await place.hotline.ready()
    place.hotline.kill_all()
    citizen = await danger(place)
    operator = await place.world.phone(NEW).answers(within=10)
    await hear_each_other(citizen, operator, other_hz=OPERATOR)
    assert place.world.phone(FIRST).legs == []


async def publish(li: Person, zhao: Person, changed: list[dict[str, str]]) -> None:
    """Li imports rows, Zhao confirms what touches emergencies and approves."""
    form = aiohttp.FormData({"why": "新线路", "mode": "merge"})
    form.add_field("file", as_csv(changed), filename="转接表.csv")
    imported = await li.ask("POST", "/api/tables/import", data=form)
    assert imported.status == 201, imported
    number = imported.body["table"]["number"]
    revision = imported.revision
    for who, step in ((li, "check"), (zhao, "confirm-emergency"), (zhao, "approve")):
        body = {} if step == "check" else {"json": {"why": "已核对"}}
        done = await who.ask("POST", f"/api/tables/{number}/{step}", revision=revision, **body)
        assert done.status == 200, (step, done)
        revision = done.revision
