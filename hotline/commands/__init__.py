"""Parts of the `hotline` command, one module for each kind of thing. Imports nothing slow: every start pays for it."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="Settings file; default: hotline.toml.")]
