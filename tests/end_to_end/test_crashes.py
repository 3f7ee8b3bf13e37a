"""`kill -9` at each stage of a call: no established call is dropped, the call goes on under control, and recording and
order are complete. With every process of ours gone, a new citizen still reaches a duty phone and is recorded.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.end_to_end.support import AGENT, CITIZEN, DUTY, DUTY_PHONES, Town, hear_each_other, sides, town
from tests.sandbox import Leg, Ring

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

STAGES = ("ringing", "greeting", "queue", "offered", "talking", "ending")
QUICK = """
[limits]
wrap_up_s = 0
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("crashes"), pack=QUICK) as place:
        yield place


@pytest_asyncio.fixture(loop_scope="module")
async def place(hotline: Town) -> AsyncIterator[Town]:
    await hotline.hotline.ready()
    hotline.new_phones()
    await hotline.hotline.sign_in("8001")
    yield hotline
    await hotline.everybody_hangs_up()


async def kill_at(stage: str, place: Town) -> tuple[Leg, Leg]:
    """Bring a call to a stage and kill the worker there; returns citizen and agent, talking in the end."""
    hotline, phone = place.hotline, place.desk()
    if stage == "ringing":  # the worker dies in the moment in which the call comes in
        hotline.kill("w1")
        citizen = await place.call(within=10)
        return citizen, await _anybody(place)
    if stage == "offered":
        place.desk(behaviour=Ring())
    if stage == "queue":
        await hotline.sign_out("8001")
        await hotline.sign_in("8002")  # on shift, so that the citizen waits, but never free
        place.world.phone("8002", Ring())
    citizen = await place.call()
    await citizen.hears_speech()
    if stage == "greeting":
        await place.last_call()  # the first word is the switch's: wait until the worker has the call
        hotline.kill("w1")
        return citizen, await phone.answers(within=20)
    await citizen.press("0")
    if stage == "queue":
        await place.world.phone("8002").rings(within=10)
        hotline.kill("w1")
        await hotline.sign_in("8001")
        await hotline.sign_out("8002")
        return citizen, await phone.answers(within=40)
    leg = await phone.rings(within=10)
    if stage == "offered":
        hotline.kill("w1")
        await leg.speak(AGENT)
        await leg.answer()
        return citizen, leg
    await leg.is_answered()
    await hear_each_other(citizen, leg)
    if stage == "talking":
        hotline.kill("w1")
    return citizen, leg


async def _anybody(place: Town) -> Leg:
    """Whoever took the call: with the worker away it may have gone to a duty phone."""
    waiting = [asyncio.create_task(place.world.phone(number).answers(within=30)) for number in ("8001", *DUTY_PHONES)]
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return next(iter(done)).result()


@pytest.mark.parametrize("stage", STAGES)
async def test_a_killed_worker_drops_no_call(place: Town, stage: str) -> None:
    citizen, other = await kill_at(stage, place)
    other_hz = AGENT if other.number == "8001" else DUTY
    await hear_each_other(citizen, other, other_hz=other_hz)
    await place.hotline.ready()
    await other.hang_up()
    if stage == "ending":
        await citizen.hears_speech()
        place.hotline.kill("w1")
    await citizen.ends(within=20)
    await place.hotline.ready()

    call = await place.last_call()
    story = await place.closed(call, within=30)
    order = await place.order(call)
    assert order["outcome"] == "answered"
    if stage not in ("ringing",):
        assert "control_resumed" in [line["kind"] for line in story["story"]]
    recording, samples = await place.recording(call)
    assert recording["gap"] is None
    assert sides(samples) == ({CITIZEN}, {other_hz})


async def test_given_the_whole_hotline_killed_in_a_talk_when_it_starts_again_then_the_talk_goes_on(place: Town) -> None:
    citizen, agent = await place.talk()
    place.hotline.kill_all()
    await hear_each_other(citizen, agent)  # the switch carries it alone
    place.hotline.start()
    await place.hotline.ready()
    await hear_each_other(citizen, agent)
    await agent.hang_up()
    await citizen.hears_speech(within=10)  # under control again: the farewell
    await citizen.ends(within=15)
    call = await place.last_call()
    await place.closed(call)
    assert (await place.order(call))["outcome"] == "answered"
    _, samples = await place.recording(call)
    assert sides(samples) == ({CITIZEN}, {AGENT})


async def test_given_no_process_of_ours_when_a_citizen_calls_then_a_duty_phone_answers_and_it_is_recorded(
    place: Town,
) -> None:
    place.hotline.kill_all()
    citizen = await place.call(caller="13611112222", within=10)
    await citizen.hears_speech()
    duty = await place.world.phone(DUTY_PHONES[0]).answers(within=30)
    await hear_each_other(citizen, duty, other_hz=DUTY)
    await citizen.hang_up()
    await duty.ends()
    place.hotline.start()
    await place.hotline.ready()
    # the switch's slip becomes a call like any other
    adopted = await place.hotline.eventually(
        "/api/calls", lambda page: page["items"] and page["items"][0]["worker"] == "switch", 30
    )
    call = adopted["items"][0]["call"]
    assert (await place.order(call))["outcome"] == "answered"
    _, samples = await place.recording(call)
    assert sides(samples) == ({CITIZEN}, {DUTY})


async def test_given_a_hung_worker_when_a_citizen_calls_then_a_duty_phone_answers(place: Town) -> None:
    pid = place.hotline.pid("w1")
    os.kill(pid, signal.SIGSTOP)
    try:
        citizen = await place.call(within=10)
        duty = await place.world.phone(DUTY_PHONES[0]).answers(within=30)
        await hear_each_other(citizen, duty, other_hz=DUTY)
        await citizen.hang_up()
    finally:
        with contextlib.suppress(ProcessLookupError):  # the supervisor has replaced it meanwhile
            os.kill(pid, signal.SIGCONT)
