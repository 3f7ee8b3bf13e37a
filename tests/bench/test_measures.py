"""The results have the shape and the names that they are compared by."""

import json
from pathlib import Path

import pytest

from bench.measures import GOALS, measure, results, unmet, write

NAMED_BY_THE_GOALS = {
    "pickup_p99_ratio",
    "first_prompt_p99_ratio",
    "call_rate_ratio",
    "journal_events_per_s",
    "flow_events_per_s",
    "recovery_p99_s",
    "route_ns_1e6",
    "emergency_ring_p99_ms",
    "emergency_ring_ratio",
    "merge_audio_p99_ms",
    "emergency_lost",
}


def test_every_goal_has_its_name() -> None:
    assert set(GOALS) == NAMED_BY_THE_GOALS


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("pickup_p99_ratio", 2.0, True),
        ("pickup_p99_ratio", 2.01, False),
        ("call_rate_ratio", 0.8, True),
        ("call_rate_ratio", 0.79, False),
        ("recovery_p99_s", 1.9, True),
        ("flow_events_per_s", 99_999.0, False),
        ("emergency_lost", 0.0, True),
        ("emergency_lost", 1.0, False),
        ("cpu_s_per_call", 5.0, None),
    ],
)
def test_a_goal_is_met_on_its_good_side_only(name: str, value: float, met: bool | None) -> None:
    assert measure(name, value, "s").met is met


def test_what_is_missed_is_named() -> None:
    figures = {"pickup_p99_ratio": measure("pickup_p99_ratio", 3.0), "recovery_p99_s": measure("recovery_p99_s", 1.0)}
    assert list(unmet(figures)) == ["pickup_p99_ratio"]


def test_results_are_kept_as_json_with_value_unit_goal_met_and_baseline(tmp_path: Path) -> None:
    figures = {"call_rate_ratio": measure("call_rate_ratio", 0.912345, baseline=1.0, limited_by="the processor")}
    path = tmp_path / "results" / "latest.json"
    write(path, results({"cores": 2}, "abc", figures))
    kept = json.loads(path.read_text("utf-8"))
    assert kept.keys() == {"machine", "commit", "date", "measures"}
    figure = kept["measures"]["call_rate_ratio"]
    assert figure["value"] == 0.9123
    assert (figure["goal"], figure["met"], figure["baseline"]) == (0.8, True, 1.0)
    assert figure["unit"]
    assert figure["limited_by"] == "the processor"
