"""What the doctor says of a healthy machine, and of one where something is missing."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from hotline import doctor
from hotline.doctor import Finding, State
from hotline.runtime import paths


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A settings file of the test's own, and nothing from the environment."""
    for name in ("HOTLINE_ASTERISK", "HOTLINE_ESPEAK", "REDIS_URL", "HOTLINE_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "hotline.toml"
    file.write_text(f'state = "{tmp_path / "state"}"\n')
    monkeypatch.setenv("HOTLINE_SETTINGS", str(file))
    return file


@pytest.fixture
def empty_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    (requirements / "run.txt").touch()
    (requirements / "dev.txt").touch()
    monkeypatch.setattr(paths, "checkout", lambda: tmp_path)
    return tmp_path


def found(name: str) -> Finding:
    return next(finding for finding in doctor.diagnose() if finding.name == name)


@pytest.mark.switch
@pytest.mark.parametrize("name", ["python", "asterisk", "rtp_restart", "modules", "redis", "voice", "postgresql"])
def test_on_this_machine_all_that_a_test_needs_is_found(name: str) -> None:
    finding = found(name)
    assert (finding.state, finding.mend) == (State.OK, "")


def test_each_finding_is_one_sentence_and_names_are_unique() -> None:
    findings = doctor.diagnose()
    assert len({finding.name for finding in findings}) == len(findings) == 13
    for finding in findings:
        assert finding.sentence.endswith(".")
        assert "\n" not in finding.sentence + finding.mend
        assert (finding.state is State.OK) == (finding.mend == "")


@pytest.mark.parametrize("name", ["asterisk", "rtp_restart", "modules", "redis", "voice"])
def test_given_no_runtime_then_what_a_call_needs_is_missing_with_its_mend(name: str, empty_checkout: Path) -> None:
    finding = found(name)
    assert finding.state is State.MISSING
    assert finding.mend == "run `make runtime`"


def test_given_no_runtime_then_what_only_measurements_need_is_a_warning(empty_checkout: Path) -> None:
    assert found("sipp") == Finding(
        "sipp", State.WARNING, "sipp is not in the runtime.", "run `make runtime ARGS=--bench`"
    )


def test_given_no_virtual_environment_then_it_is_told(empty_checkout: Path) -> None:
    assert found("packages").state is State.WARNING


def test_given_an_asterisk_too_old_then_it_is_missing_with_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "asterisk"
    old.write_text("#!/bin/sh\necho Asterisk 20.6.0~dfsg\n")
    old.chmod(0o755)
    monkeypatch.setenv("HOTLINE_ASTERISK", str(old))
    finding = found("asterisk")
    assert finding.state is State.MISSING
    assert "20.6.0~dfsg" in finding.sentence
    assert "22.7" in finding.sentence
    assert "HOTLINE_ASTERISK" in finding.mend
    assert found("rtp_restart").state is State.WARNING


def test_given_a_voice_that_stays_silent_then_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = tmp_path / "espeak-ng"
    silent.write_text("#!/bin/sh\nexit 0\n")
    silent.chmod(0o755)
    monkeypatch.setenv("HOTLINE_ESPEAK", str(silent))
    assert found("voice").state is State.MISSING


def test_given_a_redis_that_does_not_answer_then_it_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: refused at once
        monkeypatch.setenv("REDIS_URL", f"redis://:secret@127.0.0.1:{closed.getsockname()[1]}/0")
        finding = found("redis")
    assert finding.state is State.MISSING
    assert "REDIS_URL" in finding.mend
    assert "secret" not in finding.sentence + finding.mend


def test_given_a_port_in_use_then_it_is_named_with_its_setting(settings: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        settings.write_text(f"[sip]\nport = {port}\n")
        finding = found("ports")
    assert finding.state is State.WARNING
    assert f"{port} (sip.port)" in finding.sentence


def test_given_a_settings_file_that_cannot_be_used_then_the_file_is_named(settings: Path) -> None:
    settings.write_text("[sip]\nport = 'five'\n")
    finding = found("ports")
    assert finding.state is State.MISSING
    assert "sip.port" in finding.sentence + finding.mend


def test_json_holds_every_finding_and_the_status_tells_whether_something_is_missing(
    empty_checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.main(as_json=True) == 1
    findings = json.loads(capsys.readouterr().out)
    assert {"name": "sipp", "state": "warning"}.items() <= next(f for f in findings if f["name"] == "sipp").items()
    assert len(findings) == 13


def test_warnings_alone_are_no_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def warned() -> Finding:
        return Finding("disk", State.WARNING, "The disk is nearly full.", "free some space")

    checks: dict[str, Callable[[], Finding]] = {"disk": warned}
    monkeypatch.setattr(doctor, "_CHECKS", checks)
    assert doctor.main() == 0
    assert "free some space" in capsys.readouterr().out
