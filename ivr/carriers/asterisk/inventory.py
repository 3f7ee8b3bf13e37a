"""What exists in Asterisk, read after a restart or a lost connection; events of the gap are never sent again.

Only reads. Source of the need: a restarted application gets no new StasisStart for calls that it had.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from ivr.call import ControlResumed
from ivr.carriers.asterisk.ari import Ari, Channel
from ivr.carriers.asterisk.names import call_in, call_of, room_of


class Inventory(msgspec.Struct):
    """What was found. ``rooms`` has the channels in each room, ``strangers`` channels of ours without a known call."""

    calls: dict[str, ControlResumed]
    rooms: dict[str, set[str]]
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
    by_call: dict[str, list[Channel]] = {call: [] for call in prompts}
    strangers: list[Channel] = []
    for channel in channels:
        call = call_of(channel.id)
        if call in by_call:
            by_call[call].append(channel)
        elif channel.id in ours and not channel.name.startswith("Local/"):
            strangers.append(channel)
    rooms = {name: set(bridge.channels) for bridge in bridges if (name := call_in(bridge.id)) is not None}
    alive = {channel.id for channel in channels}
    playing = await asyncio.gather(*(_playing(ari, prompts[call]) for call in by_call))
    return Inventory(
        calls={
            call: _resumed(mine, prompt, call in rooms, at)
            for (call, mine), prompt in zip(by_call.items(), playing, strict=True)
        },
        rooms={call: rooms[call] for call in prompts if call in rooms},
        strangers=strangers,
        empty_rooms=[room_of(call) for call in rooms if call not in alive and call not in prompts],
    )


async def of_call(ari: Ari, call: str, at: float) -> tuple[ControlResumed, set[str] | None]:
    """The same for one call in conversation, where nothing need be playing; and who is in its room (None: no room)."""
    channels, bridge = await asyncio.gather(ari.channels(), ari.bridge(room_of(call)))
    mine = [channel for channel in channels if call_of(channel.id) == call]
    members = None if bridge is None else set(bridge.channels)
    return _resumed(mine, (), bridge is not None, at), members


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
