"""Where the runtime's programs are: in the checkout's `.runtime`, or where a setting says.

It looks and never builds; what is not there is a `RuntimeMissing` naming the command that brings it.
Settings that win: `HOTLINE_ASTERISK` (with `HOTLINE_ASTERISK_MODULES` and `HOTLINE_ASTERISK_DATA` where they cannot
be found from it) and `HOTLINE_ESPEAK`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hotline.runtime.errors import RuntimeMissing, SetupError

BUILD = "run `make runtime`"
CORRECT_ASTERISK = "correct or unset HOTLINE_ASTERISK"
BUILD_BENCH = "run `make runtime ARGS=--bench`"


def checkout() -> Path:
    """The folder that holds the project."""
    return Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Layout:
    """The stable places below `.runtime`; whatever the build makes or keeps is in one of them."""

    root: Path

    @property
    def bin(self) -> Path:
        """Wrappers that start the unpacked programs with their own loader and libraries."""
        return self.root / "bin"

    @property
    def apt(self) -> Path:
        """apt's private state: indexes, keys and downloads."""
        return self.root / "apt"

    @property
    def keyring(self) -> Path:
        """Debian's archive key, unpacked, on a machine that has none."""
        return self.root / "keyring"

    @property
    def trees(self) -> Path:
        """Unpacked packages: one folder per recipe, and one link per set (`current`, `bench`, `pip`) to it."""
        return self.root / "debian"

    def tree(self, link: str) -> Path:
        """The link to the tree in use of a set of packages."""
        return self.trees / link

    @property
    def uv(self) -> Path:
        """The Python package installer, of its own pinned version."""
        return self.root / "uv"

    @property
    def venv(self) -> Path:
        """The virtual environment all Python of the project runs in."""
        return self.root / "venv"

    @property
    def cache(self) -> Path:
        """Downloads of Python packages; may be removed at any time."""
        return self.root / "cache"

    @property
    def lock(self) -> Path:
        """Held while somebody builds."""
        return self.root / "lock"


def layout() -> Layout:
    """The runtime of this checkout."""
    return Layout(checkout() / ".runtime")


def asterisk() -> list[str]:
    """The command that starts Asterisk, without arguments; its process is Asterisk's own."""
    installed = _setting("HOTLINE_ASTERISK")
    return [str(installed) if installed else _wrapper("asterisk", BUILD)]


def asterisk_binary() -> Path:
    """Asterisk's own ELF file, to look at; start it through `asterisk()`."""
    return _setting("HOTLINE_ASTERISK") or _in_tree("usr/sbin/asterisk", "Asterisk")


def asterisk_module_dir() -> Path:
    """The folder of Asterisk's `.so` modules (`astmoddir` of asterisk.conf)."""
    installed = _setting("HOTLINE_ASTERISK")
    if installed is None:
        return _only(layout().tree("current").glob("usr/lib/*/asterisk/modules"), "Asterisk's modules")
    prefix = installed.resolve().parent.parent
    candidates = [
        *prefix.glob("lib/*/asterisk/modules"),
        prefix / "lib/asterisk/modules",
        prefix / "lib64/asterisk/modules",
    ]
    return _given("HOTLINE_ASTERISK_MODULES", candidates, "app_stasis.so")


def asterisk_data_dir() -> Path:
    """The folder of Asterisk's read-only data (`astdatadir` of asterisk.conf): documentation, sounds, REST API."""
    installed = _setting("HOTLINE_ASTERISK")
    if installed is None:
        return _in_tree("usr/share/asterisk", "Asterisk's data")
    prefix = installed.resolve().parent.parent
    candidates = [prefix / "share/asterisk", Path("/var/lib/asterisk"), prefix / "var/lib/asterisk"]
    return _given("HOTLINE_ASTERISK_DATA", candidates, "rest-api")


def redis_server() -> list[str]:
    """The command that starts a Redis server, without arguments; the runtime has none where `REDIS_URL` names one."""
    return [_wrapper("redis-server", f"unset REDIS_URL and {BUILD}" if redis_is_given(os.environ) else BUILD)]


def redis_is_given(environment: Mapping[str, str]) -> bool:
    """Whether the settings name a Redis to use, so that none is needed in the runtime."""
    return any(environment.get(name, "").strip() for name in ("REDIS_URL", "HOTLINE_REDIS_URL"))


def redis_cli() -> list[str]:
    """The command of Redis's command line client, without arguments."""
    return [_wrapper("redis-cli", BUILD)]


def espeak() -> list[str]:
    """The command of the espeak-ng speech synthesiser, without arguments."""
    installed = _setting("HOTLINE_ESPEAK")
    return [str(installed) if installed else _wrapper("espeak-ng", BUILD)]


def sipp() -> list[str]:
    """The command of the SIPp traffic generator, without arguments; only measurements need it."""
    return [_wrapper("sipp", BUILD_BENCH)]


def _setting(name: str) -> Path | None:
    value = os.environ.get(name, "").strip()
    if not value:
        return None
    found = shutil.which(value)
    if found is None:
        raise SetupError(f"{name} is {value}, which is no program that can be started: correct or unset it.")
    return Path(found)


def _given(name: str, candidates: Iterable[Path], must_hold: str) -> Path:
    """A folder of an installed Asterisk: the setting's, else the first candidate that holds what it should."""
    value = os.environ.get(name, "").strip()
    for folder in [Path(value)] if value else candidates:
        if (folder / must_hold).exists():
            return folder
    where = f"{name} is {value}, which holds" if value else "Beside the Asterisk of HOTLINE_ASTERISK there is"
    raise RuntimeMissing(f"{where} no {must_hold}: set {name} to the folder that has it.")


def _wrapper(program: str, mend: str) -> str:
    path = layout().bin / program
    if not path.exists():
        raise RuntimeMissing(f"{program} is not in the runtime: {mend}.")
    return str(path)


def _in_tree(inside: str, what: str) -> Path:
    return _only([layout().tree("current") / inside], what)


def _only(paths: Iterable[Path], what: str) -> Path:
    for path in paths:
        if path.exists():
            return path
    raise RuntimeMissing(f"{what} cannot be found in the runtime: {BUILD}.")
