"""Mute and whisper in Asterisk's terms: what is asked of the switch, and what an ear is never mistaken for."""

import asyncio
from typing import Any

import msgspec
import pytest

from ivr.call import Room
from ivr.carriers.asterisk import inventory
from ivr.carriers.asterisk.ari import AriError, Bridge, CallerId, Channel, ChannelDestroyed, Dialplan, StasisStart
from ivr.carriers.asterisk.names import call_in, call_of, ear_of, is_ear, is_leg, leg_of, room_of
from ivr.carriers.asterisk.rooms import Gone, Rooms
from ivr.carriers.asterisk.whispering import Whispering, is_of_ear

CALL = "hotline-1790000000.1"
AGENT, LEG = f"{CALL}-a1", f"{CALL}-v1"
EAR = ear_of(LEG)
SNOOP = f"POST channels/{AGENT}/snoop/{EAR}"


def channel(name: str, state: str = "Up") -> Channel:
    return Channel(id=name, name=f"PJSIP/{name}", state=state, caller=CallerId(), dialplan=Dialplan())


class Switch:
    """Remembers the requests and what they made."""

    app = "hotline-w1"

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.here = {CALL, AGENT, LEG}
        self.rooms: dict[str, list[str]] = {}
        self.whispering: Whispering | None = None
        self.refuses = False

    async def request(self, method: str, path: str, body: Any = None, **query: Any) -> bytes:
        self.sent.append((f"{method} {path}", {name: value for name, value in query.items() if value is not None}))
        kind, _, name = path.partition("/")
        if path.endswith("/addChannel"):
            if self.refuses:
                raise AriError(method, path, 409, "not in Stasis")
        elif "/snoop/" in path:
            to, _, ear = name.partition("/snoop/")
            if to not in self.here:
                raise AriError(method, path, 404, "Channel not found")
            self.here.add(ear)
            assert self.whispering is not None
            asyncio.get_running_loop().call_soon(self.whispering.entered, ear)
        elif method == "DELETE" and kind == "channels":
            if name not in self.here:
                raise AriError(method, path, 404, "Channel not found")
            self.here.remove(name)
        elif kind == "applications":
            return msgspec.json.encode({"channel_ids": sorted(self.here)})
        return b""

    async def channel(self, name: str) -> Channel | None:
        return channel(name) if name in self.here else None

    async def channels(self) -> list[Channel]:
        return [channel(name) for name in sorted(self.here)]

    async def bridge(self, bridge: str) -> Bridge | None:
        return Bridge(bridge, self.rooms[bridge]) if bridge in self.rooms else None

    async def bridges(self) -> list[Bridge]:
        return [Bridge(*each) for each in self.rooms.items()]

    def said(self, request: str) -> list[dict[str, Any]]:
        return [query for line, query in self.sent if line == request]


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def rooms(switch: Switch) -> Rooms:
    return Rooms(switch)  # type: ignore[arg-type]


@pytest.fixture
def whispering(switch: Switch, rooms: Rooms) -> Whispering:
    switch.whispering = Whispering(switch, rooms)  # type: ignore[arg-type]
    return switch.whispering


def joins(switch: Switch, room: Room = Room.MAIN) -> list[dict[str, Any]]:
    return switch.said(f"POST bridges/{room_of(CALL, room)}/addChannel")


MUTED = {"channel": LEG, "mute": "true", "absorbDTMF": "true"}
HEARD = {"channel": LEG, "mute": "false", "absorbDTMF": "false"}

# ---------------------------------------------------------------- mute


async def test_whoever_is_muted_comes_in_muted_and_is_asked_for_again_only_when_that_changes(
    switch: Switch, rooms: Rooms
) -> None:
    for muted in (True, True, False, False, True):
        await rooms.join(CALL, LEG, muted=muted)
    assert joins(switch) == [MUTED, HEARD, MUTED]


async def test_after_a_restart_it_is_said_once_more_who_is_muted_but_no_talk_gets_a_gap(
    switch: Switch, rooms: Rooms
) -> None:
    rooms.learn(CALL, {Room.MAIN: {CALL, AGENT, LEG}})
    await rooms.join(CALL, AGENT)
    await rooms.join(CALL, LEG, muted=True)
    rooms.learn(CALL, {Room.MAIN: {CALL, AGENT, LEG}})  # a check a minute later
    await rooms.join(CALL, LEG, muted=True)
    assert joins(switch) == [MUTED]


async def test_given_a_change_that_may_not_have_come_about_then_going_back_is_said_again(
    switch: Switch, rooms: Rooms
) -> None:
    await rooms.join(CALL, LEG, muted=True)
    switch.refuses = True
    with pytest.raises(AriError):
        await rooms.join(CALL, LEG, muted=False)
    switch.refuses = False
    await rooms.join(CALL, LEG, muted=True)
    assert joins(switch) == [MUTED, HEARD, MUTED]


# ---------------------------------------------------------------- whisper


async def test_a_whisper_is_an_ear_at_the_agent_in_a_room_of_its_own(switch: Switch, whispering: Whispering) -> None:
    await whispering.begin(CALL, LEG, AGENT)
    assert switch.said(SNOOP) == [{"spy": "both", "whisper": "out", "app": "hotline-w1", "appArgs": "ear"}]
    assert joins(switch, Room.WHISPER) == [{"channel": EAR}, HEARD]
    assert not joins(switch)
    await whispering.begin(CALL, LEG, AGENT)
    assert len(switch.said(SNOOP)) == 1
    assert len(joins(switch, Room.WHISPER)) == 2


async def test_given_a_whisper_that_ended_then_the_next_has_an_ear_of_its_own(
    switch: Switch, whispering: Whispering
) -> None:
    await whispering.begin(CALL, LEG, AGENT)
    assert whispering.has_ear(LEG)
    await whispering.end(LEG)
    assert not whispering.has_ear(LEG)
    assert EAR not in switch.here
    await whispering.end(LEG)  # harmless
    await whispering.begin(CALL, LEG, AGENT)
    assert len(switch.said(SNOOP)) == 2
    assert [each["channel"] for each in joins(switch, Room.WHISPER)].count(EAR) == 2


async def test_given_the_agent_is_gone_then_that_is_told(switch: Switch, whispering: Whispering) -> None:
    switch.here.remove(AGENT)
    with pytest.raises(Gone) as gone:
        await whispering.begin(CALL, LEG, AGENT)
    assert str(gone.value) == AGENT


# ---------------------------------------------------------------- what an ear is not


def test_an_ear_is_of_its_call_and_no_leg_of_it() -> None:
    assert (call_of(EAR), is_ear(EAR), is_leg(EAR), leg_of(EAR)) == (CALL, True, False, LEG)
    assert is_leg(LEG)
    assert not is_ear(LEG)
    assert is_of_ear(ChannelDestroyed(channel(EAR)))
    assert not is_of_ear(StasisStart(channel(EAR)))
    assert not is_of_ear(ChannelDestroyed(channel(LEG)))


@pytest.mark.parametrize("room", Room)
def test_a_rooms_bridge_says_whose_it_is(room: Room) -> None:
    assert call_in(room_of(CALL, room)) == (CALL, room)


async def test_after_a_restart_an_ear_is_kept_as_long_as_its_leg_is_there_and_is_never_a_party(switch: Switch) -> None:
    switch.here.add(EAR)
    switch.rooms = {room_of(CALL): [CALL, AGENT], room_of(CALL, Room.WHISPER): [LEG, EAR]}
    found = await inventory.take(switch, {CALL: None}, 0.0)  # type: ignore[arg-type]
    assert set(found.calls[CALL].up) == {CALL, AGENT, LEG}
    assert found.strangers == []
    assert found.rooms[CALL][Room.WHISPER] == {LEG, EAR}
    resumed, _ = await inventory.of_call(switch, CALL, 0.0)  # type: ignore[arg-type]
    assert set(resumed.up) == {CALL, AGENT, LEG}
    switch.here.remove(LEG)
    found = await inventory.take(switch, {CALL: None}, 0.0)  # type: ignore[arg-type]
    assert [each.id for each in found.strangers] == [EAR]
