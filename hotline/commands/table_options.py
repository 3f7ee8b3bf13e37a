"""What the commands of `hotline table` take, with their help. Imports nothing slow."""

from pathlib import Path
from typing import Annotated

import typer

Number = Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Number of the version.", show_default=False)]
Why = Annotated[str, typer.Option("--why", help="Why, for the history and the audit log.", show_default=False)]
Revision = Annotated[
    int | None,
    typer.Option("--revision", min=1, help="Only if the draft is still at this revision; default: the present one."),
]
Source = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, readable=True, help="A table as CSV or XLSX.", show_default=False
    ),
]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="The file is the whole table: numbers it does not have go. Default: they stay."),
]

LONGEST_WHY = 500  # characters, as in the API


def reason(why: str) -> str:
    """``why``, trimmed. Raises `typer.BadParameter` for none, or for what could not stand in a history."""
    text = why.strip()
    if not 1 <= len(text) <= LONGEST_WHY or not text.isprintable():
        raise typer.BadParameter(f"--why needs 1 to {LONGEST_WHY} characters in one line; say why it is done")
    return text
