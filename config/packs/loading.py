"""Reads a city's pack: ``city.toml``, ``agents.csv`` and ``prompts/``, with the default behind it.

Reads files and nothing else: no clock, no network. Either the whole pack is good, or `PackErrors` says what is not.
"""

import hashlib
import json
import re
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from config.packs.layers import DEFAULT, Layer, merge, read_layer
from config.packs.model import City, Pack
from config.packs.problems import Problems
from config.packs.recorded import read_recorded
from config.packs.rows import read_agents
from config.packs.rules import CityRules
from config.packs.schema import check_prompts, check_tables

DEFAULT_FOLDER = "_default"
SHIPPED = Path(__file__).parent.parent / "cities"

_CITY_ID = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def load_pack(folder: Path, city: str, *, today: date | None = None) -> Pack:
    """Read the pack of ``city`` from ``folder``, a folder of city packs.

    What the city does not say comes from ``_default`` in the same folder, or from the shipped default where there is
    none. ``today`` only decides what is said about a regulation's dates. Raises `PackErrors` with every problem.
    """
    problems = Problems()
    home = _home(folder, city, problems)
    problems.raise_any(city)
    base = folder / DEFAULT_FOLDER if (folder / DEFAULT_FOLDER).is_dir() else SHIPPED / DEFAULT_FOLDER
    layers = [
        read_layer(base / "city.toml", DEFAULT, problems),
        read_layer(home / "city.toml", None, problems),
    ]
    problems.raise_any(city)
    merged = merge(layers, problems)
    tables = check_tables(merged, problems)
    templates = check_prompts(merged, problems)
    agents = read_agents(home / "agents.csv", tables.skills if tables else None, problems)
    recorded = read_recorded([layer.file.parent / "prompts" for layer in layers], templates, merged, problems)
    problems.raise_any(city)
    assert tables is not None  # otherwise there were problems
    _notice_status(layers[-1], tables.city, today, problems)
    if not tables.duty.phones:
        text = "there is no duty phone; with nobody on shift a caller can only leave a message"
        problems.note(layers[-1].file, None, "duty.phones", text)
    parts: dict[str, Any] = {
        "city": tables.city,
        "entry": tables.entry,
        "keys": tables.keys,
        "limits": tables.limits,
        "general_skill": tables.queue.general_skill,
        "skills": tables.skills,
        "duty_phones": tables.duty.phones,
        "rules": CityRules.model_validate({name: getattr(tables, name) for name in CityRules.model_fields}),
        "voice": tables.voice,
        "prompts": templates,
        "recorded": recorded,
        "agents": agents,
        "line_files": _line_files(layers),
        "sources": {".".join(path): source for path, source in merged.sources.items()},
    }
    content = tables.model_dump(mode="json"), [asdict(agent) for agent in agents]
    sounds = {key: take.sha256 for key, take in recorded.items()}
    return Pack(
        id=city, version=_version(city, *content, sounds, parts["sources"]), notices=tuple(problems.notices), **parts
    )


def cities(folder: Path) -> tuple[str, ...]:
    """The cities that have a folder there, by name."""
    return tuple(sorted(path.name for path in folder.glob("*/") if _CITY_ID.fullmatch(path.name)))


def _home(folder: Path, city: str, problems: Problems) -> Path:
    """The city's own folder. A name that could lead elsewhere is no city."""
    home = folder / city
    if not _CITY_ID.fullmatch(city):
        problems.add(folder, None, None, "has no such city; a city's name is small letters, digits, - and _")
    elif not home.is_dir():
        problems.add(folder, None, None, f"has no city {city}; there are: {', '.join(cities(folder)) or 'none'}")
    return home


def _line_files(layers: list[Layer]) -> tuple[tuple[Path, str], ...]:
    """The line files that there are. What stands in them is the transfer table's business."""
    files = [(layer.file.parent / "lines.csv", layer.label) for layer in layers]
    return tuple((file, label) for file, label in files if file.is_file())


def _version(city: str, *parts: object) -> str:
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True)
    return f"{city}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _notice_status(layer: Layer, city: City, today: date | None, problems: Problems) -> None:
    """A draft or an expired regulation is a warning, never a refusal to start."""

    def note(field: str, text: str) -> None:
        problems.note(layer.file, layer.lines.get(("city", field)), f"city.{field}", text)

    if city.status == "draft":
        note("status", "the regulation is a draft")
    elif city.status == "expired":
        note("status", "the regulation has expired")
    if today is not None and city.status == "in_force":
        if city.valid_until is not None and today > city.valid_until:
            note("valid_until", f"the regulation expired on {city.valid_until}; confirm what holds now")
        if city.valid_from is not None and today < city.valid_from:
            note("valid_from", f"the regulation comes into force on {city.valid_from}")
