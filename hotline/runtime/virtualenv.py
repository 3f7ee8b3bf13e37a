"""Makes the virtual environment: uv from the package index into `.runtime/uv`, then the locked requirements by uv.

Every file is checked against the hashes in `requirements/`. The machine's own Python is only read; uv keeps its cache
inside the checkout, and pip is needed once, for uv.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hotline.runtime import debian, progress
from hotline.runtime.errors import SetupError
from hotline.runtime.paths import Layout

# What each set of requirements also holds, so that `make run` after `make test` takes nothing away
_WIDER = {"run": ("run", "dev"), "dev": ("dev",)}
_STAMP = "hotline.json"
_MACHINE_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def ensure(layout: Layout, requirements: Path, wanted: str, environment: Mapping[str, str]) -> None:
    """Bring the virtual environment in step with `requirements/<wanted>.txt` (`run`, or `dev` which holds more).

    Raises SetupError in one sentence. An interrupted installation is gone on with by the next call.
    """
    if in_step(layout, requirements, wanted):
        return
    with debian.locked(layout):
        if in_step(layout, requirements, wanted):
            return
        wider = next((name for name in _WIDER[wanted] if _stamped(layout).get("set") == name), wanted)
        uv = ensure_uv(layout, requirements / "uv.txt", environment)
        _create(layout, uv, environment)
        (layout.venv / _STAMP).unlink(missing_ok=True)
        sync: list[str | Path] = [uv, "pip", "sync", *_quiet(), "--require-hashes", "--python", _interpreter(layout)]
        with progress.waiting("installing the Python packages", shows_itself=True):
            locked = requirements / f"{wider}.txt"
            _run([*sync, locked], environment, layout, "The Python packages cannot be installed")
        _make_importable(layout)
        stamp = {"set": wider, "sha256": _digest(requirements / f"{wider}.txt"), "python": sys.version.split()[0]}
        (layout.venv / _STAMP).write_text(json.dumps(stamp) + "\n")


def in_step(layout: Layout, requirements: Path, wanted: str) -> bool:
    """Whether the environment works and holds what the requirement files say."""
    stamp = _stamped(layout)
    name = stamp.get("set", "")
    return (
        name in _WIDER[wanted]
        and stamp["sha256"] == _digest(requirements / f"{name}.txt")
        and _interpreter(layout).exists()
    )


def _stamped(layout: Layout) -> dict[str, str]:
    try:
        stamp = json.loads((layout.venv / _STAMP).read_text())
        return {"set": str(stamp["set"]), "sha256": str(stamp["sha256"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _interpreter(layout: Layout) -> Path:
    return layout.venv / "bin/python"


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        raise SetupError(f"{file} is missing: restore it from the repository, or run `make lock`.") from None


def _quiet() -> list[str]:
    """On a terminal the installers show their own progress; a log gets our reminders instead."""
    return [] if sys.stderr.isatty() else ["--quiet"]


def _create(layout: Layout, uv: Path, environment: Mapping[str, str]) -> None:
    """A virtual environment of this very Python, unless one that was finished stands and runs.

    One whose installation broke off may hold half a package, and is made anew (its downloads are kept).
    """
    if _stamped(layout) and _interpreter(layout).exists():
        return
    shutil.rmtree(layout.venv, ignore_errors=True)
    command: list[str | Path] = [uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, layout.venv]
    _run(command, environment, layout, "The virtual environment cannot be made")


def _make_importable(layout: Layout) -> None:
    """Put the checkout on the environment's path and the `hotline` command into its bin; both survive a move."""
    for packages in layout.venv.glob("lib/python3*/site-packages"):
        (packages / "hotline-checkout.pth").write_text(os.path.relpath(layout.root.parent, packages) + "\n")
    command = layout.venv / "bin/hotline"
    command.write_text('#!/bin/sh\nexec "${0%/*}/python" -m hotline "$@"\n')
    command.chmod(0o755)


def ensure_uv(layout: Layout, requirements: Path, environment: Mapping[str, str]) -> Path:
    """The uv that `requirements` pins, installed into `.runtime/uv` if it is not there; the caller holds the lock."""
    uv, stamp = layout.uv / "bin/uv", layout.uv / _STAMP
    digest = _digest(requirements)
    if uv.exists() and stamp.exists() and stamp.read_text() == digest:
        return uv
    unfinished = layout.root / "uv.part"
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"]
    pip = _pip(layout, environment)
    install: list[str | Path] = [*pip, "install", *_quiet(), *options, "--target", unfinished, "-r", requirements]
    # a distribution's pip may refuse to install at all, although nothing of the distribution is touched here
    permitted = {**environment, "PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_USER": "0", "PIP_ROOT_USER_ACTION": "ignore"}
    with progress.waiting("installing uv, the Python package installer", shows_itself=True):
        _run(install, permitted, layout, "uv cannot be installed")
    (unfinished / _STAMP).write_text(digest)
    shutil.rmtree(layout.uv, ignore_errors=True)
    unfinished.rename(layout.uv)
    return uv


def _pip(layout: Layout, environment: Mapping[str, str]) -> Sequence[str]:
    """A command that is pip: this Python's own, or Debian's wheel of it run in place."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True, check=False).returncode == 0:
        return own
    debian.ensure_locked(layout, debian.pip_recipe(environment), environment)
    wheels = sorted(layout.tree("pip").glob("usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        raise SetupError(
            "Debian's package python3-pip-whl holds no wheel: install python3-pip and run the command again."
        )
    return [sys.executable, f"{wheels[-1].resolve()}/pip"]


def _run(command: Sequence[str | Path], environment: Mapping[str, str], layout: Layout, failure: str) -> None:
    ours = {
        "UV_CACHE_DIR": str(layout.cache / "uv"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_MANAGED_PYTHON": "1",
    }
    if _MACHINE_CERTIFICATES.is_file():  # as pip has it: an organisation's own authority counts
        ours["UV_SYSTEM_CERTS"] = "1"
    # settings for pip that uv knows under other names
    for pip_name, uv_name in (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_CERT", "SSL_CERT_FILE")):
        if environment.get(pip_name):
            ours.setdefault(uv_name, environment[pip_name])
    if subprocess.run(command, env={**ours, **environment, "PYTHONPATH": ""}, check=False).returncode != 0:
        raise SetupError(
            f"{failure} (see the lines above): check the network and run the command again; what has come is kept."
        )
