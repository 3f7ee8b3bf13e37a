"""`hotline table`, its way in: a file is checked, and becomes a draft. A file with errors makes nothing."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.settings import load_settings
from hotline.commands import Json, SettingsFile, who
from hotline.commands.table_options import Replace, Revision, Source, Why, reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotline.commands.table_office import Office
    from routing.tables.files import Imported
    from routing.tables.imports import Foreseen
    from routing.tables.model import Line
    from routing.tables.pack_lines import PackFrame
    from routing.tables.states import ImportMode, Version

FAILED = 1


def check(file: Source, replace: Replace = False, json: Json = False, settings: SettingsFile = None) -> None:
    """Check a file as an import would, and say what it would change. Changes nothing and needs no database.

    It is held against the installation's city pack and the table that it would follow: the approved one in the
    database, or the pack's where no database can be asked.
    """
    from config.packs import load_pack
    from config.packs.store import today_in_china
    from hotline.commands import table_show as show
    from hotline.commands.table_office import frame_of, read, to_follow

    found = load_settings(settings)
    frame = frame_of(found, load_pack(found.packs_dir, found.city, today=today_in_china()))
    known = asyncio.run(to_follow(found, frame))
    imported = read(file)
    foreseen = None if imported.problems else _foresee(frame, known.lines, known.approved, imported, replace)
    accepted = foreseen is not None and foreseen.findings.accepted and not foreseen.impossible
    if json:
        against = None if known.version is None else known.version.number
        facts = {"accepted": accepted, "against": against, "notice": known.notice or None}
        show.as_json(facts | _report(file, imported, foreseen))
    else:
        if known.version is None:
            show.say(f"注意：{known.notice}，以下与城市包中的转接表比较")
        else:
            show.say(f"与第{known.version.number}版（{show.STATES[known.version.state]}）比较")
        _tell(imported, foreseen)
        show.say("可以导入" if accepted else "不能导入，请改正以上错误")
    if not accepted:
        raise typer.Exit(FAILED)


def import_file(
    file: Source,
    why: Why,
    replace: Replace = False,
    into: Annotated[
        int | None, typer.Option("--into", min=1, help="Number of a draft that takes the rows; default: a new draft.")
    ] = None,
    revision: Revision = None,
    json: Json = False,
    settings: SettingsFile = None,
) -> None:
    """Make a draft of a file, or put its rows into one. With errors nothing is made; `hotline table check` tries it.

    A new draft changes the last approved version. Calls are routed by it once it is checked (`check-draft`) and
    somebody else has approved it (`approve`).
    """
    from hotline.commands import table_show as show
    from hotline.commands.table_office import on_tables, read
    from hotline.commands.table_words import Refused

    if revision is not None and into is None:
        raise typer.BadParameter("--revision is for --into, which names the draft")
    why = reason(why)
    imported = read(file)

    async def work(office: "Office") -> "tuple[Foreseen | None, Version | None]":
        return await _bring_in(office, imported, replace, into, revision, why)

    foreseen, version = (None, None) if imported.problems else on_tables(settings, work)
    if json:
        made = {"table": None if version is None else show.version_json(version)}
        show.as_json(_report(file, imported, foreseen) | made)
    else:
        _tell(imported, foreseen)
    if foreseen is None or foreseen.impossible or not foreseen.findings.accepted:
        raise Refused(f"{file.name}有错误，什么也没有导入；请改正后重试")
    if not json:
        _next(version, into)


async def _bring_in(
    office: "Office", imported: "Imported", replace: bool, into: int | None, revision: int | None, why: str
) -> "tuple[Foreseen, Version | None]":
    """What it comes to, and the draft; None when the file has errors or changes nothing."""

    versions = office.versions
    if into is None:
        last = await versions.last_approved()
        present = before = () if last is None else await versions.rows_of(last.body)
    else:
        draft = await versions.get(into)
        present, before = await versions.rows_of(draft.body), await versions.base_rows(draft.base)
    foreseen = await asyncio.to_thread(_foresee, office.frame, present, before, imported, replace)
    if foreseen.impossible or not foreseen.findings.accepted or not foreseen.diff:
        return foreseen, None
    lines, mode = [line for _, line in imported.rows], _mode(replace)
    if into is None:
        return foreseen, await office.drafts.create_from(lines, mode=mode, who=who(), why=why)
    read = await office.revision(into, revision)
    return foreseen, await office.drafts.take_in(into, lines, mode=mode, who=who(), why=why, revision=read)


def _foresee(
    frame: "PackFrame",
    present: "Sequence[Line]",
    before: "Sequence[Line] | None",
    imported: "Imported",
    replace: bool,
) -> "Foreseen":
    from hotline.commands.table_office import now
    from routing.tables.imports import foresee

    return foresee(frame, present, before, imported.rows, _mode(replace), now())


def _mode(replace: bool) -> "ImportMode":
    from routing.tables.states import ImportMode

    return ImportMode.REPLACE if replace else ImportMode.MERGE


def _tell(imported: "Imported", foreseen: "Foreseen | None") -> None:
    from hotline.commands import table_show as show

    if foreseen is None:
        show.findings(imported.problems, imported.more)
        return
    show.findings(foreseen.findings.items, foreseen.findings.more)
    changes = "" if foreseen.impossible else f"：{show.counts(foreseen.diff)}"
    show.say(f"文件有{len(imported.rows)}行{changes}；{_errors(foreseen)}")


def _errors(foreseen: "Foreseen") -> str:
    return f"{foreseen.findings.errors}处错误，{foreseen.findings.warnings}处提醒"


def _next(version: "Version | None", into: int | None) -> None:
    from hotline.commands import table_show as show

    if version is None:
        show.say("文件与现有的转接表相同，没有需要导入的内容")
        return
    made = "已写入" if into is not None else "已建立"
    show.say(f"{made}第{version.number}版草稿（第{version.revision}次修订），尚未生效")
    show.say(f"下一步：hotline table check-draft {version.number}")


def _report(file: Path, imported: "Imported", foreseen: "Foreseen | None") -> dict[str, Any]:
    """``changes`` is null for a file that cannot be read."""
    from hotline.commands import table_show as show

    facts = {"file": file.name, "how": imported.how, "rows": len(imported.rows)}
    if foreseen is None:
        return {**facts, "findings": show.problems_json(imported.problems, imported.more), "changes": None}
    changes = None if foreseen.impossible else show.counts_json(foreseen.diff)
    return {**facts, "findings": show.findings_json(foreseen.findings), "changes": changes}
