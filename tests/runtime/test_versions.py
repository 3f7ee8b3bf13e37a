"""Which Asterisk is new enough, told from the versions Asterisk prints."""

import sys

import pytest

from hotline.runtime.errors import SetupError
from hotline.runtime.versions import asterisk_release, check_asterisk, told_by


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("22.10.1+dfsg+~cs6.17.60671434-1", (22, 10)),
        ("22.7.0", (22, 7)),
        ("22.8.0-rc1", (22, 8)),
        ("certified-22.8-cert1", (22, 8)),
    ],
)
def test_versions_from_22_7_on_are_taken(version: str, release: tuple[int, int]) -> None:
    assert asterisk_release(version) == release
    check_asterisk(version)


@pytest.mark.parametrize("version", ["22.6.9", "22.0.0", "20.15.0", "23.1.0", "18.10.0~dfsg+~cs6.10.40431411-2"])
def test_older_and_other_series_are_refused_with_what_is_needed(version: str) -> None:
    with pytest.raises(SetupError, match=r"Asterisk is .* where the 22 series from 22\.7 on is needed"):
        check_asterisk(version)


def test_a_version_that_is_none_is_refused() -> None:
    with pytest.raises(SetupError, match="unknown version"):
        check_asterisk("GIT-master-1234")


def test_a_program_that_tells_no_version_is_named_with_what_it_said() -> None:
    broken = [sys.executable, "-c", "raise SystemExit('no such library')"]
    with pytest.raises(SetupError, match=r"The switch does not run \(no such library\): do this\."):
        told_by(broken, r"Asterisk (\S+)", "The switch", "do this")


def test_a_program_that_cannot_be_started_is_named() -> None:
    with pytest.raises(SetupError, match="The switch cannot be started"):
        told_by(["/nonexistent/asterisk", "-V"], r"Asterisk (\S+)", "The switch")
