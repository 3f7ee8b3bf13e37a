"""What the journal keeps: entries as callers know them, records as they are stored, and their errors.

It encodes and checks; it never touches a file or a database.
"""

import math
from typing import NamedTuple

import msgspec

from ivr.call import AnyEvent, event_decoder, event_encoder

_LARGEST_SEQ = 2**31 - 1


class Entry(NamedTuple):
    """One event of one call. ``seq`` counts from 1 within the call and is chosen by the call's only writer."""

    call: str
    seq: int
    event: AnyEvent


class JournalError(Exception):
    """The family of errors of the journal."""


class NotDurable(JournalError):
    """Neither the database nor the spool could keep the entries (disk full?). They may be appended again."""


class SequenceTaken(JournalError):
    """Another event stands at this place of the call: somebody else writes it, too. Nothing of the append was kept.

    The call's history as it is now comes from `Journal.read`; until it was read, every append to the call fails so.
    """

    def __init__(self, call: str, seq: int) -> None:
        self.call, self.seq = call, seq
        super().__init__(f"entry {seq} of call {call} was written by somebody else; read the call before going on")


class UnreadableEntry(JournalError):
    """An entry which this version cannot decode, usually because a newer one wrote it."""

    def __init__(self, call: str, seq: int, kind: str) -> None:
        self.call, self.seq, self.kind = call, seq, kind
        super().__init__(
            f"entry {seq} of call {call} is a {kind!r} which this version cannot read; "
            "run the version that wrote it, or a newer one"
        )


class EntryRecord(msgspec.Struct, frozen=True, array_like=True, tag="entry", gc=False):
    """An entry in the form in which it is stored; ``payload`` is the event's JSON."""

    call: str
    seq: int
    at: float
    kind: str
    payload: str


class RulesRecord(msgspec.Struct, frozen=True, array_like=True, tag="rules", gc=False):
    """A version of the rules, kept because calls refer to it. ``body`` is its JSON."""

    version: str
    body: str
    first_used: float


Record = EntryRecord | RulesRecord


class Positioned(NamedTuple):
    """An entry with its place in the journal, as followers get it. The event is decoded when asked for."""

    position: int
    call: str
    seq: int
    at: float
    kind: str
    payload: str

    @property
    def event(self) -> AnyEvent:
        """Raises `UnreadableEntry`; ``kind`` can be looked at first."""
        return decode(self.call, self.seq, self.kind, self.payload)


def encode(entry: Entry) -> EntryRecord:
    """Raises `ValueError` for what a database would refuse, so that one bad entry cannot hold up the others."""
    call, seq, event = entry
    check_text("call", call)
    if not 1 <= seq <= _LARGEST_SEQ:
        raise ValueError(f"seq of call {call} must count from 1, not {seq}")
    if not math.isfinite(event.at):
        raise ValueError(f"time of entry {seq} of call {call} must be a number of seconds")
    kind = event.__struct_config__.tag
    if not isinstance(kind, str):
        raise TypeError(f"entry {seq} of call {call} is not an event: {type(event).__name__}")
    return EntryRecord(call, seq, event.at, kind, event_encoder.encode(event).decode())


def decode(call: str, seq: int, kind: str, payload: str) -> AnyEvent:
    """Raises `UnreadableEntry`, whose text never repeats the payload."""
    try:
        return event_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise UnreadableEntry(call, seq, kind) from None


def check_text(name: str, value: str) -> None:
    """Refuse text that PostgreSQL or UTF-8 cannot hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} must be text that UTF-8 can hold") from None
    if not value or "\0" in value:
        raise ValueError(f"{name} must not be empty nor contain a NUL character")
