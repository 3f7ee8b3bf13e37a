"""Rooms: one softmix bridge per call, opened once and never reused, and who is in it. Knows nothing of the call's flow.

Errors of ``addChannel`` tell apart what is missing: 404 the bridge, 400 the channel
(https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/Asterisk_REST_Interface/Bridges_REST_API/).
"""

import asyncio
from collections.abc import Collection
from typing import Any

from ivr.carriers.asterisk.ari import Ari, AriError
from ivr.carriers.asterisk.names import call_of, room_of

# softmix even with two parties (video_sfu keeps it so): what is recorded has no gaps then
KIND = "mixing,video_sfu"


class Gone(Exception):
    """The channel that was to join does not exist any more."""


class Rooms:
    """The rooms of one worker's calls."""

    def __init__(self, ari: Ari) -> None:
        self._ari = ari
        self._opened: dict[str, asyncio.Future[None]] = {}  # by call; whoever joins waits for it
        self._members: dict[str, set[str]] = {}

    async def open(self, call: str) -> None:
        """Open the call's room, once; who asks while it is being opened waits for the same."""
        opened = self._opened.get(call)
        if opened is None:
            opened = self._opened[call] = asyncio.ensure_future(self._create(call))
            self._members.setdefault(call, set())
        try:
            await asyncio.shield(opened)
        except Exception:
            self._forget_opening(call, opened)
            raise

    async def join(self, call: str, leg: str) -> None:
        """Put a channel into the call's room; joining again would make a gap in the talk and is skipped.

        Raises `Gone`, `AriError` or `AriUnreachable`.
        """
        if leg in self._members.get(call, ()):
            return
        await self.open(call)
        try:
            await self._add(call, leg)
        except AriError as error:
            if error.status == 400:
                raise Gone(leg) from None
            if error.status != 404:
                raise
            self._opened.pop(call, None)
            await self.open(call)
            await self._add(call, leg)
        self._members[call].add(leg)

    async def close(self, call: str) -> None:
        self._opened.pop(call, None)
        self._members.pop(call, None)
        await self._quietly("DELETE", f"bridges/{room_of(call)}")

    def left(self, leg: str) -> None:
        """A channel is gone, from its room as well."""
        self._members.get(call_of(leg), set()).discard(leg)

    def is_empty(self, call: str) -> bool:
        """Whether the call's room is open and nobody ever came."""
        return call in self._opened and not self._members.get(call)

    def learn(self, call: str, members: Collection[str] | None) -> None:
        """What the switch says: who is in the room, or None when there is no such room."""
        self._members[call] = set(members or ())
        if members is None:
            self._opened.pop(call, None)
        elif call not in self._opened:
            self._opened[call] = asyncio.get_running_loop().create_future()
            self._opened[call].set_result(None)

    async def _create(self, call: str) -> None:
        await self._quietly("POST", f"bridges/{room_of(call)}", type=KIND, name=room_of(call))

    async def _add(self, call: str, leg: str) -> None:
        await self._ari.request("POST", f"bridges/{room_of(call)}/addChannel", channel=leg)

    async def _quietly(self, method: str, path: str, **query: Any) -> None:
        """A request whose refusal means that it is so already."""
        try:
            await self._ari.request(method, path, **query)
        except AriError as error:
            if error.status not in (404, 409):
                raise

    def _forget_opening(self, call: str, opened: asyncio.Future[None]) -> None:
        if self._opened.get(call) is opened:
            del self._opened[call]
