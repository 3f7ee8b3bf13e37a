"""Holds the effective tables against the model and says in plain words, with file and line, what does not fit.

Also checks what one value alone cannot tell: that a named skill, prompt or number exists.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.packs.layers import Merged
from config.packs.model import CityTables, Table
from config.packs.problems import Problems
from config.packs.texts import PROMPTS, Template, check_values, parse
from config.packs.toml_lines import KeyPath

_PATTERNS: Mapping[str, str] = {
    "city.area_code": "must be an area code of three or four digits with its 0, as in “0795”",
    "entries": "must be named by the dialled number (3 to 11 digits) or “default”",
    "keys": "must be one key of a telephone: 0 to 9, * or #",
    "skills": "must be a name of small letters, digits and _, as in “enterprise”",
    "duty.phones": "must be “desk:” with 2 to 8 digits or “phone:” with 3 to 20 digits",
    "orders.prefix": "must be at most six capital letters or digits",
    "voice.name": "must be the name of a voice, as in “cmn-latn-pinyin”",
    "prompts": "must be a prompt's name: small letters, digits and _",
}

_WHAT = {"string": "a text in quotes", "int": "a whole number", "float": "a number", "bool": "true or false"}


def check_tables(merged: Merged, problems: Problems) -> CityTables | None:
    """The tables as a model, or None with every reason added to ``problems``."""
    try:
        tables = CityTables.model_validate(merged.values)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=True):
            _add(detail, merged, problems)
        return None
    _check_skills(tables, merged, problems)
    low, high = tables.recording.keep_min_years, tables.recording.keep_max_years
    if high < low:
        place = merged.place(("recording", "keep_max_years"))
        problems.add(*place, "recording.keep_max_years", f"is {high}, less than keep_min_years ({low})")
    return tables


def check_prompts(merged: Merged, problems: Problems) -> dict[str, Template]:
    """Every prompt's text, taken apart. A prompt must be one a call can ask for, or an entry's own greeting."""
    greetings = _greetings(merged)
    contract: dict[str, Mapping[str, frozenset[str]]] = {**{key: {} for key in greetings}, **PROMPTS}
    texts = merged.table("prompts")
    templates: dict[str, Template] = {}
    for key, text in texts.items():
        path = ("prompts", str(key))
        if key not in contract:
            problems.add(*merged.place(path), ".".join(path), "is no prompt that a call asks for")
        elif isinstance(text, str):  # anything else is the model's complaint
            try:
                templates[key] = parse(text)
                check_values(key, templates[key], contract[key])
            except ValueError as error:
                problems.add(*merged.place(path), ".".join(path), str(error))
    for key in sorted(contract.keys() - texts.keys()):
        if key in PROMPTS:
            problems.add(*merged.place(("prompts", key)), f"prompts.{key}", "has no text")
        else:
            entry = ("entries", greetings[key], "greeting")
            problems.add(*merged.place(entry), ".".join(entry), f"names the prompt {key}, which has no text")
    return templates


def _greetings(merged: Merged) -> dict[str, str]:
    """The greetings that entries name, and an entry that names each."""
    entries = [(number, entry) for number, entry in merged.table("entries").items() if isinstance(entry, dict)]
    return {entry["greeting"]: number for number, entry in entries if isinstance(entry.get("greeting"), str)}


def _check_skills(tables: CityTables, merged: Merged, problems: Problems) -> None:
    named: list[tuple[KeyPath, str]] = [(("queue", "general_skill"), tables.queue.general_skill)]
    named += [(("entries", number, "skill"), entry.skill) for number, entry in tables.entries.items()]
    named += [(("keys", key, "skill"), action.skill) for key, action in tables.keys.items() if action.skill]
    for path, skill in named:
        if skill not in tables.skills:
            problems.add(*merged.place(path), ".".join(path), unknown_skill(skill, tables.skills))
    if "default" not in tables.entries:
        problems.add(*merged.place(("entries",)), "entries.default", "is missing; it receives every number not named")


def unknown_skill(skill: str, skills: Mapping[str, str]) -> str:
    return f"names the skill {skill}, which is not in [skills]: {', '.join(sorted(skills))}"


def _add(detail: ErrorDetails, merged: Merged, problems: Problems) -> None:
    path = tuple(str(part) for part in detail["loc"] if part != "[key]")
    problems.add(*merged.place(path), ".".join(path), _reason(detail, path))


def _reason(detail: ErrorDetails, path: tuple[str, ...]) -> str:
    """pydantic's complaint in words for people; a value is named only where it cannot be personal."""
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    shown = f", not {value}" if isinstance(value, int | float) and not isinstance(value, bool) else ""
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"is not a known key; known here are {', '.join(_known(path[:-1]))}"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}{shown}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}{shown}"
        case "finite_number":
            return "must be a number"
        case "literal_error":
            return f"must be {context['expected'].replace(chr(39), '')}"
        case "string_pattern_mismatch":
            place = ".".join(path[:2])
            return _PATTERNS.get(place) or _PATTERNS.get(path[0]) or "is not written as it must be"
        case "string_too_short":
            return "is empty"
        case "string_too_long":
            return f"is longer than {context['max_length']} characters"
        case "date_type":
            return "must be a date, as in 2022-06-08 (without quotes)"
        case "tuple_type":
            return "must be a list in [ ]"
        case "dict_type" | "model_type":
            return f"must be a table: write [{'.'.join(path)}]"
    return f"must be {_WHAT[kind.removesuffix('_type')]}" if kind.removesuffix("_type") in _WHAT else detail["msg"]


def _known(path: tuple[str, ...]) -> list[str]:
    """The keys of the table at a path."""
    model: Any = CityTables
    for part in path:
        field = model.model_fields.get(part) if isinstance(model, type) and issubclass(model, Table) else None
        model = field.annotation if field is not None else _entry_of(model)
    return sorted(model.model_fields) if isinstance(model, type) and issubclass(model, Table) else []


def _entry_of(annotation: Any) -> Any:
    """What a table of tables (entries, keys) holds."""
    arguments: tuple[Any, ...] = getattr(annotation, "__args__", ())
    return arguments[-1] if arguments else None
