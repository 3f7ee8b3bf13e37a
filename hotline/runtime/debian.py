"""Unpacks Debian packages into `.runtime/debian/<recipe>` and makes their programs startable; no root, no chroot.

A tree is built aside, checked, and put in place by one rename, so that an interrupted build leaves either the old
runtime or the new one. What is already built is not built again until its recipe changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hotline.runtime import mend, progress, versions, wrappers
from hotline.runtime.apt import Package, PrivateApt
from hotline.runtime.errors import SetupError
from hotline.runtime.manifest import Manifest, MendRecord, PackageRecord, Recipe
from hotline.runtime.paths import Layout, redis_is_given
from hotline.runtime.sources import SUITE, Archive, find_archive

ASTERISK = "usr/sbin/asterisk"
_SPACE_NEEDED = 900_000_000  # bytes: downloads, a tree being built and the one it replaces


@dataclass(frozen=True)
class Program:
    """A program to be started from a tree, and how it tells its version."""

    name: str
    path: str
    link: str
    version_option: str
    version_pattern: str
    data: Mapping[str, str]  # variables that name folders beside the libraries


PROGRAMS = (
    Program("asterisk", ASTERISK, "current", "-V", r"Asterisk (\S+)", {}),
    Program("redis-server", "usr/bin/redis-server", "current", "--version", r"Redis server v=(\S+)", {}),
    Program("redis-cli", "usr/bin/redis-cli", "current", "--version", r"redis-cli (\S+)", {}),
    Program(
        "espeak-ng", "usr/bin/espeak-ng", "current", "--version", r"text-to-speech: (\S+)",
        {"ESPEAK_DATA_PATH": "espeak-ng-data"},
    ),
    Program("sipp", "usr/bin/sipp", "bench", "-v", r"SIPp v([\d.]+)", {}),
)  # fmt: skip


def architecture() -> str:
    """Debian's name of this machine's architecture, e.g. `amd64`."""
    try:
        asked = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise SetupError(
            "This machine has no dpkg and apt-get: use Debian or Ubuntu, or set HOTLINE_ASTERISK, HOTLINE_ESPEAK "
            "and REDIS_URL to what is installed."
        ) from None
    return asked.stdout.strip()


def switch_recipe(environment: Mapping[str, str]) -> Recipe | None:
    """What a hotline needs: Asterisk, Redis and a Mandarin voice, without those that settings name; None if all are."""
    packages: list[str] = []
    if not environment.get("HOTLINE_ASTERISK"):
        packages += ["asterisk", "asterisk-modules"]
    if not redis_is_given(environment):
        packages += ["redis-server", "redis-tools"]
    if not environment.get("HOTLINE_ESPEAK"):
        packages += ["espeak-ng"]
    return _recipe("current", packages, environment) if packages else None


def bench_recipe(environment: Mapping[str, str]) -> Recipe:
    """What measurements need besides: the SIPp traffic generator."""
    return _recipe("bench", ["sip-tester"], environment)


def pip_recipe(environment: Mapping[str, str]) -> Recipe:
    """pip, for a machine whose Python comes without it; the wheel alone is used."""
    return replace(_recipe("pip", ["python3-pip-whl"], environment), dependencies=False)


def _recipe(link: str, packages: Sequence[str], environment: Mapping[str, str]) -> Recipe:
    suite = environment.get("HOTLINE_DEBIAN_SUITE", "").strip() or SUITE
    return Recipe(link, tuple(packages), suite, architecture())


def ensure(layout: Layout, recipe: Recipe, environment: Mapping[str, str]) -> Manifest:
    """The manifest of the tree in use for a recipe, after building it if there is none.

    Raises SetupError, in one sentence, when it cannot be built; what was in use before then stays in use.
    """
    built = in_use(layout, recipe)
    if built is not None:
        return built
    with locked(layout):
        return ensure_locked(layout, recipe, environment)


def in_use(layout: Layout, recipe: Recipe) -> Manifest | None:
    """The manifest of the tree in use, if it is what the recipe wants."""
    built = Manifest.read(layout.tree(recipe.link))
    if built is not None and recipe.satisfied_by(built.recipe) and _wrapped(layout, built):
        return built
    return None


def ensure_locked(layout: Layout, recipe: Recipe, environment: Mapping[str, str]) -> Manifest:
    """`ensure` for a caller who holds the lock."""
    built = Manifest.read(layout.tree(recipe.link))  # another run may have built it meanwhile
    if built is None or not recipe.satisfied_by(built.recipe):
        built = _build(layout, recipe, environment)
    _wrap(layout, layout.tree(recipe.link))
    return built


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Only one process builds at a time; the others wait and say so. The lock ends with its process."""
    layout.root.mkdir(parents=True, exist_ok=True)
    with layout.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another run is building the runtime; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(layout: Layout, recipe: Recipe, environment: Mapping[str, str]) -> Manifest:
    finished = layout.trees / recipe.digest
    manifest = Manifest.read(finished)
    if manifest is None:
        _check_space(layout.root)
        apt = PrivateApt(layout.apt, recipe.architecture)
        apt.use(_with_key(layout, find_archive(environment), recipe.architecture, environment))
        apt.update()
        planned = apt.plan(recipe.packages, recipe.dependencies)
        apt.download(recipe.packages, planned, recipe.dependencies)
        manifest = _unpack(layout, recipe, apt, planned)
        shutil.rmtree(layout.apt, ignore_errors=True)  # 250 MB that serve no more
    _point(layout.tree(recipe.link), finished)
    _remove_unused(layout)
    return manifest


def _with_key(layout: Layout, archive: Archive, arch: str, environment: Mapping[str, str]) -> Archive:
    """The archive with Debian's key: the machine's, or from the keyring package the machine's own sources offer."""
    if archive.keyring is not None or archive.inline_key:
        return archive
    name, keyrings = "debian-archive-keyring", layout.keyring / "usr/share/keyrings"
    if not keyrings.is_dir():
        progress.say(f"this machine lacks Debian's archive key; taking it from its own package {name}")
        apt = PrivateApt(layout.apt / "machine", arch)
        apt.use_machine_sources()
        apt.update()
        planned = apt.plan([name], dependencies=False)
        apt.download([name], planned, dependencies=False)
        _extract([apt.archives / planned[0].file], layout.keyring)
    found = find_archive(environment, keyrings=keyrings)
    if found.keyring is None:
        raise SetupError(f"The package {name} holds no keyring: install it on the machine and run the command again.")
    return found


def _unpack(layout: Layout, recipe: Recipe, apt: PrivateApt, planned: Sequence[Package]) -> Manifest:
    """Unpack, mend and check aside; put the finished tree in its place."""
    layout.trees.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=layout.trees, ignore_cleanup_errors=True) as folder:
        tree = Path(folder).resolve() / "tree"
        _extract([apt.archives / package.file for package in planned], tree)
        mended = _mend(tree)
        manifest = Manifest(
            recipe,
            datetime.now(UTC).isoformat(timespec="seconds"),
            tuple(PackageRecord(p.name, p.version, p.file, p.size, p.sha256) for p in planned),
            _versions(tree, recipe.link),
            mended,
        )
        manifest.write(tree)
        finished = layout.trees / recipe.digest
        shutil.rmtree(finished, ignore_errors=True)
        tree.rename(finished)
    return manifest


def _extract(packages: Sequence[Path], tree: Path) -> None:
    def extract(package: Path) -> None:
        done = subprocess.run(["dpkg-deb", "-x", str(package), str(tree)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SetupError(
                f"{package.name} cannot be unpacked ({done.stderr.strip()}): check the disk and run the command again."
            )

    tree.mkdir(parents=True, exist_ok=True)
    unit = "packages" if len(packages) > 1 else "package"
    with ThreadPoolExecutor(os.cpu_count()) as pool, progress.task("unpacking", len(packages), unit) as task:
        try:
            for done, finished in enumerate(as_completed([pool.submit(extract, package) for package in packages]), 1):
                finished.result()
                task.update(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for folder, _, files in os.walk(tree):
        for name in files:
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                path.chmod(mode & 0o777)  # unpacked by root, passwd(1) and its like would be privileged programs


def _mend(tree: Path) -> MendRecord | None:
    program = tree / ASTERISK
    if not program.exists():
        return None
    before = hashlib.sha256(program.read_bytes()).hexdigest()
    done = mend.mend(program)
    if done.state is mend.MendState.UNKNOWN:
        progress.say(done.sentence)
    return MendRecord(done.state, done.sentence, before, hashlib.sha256(program.read_bytes()).hexdigest())


def _programs(tree: Path, link: str) -> Iterator[Program]:
    return (program for program in PROGRAMS if program.link == link and (tree / program.path).exists())


def _versions(tree: Path, link: str) -> dict[str, str]:
    """Start each program of a tree, and refuse what does not run or is too old."""
    told: dict[str, str] = {}
    for program in _programs(tree, link):
        loader = wrappers.Loader(tree, program.path)
        loader.check(program.path)
        command = loader.command(program.path)
        told[program.name] = versions.told_by([*command, program.version_option], program.version_pattern, program.name)
    if "asterisk" in told:
        versions.check_asterisk(told["asterisk"])
    return told


def _wrap(layout: Layout, tree: Path) -> None:
    for program in _programs(tree, tree.name):
        loader = wrappers.Loader(tree, program.path)
        data = {variable: loader.libraries / folder for variable, folder in program.data.items()}
        wrappers.write(layout.bin, program.name, tree.name, program.path, loader, data)


def _wrapped(layout: Layout, built: Manifest) -> bool:
    return all((layout.bin / name).exists() for name in built.versions)


def _point(link: Path, tree: Path) -> None:
    unfinished = link.with_name(f".{link.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(tree.name)
    os.replace(unfinished, link)


def _remove_unused(layout: Layout) -> None:
    """Remove trees no link points at and no running program was started from."""
    used = {link.resolve() for link in layout.trees.iterdir() if link.is_symlink()}
    for process in Path("/proc").glob("[0-9]*/exe"):
        try:
            used |= set(process.resolve().parents)
        except OSError:
            continue  # gone meanwhile, or another user's
    for tree in layout.trees.iterdir():
        if tree.is_dir() and not tree.is_symlink() and tree.resolve() not in used:
            shutil.rmtree(tree, ignore_errors=True)


def _check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < _SPACE_NEEDED:
        raise SetupError(
            f"The disk of {folder} has {free / 1e6:.0f} MB free where building the runtime needs "
            f"{_SPACE_NEEDED / 1e6:.0f} MB: free some space."
        )
