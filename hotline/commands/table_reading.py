"""`hotline table`, its reading side: versions, their rows, differences and histories, and a version as a file."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hotline.commands import Json, SettingsFile
from hotline.commands.table_options import Number

if TYPE_CHECKING:
    from hotline.commands.table_office import Office

_STEPS = 1000  # of one version's history: the latest ones


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


def history(number: Number, json: Json = False, settings: SettingsFile = None) -> None:
    """All that was done to one version, by whom and why, oldest first."""
    from config import audit
    from hotline.commands import table_show as show
    from hotline.commands.table_office import on_tables

    async def work(office: "Office") -> Any:
        revisions = await office.versions.history(number)
        wanted = audit.Filter(subject=f"table:{office.versions.city}/{number}", action="table.")
        return revisions, (await audit.page(office.database, wanted, limit=_STEPS))[::-1]

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


def export(
    number: Number,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write it, ending in .csv or .xlsx.", show_default=False)
    ],
    gbk: Annotated[bool, typer.Option("--gbk", help="A CSV in GB 18030, for programs without UTF-8.")] = False,
    english: Annotated[bool, typer.Option("--english", help="A CSV with English headings and words.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if there is one.")] = False,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """Write one version to a file for Excel or another spreadsheet; `hotline table import` reads it back."""
    from hotline.commands import table_show as show
    from hotline.commands.table_office import on_tables
    from routing.tables.files import write_csv, write_xlsx

    kind = file.suffix.lower()
    if kind not in (".csv", ".xlsx"):
        raise typer.BadParameter("FILE must end in .csv or .xlsx; the ending says what is written")
    if kind == ".xlsx" and (gbk or english):
        raise typer.BadParameter("--gbk and --english are for .csv files; leave them out or change the ending")
    if not file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.parent}; make it first")
    if file.exists() and not force:
        raise typer.BadParameter(f"{file} exists; give another name, or --force to overwrite it")
    lines = on_tables(settings, lambda office: office.versions.lines(number))
    if kind == ".xlsx":
        data = write_xlsx(lines)
    else:
        data = write_csv(lines, chinese=not english, encoding="gb18030" if gbk else "utf-8-sig")
    _write(file, data)
    if json:
        show.as_json({"number": number, "file": str(file), "rows": len(lines), "bytes": len(data)})
    else:
        show.say(f"第{number}版的{len(lines)}行已写入{file}")


def _write(file: Path, data: bytes) -> None:
    """The whole file or nothing of it."""
    from hotline.commands.table_words import Refused

    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise Refused(f"无法写入{file}：{error.strerror}；请换一个文件夹") from None
