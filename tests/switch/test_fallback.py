"""What the switch does with a citizen's call when no worker of ours is there: dialplan alone, real SIP, real audio."""

import pytest

from config.settings import Settings
from tests.sandbox import Answer, Busy, NotFound, Reject, Ring, Unavailable, World
from tests.sandbox.audio import RATE, has_tone, timeline
from tests.support.switch import NOTICE_HZ, SORRY_HZ, StartSwitch

pytestmark = pytest.mark.switch

RING_HZ = 450
TOLERANCE_S = 0.3


async def test_without_workers_the_citizen_hears_the_notice_and_reaches_the_duty_phone(
    world: World, start_switch: StartSwitch
) -> None:
    await start_switch(["desk:8001"])
    phone = world.phone("8001", Answer(after=0.3, tone=900))

    citizen = await world.call("12345", caller="13800138000", tone=700)
    await citizen.hears(NOTICE_HZ)
    await citizen.hears(RING_HZ)
    duty = await phone.answers()

    assert duty.caller == "13800138000"
    await citizen.hears(900)
    await duty.hears(700)


async def test_when_the_duty_phone_hangs_up_the_call_is_over_and_the_slip_tells_it(
    world: World, start_switch: StartSwitch
) -> None:
    switch = await start_switch(["desk:8001"])
    citizen = await world.call("12345", caller="13800138000")
    duty = await world.phone("8001", Answer()).answers()
    await duty.hang_up()
    assert await citizen.ends() == 16

    slip = await switch.slip()
    assert (slip.dialled, slip.caller, slip.phone) == ("12345", "13800138000", "desk:8001")
    assert slip.answered is not None
    assert slip.ended is not None
    assert slip.began < slip.answered < slip.ended


async def test_when_the_citizen_hangs_up_in_the_ringing_the_duty_phone_stops_and_the_slip_is_complete(
    world: World, start_switch: StartSwitch
) -> None:
    switch = await start_switch(["desk:8001"])
    phone = world.phone("8001", Ring())
    citizen = await world.call("12345", caller="")
    await phone.rings()
    await citizen.hang_up()
    await phone.stops_ringing()

    slip = await switch.slip()
    assert slip.answered is None
    assert slip.caller is None


async def test_both_sides_are_recorded_in_step_and_for_the_whole_call(world: World, start_switch: StartSwitch) -> None:
    switch = await start_switch(["desk:8001"])
    phone = world.phone("8001", Answer(tone=900))
    citizen = await world.call("12345", tone=700)
    duty = await phone.answers()
    await duty.hears(700, lasting=0.5)
    await citizen.speak(1100)
    await duty.hears(1100, lasting=0.5)
    await duty.speak(1300)
    await citizen.hears(1300, lasting=0.5)
    await citizen.hang_up()

    slip = await switch.slip()
    left, right = await switch.whole_recording(slip.call)
    assert len(left) == len(right)
    assert len(left) / RATE == pytest.approx(citizen.seconds, abs=TOLERANCE_S)
    assert [span.hz for span in timeline(left, [500, 700, 900, 1100, 1300])] == [700, 1100]
    assert [span.hz for span in timeline(right, [500, 700, 900, 1100, 1300])] == [500, 900, 1300]
    # the same moments on both sides as at the citizen's ear
    heard = {span.hz: span.start for span in timeline(citizen.heard(), [500, 900])}
    recorded = {span.hz: span.start for span in timeline(right, [500, 900])}
    assert recorded == {hz: pytest.approx(start, abs=TOLERANCE_S) for hz, start in heard.items()}


@pytest.mark.parametrize("first", [Busy(), Reject(), Unavailable(), NotFound()], ids=lambda first: type(first).__name__)
async def test_when_the_first_duty_phone_cannot_be_had_the_second_rings(
    world: World, start_switch: StartSwitch, first: Busy
) -> None:
    switch = await start_switch(["desk:8001", "phone:13900000002"], ring_s=30)
    world.phone("8001", first)
    second = world.phone("13900000002", Answer(tone=1000))

    citizen = await world.call("12345", tone=700)
    duty = await second.answers()
    await citizen.hears(1000)
    await duty.hears(700)
    await citizen.hang_up()
    assert (await switch.slip()).phone == "phone:13900000002"


async def test_when_nobody_answers_the_citizen_hears_the_closing_sentence_before_the_end(
    world: World, start_switch: StartSwitch
) -> None:
    switch = await start_switch(["desk:8001", "desk:8002"], ring_s=1)
    first, second = world.phone("8001", Ring()), world.phone("8002", Ring())

    citizen = await world.call("12345")
    await first.rings()
    await second.rings()
    await first.stops_ringing()
    await citizen.hears(SORRY_HZ)
    assert await citizen.ends() == 16
    assert (await switch.slip()).answered is None


async def test_without_any_duty_phone_the_citizen_hears_notice_and_closing_sentence(
    world: World, start_switch: StartSwitch
) -> None:
    switch = await start_switch([])
    citizen = await world.call("12315")
    await citizen.ends()

    assert [span.hz for span in timeline(citizen.heard(), [NOTICE_HZ, SORRY_HZ])] == [NOTICE_HZ, SORRY_HZ]
    assert (await switch.slip()).dialled == "12315"


async def test_a_gateway_that_is_down_does_not_hold_the_citizen_up(
    world: World, start_switch: StartSwitch, switch_settings: Settings
) -> None:
    """Nothing listens where the desk phones should be: the next duty phone rings long before `ring_s` is over."""
    sip = switch_settings.sip.model_copy(update={"desks": f"127.0.0.1:{switch_settings.sip.rtp_end + 1}"})
    settings = switch_settings.model_copy(update={"sip": sip})
    switch = await start_switch(["desk:8001", "phone:13900000002"], ring_s=60, settings=settings)
    while "Unavail" not in await switch.service.command("pjsip show aors"):
        pass
    phone = world.phone("13900000002", Answer(tone=1000))
    citizen = await world.call("12345")
    await phone.answers(within=5)
    await citizen.hears(1000)


async def test_a_caller_whose_audio_restarts_with_a_lower_sequence_is_still_heard_and_recorded(
    world: World, start_switch: StartSwitch
) -> None:
    """A media gateway that fails over. Debian's build of Asterisk loses such a caller for minutes unless mended."""
    switch = await start_switch(["desk:8001"])
    phone = world.phone("8001", Answer(tone=900))
    async with world.rtp_call("12345", tone=700) as citizen:
        duty = await phone.answers()
        await duty.hears(700)
        for sequence, hz in ((20000, 1100), (60000, 800), (100, 1300)):
            citizen.restart_stream(sequence)
            await citizen.speak(hz)
            await duty.hears(hz, lasting=0.6)
            await citizen.hears(900)
        await citizen.hang_up()
    assert await duty.ends() == 16

    left, _ = await switch.whole_recording((await switch.slip()).call)
    assert [span.hz for span in timeline(left, [700, 800, 1100, 1300])] == [700, 1100, 800, 1300]
    assert has_tone(left[-RATE // 2 : -RATE // 10], 1300)
