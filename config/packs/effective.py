"""A pack as it can be shown: every effective value of ``city.toml`` with where it comes from, and what to know of it.

Plain data for people and programs alike. Duty phones are masked: some are people's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from config.logs import mask_number
from config.packs.model import Pack

Section = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class EffectiveValue:
    """One value: ``field`` is its dotted path, ``source`` “宜春 §14”, “宜春” or “default”.

    Limits are ``{"amount": 5, "unit": "working_days"}`` or ``{"percent": 50}``; none is null.
    """

    field: str
    value: JsonValue
    source: str

    @property
    def section(self) -> str:
        return self.field.partition(".")[0]


@dataclass(frozen=True, slots=True)
class PackNotice:
    """Something an admin should know; ``file`` without the folder in which the packs lie."""

    file: str
    line: int | None
    field: str | None
    text: str


@dataclass(frozen=True, slots=True)
class PackDescription:
    """A whole pack, its values in the order of its tables."""

    id: str
    version: str
    name: str
    regulation: str
    status: str
    valid_from: date | None
    valid_until: date | None
    notices: tuple[PackNotice, ...]
    values: tuple[EffectiveValue, ...]


def describe(pack: Pack, field: str | None = None) -> PackDescription | None:
    """The pack with all values, or with those of one ``field``: a path, or a section. None: there is no such field."""
    values = effective_values(pack)
    if field is not None:
        values = tuple(value for value in values if field in (value.field, value.section))
        if not values:
            return None
    city = pack.city
    notices = tuple(
        PackNotice("/".join(Path(notice.file).parts[-2:]), notice.line, notice.field, notice.text)
        for notice in pack.notices
    )
    dates = city.valid_from, city.valid_until
    return PackDescription(pack.id, pack.version, city.name, city.regulation, city.status, *dates, notices, values)


def effective_values(pack: Pack) -> tuple[EffectiveValue, ...]:
    """Every value that has an effect: deadlines of categories that the city has not are left out."""
    values: list[EffectiveValue] = []
    for section, known in _sections(pack).items():
        for key, value in known.items():
            field = f"{section}.{key}"
            if field in pack.sources:
                values.append(EffectiveValue(field, value, pack.sources[field]))
    return tuple(values)


def _sections(pack: Pack) -> dict[str, Section]:
    """The tables of ``city.toml``, as JSON has them."""
    rules = cast(dict[str, Section], pack.rules.model_dump(mode="json"))
    categories = pack.rules.orders.categories
    rules["deadlines"] = {category: rules["deadlines"][category] for category in categories}
    return {
        "city": pack.city.model_dump(mode="json"),
        **rules,
        "entry": pack.entry.model_dump(mode="json"),
        "keys": {key: action.model_dump(mode="json") for key, action in pack.keys.items()},
        "limits": pack.limits.model_dump(mode="json"),
        "queue": {"general_skill": pack.general_skill},
        "skills": dict(pack.skills),
        "duty": {"phones": [mask_number(phone) for phone in pack.duty_phones]},
        "voice": pack.voice.model_dump(mode="json"),
        "prompts": {key: template.text for key, template in pack.prompts.items()},
    }
