"""`hotline alarm`: what supervisors were alarmed by, straight from the database."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.settings import load_settings
from hotline.commands import Json, SettingsFile

if TYPE_CHECKING:
    from config.database import Database

app = typer.Typer(help="Alarms to supervisors.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Keeps `list` a command of its own: an app of one command would be that command."""


@app.command("list")
def list_alarms(
    open_only: Annotated[bool, typer.Option("--open", help="Only those nobody has taken care of.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")] = 50,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """The open ones first, callers masked."""
    from hotline import lookup, show

    found = lookup.run(load_settings(settings), _look, open_only, limit)
    show.as_json(found) if json else _print(found["alarms"])


async def _look(database: "Database", open_only: bool, limit: int) -> dict[str, Any]:
    from bridge.alarms import AlarmBook
    from hotline.api.alarm_models import AlarmLine

    kept = await AlarmBook(database).page(limit=limit, open_only=open_only)
    return {"alarms": [AlarmLine.of(alarm).model_dump(mode="json") for alarm in kept]}


def _print(found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from hotline.show import console

    if not found:
        console.print("No alarms.")
        return
    table = Table(box=None, header_style="bold")
    for column in ("alarm", "at", "call", "order", "what", "taken care of"):
        table.add_column(column, overflow="fold")
    for each in found:
        care = "open" if each["acknowledged"] is None else f"{each['acknowledged_by']}: {each['done']}"
        at = each["at"][:19].replace("T", " ")
        table.add_row(str(each["id"]), at, each["call"], each["order"] or "", each["text"], care)
    console.print(table)
