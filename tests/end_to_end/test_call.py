"""A citizen's call from the ring to the archive, and the ways it can take."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.end_to_end.support import (
    AGENT,
    CITIZEN,
    DUTY,
    DUTY_PHONES,
    SECOND_AGENT,
    Town,
    goes_on,
    hear_each_other,
    sides,
    town,
)
from tests.sandbox import Busy, NotFound, Reject, Ring, Unavailable

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module")]

SHORT = """
[limits]
announce_every_s = 10
ring_s = 5
wrap_up_s = 0
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("calls"), pack=SHORT) as place:
        yield place


@pytest_asyncio.fixture(loop_scope="module")
async def place(hotline: Town) -> AsyncIterator[Town]:
    """The town with agent 8001 alone on shift, every phone as it should be."""
    hotline.new_phones()
    await hotline.hotline.sign_in("8001")
    await hotline.hotline.sign_out("8002")
    yield hotline
    await hotline.everybody_hangs_up()


async def test_a_call_is_greeted_queued_answered_recorded_and_becomes_an_order(place: Town) -> None:
    citizen = await place.call("12345", caller="13912345678")
    await citizen.hears_speech()
    agent = await place.desk().answers(within=20)
    await hear_each_other(citizen, agent)
    await agent.hang_up()
    await citizen.hears_speech()
    await citizen.ends(within=10)

    call = await place.last_call()
    story = await place.closed(call)
    assert [line["kind"] for line in story["story"]] == [
        "call_arrived",
        "prompt_ended",
        "queued",
        "agent_offered",
        "leg_answered",
        "leg_ended",
        "prompt_ended",
        "leg_ended",
        "call_closed",
    ]
    order = await place.order(call)
    assert order["outcome"] == "answered"
    assert order["caller"] == "139****5678"
    recording, samples = await place.recording(call)
    assert sides(samples) == ({CITIZEN}, {AGENT})
    assert recording["gap"] is None
    assert recording["keep_source"] == "宜春 §13(9)"


async def test_a_key_ends_the_greeting_and_leads_to_a_person(place: Town) -> None:
    citizen, agent = await place.talk()
    await citizen.hang_up()
    await agent.ends()


async def test_a_key_in_the_very_first_word_is_not_lost(place: Town) -> None:
    citizen = await place.call()
    await citizen.press("0")
    agent = await place.desk().answers(within=5)  # the greeting alone would take longer
    await hear_each_other(citizen, agent)
    await citizen.hang_up()
    story = await place.closed(await place.last_call())
    assert [line["kind"] for line in story["story"]][:2] == ["call_arrived", "digit_pressed"]


@pytest.mark.parametrize(
    "behaviour", [Ring(), Busy(), Reject(), Unavailable(), NotFound()], ids=lambda b: type(b).__name__
)
async def test_given_an_agent_who_cannot_be_reached_then_the_next_agent_gets_the_call(
    place: Town, behaviour: object
) -> None:
    place.desk("8001", behaviour)
    citizen = await place.call()
    await citizen.press("0")
    await place.desk("8001", behaviour).rings(within=10)
    await place.hotline.sign_in("8002")
    agent = await place.world.phone("8002").answers(within=20)
    await hear_each_other(citizen, agent, other_hz=SECOND_AGENT)
    await citizen.hang_up()


async def test_given_all_agents_talking_then_the_next_citizen_is_told_the_place_and_served_afterwards(
    place: Town,
) -> None:
    first, agent = await place.talk()
    second = await place.call("12345", caller="13700000002")
    await second.press("0")
    call = await place.last_call()
    told = await place.hotline.eventually(
        f"/api/calls/{call}", lambda found: sum(line["kind"] == "queued" for line in found["story"]) >= 2, 20
    )
    assert told["ended"] is None
    await first.hang_up()
    await agent.ends()
    agent = await place.desk().answers(within=15)
    await hear_each_other(second, agent)
    await second.hang_up()


async def test_given_nobody_on_shift_then_the_first_duty_phone_that_answers_gets_the_call(place: Town) -> None:
    await place.hotline.sign_out("8001")
    place.world.phone(DUTY_PHONES[0], Busy())
    citizen = await place.call()
    await citizen.press("0")
    duty = await place.world.phone(DUTY_PHONES[1]).answers(within=15)
    await hear_each_other(citizen, duty, other_hz=DUTY)
    await citizen.hang_up()


async def test_given_nobody_at_all_then_a_message_is_taken_and_the_order_says_to_call_back(place: Town) -> None:
    await place.hotline.sign_out("8001")
    for number in DUTY_PHONES:
        place.world.phone(number, Unavailable())
    citizen = await place.call()
    await citizen.press("0")
    call = await place.last_call()
    # the sentences and the tone are over: from now on the citizen is speaking
    await place.hotline.eventually(
        f"/api/calls/{call}",
        lambda found: (
            sum(line["kind"] == "leg_ended" for line in found["story"]) == 2
            and found["story"][-1]["text"].endswith("nobody_available was played to its end.")
        ),
        30,
    )
    await citizen.press("#")
    await citizen.ends(within=15)
    await place.closed(call)
    order = await place.order(call)
    assert order["outcome"] == "message"
    assert order["call_back"] is True
    _, samples = await place.recording(call)
    assert CITIZEN in sides(samples)[0]


async def test_given_the_caller_withholds_the_number_then_the_call_is_served_all_the_same(place: Town) -> None:
    citizen, _ = await place.talk(caller="")
    await citizen.hang_up()
    call = await place.last_call()
    await place.closed(call)
    assert (await place.order(call))["caller"] is None


async def test_given_the_citizens_audio_restarts_with_a_lower_sequence_then_it_is_still_heard_and_recorded(
    place: Town,
) -> None:
    await place.remember_calls()
    async with place.world.rtp_call(tone=CITIZEN) as citizen:
        agent = await place.desk().answers(within=20)
        await agent.hears(CITIZEN, within=8)
        await goes_on(agent)
        citizen.restart_stream(1000)  # it began above 40000
        await citizen.speak(DUTY)  # another tone, to know the new source from the old
        await agent.hears(DUTY, within=8)
        await goes_on(agent)
        await citizen.hears(AGENT, within=8)
        await citizen.hang_up()
    await agent.ends(within=10)
    call = await place.last_call()
    await place.closed(call)
    _, samples = await place.recording(call)
    assert sides(samples)[0] == {CITIZEN, DUTY}


async def test_metrics_and_health_tell_of_the_calls(place: Town) -> None:
    text = await place.hotline.api("GET", "/metrics")
    assert "hotline_calls_arrived_total" in text
    assert 'hotline_calls_closed_total{outcome="answered"}' in text
    assert await place.hotline.api("GET", "/health/live")
    assert await place.hotline.api("GET", "/health/ready")


async def test_commands_show_the_call_its_order_and_its_recording(place: Town) -> None:
    citizen, agent = await place.talk(caller="13512345678")
    await agent.hang_up()
    await citizen.ends(within=15)
    call = await place.last_call()
    await place.closed(call)
    order = await place.order(call)
    await place.recording(call)
    command = place.hotline.command
    for arguments, expected in (
        (("call", "list"), [call]),
        (("call", "show", call), ["Agent 8001 answered", order["number"], "stored"]),
        (("order", "show", order["number"]), [order["number"], "135****5678"]),
        (("order", "show", call), [order["number"]]),
        (("recording", "show", call), ["sha256", "宜春 §13(9)"]),
        (("recording", "gaps"), ["No gaps"]),
    ):
        status, output, errors = await command(*arguments)
        assert status == 0, errors
        assert all(text in output for text in expected), output
        assert "13512345678" not in output + errors
    for arguments in (("call", "show", call), ("order", "show", call), ("recording", "show", call)):
        status, output, _ = await command(*arguments, "--json")
        assert status == 0
        assert call in json.dumps(json.loads(output))


@pytest.mark.parametrize("what", ["call", "order", "recording"])
async def test_what_does_not_exist_is_said_in_one_sentence(place: Town, what: str) -> None:
    status, output, errors = await place.hotline.command(what, "show", "nothing")
    assert status == 3
    assert output == ""
    assert errors.startswith("hotline: ")
    assert len(errors.splitlines()) == 1
