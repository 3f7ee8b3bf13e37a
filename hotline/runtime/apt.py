"""Downloads Debian packages with the machine's apt-get, from a private state below `.runtime`, without root.

Signatures are always checked. The machine's package database, sources and hooks are neither used nor changed; only
its settings for reaching the network (proxies, certificates, retries) are.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hotline.runtime import progress
from hotline.runtime.errors import SetupError
from hotline.runtime.sources import Archive

_PLANNED = re.compile(r"'[^']+' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})")
_NETWORK_SETTINGS = re.compile(
    r"Acquire::(https?(::|\s)|ftp(::|\s)|Retries|ForceIPv|Check-Valid-Until|Check-Date)", re.IGNORECASE
)
_TRY_AGAIN = "check the network and the clock and run the command again, or set HOTLINE_DEBIAN_MIRROR to another mirror"
_OTHER_SUITE = "try again tomorrow, or set HOTLINE_DEBIAN_MIRROR and HOTLINE_DEBIAN_SUITE to an archive that has it"
_CREDENTIALS = re.compile(r"(?<=//)[^/@\s]+@")


@dataclass(frozen=True)
class Package:
    """A package file: its name in the cache, its size in bytes and its SHA-256 as the signed index has it."""

    file: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The package's name, e.g. `redis-server`."""
        return self.file.split("_")[0]

    @property
    def version(self) -> str:
        """The package's whole Debian version, e.g. `5:8.0.6-3`."""
        return self.file.split("_")[1].replace("%3a", ":")


class PrivateApt:
    """An apt of its own in `home`; one instance stands for one set of sources and keys."""

    def __init__(self, home: Path, architecture: str) -> None:
        self._home, self._architecture = home, architecture
        self.archives = home / "cache/archives"
        self._sources_list = Path(os.devnull)
        self._sources_parts = home / "sources"
        self._keys = home / "keys"

    def use(self, archive: Archive) -> None:
        """Take packages from this archive alone, checked with its key alone."""
        self._prepare()
        for stale in [*self._keys.iterdir(), *self._sources_parts.iterdir()]:
            stale.unlink()
        if archive.inline_key:
            (self._keys / "debian.asc").write_text(archive.inline_key.strip() + "\n")
        elif archive.keyring is not None:
            armoured = archive.keyring.read_bytes().startswith(b"-----BEGIN")
            shutil.copyfile(archive.keyring, self._keys / f"debian.{'asc' if armoured else 'gpg'}")
        else:
            raise SetupError("The archive's key is missing: install the package debian-archive-keyring.")
        entry = f"Types: deb\nURIs: {archive.uri}\nSuites: {archive.suite}\nComponents: main\n"
        (self._sources_parts / "debian.sources").write_text(entry)
        self._configure()

    def use_machine_sources(self, etc: Path = Path("/etc/apt")) -> None:
        """Take packages from whatever the machine itself trusts (for Debian's keyring on a non-Debian machine)."""
        self._prepare()
        self._sources_list, self._sources_parts = etc / "sources.list", etc / "sources.list.d"
        self._keys = etc / "trusted.gpg.d"
        self._configure()

    def update(self) -> None:
        """Fetch the signed package index."""
        with progress.waiting("fetching the package index"):
            self._run("update", "--error-on=any", failure="The Debian package index cannot be fetched")

    def plan(self, packages: Sequence[str], dependencies: bool) -> list[Package]:
        """The files that must be there for these packages to run (with what they depend on, if asked)."""
        nothing = self._home / "nothing"
        (nothing / "partial").mkdir(parents=True, exist_ok=True)
        action = ["install", "--yes"] if dependencies else ["download"]
        # apt leaves out what it already has, so it is shown an empty cache
        options = ["--print-uris", "-qq", "-o", f"Dir::Cache::archives={nothing}", "-o", "Acquire::ForceHash=SHA256"]
        failure = f"{' '.join(packages)} cannot be had from this suite today"
        listing = self._run(*action, *options, *packages, failure=failure, remedy=_OTHER_SUITE)
        planned = [Package(m["file"], int(m["size"]), m["sha256"]) for m in _PLANNED.finditer(listing)]
        if not planned:
            raise SetupError(f"{failure}: {_OTHER_SUITE}.")
        return planned

    def download(self, packages: Sequence[str], planned: Sequence[Package], dependencies: bool) -> None:
        """Fetch what is not there yet; an interrupted download goes on where it stopped."""
        missing = [package for package in planned if not self._complete(package)]
        if missing:
            megabytes = sum(package.size for package in missing) / 1e6
            action = ["install", "--yes", "--download-only"] if dependencies else ["download"]
            what = f"{len(missing)} Debian packages" if len(missing) > 1 else f"the Debian package {missing[0].name}"
            with progress.task(f"downloading {what}", megabytes, "MB") as task:
                self._run_shown([*action, "-q", *packages], lambda percent: task.update(percent * megabytes / 100))
        damaged = [package.file for package in planned if not self._complete(package)]
        if damaged:
            for file in damaged:
                (self.archives / file).unlink(missing_ok=True)
            raise SetupError(f"{damaged[0]} did not arrive as the index describes it: run the command again.")

    def _complete(self, package: Package) -> bool:
        path = self.archives / package.file
        if not path.is_file() or path.stat().st_size != package.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == package.sha256

    def _prepare(self) -> None:
        for folder in (self.archives / "partial", self._home / "state/lists/partial", self._home / "empty"):
            folder.mkdir(parents=True, exist_ok=True)
        self._home.chmod(0o700)  # the addresses of a mirror and of a proxy may hold passwords
        self._sources_list = Path(os.devnull)
        self._sources_parts, self._keys = self._home / "sources", self._home / "keys"
        self._sources_parts.mkdir(exist_ok=True)
        self._keys.mkdir(exist_ok=True)
        (self._home / "state/status").touch()

    def _configure(self) -> None:
        """Write apt.conf(5) for this home: nothing of the machine's but its way to the network."""
        empty = self._home / "empty"
        ours = {
            "Dir::State": self._home / "state",
            "Dir::State::lists": self._home / "state/lists",
            "Dir::State::status": self._home / "state/status",
            "Dir::Cache": self._home / "cache",
            "Dir::Cache::archives": self.archives,
            "Dir::Log": self._home,
            "Dir::Etc::main": os.devnull,
            "Dir::Etc::parts": empty,
            "Dir::Etc::preferences": os.devnull,
            "Dir::Etc::preferencesparts": empty,
            "Dir::Etc::sourcelist": self._sources_list,
            "Dir::Etc::sourceparts": self._sources_parts,
            "Dir::Etc::trusted": os.devnull,
            "Dir::Etc::trustedparts": self._keys,
            "APT::Architecture": self._architecture,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",  # root must not become _apt, who may not enter the checkout
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        lines = [f'{name} "{value}";' for name, value in ours.items()]
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
        machine = [line for line in dump.splitlines() if _NETWORK_SETTINGS.match(line)]
        self._conf.write_text("\n".join([*lines, f'APT::Architectures:: "{self._architecture}";', *machine, ""]))

    @property
    def _conf(self) -> Path:
        return self._home / "apt.conf"

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "APT_CONFIG": str(self._conf), "LC_ALL": "C.UTF-8"}

    def _run(self, *arguments: str, failure: str, remedy: str = _TRY_AGAIN) -> str:
        # `apt-get download` writes into its working directory
        done = subprocess.run(
            ["apt-get", *arguments],
            env=self._environment,
            cwd=self.archives,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SetupError(explain(failure, done.stderr, remedy))
        return done.stdout

    def _run_shown(self, arguments: Sequence[str], show: Callable[[float], None]) -> None:
        """Run apt-get and hand on the percentage it reports on its status channel."""
        reading, writing = os.pipe()
        with (
            os.fdopen(reading, encoding="utf-8", errors="replace") as status,
            (self._home / "apt.log").open("w+") as log,
        ):
            apt = subprocess.Popen(
                ["apt-get", "-o", f"APT::Status-Fd={writing}", *arguments],
                env=self._environment, cwd=self.archives, pass_fds=[writing], stdout=log, stderr=log,
            )  # fmt: skip
            os.close(writing)
            try:
                for line in status:  # dlstatus:<file number>:<percent>:<text>
                    fields = line.split(":")
                    if fields[0] == "dlstatus" and len(fields) > 2:
                        show(float(fields[2]))
                failed = apt.wait() != 0
            finally:
                if apt.poll() is None:
                    apt.terminate()
                    apt.wait()
            if failed:
                log.seek(0)
                raise SetupError(explain("The Debian packages cannot be downloaded", log.read()))


def explain(failure: str, output: str, remedy: str = _TRY_AGAIN) -> str:
    """One sentence from what apt said: its first error, without credentials, and what to do."""
    errors = [line[3:].strip() for line in output.splitlines() if line.startswith("E: ")]
    lines = errors or output.strip().splitlines()[-1:] or ["no reason given"]
    return f"{failure} ({_CREDENTIALS.sub('', lines[0]).rstrip('.')}): {remedy}."
