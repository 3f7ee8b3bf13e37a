"""What a measure is, the names and goals that the results are compared by, and the file they are kept in.

Nothing is measured here.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

AT_MOST, AT_LEAST = "at most", "at least"

GOALS: Mapping[str, tuple[str, float, str]] = {
    "pickup_p99_ratio": (AT_MOST, 2.0, "× dialplan"),
    "first_prompt_p99_ratio": (AT_MOST, 2.0, "× dialplan"),
    "call_rate_ratio": (AT_LEAST, 0.8, "× dialplan"),
    "journal_events_per_s": (AT_LEAST, 5_000.0, "events/s"),
    "flow_events_per_s": (AT_LEAST, 100_000.0, "events/s"),
    "recovery_p99_s": (AT_MOST, 2.0, "s"),
    "route_ns_1e6": (AT_MOST, 2_000.0, "ns"),
    "emergency_ring_p99_ms": (AT_MOST, 100.0, "ms"),
    "emergency_ring_ratio": (AT_MOST, 2.0, "× dialplan"),
    "merge_audio_p99_ms": (AT_MOST, 200.0, "ms"),
    "emergency_lost": (AT_MOST, 0.0, "calls"),
}
"""Measures that have a goal: which side of it is good, the goal, the unit."""


@dataclass(frozen=True)
class Measure:
    """One figure. ``baseline`` is the same of the baseline, in the same unit, where there is one; ``met`` is None
    where there is no goal. ``limited_by`` says in a sentence why it is not better."""

    value: float
    unit: str
    goal: float | None = None
    met: bool | None = None
    baseline: float | None = None
    detail: str = ""
    limited_by: str = ""


def measure(
    name: str,
    value: float,
    unit: str = "",
    *,
    baseline: float | None = None,
    detail: str = "",
    limited_by: str = "",
) -> Measure:
    """A figure compared with the goal of its name; ``unit`` is for names without one."""
    if name not in GOALS:
        return Measure(value, unit, baseline=baseline, detail=detail, limited_by=limited_by)
    side, goal, goals_unit = GOALS[name]
    met = value <= goal if side == AT_MOST else value >= goal
    return Measure(value, goals_unit, goal, met, baseline, detail, limited_by)


def results(machine: Mapping[str, object], commit: str, measures: Mapping[str, Measure]) -> dict[str, object]:
    """What is kept of a run."""
    return {
        "machine": dict(machine),
        "commit": commit,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "measures": {name: asdict(figure) for name, figure in measures.items()},
    }


def merged(before: Mapping[str, object], now: Mapping[str, object], parts: str) -> dict[str, object]:
    """The results of an earlier run with those of a partial one in them; ``runs`` says which figures are whose."""
    new = _mapping(now, "measures")
    run = {"commit": now["commit"], "date": now["date"], "measures": sorted(new)}
    return {
        **before,
        "runs": {**_mapping(before, "runs"), parts: run},
        "measures": {**_mapping(before, "measures"), **new},
    }


def _mapping(results: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = results.get(key, {})
    return found if isinstance(found, Mapping) else {}


def write(path: Path, kept: Mapping[str, object]) -> None:
    """Replace the file at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(_rounded(kept), ensure_ascii=False, indent=2) + "\n", "utf-8")
    new.replace(path)


def unmet(measures: Mapping[str, Measure]) -> Iterable[str]:
    """Names whose goal is missed."""
    return [name for name, figure in measures.items() if figure.met is False]


def _rounded(value: object) -> object:
    """Four significant digits: more would only be noise."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
