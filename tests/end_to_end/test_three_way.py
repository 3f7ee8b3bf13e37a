"""Three people in one call on the real switch: at each step exactly the right ones hear each other, and the recording
has what the citizen heard and said, without a gap.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.end_to_end.support import AGENT, CITIZEN, Town, goes_on, hear_each_other, sides, town
from tests.sandbox import Answer, Leg
from tests.sandbox.audio import longest_silence_s, timeline

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module")]

LINE = "12366"
EXPERT = 1300.0
TONES = {"citizen": CITIZEN, "agent": AGENT, "expert": EXPERT}
SILENCE_S = 2.0
QUICK = """
[limits]
wrap_up_s = 0
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("three"), pack=QUICK) as place:
        yield place


@pytest_asyncio.fixture(loop_scope="module")
async def place(hotline: Town) -> AsyncIterator[Town]:
    hotline.new_phones()
    hotline.world.phone(LINE, Answer(after=0.3, tone=EXPERT))
    await hotline.hotline.sign_in("8001")
    await hotline.hotline.sign_out("8002")
    yield hotline
    await hotline.everybody_hangs_up()


class Conversation:
    """The three of them, and the call's id."""

    def __init__(self, place: Town, call: str, **legs: Leg) -> None:
        self.place, self.call, self.legs = place, call, legs

    async def do(self, what: str, **more: Any) -> None:
        path = f"/api/calls/{self.call}/transfer/{what}"
        await self.place.hotline.api("POST", path, json={"agent": "8001", **more})

    async def hear(self, **who: str) -> None:
        """``hear(citizen="agent", agent="citizen expert")``: each hears these and nobody else of the three."""
        for name, others in who.items():
            expected = {TONES[other] for other in others.split()}
            leg = self.legs[name]
            if expected:
                await leg.hears(*sorted(expected), within=10)
            for hz in set(TONES.values()) - expected - {TONES[name]}:
                await leg.hears_not(hz, within=10)


async def consulting(place: Town) -> Conversation:
    """The agent has asked the citizen to wait and speaks with the expert."""
    citizen, agent = await place.talk()
    call = await place.last_call()
    wanted = {"number": LINE, "kind": "warm", "agent": "8001"}
    await place.hotline.api("POST", f"/api/calls/{call}/transfer", json=wanted)
    expert = await place.world.phone(LINE).answers()
    talk = Conversation(place, call, citizen=citizen, agent=agent, expert=expert)
    await talk.hear(citizen="", agent="expert", expert="agent")
    return talk


async def merged(place: Town) -> Conversation:
    talk = await consulting(place)
    await talk.do("merge", consent=True)
    await talk.hear(citizen="agent expert", agent="citizen expert", expert="citizen agent")
    return talk


async def test_given_a_consultation_when_swapped_and_swapped_back_then_the_other_one_hears_music(place: Town) -> None:
    talk = await consulting(place)
    await talk.do("swap")
    await talk.hear(citizen="agent", agent="citizen", expert="")
    await talk.do("swap")
    await talk.hear(citizen="", agent="expert", expert="agent")
    for name in ("citizen", "expert"):
        assert longest_silence_s(talk.legs[name].heard()) <= SILENCE_S, talk.legs[name].report()
    await talk.legs["citizen"].hang_up()
    await talk.legs["agent"].ends(within=10)
    await talk.legs["expert"].ends(within=10)


async def test_given_all_together_when_the_agent_leaves_and_then_the_expert_then_the_recording_has_all_of_it(
    place: Town,
) -> None:
    talk = await merged(place)
    citizen = talk.legs["citizen"]
    await goes_on(citizen)
    await talk.do("hand-over")
    await talk.legs["agent"].ends(within=10)
    await talk.hear(citizen="expert", expert="citizen")
    await goes_on(citizen)
    await talk.legs["expert"].hang_up()
    await citizen.hears_speech(within=10)
    await citizen.ends(within=15)
    assert longest_silence_s(citizen.heard()) <= SILENCE_S, citizen.report()
    await place.closed(talk.call)
    _, samples = await place.recording(talk.call)
    assert sides(samples) == ({CITIZEN}, {AGENT, EXPERT})
    for hz in (AGENT, EXPERT):  # as long on the recording as in the citizen's ear
        heard, kept = (sum(span.seconds for span in timeline(each, [hz])) for each in (citizen.heard(), samples[:, 1]))
        assert kept == pytest.approx(heard, abs=0.6), f"{hz} Hz"
    spoken = sum(span.seconds for span in timeline(samples[:, 0], [CITIZEN]))
    assert spoken >= 0.97 * len(samples) / 8000 - 1.0, "the citizen's side has no gap"


async def test_given_all_together_when_the_expert_is_dropped_then_agent_and_citizen_go_on(place: Town) -> None:
    talk = await merged(place)
    await talk.do("drop")
    await talk.legs["expert"].ends(within=10)
    await talk.hear(citizen="agent", agent="citizen")
    await talk.legs["citizen"].hang_up()


@pytest.mark.parametrize("gone", ["agent", "expert"])
async def test_given_all_together_when_a_helper_hangs_up_then_the_others_go_on(place: Town, gone: str) -> None:
    talk = await merged(place)
    await talk.legs[gone].hang_up()
    left = "expert" if gone == "agent" else "agent"
    await talk.hear(citizen=left, **{left: "citizen"})
    assert longest_silence_s(talk.legs["citizen"].heard()) <= SILENCE_S
    await talk.legs["citizen"].hang_up()
    await talk.legs[left].ends(within=10)


async def test_given_all_together_when_the_citizen_hangs_up_then_nobody_is_left_in_the_switch(place: Town) -> None:
    talk = await merged(place)
    await talk.legs["citizen"].hang_up()
    await talk.legs["agent"].ends(within=10)
    await talk.legs["expert"].ends(within=10)
    await place.closed(talk.call)


@pytest.mark.parametrize("moment", ["consulting", "swapped", "merged"])
async def test_given_the_worker_is_killed_then_voices_go_on_and_the_actions_still_work(
    place: Town, moment: str
) -> None:
    talk = await (merged(place) if moment == "merged" else consulting(place))
    if moment == "swapped":
        await talk.do("swap")
    place.hotline.kill("w1")
    if moment == "merged":
        await talk.hear(citizen="agent expert", agent="citizen expert", expert="citizen agent")
    await place.hotline.eventually(f"/api/calls/{talk.call}", lambda found: "control_resumed" in str(found), 30)
    await place.hotline.ready()
    if moment != "merged":
        await talk.do("merge", consent=True)
        await talk.hear(citizen="agent expert", agent="citizen expert", expert="citizen agent")
    await talk.do("hand-over")
    await talk.legs["agent"].ends(within=10)
    await hear_each_other(talk.legs["citizen"], talk.legs["expert"], other_hz=EXPERT)
    await talk.legs["citizen"].hang_up()
    await place.closed(talk.call)
