"""City packs: each city's rules, words and roster as files that its staff can read and change.

Reads and checks; decides nothing about a call. Start with `load_pack` and `PackStore`.
"""

from config.packs.loading import SHIPPED, cities, load_pack
from config.packs.model import (
    Agent,
    City,
    Entry,
    Key,
    Limits,
    Pack,
    Recorded,
    Voice,
)
from config.packs.problems import Notice, PackErrors
from config.packs.rules import CityRules, RecordingRules
from config.packs.store import PackStore
from config.packs.texts import PROMPTS, Slot, Template

__all__ = [
    "PROMPTS",
    "SHIPPED",
    "Agent",
    "City",
    "CityRules",
    "Entry",
    "Key",
    "Limits",
    "Notice",
    "Pack",
    "PackErrors",
    "PackStore",
    "Recorded",
    "RecordingRules",
    "Slot",
    "Template",
    "Voice",
    "cities",
    "load_pack",
]
