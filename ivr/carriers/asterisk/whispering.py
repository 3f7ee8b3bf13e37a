"""Whispering: a supervisor behind an agent's ear, by a snoop channel (the *ear*) in a small room with the supervisor's.

The ear hears what its channel hears and says, and speaks into what that channel hears: past every room, so neither the
citizen nor the recording has anything of it. It lives in the switch like any leg and ends with the channel it is at.
Source: https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/Asterisk_REST_Interface/Channels_REST_API/
"""

import asyncio

from ivr.call import Room
from ivr.carriers.asterisk.ari import Ari, AriError, AriEvent, StasisStart
from ivr.carriers.asterisk.names import ear_of, is_ear
from ivr.carriers.asterisk.rooms import Gone, Rooms

ENTERS_LIMIT_S = 2.0
ARGUMENT = "ear"  # what the ear's StasisStart says


def is_of_ear(event: AriEvent) -> bool:
    """Whether an event is of an ear, and no business of calls; that it is there is answered like a leg's."""
    channel = getattr(event, "channel", None)
    return channel is not None and is_ear(channel.id) and not isinstance(event, StasisStart)


class Whispering:
    """The ears of one worker's calls."""

    def __init__(self, ari: Ari, rooms: Rooms) -> None:
        self._ari = ari
        self._rooms = rooms
        self._entering: dict[str, asyncio.Future[None]] = {}
        self._legs: set[str] = set()  # those that may have an ear

    async def begin(self, call: str, leg: str, to: str) -> None:
        """Put ``leg`` behind the ear of ``to``; harmless when it is there.

        Raises `Gone` (with the leg that is), `AriError` or `AriUnreachable`.
        """
        ear = ear_of(leg)
        self._legs.add(leg)
        if await self._ari.channel(ear) is None:
            self._rooms.left(ear)
            await self._open(ear, to)
        await self._rooms.join(call, ear, Room.WHISPER)
        await self._rooms.join(call, leg, Room.WHISPER, muted=False)

    async def end(self, leg: str) -> None:
        """Take the leg's ear away. Raises `AriError` or `AriUnreachable`."""
        ear = ear_of(leg)
        self._legs.discard(leg)
        self._rooms.left(ear)
        try:
            await self._ari.request("DELETE", f"channels/{ear}")
        except AriError as error:
            if error.status != 404:
                raise

    def has_ear(self, leg: str) -> bool:
        return leg in self._legs

    def entered(self, ear: str) -> None:
        """The ear is ours now and can be put into a room."""
        entering = self._entering.get(ear)
        if entering is not None and not entering.done():
            entering.set_result(None)

    async def _open(self, ear: str, to: str) -> None:
        entering = self._entering[ear] = asyncio.get_running_loop().create_future()
        try:
            await self._ari.request(
                "POST",
                f"channels/{to}/snoop/{ear}",
                spy="both",
                whisper="out",
                app=self._ari.app,
                appArgs=ARGUMENT,
            )
            await asyncio.wait_for(entering, ENTERS_LIMIT_S)
        except AriError as error:
            if error.status == 404:
                raise Gone(to) from None
            raise
        except TimeoutError:
            raise Gone(ear) from None
        finally:
            del self._entering[ear]
