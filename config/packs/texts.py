"""What the hotline says: the prompts a call can ask for, the values that come with each, and their texts' grammar.

Texts are Chinese with slots, e.g. ``您当前排在第{position:ordinal}位``. Reads and checks texts; never speaks them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

KINDS: Mapping[str, str] = {
    "digits": "one by one, as a telephone number (110: 幺幺零)",
    "number": "as a number (12: 十二)",
    "count": "as an amount before a measure word (2: 两)",
    "ordinal": "as an order after 第 (2: 二)",
    "code": "an order code, in groups",
    "date": "a date with its year (2026-10-01)",
    "day": "a date without its year",
    "time": "a time of day (14:30)",
}

_NUMBER = frozenset({"digits"})

# Every prompt that is asked for, and how each value given with it may be read. Those named switch_… are the switch's
# own: the first word of every call, and what it says while no worker takes a call. Those named emergency_… are said by
# the switch then, and by the flow otherwise; the others are the flow's.
PROMPTS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "greeting": {},
    "greeting_merged": {"line": _NUMBER},
    "greeting_dual": {"line": _NUMBER},
    "greeting_county": {"line": _NUMBER},
    "greeting_alias": {"dialled": _NUMBER, "line": _NUMBER},
    "greeting_forward": {"line": _NUMBER},
    "line_suspended": {"line": _NUMBER},
    "line_closed": {"line": _NUMBER},
    "line_retired": {"line": _NUMBER},
    "transfer_begins": {"line": _NUMBER},
    "transfer_failed": {"line": _NUMBER},
    "transfer_not_answered": {"line": frozenset({"digits"})},
    "transfer_hold": {},
    "restricted": {"until": frozenset({"day"})},
    "restricted_bye": {},
    "appeal": {},
    "queue_position": {"position": frozenset({"ordinal", "count", "number"})},
    "agent_lost": {},
    "nobody_on_shift": {},
    "nobody_available": {},
    "all_busy": {},
    "leave_message": {},
    "message_thanks": {},
    "farewell": {},
    "emergency_menu": {},
    "emergency_connecting": {"line": _NUMBER},
    "emergency_failed": {"line": _NUMBER},
    "switch_hello": {},
    "switch_notice": {},
    "switch_sorry": {},
}

MAX_LENGTH = 300  # characters; about a minute of speech

_SLOT = re.compile(r"\{([^{}]*)\}")
_SLOT_INSIDE = re.compile(r"([a-z_]+):([a-z]+)")
_UNSPEAKABLE = re.compile(r"[^\u3400-\u4dbf\u4e00-\u9fff〇0-9，。、；：！？“”‘’（）《》…—,;:!?\s]")


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a text where a value is spoken, and as what."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt's text, taken apart."""

    text: str
    parts: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(part for part in self.parts if isinstance(part, Slot))


def parse(text: str) -> Template:
    """Take a text apart. Raises `ValueError` with a reason an admin understands."""
    if not text.strip():
        raise ValueError("is empty; write what callers should hear")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"has {len(text)} characters; nobody listens to more than {MAX_LENGTH}")
    parts: list[str | Slot] = []
    for index, piece in enumerate(_SLOT.split(text)):
        if index % 2:
            parts.append(_slot(piece))
        elif piece:
            _check_characters(piece)
            parts.append(piece)
    return Template(text, tuple(parts))


def check_values(key: str, template: Template, given: Mapping[str, frozenset[str]]) -> None:
    """Refuse a slot that no value fills, or that reads a value as what it is not. Raises `ValueError`."""
    for slot in template.slots:
        if slot.name not in given:
            names = ", ".join(sorted(given)) or "none"
            raise ValueError(f"asks for {{{slot.name}}}, but the values given with {key} are: {names}")
        if slot.kind not in given[slot.name]:
            kinds = " or ".join(sorted(given[slot.name]))
            raise ValueError(f"reads {{{slot.name}}} as {slot.kind}; it can be read as {kinds}")


def _slot(inside: str) -> Slot:
    match = _SLOT_INSIDE.fullmatch(inside)
    if match is None:
        raise ValueError(f"has the slot {{{inside}}}; write a name and a kind, as in {{position:ordinal}}")
    name, kind = match.groups()
    if kind not in KINDS:
        raise ValueError(f"reads {{{name}}} as {kind}, which is none of {', '.join(KINDS)}")
    return Slot(name, kind)


def _check_characters(piece: str) -> None:
    if "{" in piece or "}" in piece:
        raise ValueError("has a brace without its partner; slots are written as {position:ordinal}")
    match = _UNSPEAKABLE.search(piece)
    if match is not None:
        raise ValueError(f"has the character “{match[0]}”, which cannot be spoken; write it in Chinese")
