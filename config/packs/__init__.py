"""City packs: each city's rules, words, lines and roster as files that its staff can read and change.

Reads and checks; decides nothing about a call. Start with `load_pack` and `PackStore`.
"""

from config.packs.loading import SHIPPED, load_pack
from config.packs.model import (
    Agent,
    City,
    Entry,
    Key,
    Limits,
    Line,
    LineMode,
    LineStatus,
    Pack,
    Recorded,
    RecordingRules,
    Voice,
)
from config.packs.problems import Notice, PackErrors
from config.packs.store import PackStore
from config.packs.texts import PROMPTS, Slot, Template

__all__ = [
    "PROMPTS",
    "SHIPPED",
    "Agent",
    "City",
    "Entry",
    "Key",
    "Limits",
    "Line",
    "LineMode",
    "LineStatus",
    "Notice",
    "Pack",
    "PackErrors",
    "PackStore",
    "Recorded",
    "RecordingRules",
    "Slot",
    "Template",
    "Voice",
    "load_pack",
]
