"""What a citizen can be made to hear."""

from typing import TypeAlias

import msgspec


class Say(msgspec.Struct, frozen=True, tag="say"):
    """A prompt of the city pack, by key, with the values its text asks for."""

    key: str
    values: dict[str, str | int] = {}


class Announcement(msgspec.Struct, frozen=True, tag="announcement"):
    """A text of the transfer table, said as it stands."""

    text: str


class Tone(msgspec.Struct, frozen=True, tag="tone"):
    """A tone of the national tone plan: ``ring`` or ``beep``."""

    name: str


class Music(msgspec.Struct, frozen=True, tag="music"):
    """Music on hold, from where it begins."""


Sound: TypeAlias = Say | Announcement | Tone | Music
