"""What workers tell of themselves, and when it counts."""

import time
from pathlib import Path

from hotline.readiness import VALID_S, Readiness, wells


def test_a_worker_is_well_when_its_last_canary_came_back(tmp_path: Path) -> None:
    Readiness(tmp_path, "w1").tell(True, 2.5)
    assert wells(tmp_path) == {"w1": ""}


def test_a_worker_whose_canary_did_not_return_is_named(tmp_path: Path) -> None:
    Readiness(tmp_path, "w1").tell(True, 2.5)
    Readiness(tmp_path, "w2").tell(False, 2000)
    assert wells(tmp_path) == {"w1": "", "w2": "its canary call did not return"}


def test_a_worker_that_has_been_silent_for_too_long_is_not_well(tmp_path: Path) -> None:
    Readiness(tmp_path, "w1").tell(True, 2.5)
    assert wells(tmp_path, now=time.time() + VALID_S + 5) == {"w1": "silent for 20 s"}


def test_nobody_has_told_anything_at_first(tmp_path: Path) -> None:
    assert wells(tmp_path) == {}


def test_a_report_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    Readiness(tmp_path, "w1")
    (tmp_path / "run" / "workers" / "w1.json").write_text("{", "ascii")
    assert wells(tmp_path) == {"w1": "its report cannot be read"}
