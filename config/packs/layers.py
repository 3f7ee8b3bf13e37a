"""Lays a city's ``city.toml`` over the default's: what a city does not say, it inherits; each value keeps its origin.

A value is written plainly (``patience_s = 900``) or with its source (``patience_s = { value = 900, source = "§14" }``).
Checks nothing but that shape; the model does the rest.
"""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.packs.problems import Problems
from config.packs.toml_lines import KeyPath, key_lines

DEFAULT = "default"

# In these sections each entry is one value: a city replaces it whole or not at all.
_WHOLE = ("keys", "deadlines", "urgent")
# These tables are one value each.
_ONE_VALUE = (("emergency", "keys"),)


@dataclass(slots=True)
class Layer:
    """One ``city.toml`` as written."""

    file: Path
    label: str  # what its values name as their source: ``default``, or the city's short name
    values: dict[str, Any]
    lines: dict[KeyPath, int]


@dataclass(slots=True)
class Merged:
    """The effective tables, and for every value its source and the place where it is written."""

    file: Path  # the last layer's: where whatever is missing should be written
    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[KeyPath, str] = field(default_factory=dict)
    places: dict[KeyPath, tuple[Path, int]] = field(default_factory=dict)

    def place(self, path: KeyPath) -> tuple[Path, int | None]:
        """File and line of a value, or of the nearest table around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return self.file, None

    def table(self, name: str) -> dict[str, Any]:
        """A table of the first level; an empty one where there is none, or something else."""
        table = self.values.get(name)
        return table if isinstance(table, dict) else {}


def read_layer(file: Path, label: str | None, problems: Problems) -> Layer:
    """Read one ``city.toml``; without a ``label`` its own ``city.short`` names its values."""
    values: dict[str, Any] = {}
    lines: dict[KeyPath, int] = {}
    try:
        text = file.read_text("utf-8-sig")
        values = tomllib.loads(text)
        lines = key_lines(text)
    except FileNotFoundError:
        problems.add(file, None, None, "does not exist; every city has one")
    except UnicodeDecodeError:
        problems.add(file, None, None, "is not UTF-8; save it in the encoding UTF-8")
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at line (\d+), column \d+\)", str(error))
        reason = str(error).replace(found[0], "") if found else str(error)
        problems.add(file, int(found[1]) if found else None, None, f"is not valid TOML: {reason}")
    except OSError as error:
        problems.add(file, None, None, f"cannot be read: {error.strerror}")
    city = values.get("city")
    short = city.get("short") if isinstance(city, dict) else None
    return Layer(file, label or (short if isinstance(short, str) and short else file.parent.name), values, lines)


def merge(layers: list[Layer], problems: Problems) -> Merged:
    """Lay later layers over earlier ones."""
    merged = Merged(layers[-1].file)
    for layer in layers:
        _overlay(merged, layer, merged.values, layer.values, (), problems)
    return merged


def _overlay(
    merged: Merged, layer: Layer, target: dict[str, Any], values: dict[str, Any], path: KeyPath, problems: Problems
) -> None:
    for key, value in values.items():
        here = (*path, key)
        dotted, line = ".".join(here), layer.lines.get(here)
        whole = here in _ONE_VALUE or (len(here) == 2 and here[0] in _WHOLE)
        if isinstance(value, dict) and "value" not in value and not whole:
            if not isinstance(target.get(key, {}), dict):
                problems.add(layer.file, line, dotted, "is a single value, not a table")
                continue
            _mark(merged, layer, here)
            _overlay(merged, layer, target.setdefault(key, {}), value, here, problems)
        elif isinstance(target.get(key), dict) and not whole:
            problems.add(layer.file, line, dotted, f"must be a table: write [{dotted}]")
        else:
            _forget(merged, here)
            target[key], source = _unwrap(layer, value, here, problems)
            merged.sources[here] = source
            _mark(merged, layer, here, below=whole)


def _unwrap(layer: Layer, value: Any, path: KeyPath, problems: Problems) -> tuple[Any, str]:
    """A value without its source, and the source in words."""
    if not isinstance(value, dict):
        return value, layer.label
    rest = dict(value)
    dotted, line = ".".join(path), layer.lines.get(path)
    article = rest.pop("source", None)
    if article is not None and (not isinstance(article, str) or not article.strip()):
        problems.add(layer.file, line, f"{dotted}.source", "must be an article, as in “§14”")
        article = None
    if "value" in rest:
        if unknown := sorted(rest.keys() - {"value"}):
            problems.add(layer.file, line, f"{dotted}.{unknown[0]}", "is neither value nor source")
        rest = rest["value"]
    return rest, f"{layer.label} {article.strip()}" if article else layer.label


def _mark(merged: Merged, layer: Layer, path: KeyPath, *, below: bool = False) -> None:
    """Note where a path stands in this layer, and with ``below`` everything under it."""
    for written, line in layer.lines.items():
        if written == path or (below and written[: len(path)] == path):
            merged.places[written] = (layer.file, line)


def _forget(merged: Merged, path: KeyPath) -> None:
    for known in [known for known in merged.places if known[: len(path)] == path]:
        del merged.places[known]
