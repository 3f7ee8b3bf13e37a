"""`hotline city`: what holds for a city, and where each value comes from. Changes nothing.

Reads the packs' files, and of the city that this installation serves the transfer table in force, if it can.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.settings import load_settings
from hotline.commands import Json, SettingsFile
from hotline.commands.city_words import STATUS, TITLES, in_words

if TYPE_CHECKING:
    from rich.table import Table

    from config.packs import Pack
    from config.packs.effective import PackDescription
    from config.settings import Settings
    from hotline.commands.table_office import Known

app = typer.Typer(
    help="City packs (城市规则包): their rules and words, and where each comes from.", no_args_is_help=True
)


@app.command("list")
def list_cities(json: Json = False, settings: SettingsFile = None) -> None:
    """The cities there are packs for, and the one this installation serves."""
    from config.packs import cities, load_pack
    from config.packs.store import today_in_china

    found = load_settings(settings)
    packs = [load_pack(found.packs_dir, city, today=today_in_china()) for city in cities(found.packs_dir)]
    lines = [
        {
            "id": pack.id,
            "name": pack.city.name,
            "regulation": pack.city.regulation,
            "status": pack.city.status,
            "notices": len(pack.notices),
            "served": pack.id == found.city,
        }
        for pack in packs
    ]
    if json:
        _print_json({"cities": lines})
        return
    table = _table("", "城市包", "城市", "状态", "办法")
    for line in lines:
        served = "*" if line["served"] else ""
        table.add_row(served, str(line["id"]), str(line["name"]), STATUS[str(line["status"])], str(line["regulation"]))
    _console_print(table)


@app.command("show")
def show_city(
    city: Annotated[str, typer.Argument(help="Name of the pack, as in yichun.")],
    field: Annotated[str | None, typer.Argument(help="One value or section, as in deadlines.咨询 or revisit.")] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="Every row of the transfer table, too. JSON always has them.")
    ] = False,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """Every effective value of a city, and where it comes from; and its transfer table (转接表).

    The table of the installation's own city is the version in force in the database, when it can be reached; of other
    cities it is the pack's. With FIELD the table is left out.
    """
    from dataclasses import asdict

    from config.packs import load_pack
    from config.packs.effective import describe
    from config.packs.store import today_in_china
    from hotline.lookup import NotFoundError

    if field is not None and lines:
        raise typer.BadParameter("FIELD and --lines exclude each other; give one of them")
    here = load_settings(settings)
    pack = load_pack(here.packs_dir, city, today=today_in_china())
    found = describe(pack, field)
    if found is None:
        raise NotFoundError(f"{city} has no value {field}; `hotline city show {city}` shows all of them")
    known = _table_in_force(here, pack) if field is None else None
    if json:
        _print_json(asdict(found) | ({} if known is None else _lines_json(known)))
        return
    _show(found)
    if known is not None:
        _show_lines(known, pack, every=lines)


def _table_in_force(settings: "Settings", pack: "Pack") -> "Known":
    import asyncio

    from hotline.commands.table_office import frame_of, in_force

    return asyncio.run(in_force(settings, frame_of(settings, pack)))


def _lines_json(known: "Known") -> dict[str, Any]:
    """``table`` is null where the lines are the pack's, and ``table_notice`` says why."""
    from hotline.commands import table_show

    version = None if known.version is None else table_show.version_json(known.version)
    return {
        "table": version,
        "table_notice": known.notice or None,
        "lines": table_show.lines_json(known.lines),
    }


def _show_lines(known: "Known", pack: "Pack", *, every: bool) -> None:
    """The section 转接表: which table it is, and its rows, or how many of each mode."""
    from hotline.commands import table_show

    print("\n转接表 [lines]")
    if known.version is not None and known.version.effective_at is not None:
        print(f"第{known.version.number}版，自{table_show.moment(known.version.effective_at)}生效（数据库）")
    else:
        print("城市包中的转接表" + (f"（{known.notice}）" if known.notice else ""))
    table_show.put(table_show.rows(known.lines, pack.general_skill) if every else table_show.modes(known.lines))


def _show(found: "PackDescription") -> None:
    """The regulation, what to know, and one table for each section."""
    _console_print(f"{found.name}  {STATUS[found.status]}  {found.version}")
    if found.regulation:
        _console_print(found.regulation)
    for notice in found.notices:
        place = notice.file if notice.line is None else f"{notice.file}:{notice.line}"
        _console_print(f"注意  {place}  {notice.field or ''}  {notice.text}")
    for section in dict.fromkeys(value.section for value in found.values):
        _console_print(f"\n{TITLES.get(section, section)} [{section}]")
        table = _table("项目", "内容", "来源")
        for value in found.values:
            if value.section == section:
                source = "默认" if value.source == "default" else value.source
                table.add_row(value.field.partition(".")[2], in_words(value.value), source)
        _console_print(table)


def _table(*columns: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _console_print(what: object) -> None:
    """Texts of packs are never markup."""
    from rich.console import Console

    Console(highlight=False).print(what, markup=False)


def _print_json(data: object) -> None:
    import json

    print(json.dumps(data, ensure_ascii=False, indent=2, default=str))
