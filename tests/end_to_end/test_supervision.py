"""A supervisor on the real switch: in each mode exactly the right parties hear each other, whatever happens to our
worker, and the recording has what the citizen heard and nothing else.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.end_to_end.support import (
    AGENT,
    CITIZEN,
    DESKS,
    Person,
    Town,
    goes_on,
    town,
)
from tests.sandbox import Answer, Busy, Desk, Leg, Phone, Ring
from tests.sandbox.audio import AUDIBLE, LEVEL, RATE, Samples, amplitude, has_tone, timeline
from tests.sandbox.leg import until

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

SUPERVISOR, LINE_HZ = 1100.0, 1300.0
TONES = (CITIZEN, AGENT, SUPERVISOR, LINE_HZ)
LINE = "12366"
DESK = Desk("8009", "班长", address="desk:8009")
MODES = ("listen", "whisper", "join")
# who hears whom: by mode, what citizen, agent and supervisor hear
HEARD: Mapping[str, tuple[set[float], set[float], set[float]]] = {
    "nobody": ({AGENT}, {CITIZEN}, set()),
    "listen": ({AGENT}, {CITIZEN}, {CITIZEN, AGENT}),
    "whisper": ({AGENT}, {CITIZEN, SUPERVISOR}, {CITIZEN, AGENT}),
    "join": ({AGENT, SUPERVISOR}, {CITIZEN, SUPERVISOR}, {CITIZEN, AGENT}),
}
QUICK = """
[limits]
ring_s = 5
wrap_up_s = 0
"""


@dataclass
class Room:
    """A town with a talk in it, and a supervisor at the API."""

    town: Town
    boss: Person
    citizen: Leg
    agent: Leg
    call: str

    @property
    def desk(self) -> Phone:
        return self.town.world.phone("8009")

    async def ask(self, method: str, path: str = "", **body: Any) -> None:
        reply = await self.boss.ask(method, f"/api/calls/{self.call}/supervision{path}", **body)
        assert reply.status in (202, 204), reply

    async def change(self, mode: str) -> None:
        if mode == "take_over":
            await self.ask("POST", "/take-over")
        else:
            await self.ask("POST", json={"mode": mode})

    async def supervised(self, mode: str) -> Leg:
        """The supervisor's phone rings, is answered, and the mode holds."""
        await self.change(mode)
        supervisor = await self.desk.answers(within=10)
        await self.hear(mode, supervisor)
        return supervisor

    async def hear(self, mode: str, supervisor: Leg | None = None) -> None:
        """Wait until exactly those hear each other whom the mode lets, and see that it stays so."""
        expected = dict(zip((self.citizen, self.agent, supervisor), HEARD[mode], strict=True))
        await hears_exactly({leg: heard for leg, heard in expected.items() if leg is not None})

    async def recorded(self, mode: str = "join") -> tuple[set[float], set[float]]:
        """The tones on the citizen's and on the others' side of the recording, once the call is over. In a mode in
        which the citizen does not hear the supervisor, there is not the least of the supervisor's on either.
        """
        await self.town.closed(self.call)
        _, samples = await self.town.recording(self.call)
        if SUPERVISOR not in HEARD[mode][0]:
            assert loudest(samples[:, 0], SUPERVISOR) < AUDIBLE
            assert loudest(samples[:, 1], SUPERVISOR) < AUDIBLE
        return tones(samples[:, 0]), tones(samples[:, 1])


def hears(leg: Leg) -> set[float]:
    last = leg.heard_last(0.5)
    return {hz for hz in TONES if has_tone(last, hz)}


def tones(samples: Samples) -> set[float]:
    """The parties' tones in one side of a recording. The codec lets a part of each side's into the other, up to a fifth
    with tones as steady as these.
    """
    return {hz for hz in TONES if loudest(samples, hz) > LEVEL / 3}


def loudest(samples: Samples, hz: float) -> float:
    """The greatest amplitude that a frequency has for a whole second, in which a voice has not much of it."""
    starts = range(0, len(samples) - RATE, RATE // 2)
    return max(amplitude(samples[start : start + RATE], hz) for start in starts)


async def hears_exactly(expected: Mapping[Leg, set[float]]) -> None:
    def found() -> str:
        return ", ".join(f"{leg} hears {sorted(hears(leg))}, not {sorted(heard)}" for leg, heard in expected.items())

    await until(lambda: all(hears(leg) == heard for leg, heard in expected.items()), 10, found)
    await goes_on(next(iter(expected)), 1.5)
    assert all(hears(leg) == heard for leg, heard in expected.items()), found()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Town, Person]]:
    folder: Path = tmp_path_factory.mktemp("supervision")
    async with town(folder, pack=QUICK, desks=(*DESKS, DESK)) as place:
        yield place, await bound_supervisor(place)


async def bound_supervisor(place: Town) -> Person:
    """A supervisor whose phone is desk 8009, signed in."""
    name, password = "zhao.lei", secrets.token_urlsafe(16)
    account = {"name": name, "roles": ["supervisor"], "password": password, "agent": DESK.id}
    await place.hotline.api("POST", "/api/accounts", json=account)
    session = await place.hotline.api("POST", "/api/sessions", json={"name": name, "password": password})
    return Person(place.hotline.url, name, session["token"])


@pytest_asyncio.fixture(loop_scope="module")
async def room(hotline: tuple[Town, Person]) -> AsyncIterator[Room]:
    """Citizen and agent 8001 talk; the supervisor's phone would answer."""
    place, boss = hotline
    await place.hotline.ready()
    place.new_phones()
    place.world.phone("8009", Answer(after=0.2, tone=SUPERVISOR))
    await place.hotline.sign_in("8001")
    await place.hotline.sign_out("8002")
    citizen, agent = await place.talk()
    yield Room(place, boss, citizen, agent, await place.last_call())
    await place.everybody_hangs_up()


# ---------------------------------------------------------------- who hears whom


@pytest.mark.parametrize("mode", MODES)
async def test_in_each_mode_the_right_parties_hear_each_other_and_only_they_are_recorded(room: Room, mode: str) -> None:
    supervisor = await room.supervised(mode)
    await room.citizen.hang_up()
    await supervisor.ends()
    await room.agent.ends()
    assert await room.recorded(mode) == ({CITIZEN}, HEARD[mode][0])


async def test_the_mode_changes_within_a_call_and_nothing_slips_through_to_the_citizen(room: Room) -> None:
    beginning = round(room.citizen.seconds * RATE)
    supervisor = await room.supervised("listen")
    for mode in ("whisper", "listen", "whisper"):
        await room.change(mode)
        await room.hear(mode, supervisor)
    assert timeline(room.citizen.heard()[beginning:], [SUPERVISOR]) == []
    for mode in ("join", "listen", "join", "whisper"):
        await room.change(mode)
        await room.hear(mode, supervisor)
    await room.ask("DELETE")
    await supervisor.ends()
    await room.hear("nobody")


async def test_keys_of_whoever_listens_reach_nobody(room: Room) -> None:
    supervisor = await room.supervised("listen")
    await supervisor.press("5")
    await room.change("join")
    await room.hear("join", supervisor)
    await supervisor.press("6")
    await room.citizen.gets_keys("6")
    await room.agent.gets_keys("6")
    await room.citizen.hang_up()


async def test_in_a_consultation_listening_follows_the_citizen_and_whispering_the_agent(room: Room) -> None:
    room.town.world.phone(LINE, Answer(after=0.2, tone=LINE_HZ))
    supervisor = await room.supervised("listen")
    wanted = {"number": LINE, "kind": "warm", "agent": "8001"}
    await room.town.hotline.api("POST", f"/api/calls/{room.call}/transfer", json=wanted)
    line = await room.town.world.phone(LINE).answers()
    await room.agent.hears(LINE_HZ)
    await supervisor.hears(CITIZEN)
    await supervisor.hears_not(AGENT)
    await room.change("whisper")
    await hears_exactly({supervisor: {AGENT, LINE_HZ}, room.agent: {LINE_HZ, SUPERVISOR}, line: {AGENT}})
    await room.citizen.hang_up()
    await supervisor.ends()


# ---------------------------------------------------------------- the call goes on


async def test_given_a_take_over_then_the_citizen_has_the_supervisor_and_the_agent_is_free(room: Room) -> None:
    supervisor = await room.supervised("whisper")
    await room.change("take_over")
    await room.agent.ends()
    await hears_exactly({room.citizen: {SUPERVISOR}, supervisor: {CITIZEN}})
    agents = "/api/agents"
    await room.town.hotline.eventually(
        agents, lambda found: {each["id"]: each["state"] for each in found}["8001"] == "ready"
    )
    room.town.hotline.kill("w1")
    await room.town.hotline.ready()
    await hears_exactly({room.citizen: {SUPERVISOR}, supervisor: {CITIZEN}})
    await supervisor.hang_up()
    await room.citizen.hears_speech()
    await room.citizen.ends(within=15)
    assert await room.recorded() == ({CITIZEN}, {AGENT, SUPERVISOR})
    assert (await room.town.order(room.call))["outcome"] == "answered"


@pytest.mark.parametrize("mode", ["listen", "whisper"])
async def test_given_the_agent_hangs_up_then_whoever_listened_is_let_go_and_the_citizen_is_bid_farewell(
    room: Room, mode: str
) -> None:
    supervisor = await room.supervised(mode)
    await room.agent.hang_up()
    await supervisor.ends()
    await room.citizen.hears_speech()
    await room.citizen.ends(within=15)


async def test_given_the_agent_hangs_up_then_a_supervisor_who_joined_keeps_the_citizen(room: Room) -> None:
    supervisor = await room.supervised("join")
    await room.agent.hang_up()
    await hears_exactly({room.citizen: {SUPERVISOR}, supervisor: {CITIZEN}})
    await room.citizen.hang_up()
    await supervisor.ends()


@pytest.mark.parametrize("mode", MODES)
async def test_given_the_supervisor_hangs_up_then_the_talk_goes_on_and_can_be_supervised_again(
    room: Room, mode: str
) -> None:
    supervisor = await room.supervised(mode)
    await supervisor.hang_up()
    await room.hear("nobody")
    await room.supervised(mode)


@pytest.mark.parametrize("behaviour", [Busy(), Ring()], ids=["busy", "no answer"])
async def test_given_the_supervisors_phone_does_not_answer_then_the_talk_goes_on(room: Room, behaviour: Any) -> None:
    room.town.world.phone("8009", behaviour)
    await room.change("join")
    leg = await room.desk.rings()
    await leg.ends(within=10)
    await room.hear("nobody")
    room.town.world.phone("8009", Answer(after=0.2, tone=SUPERVISOR))
    await room.supervised("listen")


# ---------------------------------------------------------------- a worker dies


@pytest.mark.parametrize("mode", MODES)
async def test_given_the_worker_is_killed_then_the_mode_is_the_same_and_can_be_changed(room: Room, mode: str) -> None:
    supervisor = await room.supervised(mode)
    room.town.hotline.kill("w1")
    await room.hear(mode, supervisor)
    await room.town.hotline.ready()
    await room.hear(mode, supervisor)
    other = "join" if mode == "whisper" else "whisper"
    await room.change(other)
    await room.hear(other, supervisor)
    await room.citizen.hang_up()
    await supervisor.ends()
    assert await room.recorded() == ({CITIZEN}, HEARD[mode][0] | HEARD[other][0])


async def test_given_the_worker_is_killed_while_the_supervisors_phone_rings_then_the_answer_is_made_up_for(
    room: Room,
) -> None:
    room.town.world.phone("8009", Ring())
    await room.change("whisper")
    supervisor = await room.desk.rings()
    room.town.hotline.kill("w1")
    await supervisor.speak(SUPERVISOR)
    await supervisor.answer()
    await room.hear("whisper", supervisor)
