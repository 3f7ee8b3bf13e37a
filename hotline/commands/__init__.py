"""Parts of the `hotline` command, one module for each kind of thing. Imports nothing slow: every start pays for it."""

import os
import pwd
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="Settings file; default: hotline.toml.")]


def who() -> str:
    """The acting person for the audit log: the user of the operating system, not what the environment says it is."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:  # a container's user without a name
        return f"cli:{os.getuid()}"
