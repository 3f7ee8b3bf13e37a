"""`hotline route`: where a call would go, and why. Rings nobody and changes nothing."""

import asyncio
import json as json_module
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import Settings, load_settings
from hotline.commands import Json, SettingsFile

if TYPE_CHECKING:
    from config.packs import Pack
    from hotline.simulator import Chosen, Outlook, Simulation, Step
    from hotline.trial import Trial

_FIRST_STEPS = 3  # of a row, where every row is shown

_HELP = """\
Say where a call to NUMBER would go, and why, without making one.

With --dial the number is really dialled as well (试拨), in a hotline of its own on this machine, where every skill
has a person and every phone of the route answers; nothing rings outside, and the installation is not touched.

It asks the table that holds at the time given: of the installation's city the version in the database, of another
city, or without a database, the lines of the city's pack.

With --json: `dialled`, `at` (ISO 8601), `city`, `table` and `notice` (why it is another table than calls are routed
by, or null); `number` as it was understood, its row as `line` (by the columns of a table's file, or null), `reception`
(own, merged, dual, county, alias, forward, suspended, retired or closed), `final` (where an alias led), `emergency`;
`steps` in order, each `kind` (skill, phone or desk), `to`, `ring_s` (seconds or null) and `tries`; `reasons`, each
`why`, `number` and `detail`; `explanation` and `heard` as lists of sentences. With --all: `at`, `city`, `table`,
`notice` and `rows`, each `line`, `in_force`, `reception`, `emergency` and `steps`. With --dial: `trial`, with `reached`
(`skill:l12315`, `phone:12366`), `as_routed`, and the call's `story`.

Exit codes: 0 answered, 1 the trial call did not reach the first step, 2 unknown city or wrong time, 3 no such version
of the table."""

Number = Annotated[str | None, typer.Argument(help="The number dialled, in any spelling.", show_default=False)]
City = Annotated[str | None, typer.Option("--city", help="Name of a city pack; default: the installation's.")]
At = Annotated[str | None, typer.Option("--at", help="In China's time, as in '2026-10-01 03:00'; default: now.")]
Draft = Annotated[int | None, typer.Option("--draft", help="A version of the table by its number, drafts too.")]
All = Annotated[bool, typer.Option("--all", help="Every row of the table instead of one number.")]
Dial = Annotated[bool, typer.Option("--dial", help="Dial it as well, in a hotline of its own on this machine.")]


def route(
    number: Number = None,
    city: City = None,
    at: At = None,
    draft: Draft = None,
    every: All = False,
    dial: Dial = False,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    found = load_settings(settings)
    if (number is None) is not every:
        raise typer.BadParameter("give a number, or --all for every row of the table")
    if dial and number is None:
        raise typer.BadParameter("--dial needs the number to be dialled")
    if draft is not None and city is not None and city != found.city:
        raise typer.BadParameter(f"--draft is for the tables of {found.city}, which this installation serves")
    moment = _moment(at)
    chosen = asyncio.run(_choose(found, city, draft, moment))
    answer = chosen.simulate(number, moment) if number is not None else chosen.outlook(moment)
    if not json:
        _show(answer)
    trial = _dial(found, chosen, number) if dial and number is not None else None
    if json:
        print(_as_json(answer, trial))
    elif trial is not None:
        _show_trial(trial)
    if trial is not None and not trial.as_routed:
        raise typer.Exit(1)


route.__doc__ = _HELP


def _dial(settings: Settings, chosen: "Chosen", number: str) -> "Trial":
    """Dial the number now: at another time than the simulated one the table may lead elsewhere."""
    from config.logs import configure
    from hotline import trial
    from hotline.runtime import paths
    from hotline.services import ServiceError
    from routing.tables import resolve

    configure("error")
    expected = resolve(number, time.time(), chosen.table)
    folder = paths.layout().root / "state" / "trial"
    try:
        return asyncio.run(trial.dial(folder, settings.packs_dir, chosen.pack, chosen.table, expected))
    except (trial.NotObserved, trial.NotRunning) as error:
        raise ServiceError(f"the trial call was not completed: {error}") from None


def _as_json(answer: "Simulation | Outlook", trial: "Trial | None") -> str:
    if trial is None:
        return answer.model_dump_json(indent=2)
    found = {**answer.model_dump(mode="json"), "trial": asdict(trial)}
    return json_module.dumps(found, ensure_ascii=False, indent=2)


def _show_trial(trial: "Trial") -> None:
    from hotline.show import console, story

    verdict = "与上面的第一步一致" if trial.as_routed else "[red]与上面的第一步不一致[/red]"
    console.print(f"\n[bold]试拨 {trial.number}[/bold]：由 {trial.reached} 接听，{verdict}。")
    story(trial.story)


def _moment(text: str | None) -> float:
    from hotline.simulator import parse_moment

    if text is None:
        return time.time()
    try:
        return parse_moment(text)
    except ValueError as error:
        raise typer.BadParameter(f"--at: “{text}” {error}") from None


async def _choose(settings: Settings, city: str | None, version: int | None, at: float) -> "Chosen":
    """The table that is asked. Without a database that can be asked it is the pack's, unless a version is wanted."""
    from config.database import DatabaseUnreachable, is_outage
    from config.packs import load_pack
    from hotline.lookup import NotFoundError
    from hotline.simulator import Simulator

    pack = load_pack(settings.packs_dir, city or settings.city)
    of_files = Simulator(settings.packs_dir, lambda: pack)
    if pack.id != settings.city:
        return await of_files.of_pack(pack)
    try:
        chosen = await _of_database(settings, pack, version, at)
    except Exception as error:
        if not is_outage(error):
            raise
        if version is not None:
            raise DatabaseUnreachable("the version cannot be read") from error
        return await of_files.of_pack(pack, "数据库现在无法连接，以下按城市包中的转接表")
    if chosen is not None:
        return chosen
    if version is not None:
        raise NotFoundError(f"there is no version {version}: this installation has no tables yet; start it once")
    return await of_files.of_pack(pack, "本系统尚未启动过，数据库中没有转接表，以下按城市包中的转接表")


async def _of_database(settings: Settings, pack: "Pack", version: int | None, at: float) -> "Chosen | None":
    """None when the database has never held tables; it is not made by looking."""
    from sqlalchemy import inspect

    from config.database import Database
    from hotline.lookup import NotFoundError
    from hotline.simulator import Simulator
    from routing.tables.states import UnknownTable
    from routing.tables.storage import versions

    if not _may_exist(settings):
        return None
    database = Database(settings.database)
    try:
        async with database.connect() as connection:
            if not await connection.run_sync(lambda sync: inspect(sync).has_table(versions.name)):
                return None
        simulator = Simulator.of_installation(database, settings.packs_dir, lambda: pack)
        return await simulator.choose(None, version, at)
    except UnknownTable as error:
        raise NotFoundError(f"{error}; `hotline table list` shows those there are") from None
    finally:
        await database.dispose()


def _may_exist(settings: Settings) -> bool:
    """Whether there is a database to ask; connecting to an SQLite file would make one."""
    from sqlalchemy.engine import make_url

    url = make_url(settings.database)
    return not url.drivername.startswith("sqlite") or Path(url.database or "").is_file()


def _show(answer: "Simulation | Outlook") -> None:
    from hotline.simulator import Simulation

    if answer.notice:
        print(f"注意：{answer.notice}。")
    if isinstance(answer, Simulation):
        _show_call(answer)
    else:
        _show_rows(answer)


def _show_call(answer: "Simulation") -> None:
    for sentence in answer.explanation:
        print(sentence)
    print(f"来电人先听到：{''.join(answer.heard)}")


def _show_rows(answer: "Outlook") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from routing.tables import LineMode, LineStatus
    from routing.tables.columns import MODE_WORDS, STATUS_WORDS

    table = Table(box=None, header_style="bold")
    for column in ("号码", "名称", "方式", "状态", "去向", "依据"):
        table.add_column(column, overflow="fold")
    for row in answer.rows:
        line = row.line
        steps = " → ".join(_step(step) for step in row.steps[:_FIRST_STEPS]) if row.in_force else "不在有效期内"
        rest = " → …" if len(row.steps) > _FIRST_STEPS else ""
        mode, status = MODE_WORDS[LineMode(line["mode"])][0], STATUS_WORDS[LineStatus(line["status"])][0]
        cells = (line["number"], line["name"], mode, status, steps + rest, line["source"])
        table.add_row(*map(escape, cells))
    console = Console(highlight=False)
    console.print(f"{answer.city}  {answer.table}  {answer.at:%Y-%m-%d %H:%M}", markup=False)
    console.print(table)


def _step(step: "Step") -> str:
    seconds = "" if step.ring_s is None else f" {step.ring_s:g}s"
    kind = {"skill": "人工", "phone": "外线", "desk": "话机"}[step.kind]
    return f"{kind} {step.to}{seconds}" + (f" x{step.tries}" if step.tries > 1 else "")
