"""What a city pack consists of, with the limits of each value. Data only: reading is `loading`, speaking is `ivr`.

What the regulation rules stands in `rules`; here is the rest: who the city is, and how its calls sound and ring.
Durations are seconds. A pack never changes; a changed file makes a new one with a new version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config.packs.problems import Notice
from config.packs.rules import CityRules, RecordingRules
from config.packs.texts import Template
from config.packs.values import Address, Name, Number, PromptKey, SkillId, Table


class City(Table):
    """Whose hotline it is and the regulation it works by."""

    name: Name  # 宜春市
    short: Name  # 宜春: stands before an article, as in 宜春 §14
    area_code: Annotated[str, Field(pattern=r"^0[0-9]{2,3}$")]
    regulation: str = ""
    status: Literal["in_force", "draft", "expired"]
    valid_from: date | None = None
    valid_until: date | None = None  # the last day


class Entry(Table):
    """How the hotline's own numbers are received; any other dialled number is the transfer table's business.

    `direct`: the greeting, then a person, with keys that work silently.
    """

    numbers: Annotated[tuple[Number, ...], Field(strict=False, min_length=1)]
    mode: Literal["direct"]
    greeting: PromptKey
    skill: SkillId


class Key(Table):
    """What a key does while the caller listens or waits. Without a skill the call keeps the one it has."""

    meaning: Name
    skill: SkillId | None = None
    priority: Annotated[int, Field(ge=0, le=100)] = 0
    emergency: bool = False


class Limits(Table):
    greeting_s: Annotated[float, Field(ge=3, le=60)]
    announce_every_s: Annotated[float, Field(ge=10, le=300)]
    patience_s: Annotated[float, Field(ge=30, le=7200)]
    ring_s: Annotated[float, Field(ge=5, le=120)]
    message_s: Annotated[float, Field(ge=10, le=600)]
    wrap_up_s: Annotated[float, Field(ge=0, le=600)]
    overflow_s: Annotated[float, Field(ge=5, le=600)]
    target_ring_s: Annotated[float, Field(ge=5, le=120)]


class Queue(Table):
    general_skill: SkillId  # overflow of every other skill


class Duty(Table):
    """Phones rung in this order when no agent is on shift (值班电话)."""

    phones: Annotated[tuple[Address, ...], Field(strict=False)]


class Voice(Table):
    """Who speaks the prompts that nobody recorded."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9+_-]{1,39}$")]
    rate: Annotated[int, Field(ge=80, le=300)]  # words a minute, as espeak-ng counts
    pitch: Annotated[int, Field(ge=0, le=99)]


class CityTables(CityRules):
    """The whole of ``city.toml`` after inheritance."""

    city: City
    entry: Entry
    keys: dict[Annotated[str, Field(pattern=r"^[0-9*#]$")], Key]
    limits: Limits
    queue: Queue
    skills: dict[SkillId, Name]
    duty: Duty
    voice: Voice
    prompts: dict[PromptKey, str]


@dataclass(frozen=True, slots=True)
class Agent:
    """One row of ``agents.csv``: somebody with a phone on a desk."""

    id: str
    name: str
    skills: tuple[str, ...]
    address: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded prompt (16-bit mono WAV), which wins over its text."""

    path: Path
    rate_hz: int
    sha256: str


@dataclass(frozen=True)
class Pack:
    """One city's rules, words and tables, as they hold until the next reload."""

    id: str
    version: str  # hash of everything below but paths, notices and lines
    city: City
    entry: Entry
    keys: Mapping[str, Key]
    limits: Limits
    general_skill: str
    skills: Mapping[str, str]  # id → name
    duty_phones: tuple[str, ...]
    rules: CityRules  # what the regulation asks for
    voice: Voice
    prompts: Mapping[str, Template]
    recorded: Mapping[str, Recorded]
    agents: tuple[Agent, ...]
    sources: Mapping[str, str]  # where each value of ``city.toml`` comes from, by dotted path
    notices: tuple[Notice, ...]
    line_files: tuple[tuple[Path, str], ...]  # lines.csv and what its rows name as source; the default's first

    @property
    def recording(self) -> RecordingRules:
        return self.rules.recording

    @property
    def order_prefix(self) -> str:
        return self.rules.orders.prefix

    def source(self, field: str) -> str:
        """Where an effective value comes from: ``宜春 §13(9)``, ``宜春`` or ``default``.

        ``field`` is a dotted path as in ``city.toml``, e.g. ``recording.keep_min_years``. Raises `KeyError`.
        """
        return self.sources[field]
