"""Holds the effective tables against the model and says in plain words, with file and line, what does not fit.

What one value alone cannot tell is `checks`' business, the texts of prompts excepted.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.packs.checks import check_agreement
from config.packs.layers import Merged
from config.packs.model import CityTables
from config.packs.problems import Problems
from config.packs.texts import PROMPTS, Template, check_values, parse
from config.packs.values import Table

_PATTERNS: Mapping[str, str] = {
    "city.area_code": "must be an area code of three or four digits with its 0, as in “0795”",
    "entry.numbers": "must be a number of 3 to 11 digits, as in “12345”",
    "emergency.keys": "must be one key of a telephone and a number of 3 to 11 digits, as in 2 = “119”",
    "emergency": "must be a number of 3 to 11 digits, as in “110”",
    "clock.working_hours": "must be a time as in “08:30-12:00”",
    "revisit.quiet": "must be a time as in “20:00-09:00”",
    "leader_day.hours": "must be a day and a time as in “周一 09:00-11:00”",
    "not_accepted.reasons": "must be a name of small letters and _, as in “other_organs”",
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
    check_agreement(tables, merged, problems)
    return tables


def check_prompts(merged: Merged, problems: Problems) -> dict[str, Template]:
    """Every prompt's text, taken apart. A prompt must be one a call can ask for, or the entry's own greeting."""
    greeting = merged.table("entry").get("greeting")
    contract = dict(PROMPTS)
    if isinstance(greeting, str):
        contract.setdefault(greeting, {})
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
            place = merged.place(("entry", "greeting"))
            problems.add(*place, "entry.greeting", f"names the prompt {key}, which has no text")
    return templates


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
        case "value_error":
            return str(context["error"])
        case "too_short":
            return "is empty"
        case "too_long":
            return f"has more than {context['max_length']} entries"
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
    """What a table of tables (keys), or a list of them, holds."""
    arguments: tuple[Any, ...] = getattr(annotation, "__args__", ())
    return next((each for each in arguments if isinstance(each, type) and issubclass(each, Table)), None)
