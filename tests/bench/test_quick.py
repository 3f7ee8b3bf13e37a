"""The bench as a whole, in its quick form: real Asterisk, real SIPp, both systems, and a worker killed meanwhile."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hotline.runtime import paths

pytestmark = [
    pytest.mark.switch,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not (paths.layout().bin / "sipp").exists(), reason="needs SIPp: make runtime ARGS=--bench brings it"
    ),
]


def test_a_quick_run_measures_both_systems_and_no_call_fails(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    command = [sys.executable, "-m", "bench", "--quick", "--only", "live,steady", "--out", str(out)]
    ran = subprocess.run(command, cwd=paths.checkout(), capture_output=True, text=True, check=False, timeout=220)
    assert ran.returncode == 0, ran.stderr
    measures = json.loads(out.read_text("utf-8"))["measures"]
    assert measures["failed_calls"]["value"] == measures["failed_calls"]["baseline"] == 0, measures["failed_calls"]
    assert measures["recovery_lost_calls"]["value"] == 0
    for name in ("pickup_p99_ms", "first_prompt_p99_ms", "cpu_s_per_call"):
        assert measures[name]["value"] > 0
        assert measures[name]["baseline"] > 0
    assert "goal" in measures["first_prompt_p99_ratio"]
    assert not list((paths.layout().root / "bench").glob("**/asterisk.ctl")), "something is left running"
