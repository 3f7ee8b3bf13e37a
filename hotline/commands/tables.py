"""`hotline table`: transfer tables (转接表) in and out as files, checked, approved by a second person, taken back.

The rules are `routing.tables`'; here stand the commands. Whoever may read the database's settings on this machine may
do this; the history and the audit log name them ``cli:<user>``.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hotline.commands import Json, SettingsFile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hotline.commands.table_office import Office
    from routing.tables.diff import Diff, Side
    from routing.tables.findings import Findings
    from routing.tables.states import Version

app = typer.Typer(help="Transfer tables (转接表): drafts, files, checks, approval.", no_args_is_help=True)

FAILED = 1
_LONGEST_WHY = 500  # characters, as in the API

Number = Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Number of the version.", show_default=False)]
Why = Annotated[str, typer.Option("--why", help="Why, for the history and the audit log.", show_default=False)]
Revision = Annotated[
    int | None,
    typer.Option("--revision", min=1, help="Only if the draft is still at this revision; default: the present one."),
]
Source = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, readable=True, help="A table as CSV or XLSX.", show_default=False),
]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="The file is the whole table: numbers it does not have go. Default: they stay."),
]


# ---------------------------------------------------------------- reading


@app.command("list")
def list_tables(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")] = 20,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """The versions of the installation's table, newest first."""
    from hotline.commands import table_show as show
    from hotline.commands.table_office import on_tables

    found = on_tables(settings, lambda office: office.versions.page(limit=limit))
    if json:
        show.as_json({"tables": [show.version_json(each) for each in found]})
    else:
        show.put(show.versions(found))


@app.command("show")
def show_table(
    number: Number,
    lines: Annotated[bool, typer.Option("--lines", help="Every row, too. JSON always has them.")] = False,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """One version: its state, what the last check found, and how many rows of each mode it has."""
    from hotline.commands import table_show as show
    from hotline.commands.table_office import on_tables

    async def work(office: "Office") -> Any:
        version = await office.versions.get(number)
        found = await office.versions.rows_of(version.body)
        return version, await office.publishing.findings(number), found, office.frame.pack.general_skill

    version, findings, rows, general = on_tables(settings, work)
    if json:
        told = None if findings is None else show.findings_json(findings)
        show.as_json({"table": show.version_json(version), "findings": told, "lines": show.lines_json(rows)})
        return
    show.version(version)
    if findings is not None:
        show.findings(findings.items, findings.more)
    show.put(show.rows(rows, general) if lines else show.modes(rows))


@app.command("diff")
def diff(
    old: Annotated[int, typer.Argument(min=1, metavar="A", help="The older version.", show_default=False)],
    new: Annotated[int, typer.Argument(min=1, metavar="B", help="The newer version.", show_default=False)],
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """What makes version B from version A, cell by cell."""
    from hotline.commands import table_show as show
    from hotline.commands.table_office import on_tables

    found = on_tables(settings, lambda office: office.versions.diff(old, new))
    if json:
        show.as_json(show.diff_json(found))
        return
    show.say(f"从第{old}版到第{new}版：{show.counts(found)}")
    if found:
        show.put(show.difference(found))


@app.command("history")
def history(number: Number, json: Json = False, settings: SettingsFile = None) -> None:
    """All that was done to one version, by whom and why, oldest first."""
    from config import audit
    from hotline.commands import table_show as show
    from hotline.commands.table_office import on_tables

    async def work(office: "Office") -> Any:
        revisions = await office.versions.history(number)
        subject = f"table:{office.versions.city}/{number}"
        return revisions, await office.versions.log(audit.Filter(subject=subject, action="table."))

    revisions, entries = on_tables(settings, work)
    if json:
        show.as_json(
            {
                "revisions": [show.revision_json(each) for each in revisions],
                "log": [show.entry_json(each) for each in entries],
            }
        )
    else:
        show.put(show.log(entries))
