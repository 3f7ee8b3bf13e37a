"""How transfer tables look on a terminal and as JSON. Whole texts, never cut; a pipe gets each row on one line.

JSON has the names that the API uses.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from config.chinatime import china_time
from hotline.commands.table_words import DEEDS, STATES, counts, one_line
from hotline.show import moment
from routing.tables.cells import cells_of, targets_text
from routing.tables.columns import HEADINGS, MODE_WORDS
from routing.tables.diff import Diff, Key
from routing.tables.findings import Finding, Findings, Severity
from routing.tables.model import Line, targets_of
from routing.tables.states import Revision, Version

if TYPE_CHECKING:
    from rich.table import Table

    from config.audit import Kept

Json = dict[str, Any]

_ALWAYS = ("number", "name", "mode", "unit", "status", "targets", "confirm", "source")
_PIPE = 10_000  # columns: a program, or grep, reads lines
_LISTED = 100  # rows of each part of a difference: nobody reads more of them on a terminal
_SEVERITIES = {Severity.ERROR: "错误", Severity.WARNING: "提醒"}


# ---------------------------------------------------------------- for people


def say(text: str) -> None:
    """One sentence; the texts of tables are never markup."""
    print(one_line(text))


def table(*columns: str) -> "Table":
    from rich.table import Table

    made = Table(box=None, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def put(made: "Table") -> None:
    from rich.console import Console

    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _PIPE).print(made)


def rows(lines: Sequence[Line], general_skill: str) -> "Table":
    """Every row, in the columns that have anything to say; targets that the mode implies stand in brackets."""
    from rich.text import Text

    cells = [_cells(line, general_skill) for line in lines]
    columns = [column for column in HEADINGS if column in _ALWAYS or any(row[column] for row in cells)]
    made = table(*(HEADINGS[column] for column in columns))
    for row in cells:
        made.add_row(*(Text(row[column]) for column in columns))
    return made


def modes(lines: Iterable[Line]) -> "Table":
    """How many rows there are of each mode."""
    made = table("方式", "行数", "待确认")
    found, unconfirmed = Counter[str](), Counter[str]()
    for line in lines:
        found[line.mode] += 1
        unconfirmed[line.mode] += line.confirm
    for mode, words in MODE_WORDS.items():
        if found[mode]:
            made.add_row(words[0], str(found[mode]), str(unconfirmed[mode] or ""))
    made.add_row("合计", str(found.total()), str(unconfirmed.total() or ""))
    return made


def versions(found: Iterable[Version]) -> "Table":
    made = table("版本", "状态", "行数", "修订", "基于", "错误", "提醒", "建立人", "批准人", "生效时间", "说明")
    for version in found:
        made.add_row(
            str(version.number),
            STATES[version.state],
            str(version.rows),
            str(version.revision),
            _or_empty(version.base),
            _or_empty(version.errors),
            _or_empty(version.warnings),
            version.created_by,
            version.approved_by or "",
            _when(version.effective_at),
            _plain(version.why),
        )
    return made


def version(found: Version) -> None:
    """One version's facts, a line each."""
    say(f"第{found.number}版：{STATES[found.state]}，{found.rows}行，第{found.revision}次修订")
    if found.base is not None:
        say(f"基于：第{found.base}版")
    if found.restores is not None:
        say(f"恢复：第{found.restores}版的内容")
    say(f"建立：{_when(found.created)} {found.created_by}（{found.why}）")
    for name, at, by in (
        ("检查", found.checked_at, found.checked_by),
        ("确认紧急号码", found.confirmed_at, found.confirmed_by),
        ("批准", found.approved_at, found.approved_by),
    ):
        if at is not None:
            say(f"{name}：{_when(at)} {by}")
    if found.effective_at is not None:
        say(f"生效：{_when(found.effective_at)}")


def findings(found: Iterable[Finding], more: int) -> None:
    """One line each, as many as a check keeps."""
    for each in found:
        asks = "（须值班长确认）" if each.emergency else ""
        say(f"{_SEVERITIES[each.severity]}：{each}{asks}")
    if more:
        say(f"另有{more}条没有列出")


def difference(found: Diff) -> "Table":
    """Each changed cell with what was and what is; at most `_LISTED` rows of each part."""
    made = table("变化", "号码", "生效日期", "列", "原来", "现在")
    for word, lines in (("新增", found.added), ("删除", found.removed)):
        for line in lines[:_LISTED]:
            text = _summary(line)
            made.add_row(word, *_key(line), "", *(("", text) if word == "新增" else (text, "")))
        _rest(made, word, len(lines))
    for changed in found.changed[:_LISTED]:
        for column, (before, after) in changed.cells().items():
            made.add_row("修改", *_key(changed.after), HEADINGS[column], _plain(before), _plain(after))
    _rest(made, "修改", len(found.changed))
    return made


def log(entries: Iterable["Kept"]) -> "Table":
    """What was done to a version, oldest first."""
    made = table("时间", "操作人", "操作", "修订", "行数", "变化", "说明")
    for entry in entries:
        deed = entry.action.partition(".")[2]
        detail = entry.detail
        parts = [f"{word}{detail[key]}" for key, word in _COUNTED.items() if detail.get(key)]
        made.add_row(
            moment(entry.at),
            entry.who,
            DEEDS.get(deed, deed),
            _or_empty(detail.get("revision")),
            _or_empty(detail.get("rows")),
            "、".join(parts),
            _plain(entry.why),
        )
    return made


_COUNTED = {"added": "新增", "removed": "删除", "changed": "修改", "errors": "错误", "warnings": "提醒"}


# ---------------------------------------------------------------- for programs


def as_json(data: Mapping[str, Any]) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2))


def version_json(found: Version) -> Json:
    times = ("created", "updated", "checked", "confirmed", "approved", "effective")
    data = {name: value for name, value in asdict(found).items() if name != "body"}
    for name in times:
        at = data.pop(f"{name}_at", None) if name not in data else data[name]
        data[name] = None if at is None else china_time(at).isoformat()
    return data


def lines_json(lines: Iterable[Line]) -> list[dict[str, str]]:
    """Each row by the columns of a table's file, in English words."""
    return [cells_of(line, chinese=False) for line in lines]


def findings_json(found: Findings) -> Json:
    return {"errors": found.errors, "warnings": found.warnings, "items": _items(found.items), "more": found.more}


def problems_json(found: Sequence[Finding], more: int) -> Json:
    """The problems of a file that cannot be read, in the form of a check's findings."""
    return {"errors": len(found) + more, "warnings": 0, "items": _items(found), "more": more}


def counts_json(found: Diff) -> dict[str, int]:
    return {"added": len(found.added), "removed": len(found.removed), "changed": len(found.changed)}


def diff_json(found: Diff) -> Json:
    """All of it."""
    changed = [
        {"number": each.key.number, "from": _day(each.key), "cells": each.cells(chinese=False)}
        for each in found.changed
    ]
    return {
        "counts": counts_json(found),
        "added": lines_json(found.added),
        "removed": lines_json(found.removed),
        "changed": changed,
    }


def revision_json(found: Revision) -> Json:
    data = asdict(found)
    del data["body"]
    return data | {"at": china_time(found.at).isoformat()}


def entry_json(found: "Kept") -> Json:
    return {
        "at": china_time(found.at).isoformat(),
        "who": found.who,
        "action": found.action,
        "why": found.why,
        "detail": dict(found.detail),
    }


# ---------------------------------------------------------------- inside


def _items(found: Iterable[Finding]) -> list[Json]:
    return [
        {
            "severity": str(each.severity),
            "row": each.row,
            "column": each.column,
            "text": each.text,
            "emergency": each.emergency,
        }
        for each in found
    ]


def _cells(line: Line, general_skill: str) -> dict[str, str]:
    cells = {column: _plain(text) for column, text in cells_of(line).items()}
    if not line.targets and (implied := targets_text(targets_of(line, general_skill))):
        cells["targets"] = f"（{implied}）"
    return cells


def _summary(line: Line) -> str:
    cells = cells_of(line)
    said = [cells[column] for column in HEADINGS if column not in ("number", "from") and cells[column]]
    return _plain("，".join(said))


def _rest(made: "Table", word: str, total: int) -> None:
    if total > _LISTED:
        made.add_row(word, f"另有{total - _LISTED}行没有列出", "", "", "", "")


def _key(line: Line) -> tuple[str, str]:
    return line.number, "" if line.effective_from is None else line.effective_from.isoformat()


def _day(key: Key) -> str | None:
    return None if key.begins is None else key.begins.isoformat()


def _plain(text: str) -> str:
    return one_line(text)


def _or_empty(value: object) -> str:
    return "" if value is None else str(value)


def _when(at: float | None) -> str:
    return "" if at is None else moment(at)


__all__ = [
    "STATES",
    "as_json",
    "counts",
    "counts_json",
    "diff_json",
    "difference",
    "entry_json",
    "findings",
    "findings_json",
    "lines_json",
    "log",
    "modes",
    "moment",
    "problems_json",
    "put",
    "revision_json",
    "rows",
    "say",
    "table",
    "version",
    "version_json",
    "versions",
]
