"""What exists in Asterisk, read after a restart or a lost connection; events of the gap are never sent again.

Only reads. Source of the need: a restarted application gets no new StasisStart for calls that it had.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from ivr.call import ControlResumed, Room
from ivr.carriers.asterisk.ari import Ari, Channel
from ivr.carriers.asterisk.names import call_in, call_of, is_ear, leg_of, room_of


class Inventory(msgspec.Struct):
    """What was found. ``rooms`` has the channels in each room of each call, ``strangers`` channels of ours without a
    known call, ``empty_rooms`` bridges whose call is over.
    """

    calls: dict[str, ControlResumed]
    rooms: dict[str, dict[Room, set[str]]]
    strangers: list[Channel]
    empty_rooms: list[str]


class _Application(msgspec.Struct):
    channel_ids: list[str] = []


async def take(ari: Ari, prompts: Mapping[str, str | None], at: float) -> Inventory:
    """Compare the calls named (call -> prompt that should be playing) with everything this application has."""
    channels, bridges, raw = await asyncio.gather(
        ari.channels(), ari.bridges(), ari.request("GET", f"applications/{ari.app}")
    )
    ours = set(msgspec.json.decode(raw, type=_Application).channel_ids)
    alive = {channel.id for channel in channels}
    by_call: dict[str, list[Channel]] = {call: [] for call in prompts}
    strangers: list[Channel] = []
    for channel in channels:
        call = call_of(channel.id)
        if is_ear(channel.id) and leg_of(channel.id) in alive:
            continue
        if call in by_call and not is_ear(channel.id):
            by_call[call].append(channel)
        elif channel.id in ours and not channel.name.startswith("Local/"):
            strangers.append(channel)
    rooms: dict[str, dict[Room, set[str]]] = {}
    for bridge in bridges:
        found = call_in(bridge.id)
        if found is not None:
            rooms.setdefault(found[0], {})[found[1]] = set(bridge.channels)
    playing = await asyncio.gather(*(_playing(ari, prompts[call]) for call in by_call))
    return Inventory(
        calls={
            call: _resumed(mine, prompt, Room.MAIN in rooms.get(call, {}), at)
            for (call, mine), prompt in zip(by_call.items(), playing, strict=True)
        },
        rooms={call: rooms.get(call, {}) for call in prompts},
        strangers=strangers,
        empty_rooms=[
            room_of(call, room)
            for call, found in rooms.items()
            if call not in alive and call not in prompts
            for room in found
        ],
    )


async def of_call(ari: Ari, call: str, at: float) -> tuple[ControlResumed, dict[Room, set[str]]]:
    """The same for one call in conversation, where nothing need be playing; and who is in which of its rooms."""
    channels, bridges = await asyncio.gather(
        ari.channels(), asyncio.gather(*(ari.bridge(room_of(call, room)) for room in Room))
    )
    mine = [channel for channel in channels if call_of(channel.id) == call and not is_ear(channel.id)]
    rooms = {room: set(bridge.channels) for room, bridge in zip(Room, bridges, strict=True) if bridge is not None}
    return _resumed(mine, (), Room.MAIN in rooms, at), rooms


def _resumed(channels: list[Channel], prompts: tuple[str, ...], room: bool, at: float) -> ControlResumed:
    return ControlResumed(
        at=at,
        up=tuple(channel.id for channel in channels if channel.state == "Up"),
        ringing=tuple(channel.id for channel in channels if channel.state != "Up"),
        prompts=prompts,
        room=room,
    )


async def _playing(ari: Ari, prompt: str | None) -> tuple[str, ...]:
    if prompt is None:
        return ()
    playback = await ari.playback(prompt)
    return (prompt,) if playback is not None and playback.state not in ("done", "failed") else ()
