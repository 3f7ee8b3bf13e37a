"""Rooms in Asterisk: opened once, joined when they are open, joined by those who exist."""

import asyncio
from typing import Any

import pytest

from ivr.carriers.asterisk.ari import AriError, AriUnreachable
from ivr.carriers.asterisk.rooms import Gone, Rooms

CALL = "hotline-1790000000.1"


class Switch:
    """Remembers the requests; the room exists from the moment in which its creation is answered."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.room = False
        self.channels = {CALL}
        self.release = asyncio.Event()
        self.release.set()
        self.unreachable = False

    async def request(self, method: str, path: str, body: Any = None, **query: Any) -> bytes:
        self.sent.append(f"{method} {path}")
        if self.unreachable:
            raise AriUnreachable("test")
        if path == f"bridges/room-{CALL}" and method == "POST":
            await self.release.wait()
            self.room = True
        elif path.endswith("/addChannel"):
            if not self.room:
                raise AriError(method, path, 404, "Bridge not found")
            if query["channel"] not in self.channels:
                raise AriError(method, path, 400, "Channel not found")
        return b""

    def count(self, request: str) -> int:
        return self.sent.count(request)


OPEN, JOIN = f"POST bridges/room-{CALL}", f"POST bridges/room-{CALL}/addChannel"


async def test_given_the_room_is_being_opened_when_somebody_joins_then_it_is_waited_for() -> None:
    switch = Switch()
    rooms = Rooms(switch)  # type: ignore[arg-type]
    switch.release.clear()
    opening = asyncio.create_task(rooms.open(CALL))
    joining = asyncio.create_task(rooms.join(CALL, CALL))
    for _ in range(10):
        await asyncio.sleep(0)
    assert switch.sent == [OPEN]
    switch.release.set()
    await opening
    await joining
    assert switch.sent == [OPEN, JOIN]


async def test_given_the_room_vanished_when_somebody_joins_then_it_is_opened_again() -> None:
    switch = Switch()
    rooms = Rooms(switch)  # type: ignore[arg-type]
    await rooms.open(CALL)
    switch.room = False
    await rooms.join(CALL, CALL)
    assert switch.sent == [OPEN, JOIN, OPEN, JOIN]


async def test_given_a_channel_that_is_gone_when_it_joins_then_that_is_told() -> None:
    switch = Switch()
    rooms = Rooms(switch)  # type: ignore[arg-type]
    with pytest.raises(Gone):
        await rooms.join(CALL, f"{CALL}-a1")


async def test_given_a_channel_in_the_room_when_it_joins_again_then_nothing_is_asked_of_the_switch() -> None:
    switch = Switch()
    rooms = Rooms(switch)  # type: ignore[arg-type]
    await rooms.join(CALL, CALL)
    await rooms.join(CALL, CALL)
    assert switch.count(JOIN) == 1
    rooms.left(CALL)
    await rooms.join(CALL, CALL)
    assert switch.count(JOIN) == 2


async def test_given_the_switch_was_unreachable_when_the_room_was_opened_then_the_next_join_opens_it() -> None:
    switch = Switch()
    rooms = Rooms(switch)  # type: ignore[arg-type]
    switch.unreachable = True
    with pytest.raises(AriUnreachable):
        await rooms.open(CALL)
    switch.unreachable = False
    await rooms.join(CALL, CALL)
    assert switch.room
