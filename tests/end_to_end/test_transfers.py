"""Transfers on the real switch: who hears whom, what becomes of each failure, and that nobody waits in silence."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.end_to_end.support import (
    AGENT,
    CITIZEN,
    SECOND_AGENT,
    Town,
    goes_on,
    hear_each_other,
    sides,
    town,
)
from tests.sandbox import Answer, Busy, Congested, Leg, NotFound, Reject, Ring, Silent, Unavailable
from tests.sandbox.audio import longest_silence_s

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module")]

LINE = "12366"  # a sub-center of the city's table, reached by phone
LINE_HZ = 1300.0
SILENCE_S = 3.0
FAILURES = [Busy(), Ring(), Reject(), Unavailable(), NotFound(), Congested(), Silent()]
SHORT = """
[limits]
announce_every_s = 10
ring_s = 5
target_ring_s = 5
wrap_up_s = 0
"""


def named(behaviour: object) -> str:
    return type(behaviour).__name__


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("transfers"), pack=SHORT) as place:
        yield place


@pytest_asyncio.fixture(loop_scope="module")
async def place(hotline: Town) -> AsyncIterator[Town]:
    """The town with agent 8001 alone on shift, and a sub-center that answers."""
    hotline.new_phones()
    hotline.world.phone(LINE, Answer(after=0.3, tone=LINE_HZ))
    await hotline.hotline.sign_in("8001")
    await hotline.hotline.sign_out("8002")
    yield hotline
    await hotline.everybody_hangs_up()


async def transfer(place: Town, call: str, number: str = LINE, kind: str = "blind") -> None:
    wanted = {"number": number, "kind": kind, "agent": "8001"}
    await place.hotline.api("POST", f"/api/calls/{call}/transfer", json=wanted)


async def end_consultation(place: Town, call: str, how: str) -> None:
    await place.hotline.api("POST", f"/api/calls/{call}/transfer/{how}", json={"agent": "8001"})


async def talk(place: Town) -> tuple[Leg, Leg, str]:
    citizen, agent = await place.talk()
    return citizen, agent, await place.last_call()


async def agent_is_back(place: Town, citizen: Leg) -> Leg:
    """The same agent is rung again and speaks with the citizen, who was never left in silence."""
    agent = await place.world.phone("8001").answers(within=40)
    await hear_each_other(citizen, agent)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S, citizen.report()
    return agent


async def results(place: Town, call: str) -> list[tuple[str, str]]:
    """Line and result of each attempt, as the order tells them."""
    await place.closed(call)
    number = (await place.order(call))["number"]
    order = await place.hotline.api("GET", f"/api/orders/{number}")
    return [(each["line"], each["result"]) for each in order["transfers"]]


# ---------------------------------------------------------------- blind


async def test_given_a_blind_transfer_then_citizen_and_line_hear_each_other_and_all_of_it_is_recorded(
    place: Town,
) -> None:
    citizen, agent, call = await talk(place)
    await transfer(place, call)
    await agent.ends()
    line = await place.world.phone(LINE).answers()
    await hear_each_other(citizen, line, other_hz=LINE_HZ)
    assert await line.header("P-Asserted-Identity"), "the line learns who calls"
    await citizen.hang_up()
    await line.ends()
    assert await results(place, call) == [(LINE, "connected")]
    assert longest_silence_s(citizen.heard()) <= SILENCE_S
    _, samples = await place.recording(call)
    assert sides(samples) == ({CITIZEN}, {AGENT, LINE_HZ})


@pytest.mark.parametrize("behaviour", FAILURES, ids=named)
async def test_given_a_blind_transfer_that_fails_then_the_same_agent_has_the_citizen_again(
    place: Town, behaviour: Any
) -> None:
    place.world.phone(LINE, behaviour)
    citizen, agent, call = await talk(place)
    await transfer(place, call)
    await agent.ends()
    agent = await agent_is_back(place, citizen)
    await agent.hang_up()
    await citizen.ends(within=15)
    (line, result), *others = await results(place, call)
    assert line == LINE
    assert result in ("busy", "no_answer", "rejected", "unreachable")
    assert not others


async def test_given_the_agent_does_not_come_back_after_a_failed_transfer_then_another_agent_takes_the_citizen(
    place: Town,
) -> None:
    place.world.phone(LINE, Busy())
    citizen, agent, call = await talk(place)
    place.desk("8001", Ring())
    await place.hotline.sign_in("8002")
    await transfer(place, call)
    await agent.ends()
    other = await place.world.phone("8002").answers(within=30)
    await hear_each_other(citizen, other, other_hz=SECOND_AGENT)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S
    await citizen.hang_up()


async def test_given_a_line_that_rings_when_the_citizen_hangs_up_then_it_stops_ringing(place: Town) -> None:
    place.world.phone(LINE, Ring())
    citizen, agent, call = await talk(place)
    await transfer(place, call)
    await place.world.phone(LINE).rings()
    await citizen.hang_up()
    await place.world.phone(LINE).stops_ringing()
    await agent.ends()
    assert await results(place, call) == [(LINE, "abandoned")]


async def test_given_a_line_that_rings_when_its_phone_hangs_up_in_mid_transfer_then_the_agent_has_the_citizen_again(
    place: Town,
) -> None:
    place.world.phone(LINE, Ring())
    citizen, _, call = await talk(place)
    await transfer(place, call)
    line = await place.world.phone(LINE).rings()
    await line.hang_up()
    await agent_is_back(place, citizen)
    await citizen.hang_up()


async def test_given_a_transfer_to_a_line_with_a_queue_then_its_people_answer(place: Town) -> None:
    """12315 is dual: its own queue, where nobody is on shift in this town, and so the general agents."""
    citizen, agent, call = await talk(place)
    await transfer(place, call, "12315")
    await agent.ends()
    agent = await place.world.phone("8001").answers(within=20)
    await hear_each_other(citizen, agent)
    await citizen.hang_up()


# ---------------------------------------------------------------- warm


async def test_given_a_warm_transfer_then_the_citizen_waits_with_music_and_is_handed_over(place: Town) -> None:
    citizen, agent, call = await talk(place)
    await transfer(place, call, kind="warm")
    line = await place.world.phone(LINE).answers()
    await agent.hears(LINE_HZ)
    await line.hears(AGENT)
    await citizen.hears_not(AGENT)
    await agent.hears_not(CITIZEN)
    await end_consultation(place, call, "hand-over")
    await agent.ends()
    await hear_each_other(citizen, line, other_hz=LINE_HZ)
    await line.hang_up()
    await citizen.ends(within=15)
    assert await results(place, call) == [(LINE, "connected")]
    assert longest_silence_s(citizen.heard()) <= SILENCE_S


async def test_given_a_consultation_when_the_agent_hangs_up_then_citizen_and_line_are_together(place: Town) -> None:
    citizen, agent, call = await talk(place)
    await transfer(place, call, kind="warm")
    line = await place.world.phone(LINE).answers()
    await line.hears(AGENT)
    await agent.hang_up()
    await hear_each_other(citizen, line, other_hz=LINE_HZ)
    await citizen.hang_up()


@pytest.mark.parametrize(("how", "result"), [("take-back", "cancelled"), ("line hangs up", "ended")])
async def test_given_a_consultation_that_leads_nowhere_then_agent_and_citizen_go_on(
    place: Town, how: str, result: str
) -> None:
    citizen, agent, call = await talk(place)
    await transfer(place, call, kind="warm")
    line = await place.world.phone(LINE).answers()
    await line.hears(AGENT)
    if how == "take-back":
        await end_consultation(place, call, how)
        await line.ends()
    else:
        await line.hang_up()
    await hear_each_other(citizen, agent)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S
    await citizen.hang_up()
    assert await results(place, call) == [(LINE, result)]


@pytest.mark.parametrize("behaviour", FAILURES, ids=named)
async def test_given_a_warm_transfer_that_fails_then_the_agent_never_left_the_citizen(
    place: Town, behaviour: Any
) -> None:
    place.world.phone(LINE, behaviour)
    citizen, agent, call = await talk(place)
    await transfer(place, call, kind="warm")
    await place.world.phone(LINE).rings()
    await goes_on(citizen)
    await place.hotline.eventually(f"/api/calls/{call}", lambda found: "transfer_not_answered" in str(found), 20)
    await hear_each_other(citizen, agent)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S
    await citizen.hang_up()


# ---------------------------------------------------------------- the dialled number


@pytest.mark.parametrize("behaviour", FAILURES, ids=named)
async def test_given_a_sub_center_is_dialled_and_does_not_answer_then_a_person_does(
    place: Town, behaviour: Any
) -> None:
    place.world.phone(LINE, behaviour)
    citizen = await place.call(LINE)
    agent = await place.world.phone("8001").answers(within=60)
    await hear_each_other(citizen, agent)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S
    await citizen.hang_up()


# ---------------------------------------------------------------- what cannot be done


@pytest.mark.parametrize(
    ("number", "kind", "status"), [("99999", "blind", 409), ("12315", "warm", 409), ("12366", "nonsense", 422)]
)
async def test_what_cannot_be_done_is_refused_and_the_talk_goes_on(
    place: Town, number: str, kind: str, status: int
) -> None:
    citizen, agent, call = await talk(place)
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await transfer(place, call, number, kind)
    assert refused.value.status == status
    await hear_each_other(citizen, agent)
    await citizen.hang_up()


async def test_given_no_such_call_when_a_transfer_is_asked_then_that_is_said(place: Town) -> None:
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await transfer(place, f"nowhere-{uuid.uuid4().hex}")
    assert refused.value.status == 404


# ---------------------------------------------------------------- a worker dies in the middle


@pytest.mark.parametrize("kind", ["blind", "warm"])
async def test_given_the_worker_is_killed_while_the_line_rings_then_the_transfer_comes_about(
    place: Town, kind: str
) -> None:
    place.world.phone(LINE, Answer(after=3.0, tone=LINE_HZ))
    citizen, agent, call = await talk(place)
    await transfer(place, call, kind=kind)
    await place.world.phone(LINE).rings()
    place.hotline.kill("w1")
    line = place.world.phone(LINE).legs[-1]
    await line.is_answered(within=15)
    if kind == "warm":
        await line.hears(AGENT, within=10)
        await place.hotline.ready()
        await end_consultation(place, call, "hand-over")
        await agent.ends()
    await hear_each_other(citizen, line, other_hz=LINE_HZ)
    await citizen.hang_up()
    await place.closed(call)
    await place.hotline.ready()


async def test_given_many_transfers_then_the_figures_tell_how_often_and_how_fast_each_line_answered(
    place: Town,
) -> None:
    citizen, agent, call = await talk(place)
    await transfer(place, call)
    line = await place.world.phone(LINE).answers()
    await hear_each_other(citizen, line, other_hz=LINE_HZ)
    await asyncio.gather(citizen.hang_up(), agent.ends())
    await results(place, call)
    figures = await place.hotline.api("GET", "/api/transfers/figures")
    (of_line,) = [each for each in figures["items"] if each["line"] == LINE]
    assert of_line["target"] == f"phone:{LINE}"
    assert of_line["attempts"] == sum(of_line["results"].values()) >= of_line["connected"] >= 1
    assert of_line["success"] == pytest.approx(of_line["connected"] / of_line["attempts"], abs=1e-4)
    assert of_line["answer_s"]["p50"] > 0
