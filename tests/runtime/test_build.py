"""Building a tree from package files: what is refused, what an interruption leaves, who waits for whom."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hotline.runtime import apt, bootstrap, debian, paths
from hotline.runtime.apt import PrivateApt
from hotline.runtime.errors import SetupError
from hotline.runtime.manifest import Recipe
from hotline.runtime.paths import Layout
from hotline.runtime.sources import Archive

RECIPE = Recipe("current", ("greeter",), "sid", "amd64")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "checkout/.runtime")


def package(folder: Path, name: str = "greeter") -> Path:
    """A Debian package with one file, which asks to be run as its owner."""
    root = folder / f"{name}.root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1:2.0\nArchitecture: all\nMaintainer: Nobody <no@localhost>\nDescription: test\n"
    )
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/greeter").write_text("#!/bin/sh\necho hello\n")
    (root / "usr/bin/greeter").chmod(0o4755)
    file = folder / f"{name}_1%3a2.0_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root, file], check=True, capture_output=True)
    return file


def test_given_an_archive_without_a_signature_then_nothing_is_taken_from_it(tmp_path: Path) -> None:
    mirror, key = tmp_path / "mirror", tmp_path / "key.gpg"
    key.write_bytes(b"not a key")
    index = mirror / "dists/sid/main/binary-amd64"
    index.mkdir(parents=True)
    deb = package(mirror)
    (index / "Packages").write_text(
        f"Package: greeter\nVersion: 1:2.0\nArchitecture: all\nFilename: {deb.name}\nSize: {deb.stat().st_size}\n"
    )
    (mirror / "dists/sid/Release").write_text("Suite: sid\nComponents: main\nArchitectures: amd64\n")
    private = PrivateApt(tmp_path / "apt", "amd64")
    private.use(Archive(mirror.as_uri(), "sid", key))
    with pytest.raises(SetupError, match=r"The Debian package index cannot be fetched \(.* is not signed\)"):
        private.update()
    with pytest.raises(SetupError, match="greeter cannot be had"):
        private.plan(["greeter"], dependencies=True)


def test_given_no_key_then_the_archive_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="install the package debian-archive-keyring"):
        PrivateApt(tmp_path / "apt", "amd64").use(Archive("http://127.0.0.1:9/debian", "sid"))


def test_apt_is_told_nothing_of_the_machine_but_its_way_to_the_network(tmp_path: Path) -> None:
    (tmp_path / "key.gpg").write_bytes(b"key")
    home = tmp_path / "apt"
    PrivateApt(home, "amd64").use(Archive("http://127.0.0.1:9/debian", "sid", tmp_path / "key.gpg"))
    dump = subprocess.run(
        ["apt-config", "dump"], env={"APT_CONFIG": str(home / "apt.conf"), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Post-Invoke" not in dump
    folders = [line for line in dump.splitlines() if line.startswith(("Dir::State", "Dir::Cache", "Dir::Etc::trusted"))]
    assert f'Dir::State::lists "{home}/state/lists";' in folders
    assert not [line for line in folders if '"/etc' in line or '"/var' in line]
    assert home.stat().st_mode & 0o077 == 0, "others could read a mirror's password"


def test_what_apt_says_becomes_one_sentence_without_passwords() -> None:
    said = "Err:1 x\nE: Failed to fetch http://user:secret@mirror.example/debian/x.deb  404  Not Found\nE: more\n"
    sentence = apt.explain("It failed", said)
    assert "secret" not in sentence
    assert "mirror.example" in sentence
    assert "\n" not in sentence
    assert sentence.endswith("set HOTLINE_DEBIAN_MIRROR to another mirror.")


def test_unpacked_files_lose_the_bit_that_would_run_them_as_their_owner(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    debian._extract([package(tmp_path)], tree)
    assert (tree / "usr/bin/greeter").stat().st_mode & 0o7777 == 0o755


def test_given_a_damaged_package_then_the_tree_in_use_stays_and_nothing_else_is_left(
    tmp_path: Path, layout: Layout
) -> None:
    in_use = layout.trees / "old"
    in_use.mkdir(parents=True)
    debian._point(layout.tree("current"), in_use)
    private = PrivateApt(tmp_path / "apt", "amd64")
    private.archives.mkdir(parents=True)
    damaged = apt.Package("broken_1_all.deb", 4, "0" * 64)
    (private.archives / damaged.file).write_bytes(b"junk")
    with pytest.raises(SetupError, match=r"broken_1_all\.deb cannot be unpacked"):
        debian._unpack(layout, RECIPE, private, [damaged])
    assert layout.tree("current").resolve() == in_use.resolve()
    assert sorted(path.name for path in layout.trees.iterdir()) == ["current", "old"]


def test_a_file_of_the_right_size_but_another_content_is_not_taken_for_the_package(tmp_path: Path) -> None:
    private = PrivateApt(tmp_path / "apt", "amd64")
    private.archives.mkdir(parents=True)
    wanted = apt.Package("greeter_1%3a2.0_all.deb", 4, "0" * 64)
    (private.archives / wanted.file).write_bytes(b"junk")
    assert (wanted.name, wanted.version) == ("greeter", "1:2.0")
    assert not private._complete(wanted)


def test_trees_nobody_uses_are_removed_but_not_one_a_program_runs_from(layout: Layout) -> None:
    for name in ("linked", "running", "left", ".building-left"):
        (layout.trees / name).mkdir(parents=True)
    debian._point(layout.tree("current"), layout.trees / "linked")
    program = layout.trees / "running/sleep"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    with subprocess.Popen([program, "60"]) as running:
        debian._remove_unused(layout)
        running.kill()
    assert sorted(path.name for path in layout.trees.iterdir()) == ["current", "linked", "running"]


def test_given_a_build_under_way_then_another_waits_for_it_and_says_so(layout: Layout) -> None:
    waiter = (
        "import sys; from pathlib import Path; from hotline.runtime import debian, paths\n"
        "with debian.locked(paths.Layout(Path(sys.argv[1]))): print('mine')"
    )
    with debian.locked(layout):
        other = subprocess.Popen(
            [sys.executable, "-c", waiter, layout.root],
            cwd=paths.checkout(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert other.stderr is not None
        assert "waiting for it" in other.stderr.readline()
        assert other.poll() is None
    assert other.communicate(timeout=30)[0] == "mine\n"


def test_a_problem_is_told_in_one_line_and_an_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "checkout", lambda: tmp_path)
    assert bootstrap.main(["--uv-only"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "uv.txt is missing" in told


def test_given_an_installed_asterisk_too_old_then_it_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "asterisk"
    old.write_text("#!/bin/sh\necho Asterisk 20.6.0\n")
    old.chmod(0o755)
    monkeypatch.setenv("HOTLINE_ASTERISK", str(old))
    with pytest.raises(SetupError, match=r"Asterisk is 20\.6\.0 .* unset HOTLINE_ASTERISK"):
        bootstrap.check_installed_asterisk(os.environ)


def test_a_checkout_whose_path_holds_a_colon_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "checkout", lambda: tmp_path / "a:b")
    assert bootstrap.main([]) == 1
    assert "holds a colon" in capsys.readouterr().err
