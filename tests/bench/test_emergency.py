"""What the bench makes of citizens in danger and of conferences: the load, the figures, and all of it for real."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench.block import Load
from bench.emergency import Emergency, Handoff, background_rate
from bench.figures import of_emergency
from bench.merge import Merge, Merges
from hotline.runtime import paths

MS = 1_000_000
LOAD = Load(rate=4.7, calls=100, stay_s=20.0)


def put_through(ring_ms: int) -> Handoff:
    return Handoff(keyed=1, rung=1 + ring_ms * MS, talked=1 + (ring_ms + 300) * MS, rings=1)


def seen(*rings_ms: int, storm: list[Handoff] | None = None, merges: Merges | None = None) -> Emergency:
    handoffs = [put_through(ms) for ms in rings_ms]
    return Emergency(LOAD, handoffs, storm or [put_through(5)], merges or Merges([], []), Counter())


# ---------------------------------------------------------------- the load


def test_the_load_is_half_of_this_runs_highest_rate(tmp_path: Path) -> None:
    kept = tmp_path / "latest.json"
    kept.write_text(json.dumps({"measures": {"call_rate": {"value": 6.0}}}))
    assert background_rate(9.4, kept) == 4.7


def test_without_that_it_is_half_of_the_kept_one(tmp_path: Path) -> None:
    kept = tmp_path / "latest.json"
    kept.write_text(json.dumps({"measures": {"call_rate": {"value": 6.0}}}))
    assert background_rate(None, kept) == 3.0


@pytest.mark.parametrize("text", [None, '{"measures": {}}', '{"measures": {"call_rate": {"value": 0.0}}}'])
def test_without_any_rate_it_is_a_low_one(tmp_path: Path, text: str | None) -> None:
    kept = tmp_path / "latest.json"
    if text is not None:
        kept.write_text(text)
    assert background_rate(None, kept) == 2.0


@pytest.mark.parametrize(("rate", "load"), [(0.5, 1.0), (400.0, 8.0)])
def test_the_load_stays_within_bounds(tmp_path: Path, rate: float, load: float) -> None:
    assert background_rate(rate, tmp_path / "none") == load


# ---------------------------------------------------------------- figures


def test_ringing_is_compared_by_the_99th_percentiles() -> None:
    figures = of_emergency({"hotline": seen(*[10] * 50, 30), "dialplan": seen(*[1] * 50, 20)})
    assert figures["emergency_ring_p50_ms"].value == 10
    assert (figures["emergency_ring_p99_ms"].value, figures["emergency_ring_p99_ms"].baseline) == (30, 20)
    assert figures["emergency_ring_ratio"].value == 1.5
    assert figures["emergency_ring_p99_ms"].met
    assert figures["emergency_failed"].value == 0


def test_a_citizen_who_never_spoke_with_an_operator_is_lost() -> None:
    rung = Handoff(keyed=1, rung=2 * MS, rings=1, trouble="the citizen did not hear the operator")
    storm = [put_through(5), Handoff(trouble="not answered"), rung, put_through(80)]
    figures = of_emergency({"hotline": seen(5, storm=storm), "dialplan": seen(5)})
    assert figures["emergency_lost"].value == 2
    assert figures["emergency_lost"].met is False
    assert "1 not answered" in figures["emergency_lost"].detail
    assert figures["emergency_storm_slowest_ms"].value == 80


def test_when_nobody_was_rung_the_failures_are_told_and_no_time() -> None:
    nobody = Emergency(LOAD, [Handoff(keyed=1, trouble="no operator rung")], [Handoff(trouble="not answered")])
    figures = of_emergency({"hotline": nobody, "dialplan": seen(5)})
    assert "emergency_ring_p99_ms" not in figures
    assert figures["emergency_failed"].value == 1
    assert figures["emergency_lost"].value == 1


def test_two_way_audio_counts_from_the_request_to_the_later_ear() -> None:
    merges = Merges([Merge(0, 10 * MS, 35 * MS, 20 * MS), Merge(0, 10 * MS, 30 * MS, 250 * MS)], ["TimeoutError"])
    figures = of_emergency({"hotline": seen(5, merges=merges), "dialplan": seen(5)})
    assert (figures["merge_audio_p50_ms"].value, figures["merge_audio_p99_ms"].value) == (35, 250)
    assert figures["merge_audio_p99_ms"].met is False
    assert figures["merge_failed"].value == 1


# ---------------------------------------------------------------- for real


@pytest.mark.switch
@pytest.mark.timeout(240)
@pytest.mark.skipif(
    not (paths.layout().bin / "sipp").exists(), reason="needs SIPp: make runtime ARGS=--bench brings it"
)
def test_a_quick_run_puts_every_citizen_through_on_both_systems_and_merges(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    command = [sys.executable, "-m", "bench", "--quick", "--only", "emergency", "--out", str(out)]
    ran = subprocess.run(command, cwd=paths.checkout(), capture_output=True, text=True, check=False, timeout=220)
    assert ran.returncode == 0, ran.stderr
    measures = json.loads(out.read_text("utf-8"))["measures"]
    for name in ("emergency_failed", "emergency_lost"):
        assert measures[name]["value"] == measures[name]["baseline"] == 0, measures[name]
    assert measures["merge_failed"]["value"] == 0, measures["merge_failed"]
    assert 0 < measures["emergency_ring_p50_ms"]["value"] <= measures["emergency_ring_p99_ms"]["value"]
    assert measures["emergency_ring_p99_ms"]["baseline"] > 0
    assert measures["merge_audio_p99_ms"]["value"] > 0
