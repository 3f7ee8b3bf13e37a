"""The simulated outside world, calling itself: its phones and ears are proved before the hotline is judged by them."""

import asyncio
from pathlib import Path

import pytest

from tests.sandbox import (
    Answer,
    Busy,
    Congested,
    NotFound,
    NotObserved,
    Reject,
    Ring,
    Silent,
    Unavailable,
    World,
    free_ports,
)
from tests.sandbox.audio import RATE, timeline
from tests.sandbox.phone import Behaviour

pytestmark = pytest.mark.switch


@pytest.fixture
def alone(world: World) -> World:
    """A world whose citizens call its own phones."""
    world.hotline_sip = ("127.0.0.1", world.sip_port)
    return world


async def test_a_citizen_and_a_phone_hear_each_other_and_nobody_else(alone: World) -> None:
    phone = alone.phone("8001", Answer(tone=900))
    alone.phone("8002", Answer(tone=1100))
    citizen, other = await alone.call("8001", tone=700), await alone.call("8002", tone=500)
    leg = await phone.answers()

    await citizen.hears(900)
    await leg.hears(700)
    await other.hears(1100)
    await citizen.speak(800)
    await leg.hears(800)
    await leg.hears_not(700)
    await citizen.stop_speaking()
    await leg.hears_silence()
    assert timeline(citizen.heard(), [500, 700, 800, 1100]) == []
    assert timeline(leg.heard(), [500, 900, 1100]) == []


async def test_what_was_heard_is_on_wall_clock_time(alone: World) -> None:
    phone = alone.phone("8001", Answer(tone=900))
    citizen = await alone.call("8001")
    leg = await phone.answers()
    await citizen.hears(900, lasting=1.0)
    await leg.stop_speaking()
    await citizen.hears_silence(0.5)
    await citizen.hang_up()

    (said,), (heard,) = timeline(leg.said(), [900]), timeline(citizen.heard(), [900])
    assert heard.seconds == pytest.approx(said.seconds, abs=0.3)
    assert len(citizen.heard()) / RATE == pytest.approx(citizen.seconds, abs=0.15)


@pytest.mark.parametrize("keys", ["9", "1234567890", "90*#", "55"])
async def test_keys_arrive_in_order_and_once(alone: World, keys: str) -> None:
    phone = alone.phone("8001", Answer())
    citizen = await alone.call("8001", tone=700)
    leg = await phone.answers()
    await citizen.press(keys)
    await leg.gets_keys(keys)


async def test_keys_are_pressed_while_a_tone_is_said(alone: World) -> None:
    """A citizen who is talking can press a key: nothing waits for the end of what is being said."""
    phone = alone.phone("8001", Answer())
    citizen = await alone.call("8001", tone=700)
    leg = await phone.answers()
    await leg.hears(700)
    await citizen.press("9")
    await leg.gets_keys("9", within=1)
    await leg.hears(700)


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [(Busy(), 17), (Reject(), 21), (Unavailable(), 19), (NotFound(), 1), (Congested(), 34)],
    ids=lambda value: type(value).__name__,
)
async def test_a_phone_that_refuses_gives_its_reason(alone: World, behaviour: Behaviour, cause: int) -> None:
    alone.phone("8001", behaviour)
    with pytest.raises(NotObserved, match=f"ended unanswered with cause {cause}$"):
        await alone.call("8001")


async def test_an_unknown_number_is_unallocated(alone: World) -> None:
    with pytest.raises(NotObserved, match=r"cause 1$"):
        await alone.call("4711")


@pytest.mark.parametrize("behaviour", [Ring(), Silent()], ids=lambda value: type(value).__name__)
async def test_a_phone_that_is_not_answered_stops_when_the_caller_gives_up(alone: World, behaviour: Behaviour) -> None:
    phone = alone.phone("8001", behaviour)
    call = asyncio.create_task(alone.call("8001", within=1))
    leg = await phone.rings()
    assert phone.ringing()
    with pytest.raises(NotObserved):
        await call
    await phone.stops_ringing()
    assert leg.has_ended


async def test_a_behaviour_changed_in_between_holds_for_the_next_call(alone: World) -> None:
    phone = alone.phone("8001", Busy())
    with pytest.raises(NotObserved):
        await alone.call("8001")
    phone.behaviour = Answer()
    citizen = await alone.call("8001")
    assert len(phone.legs) == 2
    await citizen.hang_up()
    assert await phone.legs[1].ends() == 16


async def test_the_phone_sees_who_calls_and_a_withheld_number_is_anonymous(alone: World) -> None:
    phone = alone.phone("8001", Ring())
    calls = [asyncio.create_task(alone.call("8001", caller=caller)) for caller in ("13800138000", "")]
    seen = {(await phone.rings()).caller for _ in calls}
    assert seen == {"13800138000", "anonymous"}
    for leg in phone.legs:
        assert "outside-world" in await leg.header("User-Agent")
        await leg.answer()
    await asyncio.gather(*calls)


async def test_a_complaint_says_what_was_heard_instead(alone: World) -> None:
    alone.phone("8001", Answer(tone=900))
    citizen = await alone.call("8001")
    await citizen.hears(900, lasting=0.5)
    with pytest.raises(NotObserved, match=r"does not hear \(700,\) Hz; heard in .* 900 Hz"):
        await citizen.hears(700, within=0.1)


async def test_twenty_calls_at_once_all_hear_their_own_tone(alone: World) -> None:
    tones = [400 + 50 * index for index in range(20)]
    for index, hz in enumerate(tones):
        alone.phone(f"80{index:02}", Answer(after=0, tone=hz))
    citizens = await asyncio.gather(*(alone.call(f"80{index:02}") for index in range(20)))
    await asyncio.gather(*(citizen.hears(hz, lasting=1.0) for citizen, hz in zip(citizens, tones, strict=True)))


async def test_nothing_is_left_when_a_test_fails_in_its_world(tmp_path: Path) -> None:
    port = free_ports()[0]
    worlds: list[World] = []

    async def failing() -> None:
        async with World.start(tmp_path, hotline_sip=("127.0.0.1", port), sip_port=port) as world:
            worlds.append(world)
            world.phone("8001", Answer(tone=900))
            await world.call("8001", tone=700)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert worlds[0].service.pid() is None
    async with World.start(tmp_path, hotline_sip=("127.0.0.1", port), sip_port=port) as again:
        again.phone("8001", Answer())
        await again.call("8001")
