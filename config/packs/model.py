"""What a city pack consists of, with the limits of each value. Data only: reading is `loading`, speaking is `ivr`.

Durations are seconds, ages years. A pack never changes; a changed file makes a new one with a new version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from config.packs.problems import Notice
from config.packs.texts import Template

EMERGENCY_NUMBERS = ("110", "119", "120", "122")  # in every city, whatever its regulation lists

ADDRESS = r"^(desk:[0-9]{2,8}|phone:\+?[0-9]{3,20})$"  # see `ivr.call.Dial`
LINE_NUMBER = r"^[0-9]{3,11}$"

Name = Annotated[str, Field(min_length=1, max_length=40)]
SkillId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
PromptKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Address = Annotated[str, Field(pattern=ADDRESS)]


class Table(BaseModel):
    """One table of ``city.toml``: nothing unknown, nothing converted, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


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
    """How a dialled number is received. `direct`: the greeting, then a person, with keys that work silently."""

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


class Queue(Table):
    general_skill: SkillId  # overflow of every other skill


class Duty(Table):
    """Phones rung in this order when no agent is on shift (值班电话)."""

    phones: Annotated[tuple[Address, ...], Field(strict=False)]


class RecordingRules(Table):
    """How long recordings are kept (PIPL §19 and §47 ask for an end as well)."""

    keep_min_years: Annotated[int, Field(ge=1, le=30)]
    keep_max_years: Annotated[int, Field(ge=1, le=30)]


class Orders(Table):
    prefix: Annotated[str, Field(pattern=r"^[A-Z0-9]{0,6}$")]  # first characters of every order number


class Voice(Table):
    """Who speaks the prompts that nobody recorded."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9+_-]{1,39}$")]
    rate: Annotated[int, Field(ge=80, le=300)]  # words a minute, as espeak-ng counts
    pitch: Annotated[int, Field(ge=0, le=99)]


class CityTables(Table):
    """The whole of ``city.toml`` after inheritance."""

    city: City
    entries: dict[Annotated[str, Field(pattern=r"^(default|[0-9]{3,11})$")], Entry]
    keys: dict[Annotated[str, Field(pattern=r"^[0-9*#]$")], Key]
    limits: Limits
    queue: Queue
    skills: dict[SkillId, Name]
    duty: Duty
    recording: RecordingRules
    orders: Orders
    voice: Voice
    prompts: dict[PromptKey, str]


class LineMode(StrEnum):
    """How a line is joined to 12345 (国办发〔2020〕53号), or why it is not."""

    MERGED = "merged"  # 整体并入: the number is cancelled
    DUAL = "dual"  # 双号并行: the number is kept
    SUB_CENTER = "sub_center"  # 设分中心: number and seats are kept
    EMERGENCY = "emergency"
    EXTERNAL = "external"  # not joined; its number is told, or the call is passed on


class LineStatus(StrEnum):
    IN_SERVICE = "in_service"
    SUSPENDED = "suspended"  # 已暂停服务
    NEEDS_CONFIRMATION = "needs_confirmation"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of ``lines.csv``."""

    number: str
    name: str
    mode: LineMode
    unit: str  # empty where the regulation names none
    status: LineStatus
    source: str  # 宜春 §18, or default
    note: str = ""


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
    version: str  # hash of everything below but paths and notices
    city: City
    entries: Mapping[str, Entry]  # by dialled number; ``default`` for any other
    keys: Mapping[str, Key]
    limits: Limits
    general_skill: str
    skills: Mapping[str, str]  # id → name
    duty_phones: tuple[str, ...]
    recording: RecordingRules
    order_prefix: str
    voice: Voice
    prompts: Mapping[str, Template]
    recorded: Mapping[str, Recorded]
    lines: Mapping[str, Line]
    agents: tuple[Agent, ...]
    sources: Mapping[str, str]  # where each value of ``city.toml`` comes from, by dotted path
    notices: tuple[Notice, ...]

    def source(self, field: str) -> str:
        """Where an effective value comes from: ``宜春 §13(9)``, ``宜春`` or ``default``.

        ``field`` is a dotted path as in ``city.toml``, e.g. ``recording.keep_min_years``. Raises `KeyError`.
        """
        return self.sources[field]
