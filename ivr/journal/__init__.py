"""The journal of calls: the truth about what happened, kept before anything is done about it.

Workers write it (`Journal`), everybody else follows it (`Follower`) or looks into it (`JournalReader`).
"""

from ivr.journal.entries import (
    Entry,
    JournalError,
    NotDurable,
    Positioned,
    SequenceTaken,
    UnreadableEntry,
)
from ivr.journal.followers import Follower, FollowerRunner
from ivr.journal.journal import Journal, JournalReader
from ivr.journal.spool import SpoolInUse
from ivr.journal.store import CallRow
from ivr.journal.writer import JournalStats

__all__ = [
    "CallRow",
    "Entry",
    "Follower",
    "FollowerRunner",
    "Journal",
    "JournalError",
    "JournalReader",
    "JournalStats",
    "NotDurable",
    "Positioned",
    "SequenceTaken",
    "SpoolInUse",
    "UnreadableEntry",
]
