"""The ids and names that calls, legs and rooms bear in Asterisk. Ids are chosen by us, never reused.

A citizen's channel has Asterisk's own unique id (``<systemname>-<seconds>.<number>``), which is the call's id.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from config.asterisk_emergency import ENDPOINTS
from ivr.call import HandedOver, Room

PLACE_LENGTH = 200  # characters; an address, not a story

_LEG = re.compile(r"^(?P<call>.+\.\d+)-[a-z]\w*$")
_ROOM = "room-"
_SUFFIXES = {Room.MAIN: "", Room.CONSULT: "-consult", Room.WHISPER: "-whisper"}
_EAR = "-ear_"


def room_of(call: str, room: Room = Room.MAIN) -> str:
    """The bridge that is a room of a call."""
    return f"{_ROOM}{call}{_SUFFIXES[room]}"


def call_in(bridge: str) -> tuple[str, Room] | None:
    """The call whose room a bridge is, and which one; None for a bridge that is no room of ours."""
    if not bridge.startswith(_ROOM):
        return None
    name = bridge.removeprefix(_ROOM)
    for room, suffix in _SUFFIXES.items():
        if suffix and name.endswith(suffix):
            return name.removesuffix(suffix), room
    return name, Room.MAIN


def is_leg(channel: str) -> bool:
    """Whether a channel is one that we dialled."""
    return _LEG.match(channel) is not None and not is_ear(channel)


def ear_of(leg: str) -> str:
    """The channel by which a leg hears another, and is heard by that one alone: see `whispering`."""
    call, _, suffix = leg.rpartition("-")
    return f"{call}{_EAR}{suffix}"


def is_ear(channel: str) -> bool:
    return _EAR in channel


def leg_of(ear: str) -> str:
    """Whose ear it is."""
    return ear.replace(_EAR, "-")


def call_of(channel: str) -> str:
    """The call a channel (or a prompt) belongs to; a citizen's channel is its own call."""
    match = _LEG.match(channel)
    return match["call"] if match else channel


def endpoint_of(address: str) -> str:
    """``desk:8001`` -> ``PJSIP/8001@desk``, ``phone:110`` -> ``PJSIP/110@trunk``, ``backup:110`` ->
    ``PJSIP/110@trunk2``: the endpoints of pjsip.conf.
    """
    kind, _, number = address.partition(":")
    return f"PJSIP/{number}@{ENDPOINTS.get(kind, 'trunk')}"


def handed_over(arguments: Iterable[str]) -> HandedOver | None:
    """What the dialplan tells of a citizen who comes from an emergency desk: ``desk=110``, ``incident=…``, and
    ``place=…`` percent-encoded (RFC 3986) UTF-8. None for everybody else.
    """
    told = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    if not told.get("desk"):
        return None
    place = "".join(char for char in unquote(told.get("place", ""), errors="replace") if char.isprintable())
    return HandedOver(told["desk"], told.get("incident", ""), place[:PLACE_LENGTH])


def caller_of(number: str) -> str | None:
    """The caller's number as SIP gave it, without what no number has; None when withheld (RFC 3323: anonymous)."""
    kept = re.sub(r"[^0-9A-Za-z+*#._-]", "", number)[:40]
    return None if kept.lower() in ("", "anonymous", "unknown", "restricted") else kept
