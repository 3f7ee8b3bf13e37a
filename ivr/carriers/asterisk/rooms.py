"""Rooms: softmix bridges of a call, opened once each, and who is in them. Knows nothing of the call's flow.

Errors of ``addChannel`` tell apart what is missing: 404 the bridge, 400 the channel
(https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/Asterisk_REST_Interface/Bridges_REST_API/).
"""

import asyncio
from collections.abc import Mapping, Set
from typing import Any, NamedTuple

from ivr.call import Room
from ivr.carriers.asterisk.ari import Ari, AriError
from ivr.carriers.asterisk.names import call_of, room_of

# softmix even with two parties (video_sfu keeps it so): what is recorded has no gaps then
KIND = "mixing,video_sfu"


class Gone(Exception):
    """The channel that was to join does not exist any more; `str()` is its id."""


class _Place(NamedTuple):
    room: Room
    muted: bool | None  # None: it never was, or that is not known


class Rooms:
    """The rooms of one worker's calls; a call's main room has the citizen, others are opened when they are needed."""

    def __init__(self, ari: Ari) -> None:
        self._ari = ari
        self._opened: dict[str, asyncio.Future[None]] = {}  # by bridge; whoever joins waits for it
        self._members: dict[str, dict[str, _Place]] = {}  # by call: where each channel is

    async def open(self, call: str, room: Room = Room.MAIN) -> None:
        """Open a room, once; who asks while it is being opened waits for the same."""
        bridge = room_of(call, room)
        opened = self._opened.get(bridge)
        if opened is None:
            opened = self._opened[bridge] = asyncio.ensure_future(self._create(bridge))
            self._members.setdefault(call, {})
        try:
            await asyncio.shield(opened)
        except Exception:
            if self._opened.get(bridge) is opened:
                del self._opened[bridge]
            raise

    async def join(self, call: str, leg: str, room: Room = Room.MAIN, muted: bool | None = None) -> None:
        """Put a channel into a room of its call, out of the other one. Joining again would make a gap in the talk and
        is skipped, unless it is to be ``muted`` or to be heard and that is not known to be so.

        Raises `Gone`, `AriError` or `AriUnreachable`.
        """
        place, was = _Place(room, muted), self._members.get(call, {}).get(leg)
        if was == place or (was is not None and was.room is room and muted is None):
            return
        await self.open(call, room)
        bridge = room_of(call, room)
        if muted is not None:  # should the request fail, nobody knows who can hear this one
            self._members[call].pop(leg, None)
        try:
            await self._add(bridge, leg, muted)
        except AriError as error:
            if error.status == 400:
                raise Gone(leg) from None
            if error.status != 404:
                raise
            self._opened.pop(bridge, None)
            await self.open(call, room)
            await self._add(bridge, leg, muted)
        self._members[call][leg] = place

    async def close(self, call: str) -> None:
        """Close every room that the call has."""
        self._members.pop(call, None)
        for room in Room:
            bridge = room_of(call, room)
            opened = self._opened.pop(bridge, None)
            if opened is not None or room is Room.MAIN:
                await self._quietly("DELETE", f"bridges/{bridge}")

    def left(self, leg: str) -> None:
        """A channel is gone, from its room as well."""
        self._members.get(call_of(leg), {}).pop(leg, None)

    def is_empty(self, call: str) -> bool:
        """Whether the call's main room is open and nobody ever came."""
        return room_of(call) in self._opened and not self._members.get(call)

    def learn(self, call: str, rooms: Mapping[Room, Set[str]]) -> None:
        """What the switch says: the rooms that the call has, and who is in each."""
        before, self._members[call] = self._members.get(call, {}), {}
        for room, legs in rooms.items():
            for leg in legs:
                was = before.get(leg)
                self._members[call][leg] = was if was is not None and was.room is room else _Place(room, None)
        for room in Room:
            bridge = room_of(call, room)
            if room not in rooms:
                self._opened.pop(bridge, None)
            elif bridge not in self._opened:
                self._opened[bridge] = asyncio.get_running_loop().create_future()
                self._opened[bridge].set_result(None)

    async def _create(self, bridge: str) -> None:
        await self._quietly("POST", f"bridges/{bridge}", type=KIND, name=bridge)

    async def _add(self, bridge: str, leg: str, muted: bool | None) -> None:
        """Said of a channel that is in the bridge already, it changes only whether that one is muted."""
        said = None if muted is None else str(muted).lower()
        await self._ari.request("POST", f"bridges/{bridge}/addChannel", channel=leg, mute=said, absorbDTMF=said)

    async def _quietly(self, method: str, path: str, **query: Any) -> None:
        """A request whose refusal means that it is so already."""
        try:
            await self._ari.request(method, path, **query)
        except AriError as error:
            if error.status not in (404, 409):
                raise
