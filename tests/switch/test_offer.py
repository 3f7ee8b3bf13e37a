"""How the dialplan offers a call to workers. These workers are a few lines of ARI: what ours must rely on."""

import asyncio
from typing import Any

import pytest

from tests.sandbox import Answer, World
from tests.sandbox.ari import AriClient
from tests.sandbox.audio import RATE, timeline
from tests.sandbox.leg import until
from tests.support.switch import NOTICE_HZ, StartSwitch, Switch
from tests.support.worker import StartWorker

pytestmark = pytest.mark.switch


async def test_a_worker_that_claims_gets_the_call_with_the_number_dialled(
    world: World, start_switch: StartSwitch, start_worker: StartWorker
) -> None:
    switch = await start_switch(["desk:8001"])
    phone = world.phone("8001")
    worker = await start_worker(switch)
    citizen = await world.call("12315", caller="13800138000")

    start = await worker.call()
    assert start["args"] == ["in", "12315"]
    assert start["channel"]["caller"]["number"] == "13800138000"
    await citizen.hang_up()
    assert phone.legs == []
    assert switch.slips() == []


async def test_of_two_workers_one_gets_the_call_and_the_other_is_told(
    world: World, start_switch: StartSwitch, start_worker: StartWorker
) -> None:
    switch = await start_switch()
    workers = [await start_worker(switch, f"hotline-w{index}") for index in range(2)]
    await world.call("12345")
    await until(lambda: sum(len(w.answers) for w in workers) == 2, 5, lambda: "claims are not answered")
    assert sorted(answer for w in workers for answer in w.answers) == [204, 409]
    assert sum(len(w.calls) for w in workers) == 1


@pytest.mark.parametrize("wait_s", [0.1, 0.2, 0.35, 0.6])
async def test_a_worker_slower_than_one_round_still_gets_the_call(
    world: World, start_switch: StartSwitch, start_worker: StartWorker, wait_s: float
) -> None:
    switch = await start_switch(["desk:8001"])
    worker = await start_worker(switch, wait_s=wait_s)
    await world.call("12345")
    await worker.call()
    assert len(set(worker.offers)) == 1
    assert switch.slips() == []


async def test_a_worker_that_hangs_does_not_keep_the_citizen_from_the_duty_phone(
    world: World, start_switch: StartSwitch, start_worker: StartWorker
) -> None:
    switch = await start_switch(["desk:8001"])
    worker = await start_worker(switch, wait_s=None)
    phone = world.phone("8001", Answer(tone=900))
    citizen = await world.call("12345", tone=700)
    await citizen.hears(NOTICE_HZ, within=2)
    await phone.answers()
    await citizen.hears(900)
    await citizen.hang_up()

    slip = await switch.slip()
    assert slip.reason == "TIMEOUT"
    assert worker.offers[0] == slip.call
    left, _ = await switch.whole_recording(slip.call)
    assert len(left) / RATE == pytest.approx(citizen.seconds, abs=0.3)
    assert timeline(left, [700])[0].start < 0.3, "what was said while the offer stood is not recorded"


async def test_when_the_worker_is_gone_the_next_call_falls_back(
    world: World, start_switch: StartSwitch, start_worker: StartWorker
) -> None:
    switch = await start_switch(["desk:8001"])
    worker = await start_worker(switch)
    first = await world.call("12345")
    await worker.call()
    await worker.ari.stop()

    await world.call("12345")
    await world.phone("8001").rings()
    assert not first.has_ended


async def test_the_canary_reaches_the_worker_it_is_meant_for_and_no_other(
    switch: Switch, start_worker: StartWorker
) -> None:
    workers = [await start_worker(switch, f"hotline-w{index}") for index in (1, 12)]
    await workers[0].ari.request(
        "POST", "channels", endpoint="Local/hotline-w1@hotline-canary/n", app="hotline-w1", appArgs="near"
    )
    await until(lambda: len(workers[0].calls) == 2, 5, lambda: "the canary did not come back")
    assert sorted(call["args"] for call in workers[0].calls) == [["canary"], ["near"]]
    assert workers[1].offers == []


@pytest.mark.parametrize("dialled", ["12345,s,1", "12345:x", "12345&Local/x", "12345)"])
async def test_nothing_but_digits_of_the_number_dialled_gets_through(
    world: World, start_switch: StartSwitch, start_worker: StartWorker, dialled: str
) -> None:
    worker = await start_worker(await start_switch())
    await world.call("".join(char if char.isdigit() else f"%{ord(char):02X}" for char in dialled))
    start = await worker.call()
    assert start["args"] == ["in", "".join(char for char in dialled if char.isdigit())]


async def test_in_a_room_a_caller_whose_audio_restarts_with_a_lower_sequence_is_still_heard(
    world: World, start_switch: StartSwitch, start_worker: StartWorker
) -> None:
    """As in a conversation with an agent: here Debian's unmended build goes deaf at the agent's ear, too."""
    worker = await start_worker(await start_switch())
    phone = world.phone("8001", Answer(tone=900))
    async with world.rtp_call("12345", tone=700) as citizen:
        start = await worker.call()
        await _talk(worker.ari, start["channel"]["id"], "PJSIP/8001@desk")
        agent = await phone.answers()
        await agent.hears(700)
        for sequence, hz in ((20000, 1100), (60000, 800), (100, 1300)):
            citizen.restart_stream(sequence)
            await citizen.speak(hz)
            await agent.hears(hz)
        await citizen.hears(900)


async def _talk(ari: AriClient, citizen: str, endpoint: str) -> None:
    """Citizen and a phone in one softmix bridge."""
    await ari.request("POST", "bridges/room", type="mixing,video_sfu")
    await ari.request("POST", "bridges/room/addChannel", channel=citizen)
    leg: dict[str, Any] = await ari.request("POST", "channels", endpoint=endpoint, app=ari.app, appArgs="leg")
    for _ in range(100):
        if (await ari.request("GET", f"channels/{leg['id']}"))["state"] == "Up":
            break
        await asyncio.sleep(0.02)
    await ari.request("POST", "bridges/room/addChannel", channel=leg["id"])


async def test_keys_pressed_before_a_worker_has_the_call_go_along_in_their_order(
    world: World, start_switch: StartSwitch, start_worker: StartWorker
) -> None:
    worker = await start_worker(await start_switch(), wait_s=0.6)
    citizen = await world.call("12345")
    await citizen.press("92", duration_ms=80, between_ms=60)
    assert (await worker.call())["args"] == ["in", "12345", "92"]


async def test_a_worker_that_dies_right_after_an_offer_leaves_the_citizen_to_the_emergency_path(
    world: World, start_switch: StartSwitch, start_worker: StartWorker
) -> None:
    """It hears of the call, and is gone before it can claim it."""
    switch = await start_switch(["desk:8001"])
    worker = await start_worker(switch, wait_s=None)
    phone = world.phone("8001", Answer(tone=900))
    citizen = await world.call("12345", tone=700)
    await until(lambda: bool(worker.offers), 2, lambda: "the call was not offered")
    await citizen.press("9", duration_ms=80)
    await worker.ari.stop()
    await phone.answers()
    await citizen.hears(900)
    await citizen.hang_up()
    assert (await switch.slip()).emergency is not None
