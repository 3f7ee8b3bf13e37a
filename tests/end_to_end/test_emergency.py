"""A citizen in danger on the real switch: by key, by the agent's action; every failure of every route; kill -9."""

import csv
import io
import itertools
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from config.packs import SHIPPED
from tests.end_to_end.support import AGENT, CITIZEN, Town, hear_each_other, sides, town
from tests.sandbox import Answer, Busy, Congested, Leg, NotFound, Reject, Ring, Silent, Unavailable
from tests.sandbox.audio import longest_silence_s

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module")]

OPERATOR = 1300.0
ROUTES = ("119", "0795119")  # simulated: the world's Asterisk is the whole network
SILENCE_S = 2.0
FAILURES = [Busy(), Ring(), Reject(), Unavailable(), NotFound(), Congested(), Silent()]
QUICK = """
[limits]
wrap_up_s = 0
ring_s = 5
"""


def lines() -> str:
    """Yichun's lines, with two routes to the fire brigade that are given up quickly."""
    with (SHIPPED / "yichun" / "lines.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["number"] == "119":
            row["targets"] = "; ".join(f"phone:{route} 3s" for route in ROUTES)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("danger"), pack=QUICK, lines=lines()) as place:
        yield place


@pytest_asyncio.fixture(loop_scope="module")
async def place(hotline: Town) -> AsyncIterator[Town]:
    hotline.new_phones()
    for route in ROUTES:
        hotline.world.phone(route, Answer(after=0.3, tone=OPERATOR))
    await hotline.hotline.sign_in("8001")
    await hotline.hotline.sign_out("8002")
    yield hotline
    await hotline.everybody_hangs_up()


async def in_danger(place: Town) -> Leg:
    """A citizen who presses 9 and then 2, for the fire brigade."""
    citizen = await place.call(caller="13912345678")
    await citizen.hears_speech()
    await citizen.press("9")
    await citizen.hears_speech()
    await citizen.press("2")
    return citizen


async def emergency(place: Town, call: str, number: str = "119") -> None:
    await place.hotline.api("POST", f"/api/calls/{call}/emergency", json={"number": number, "agent": "8001"})


def behaving(place: Town, *behaviours: Any) -> None:
    for route, behaviour in zip(ROUTES, behaviours, strict=True):
        place.world.phone(route, behaviour)


async def test_given_9_and_2_then_the_citizen_speaks_with_119_which_knows_who_calls(place: Town) -> None:
    citizen = await in_danger(place)
    operator = await place.world.phone("119").answers(within=10)
    await hear_each_other(citizen, operator, other_hz=OPERATOR)
    call = await place.last_call()
    assert "13912345678" in await operator.header("P-Asserted-Identity")
    assert await operator.header("X-Hotline-Call") == call
    assert (await operator.header("X-Hotline-Time")).endswith("+0800")
    assert longest_silence_s(citizen.heard()) <= SILENCE_S, citizen.report()
    await citizen.hang_up()
    await operator.ends(within=10)
    await place.closed(call)
    _, samples = await place.recording(call)
    assert sides(samples) == ({CITIZEN}, {OPERATOR})


async def test_given_9_and_no_second_key_then_the_first_free_person_answers(place: Town) -> None:
    citizen = await place.call()
    await citizen.hears_speech()
    await citizen.press("9")
    agent = await place.world.phone("8001").answers(within=40)
    await hear_each_other(citizen, agent)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S, citizen.report()
    await citizen.hang_up()


async def test_given_the_queue_when_9_is_pressed_then_the_operator_is_rung(place: Town) -> None:
    await place.hotline.sign_out("8001")
    for number in ("07951234567", "07957654321"):
        place.world.phone(number, Ring())
    citizen = await place.call()
    await citizen.press("0")
    await place.world.phone("07951234567").rings(within=15)
    await citizen.press("9")
    await place.world.phone("07951234567").stops_ringing(within=10)
    await citizen.hears_speech()
    await citizen.press("2")
    operator = await place.world.phone("119").answers(within=10)
    await hear_each_other(citizen, operator, other_hz=OPERATOR)
    await citizen.hang_up()


@pytest.mark.parametrize("failure", FAILURES, ids=lambda b: type(b).__name__)
async def test_given_the_first_route_fails_then_the_second_is_rung_and_never_both(place: Town, failure: Any) -> None:
    behaving(place, failure, Answer(after=0.3, tone=OPERATOR))
    citizen = await in_danger(place)
    await place.world.phone(ROUTES[0]).rings(within=10)
    operator = await place.world.phone(ROUTES[1]).answers(within=20)
    assert not place.world.phone(ROUTES[0]).ringing(), "two operators rung at once"
    await hear_each_other(citizen, operator, other_hz=OPERATOR)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S, citizen.report()
    await citizen.hang_up()


@pytest.mark.parametrize(
    ("first", "second"),
    list(itertools.pairwise([*FAILURES, FAILURES[0]])),
    ids=lambda b: type(b).__name__,
)
async def test_given_no_route_answers_then_the_citizen_is_with_a_person(place: Town, first: Any, second: Any) -> None:
    behaving(place, first, second)
    citizen = await in_danger(place)
    agent = await place.world.phone("8001").answers(within=60)
    await hear_each_other(citizen, agent)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S, citizen.report()
    await citizen.hang_up()


async def test_given_the_agents_action_then_the_agent_stays_until_the_hand_over(place: Town) -> None:
    citizen, agent = await place.talk()
    call = await place.last_call()
    await emergency(place, call)
    operator = await place.world.phone("119").answers(within=10)
    await citizen.hears(AGENT, OPERATOR, within=10)
    await operator.hears(CITIZEN, AGENT, within=10)
    await agent.hears(CITIZEN, OPERATOR, within=10)
    await place.hotline.api("POST", f"/api/calls/{call}/transfer/hand-over", json={"agent": "8001"})
    await agent.ends(within=10)
    await hear_each_other(citizen, operator, other_hz=OPERATOR)
    await citizen.hang_up()
    await operator.ends(within=10)


async def test_given_no_route_answers_the_agents_action_then_the_agent_never_left(place: Town) -> None:
    behaving(place, Busy(), Reject())
    citizen, agent = await place.talk()
    call = await place.last_call()
    await emergency(place, call)
    await place.hotline.eventually(f"/api/calls/{call}", lambda found: "transfer_not_answered" in str(found), 30)
    await hear_each_other(citizen, agent)
    await citizen.hang_up()


async def test_given_a_number_that_is_no_emergency_then_it_is_refused(place: Town) -> None:
    citizen, agent = await place.talk()
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await emergency(place, await place.last_call(), "12366")
    assert refused.value.status in (409, 422)
    await hear_each_other(citizen, agent)
    await citizen.hang_up()


@pytest.mark.parametrize("moment", ["ringing", "talking"])
async def test_given_the_worker_is_killed_during_the_handoff_then_citizen_and_operator_talk(
    place: Town, moment: str
) -> None:
    if moment == "ringing":
        place.world.phone("119", Answer(after=2.5, tone=OPERATOR))
    citizen = await in_danger(place)
    phone = place.world.phone("119")
    operator = await (phone.rings(within=10) if moment == "ringing" else phone.answers(within=10))
    call = await place.last_call()
    place.hotline.kill("w1")
    await operator.is_answered(within=15)
    await hear_each_other(citizen, operator, other_hz=OPERATOR)
    await place.hotline.ready()
    await citizen.hang_up()
    await operator.ends(within=10)
    await place.closed(call)
