"""The folder in which the switch writes raw recordings: which there are, whether it has finished, taking them away.

Plain blocking code; it reads no sound and knows no ledger.
"""

import errno
import fcntl
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recordings.audio import RawPair

_CITIZEN, _OTHERS = "-c.sln", "-o.sln"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", re.ASCII)


@dataclass(frozen=True)
class Found:
    """A recording in the spool. ``written``: UNIX seconds of the last write to either file."""

    name: str
    written: float


class Spool:
    """``settle_s`` is how long a file must rest before it counts as finished. The switch writes at least every 2.05 s
    (32 KiB of its buffer) while a call lasts, so it must be longer than that.
    """

    def __init__(self, folder: Path, *, settle_s: float = 3.0, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._settle_s = settle_s
        self._clock = clock

    def pair(self, name: str) -> RawPair | None:
        """Where the switch writes the recording of this name; None for a name that is no plain file name."""
        if not _NAME.fullmatch(name):
            return None
        return RawPair(self.folder / f"{name}{_CITIZEN}", self.folder / f"{name}{_OTHERS}")

    def scan(self) -> list[Found]:
        """All recordings of which at least one file is there, oldest first."""
        found: dict[str, float] = {}
        try:
            entries = list(os.scandir(self.folder))
        except FileNotFoundError:
            return []
        for entry in entries:
            name = entry.name.removesuffix(_CITIZEN).removesuffix(_OTHERS)
            if name == entry.name or not _NAME.fullmatch(name):
                continue
            try:
                found[name] = max(found.get(name, 0.0), entry.stat().st_mtime)
            except FileNotFoundError:
                continue
        return sorted((Found(name, written) for name, written in found.items()), key=lambda each: each.written)

    def finished(self, pair: RawPair) -> bool | None:
        """Whether the switch has finished writing both files; None when neither is there."""
        rests = []
        for path in (pair.citizen, pair.others):
            try:
                rests.append(self.rested(path) and not is_being_written(path))
            except FileNotFoundError:
                continue
        return all(rests) if rests else None

    def rested(self, path: Path) -> bool:
        """Whether nothing was written to the file for ``settle_s``. Raises FileNotFoundError."""
        return self._clock() - path.stat().st_mtime >= self._settle_s

    def remove(self, pair: RawPair) -> None:
        """Take both files away, for good."""
        pair.citizen.unlink(missing_ok=True)
        pair.others.unlink(missing_ok=True)
        sync_folder(self.folder)


def is_being_written(path: Path) -> bool:
    """Whether any process has the file open for writing, as far as the system can tell.

    A read lease is granted only for a file that nobody has open for writing; fcntl(2), F_SETLEASE. Where leases are
    not to be had (another owner's file, a network file system) the answer is no, and the resting time must do.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)  # whoever opens it this instant: the usual SIGIO would kill us
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(fd)
    return False


def sync_folder(folder: Path) -> None:
    """Make names that came or went in a folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
