"""`hotline table`: transfer tables (转接表) in and out as files, checked, approved by a second person, taken back.

The rules are `routing.tables`'; here stand the commands. Whoever may read the database's settings on this machine may
do this; the history and the audit log name them ``cli:<user>``.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hotline.commands import Json, SettingsFile, table_files, table_reading, who
from hotline.commands.table_options import Number, Revision, Why, reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hotline.commands.table_office import Office
    from routing.tables.findings import Findings
    from routing.tables.states import Version

app = typer.Typer(help="Transfer tables (转接表): drafts, files, checks, approval.", no_args_is_help=True)
app.command("list")(table_reading.list_tables)
app.command("show")(table_reading.show_table)
app.command("diff")(table_reading.diff)
app.command("history")(table_reading.history)
app.command("export")(table_reading.export)
app.command("check")(table_files.check)
app.command("import")(table_files.import_file)

FAILED = 1

Numbers = list[str] | None


@app.command("check-draft")
def check_draft(number: Number, revision: Revision = None, json: Json = False, settings: SettingsFile = None) -> None:
    """Check a draft; without errors somebody else may approve it."""
    from hotline.commands import table_show as show
    from hotline.commands.table_office import on_tables

    async def work(office: "Office") -> "tuple[Version, Findings, bool]":
        read = await office.revision(number, revision)
        version, findings = await office.publishing.check(number, who=who(), revision=read)
        return version, findings, bool(findings.emergencies) or await office.touches_emergencies(version)

    version, findings, emergency = on_tables(settings, work)
    if json:
        show.as_json({"table": show.version_json(version), "findings": show.findings_json(findings)})
    else:
        show.findings(findings.items, findings.more)
        show.say(f"第{number}版：{findings.errors}处错误，{findings.warnings}处提醒")
        if findings.accepted:
            if emergency:
                show.say(f"下一步：由没有参与修改的值班长运行 hotline table confirm-emergency {number} --why 原因")
            after = "然后" if emergency else "下一步"
            show.say(f"{after}：由没有参与修改的人运行 hotline table approve {number} --why 原因")
        else:
            show.say(f"请改正后运行 hotline table import 文件 --into {number} --why 原因")
    if not findings.accepted:
        raise typer.Exit(FAILED)


@app.command("rebase")
def rebase(
    number: Number,
    why: Why,
    mine: Annotated[Numbers, typer.Option("--mine", help="A number whose row stays as the draft has it.")] = None,
    theirs: Annotated[Numbers, typer.Option("--theirs", help="A number whose row is taken as approved.")] = None,
    revision: Revision = None,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """Bring a draft up to date with the version that was approved since it was made; check it again afterwards.

    Rows that both changed are listed, until --mine or --theirs, which may be repeated, decides about each.
    """
    from routing.tables.diff import Key, Side
    from routing.tables.states import MergeConflict

    why = reason(why)
    if twice := sorted({*(mine or ())} & {*(theirs or ())}):
        raise typer.BadParameter(f"--mine and --theirs both name {twice[0]}; decide for one of them")
    sides = dict.fromkeys(mine or (), Side.MINE) | dict.fromkeys(theirs or (), Side.THEIRS)

    async def work(office: "Office") -> "Version":
        read = await office.revision(number, revision)

        async def bring(choices: dict[Key, Side]) -> "Version":
            return await office.drafts.rebase(number, who=who(), why=why, revision=read, choices=choices)

        try:
            return await bring({})
        except MergeConflict as conflict:
            choices = {each.key: sides[each.number] for each in conflict.conflicts if each.number in sides}
            if not choices:
                raise
            return await bring(choices)

    _change(settings, json, work, "第{0}版草稿已合并他人的修改；下一步：hotline table check-draft {0}")


@app.command("confirm-emergency")
def confirm_emergency(
    number: Number, why: Why, revision: Revision = None, json: Json = False, settings: SettingsFile = None
) -> None:
    """Confirm the changes that a checked draft makes to rows of 110, 119, 120 and 122, as a supervisor.

    By somebody who changed nothing in the draft; before it is approved.
    """

    why = reason(why)

    async def work(office: "Office") -> "Version":
        read = await office.revision(number, revision)
        return await office.publishing.confirm(number, who=who(), why=why, revision=read)

    _change(settings, json, work, "已确认第{0}版对紧急号码的改动")


@app.command("approve")
def approve(
    number: Number,
    why: Why,
    at: Annotated[
        str | None,
        typer.Option("--at", help="When it takes effect, in China's time, as in '2026-12-01 00:00'; default: now."),
    ] = None,
    revision: Revision = None,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """Put a checked draft in force, now or at a time. By somebody who changed nothing in it.

    New calls are routed by it within a second; calls under way keep the table they began with.
    """

    why, moment = reason(why), None if at is None else _moment(at)

    async def work(office: "Office") -> "Version":
        read = await office.revision(number, revision)
        return await office.publishing.approve(number, who=who(), why=why, revision=read, at=moment)

    _change(settings, json, work, "第{0}版已批准，{1}生效")


@app.command("withdraw")
def withdraw(number: Number, why: Why, json: Json = False, settings: SettingsFile = None) -> None:
    """Take an approved version back before its time; it is a draft again."""
    from hotline.commands.table_words import STATES, Refused
    from routing.tables.states import WrongState

    why = reason(why)

    async def work(office: "Office") -> "Version":
        try:
            return await office.publishing.withdraw(number, who=who(), why=why)
        except WrongState as error:
            state = STATES[error.state]
            raise Refused(f"第{number}版是“{state}”，只有“待生效”的版本可以撤回") from None

    _change(settings, json, work, "第{0}版已撤回，又是草稿")


@app.command("rollback")
def rollback(why: Why, json: Json = False, settings: SettingsFile = None) -> None:
    """Take the version in force back: the rows before it hold again at once, as a new version.

    One person suffices, because these rows were approved before. What was scheduled becomes a draft again.
    """
    from hotline.commands.table_words import Refused

    why = reason(why)

    async def work(office: "Office") -> "Version":
        effective = await office.versions.effective()
        if effective is None:
            raise Refused("还没有生效的转接表，无法回退")
        return await office.publishing.rollback(effective.number, who=who(), why=why)

    _change(settings, json, work, "第{0}版已生效，内容与第{2}版相同")


@app.command("discard")
def discard(number: Number, why: Why, json: Json = False, settings: SettingsFile = None) -> None:
    """Give a draft up. It stays readable."""

    why = reason(why)
    _change(
        settings,
        json,
        lambda office: office.drafts.discard(number, who=who(), why=why),
        "第{0}版草稿已作废",
    )


def _change(settings: Path | None, json: bool, work: "Callable[[Office], Awaitable[Version]]", done: str) -> None:
    """Do it and say so; ``done`` has places for the version's number, when it takes effect, and what it restores."""
    from hotline.commands import table_show as show
    from hotline.commands.table_office import now, on_tables

    version = on_tables(settings, work)
    if json:
        show.as_json({"table": show.version_json(version)})
        return
    at = version.effective_at
    when = f"将于{show.moment(at)}" if at is not None and at > now() else "立即"
    show.say(done.format(version.number, when, version.restores))


def _moment(text: str) -> float:
    from hotline.simulator import parse_moment

    try:
        return parse_moment(text)
    except ValueError as error:
        raise typer.BadParameter(f"--at: “{text}” {error}") from None
