"""`hotline transfer`: what transfers (转接) came to, straight from the database."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.settings import load_settings
from hotline.commands import Json, SettingsFile

if TYPE_CHECKING:
    from bridge.transfers import Figure, Span
    from config.database import Database

app = typer.Typer(help="Transfers (转接) and what became of them.", no_args_is_help=True)

USUAL_DAYS = 30
_DAY = ["%Y-%m-%d"]
_HEADINGS = ("line", "target", "rung", "success", "mean", "p50", "p95", "results")


@app.callback()
def main() -> None:
    """Keeps `figures` a command of its own: an app of one command would be that command."""


@app.command("figures")
def figures(
    begin: Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="First day; default: 30 days.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="Last day; default: today.")] = None,
    line: Annotated[str | None, typer.Option("--line", help="Only of this row of the transfer table.")] = None,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """How often each line and target was rung, with what result, and how soon it answered (seconds)."""
    import time
    from datetime import timedelta

    from bridge.transfers import Span
    from config.chinatime import china_day
    from hotline import lookup, show

    last = end.date() if end is not None else china_day(time.time())
    first = begin.date() if begin is not None else last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise typer.BadParameter("--from is after --to; turn them round")
    found = lookup.run(load_settings(settings), _figures, Span.of_days(first, last, line))
    days = {"from": first.isoformat(), "to": last.isoformat()}
    show.as_json(days | found) if json else _show(days | found)


async def _figures(database: "Database", span: "Span") -> dict[str, Any]:
    from bridge.transfers import Transfers

    return {"figures": [_plain(figure) for figure in await Transfers(database).figures(span)]}


def _plain(figure: "Figure") -> dict[str, Any]:
    from dataclasses import asdict

    from bridge.transfers import shown_target

    return {
        "line": figure.line,
        "target": shown_target(figure.address),
        "attempts": figure.attempts,
        "connected": figure.connected,
        "success": round(figure.success, 4),
        "answer_s": None if figure.answer_s is None else asdict(figure.answer_s),
        "results": dict(sorted(figure.results.items())),
    }


def _show(found: dict[str, Any]) -> None:
    from rich.table import Table

    from hotline.show import console

    if not found["figures"]:
        console.print(f"No transfers from {found['from']} to {found['to']}.")
        return
    table = Table(box=None, header_style="bold")
    for heading in _HEADINGS:
        numeric = heading not in ("line", "target", "results")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=heading != "results", overflow="fold")
    for figure in found["figures"]:
        waits = figure["answer_s"] or {}
        table.add_row(
            figure["line"],
            figure["target"],
            str(figure["attempts"]),
            f"{figure['success']:.1%}",
            *(f"{waits[name]:.1f}" if waits else "" for name in ("mean", "p50", "p95")),
            ", ".join(f"{result} {count}" for result, count in figure["results"].items()),
        )
    console.print(table)
