"""Reads the versions the programs tell of themselves and says whether they are new enough; it starts nothing else."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from hotline.runtime.errors import SetupError

ASTERISK_SERIES = 22  # the long-term release all measurements and tests are made on
ASTERISK_LEAST = (22, 7)  # StasisBroadcast() lets several workers claim a call


REBUILD = "run `make clean runtime`"


def told_by(command: Sequence[str], pattern: str, what: str, mend: str = REBUILD) -> str:
    """The version a program prints: group 1 of `pattern` in its output, whatever its exit status is.

    Raises SetupError, ending with `mend`, if it cannot be started or tells none.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{what} cannot be started ({error}): {mend}.") from None
    found = re.search(pattern, done.stdout + done.stderr)
    if found is None:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise SetupError(f"{what} does not run ({said[-1] if said else 'it says nothing'}): {mend}.")
    return found[1]


def asterisk(command: Sequence[str], mend: str = REBUILD) -> str:
    """The version of the Asterisk that `command` starts; SetupError if it does not run or is not new enough."""
    version = told_by([*command, "-V"], r"Asterisk (\S+)", "Asterisk", mend)
    check_asterisk(version)
    return version


def asterisk_release(version: str) -> tuple[int, int]:
    """Series and release of a version as Asterisk prints it, e.g. `22.10.1+dfsg+~cs6`, `certified-22.8-cert1`."""
    found = re.match(r"(?:certified[-/])?(\d+)\.(\d+)", version)
    if found is None:
        raise SetupError(
            f"Asterisk tells an unknown version ({version}): set HOTLINE_ASTERISK to a released Asterisk 22."
        )
    return int(found[1]), int(found[2])


def check_asterisk(version: str) -> None:
    """Raise SetupError unless this is an Asterisk of the 22 series, 22.7 or newer."""
    release = asterisk_release(version)
    if release[0] != ASTERISK_SERIES or release < ASTERISK_LEAST:
        least = ".".join(map(str, ASTERISK_LEAST))
        raise SetupError(
            f"Asterisk is {version} where the {ASTERISK_SERIES} series from {least} on is needed: "
            "unset HOTLINE_ASTERISK, or set HOTLINE_DEBIAN_SUITE to a suite that has it."
        )
