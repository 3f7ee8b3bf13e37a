"""Makes everything a checkout needs to run: `python3 -m hotline.runtime.bootstrap [--dev] [--bench] [--python-only]`.

It is what `make` calls first, with the machine's bare Python. It says nothing and returns at once when all is there.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from hotline.runtime import debian, paths, progress, versions, virtualenv
from hotline.runtime.errors import SetupError
from hotline.runtime.manifest import Recipe
from hotline.runtime.sources import find_archive

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what is missing; 0 when all is there, 1 with one sentence when something stands in the way."""
    parser = argparse.ArgumentParser(prog="make runtime", description="Build what the hotline stands on, in .runtime.")
    parser.add_argument("--dev", action="store_true", help="with what tests and checks need")
    parser.add_argument("--bench", action="store_true", help="with what measurements need (SIPp); implies --dev")
    parser.add_argument("--python-only", action="store_true", help="the virtual environment alone")
    parser.add_argument("--uv-only", action="store_true", help="the Python package installer alone")
    wanted = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        _build(wanted)
    except SetupError as problem:
        progress.say(str(problem))
        return 1
    except PermissionError as problem:
        owner = f"{problem.filename} belongs to another user"
        progress.say(f"{owner}: run the command as that user, or remove {paths.layout().root} first.")
        return 1
    except OSError as problem:
        progress.say(f"{problem}: check the disk and run the command again.")
        return 1
    except KeyboardInterrupt:
        progress.say("interrupted; the same command goes on from here")
        return INTERRUPTED
    return 0


def _build(wanted: argparse.Namespace) -> None:
    layout, requirements = paths.layout(), paths.checkout() / "requirements"
    if os.pathsep in str(layout.root):
        raise SetupError(
            f"The checkout's path {layout.root.parent} holds a colon, which library paths cannot: move it."
        )
    environment = os.environ
    if wanted.uv_only:
        with debian.locked(layout):
            virtualenv.ensure_uv(layout, requirements / "uv.txt", environment)
        return
    recipes = [] if wanted.python_only else _recipes(environment, bench=wanted.bench)
    if any(debian.in_use(layout, recipe) is None for recipe in recipes):
        find_archive(environment)  # a setting that is missing is told before anything is downloaded
    virtualenv.ensure(layout, requirements, "dev" if wanted.dev or wanted.bench else "run", environment)
    for recipe in recipes:
        debian.ensure(layout, recipe, environment)
    if not wanted.python_only:
        check_installed_asterisk(environment)


def check_installed_asterisk(environment: Mapping[str, str]) -> None:
    """Raise SetupError if the Asterisk that `HOTLINE_ASTERISK` names is not new enough."""
    if environment.get("HOTLINE_ASTERISK", "").strip():
        versions.asterisk(paths.asterisk(), paths.CORRECT_ASTERISK)


def _recipes(environment: Mapping[str, str], *, bench: bool) -> list[Recipe]:
    switch = debian.switch_recipe(environment)
    return [recipe for recipe in (switch, debian.bench_recipe(environment) if bench else None) if recipe is not None]


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
