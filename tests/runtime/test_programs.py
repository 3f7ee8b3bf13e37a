"""The unpacked programs run, as themselves, from wherever the checkout stands; settings win over them."""

import os
import shutil
import subprocess
import wave
from pathlib import Path

import pytest

from hotline.runtime import debian, paths, versions
from hotline.runtime.errors import RuntimeMissing, SetupError
from hotline.runtime.manifest import Manifest

pytestmark = pytest.mark.switch

SETTINGS = ("HOTLINE_ASTERISK", "HOTLINE_ASTERISK_MODULES", "HOTLINE_ASTERISK_DATA", "HOTLINE_ESPEAK", "REDIS_URL")


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def empty_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_settings: None) -> Path:
    monkeypatch.setattr(paths, "checkout", lambda: tmp_path)
    return tmp_path


def output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


def test_the_asterisk_in_use_runs_and_is_new_enough() -> None:
    assert versions.asterisk(paths.asterisk()).startswith("22.")


def test_asterisks_modules_and_data_are_where_its_configuration_will_point() -> None:
    assert (paths.asterisk_module_dir() / "res_ari.so").is_file()
    assert (paths.asterisk_data_dir() / "rest-api").is_dir()


def test_redis_runs_with_its_client() -> None:
    assert "Redis server v=" in output([*paths.redis_server(), "--version"])
    assert "redis-cli" in output([*paths.redis_cli(), "--version"])


def test_espeak_says_a_mandarin_sentence_of_a_plausible_length(tmp_path: Path) -> None:
    spoken = tmp_path / "ni3hao3.wav"
    subprocess.run([*paths.espeak(), "-v", "cmn-latn-pinyin", "-w", spoken, "ni3 hao3"], check=True, timeout=60)
    with wave.open(str(spoken)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
        samples = sound.readframes(sound.getnframes())
    assert 0.3 < seconds < 3
    assert len(set(samples)) > 50


def test_a_wrapper_becomes_the_program_so_that_its_pid_is_the_programs_own(tmp_path: Path, no_settings: None) -> None:
    options = ["--port", "0", "--unixsocket", f"{tmp_path}/s", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen([*paths.redis_server(), *options], stdout=subprocess.PIPE, text=True) as redis:
        try:
            assert redis.stdout is not None
            assert any("Server initialized" in line for line in redis.stdout)
            assert Path(f"/proc/{redis.pid}/exe").resolve().is_relative_to(paths.layout().trees)
            assert b"redis-server" in Path(f"/proc/{redis.pid}/cmdline").read_bytes()
        finally:
            redis.terminate()


def test_wrappers_find_their_tree_after_the_checkout_has_moved(tmp_path: Path, no_settings: None) -> None:
    moved = tmp_path / "热线 moved"
    (moved / "debian").mkdir(parents=True)
    shutil.copytree(paths.layout().bin, moved / "bin")
    (moved / "debian/current").symlink_to(paths.layout().tree("current").resolve())
    assert output([str(moved / "bin/espeak-ng"), "--voices=cmn"]).count("cmn-latn-pinyin") == 1


def test_the_manifest_records_every_package_with_its_hash_and_the_versions_told(no_settings: None) -> None:
    manifest = Manifest.read(paths.layout().tree("current"))
    assert manifest is not None
    recorded = {package.name: package for package in manifest.packages}
    assert {"asterisk", "asterisk-modules", "espeak-ng", "libc6"} <= set(recorded)
    assert all(len(package.sha256) == 64 and package.size > 0 for package in manifest.packages)
    assert manifest.versions["asterisk"] in recorded["asterisk"].version


def test_nothing_unpacked_runs_with_anothers_privileges() -> None:
    for folder, _, files in os.walk(paths.layout().tree("current").resolve()):
        for name in files:
            assert not Path(folder, name).lstat().st_mode & 0o6000, name


def test_when_all_is_built_then_nothing_is_done(no_settings: None) -> None:
    recipe = debian.switch_recipe({})
    assert recipe is not None
    before = sorted(path.name for path in paths.layout().trees.iterdir())
    # a mirror that does not exist: asking it would fail
    debian.ensure(paths.layout(), recipe, {"HOTLINE_DEBIAN_MIRROR": "http://127.0.0.1:9/debian"})
    assert sorted(path.name for path in paths.layout().trees.iterdir()) == before


@pytest.mark.parametrize(
    "place",
    [
        paths.asterisk, paths.asterisk_binary, paths.asterisk_module_dir, paths.asterisk_data_dir, paths.redis_server,
        paths.redis_cli, paths.espeak, paths.sipp,
    ],
)  # fmt: skip
def test_what_is_missing_is_told_with_the_command_that_brings_it(place: object, empty_checkout: Path) -> None:
    assert callable(place)
    with pytest.raises(RuntimeMissing, match=r"run `make runtime[^`]*`\.$"):
        place()


def test_given_settings_then_the_named_programs_win(empty_checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = empty_checkout / "opt"
    for folder in ("sbin", "lib/some-triplet/asterisk/modules", "share/asterisk/rest-api"):
        (installed / folder).mkdir(parents=True)
    (installed / "lib/some-triplet/asterisk/modules/app_stasis.so").touch()
    (installed / "sbin/asterisk").write_text("#!/bin/sh\n")
    (installed / "sbin/asterisk").chmod(0o755)
    monkeypatch.setenv("HOTLINE_ASTERISK", str(installed / "sbin/asterisk"))
    monkeypatch.setenv("HOTLINE_ESPEAK", "true")
    assert paths.asterisk() == [str(installed / "sbin/asterisk")]
    assert paths.asterisk_module_dir() == installed / "lib/some-triplet/asterisk/modules"
    assert paths.asterisk_data_dir() == installed / "share/asterisk"
    assert paths.espeak() == [shutil.which("true")]


def test_given_a_setting_that_names_no_program_then_it_is_refused_by_name(
    empty_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLINE_ASTERISK", str(empty_checkout / "nothing"))
    with pytest.raises(SetupError, match=r"HOTLINE_ASTERISK is .* no program that can be started"):
        paths.asterisk()


def test_given_an_asterisk_without_modules_beside_it_then_the_setting_to_make_is_named(
    empty_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = empty_checkout / "bin/asterisk"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("HOTLINE_ASTERISK", str(program))
    with pytest.raises(RuntimeMissing, match="set HOTLINE_ASTERISK_MODULES to the folder"):
        paths.asterisk_module_dir()
