"""`hotline restriction`: who is restricted and who decided it. Reading only: deciding needs people who sign in."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.settings import load_settings
from hotline.commands import Json, SettingsFile

if TYPE_CHECKING:
    from config.database import Database
    from routing.restrictions import State

app = typer.Typer(help="Restrictions (限制使用) of abusive callers.", no_args_is_help=True)


@app.command("list")
def list_restrictions(
    state: Annotated[
        str | None,
        typer.Option(
            "--state", help="Only those proposed, lapsed, refused, upcoming, active, ended or lifted; default: all."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")] = 50,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """The newest first, numbers masked."""
    from hotline import lookup, show

    found = lookup.run(load_settings(settings), _look, _state(state), limit)
    show.as_json(found) if json else _print(found["restrictions"])


def _state(given: str | None) -> "State | None":
    from routing.restrictions.model import State

    try:
        return None if given is None else State(given)
    except ValueError:
        raise typer.BadParameter(f"--state is one of {', '.join(State)}") from None


async def _look(database: "Database", state: "State | None", limit: int) -> dict[str, Any]:
    import time

    from config.chinatime import china_day
    from routing.restrictions import rows

    today = china_day(time.time())
    async with database.connect() as connection:
        found = await rows.page(connection, today, limit=limit, state=state)
    return {"restrictions": [asdict(each) | {"state": each.state(today)} for each in found]}


def _print(found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from hotline.show import console

    if not found:
        console.print("No restrictions.")
        return
    table = Table(box=None, header_style="bold")
    for column in ("restriction", "caller", "state", "first day", "last day", "proposed by", "decided by"):
        table.add_column(column)
    for each in found:
        days = each["begins"].isoformat(), each["ends"].isoformat()
        table.add_row(str(each["id"]), each["caller"], each["state"], *days, each["proposed_by"], each["decided_by"])
    console.print(table)
