"""A row of texts ↔ a `Line`: what a spreadsheet, a CSV file, or a form holds, and what the table means by it.

Reads forgivingly (Chinese or English words, full-width digits, what Excel makes of numbers and dates), writes one form.
Judges a row alone; how rows stand to each other is `checks`' business.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from config.logs import mask_text
from config.packs.texts import MAX_LENGTH, parse
from routing.tables.columns import (
    HEADINGS,
    KIND_WORDS,
    MODE_WORDS,
    NO_WORDS,
    STATUS_WORDS,
    YES,
    YES_WORDS,
)
from routing.tables.findings import Finding, Severity
from routing.tables.hours import Opening, format_hours, parse_hours
from routing.tables.model import Line, LineMode, LineStatus, Target, TargetKind

__all__ = ["HEADINGS", "CellFaults", "cells_of", "faults_of", "line_of", "targets_text"]

TARGETS = 10  # of one line: more than anybody waits for
LONGEST = {"name": 40, "unit": 100, "source": 200, "note": 500}  # characters
_RING_S = (1.0, 600.0)
_TRIES = 9

_NUMBER = re.compile(r"[0-9]{3,11}")
_ADDRESS: Mapping[TargetKind, tuple[re.Pattern[str], str]] = {
    TargetKind.SKILL: (re.compile(r"[a-z][a-z0-9_]{0,31}"), "技能标识，如“skill:general”"),
    TargetKind.PHONE: (re.compile(r"[0-9]{3,20}"), "3至20位数字，如“phone:12366”"),
    TargetKind.BACKUP: (re.compile(r"[0-9]{3,20}"), "3至20位数字，如“backup:12366”"),
    TargetKind.DESK: (re.compile(r"[0-9]{2,8}"), "2至8位数字，如“desk:8001”"),
    TargetKind.LINE: (_NUMBER, "表中的号码，如“line:12315”"),
}
_TARGET = re.compile(
    r"(?P<kind>[^\s:]+)\s*:\s*(?P<to>\S+)(?:\s+(?P<ring>[0-9]{1,3}(?:\.[0-9]{1,3})?)\s*(?:s|秒))?"
    r"(?:\s+(?:[x×]\s*(?P<tries>[0-9])|(?P<times>[0-9])次))?"
)
_TARGET_FORM = "请写成“phone:12366 20s x2; skill:general”的样子"
_DAY = re.compile(
    r"([0-9]{4})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))(?:[ T]0?0:00(?::00)?)?"
)
_WHOLE = re.compile(r"([0-9]+)\.0+")
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?e\+?[0-9]+", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")  # pasted along unseen
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # not in XML 1.0, or no text

Word = TypeVar("Word", bound=StrEnum)
Value = TypeVar("Value")


class CellFaults(ValueError):
    """A row cannot be read; `faults` has every reason."""

    def __init__(self, faults: Iterable[Finding]) -> None:
        self.faults = tuple(faults)
        super().__init__("；".join(map(str, self.faults)))


def line_of(cells: Mapping[str, str], *, row: int | None = None) -> Line:
    """The line that a row of texts means; `cells` by English column, a missing one counts as empty.

    `row` is named in the faults. Raises `CellFaults` with every fault of the row.
    """
    reading = _Reading(cells, row)
    line = Line(
        number=reading.take("number", _number, ""),
        name=reading.text("name"),
        mode=reading.take("mode", lambda text: _word(text, MODE_WORDS), LineMode.MERGED),
        unit=reading.text("unit"),
        status=reading.take("status", lambda text: _word(text, STATUS_WORDS), LineStatus.OPEN),
        targets=reading.take("targets", _targets, ()),
        hours=reading.take("hours", _hours, ()),
        expert=reading.take("expert", _yes, False),
        announcement=reading.text("announcement"),
        effective_from=reading.take("from", _day, None),
        effective_to=reading.take("to", _day, None),
        confirm=reading.take("confirm", _yes, False),
        source=reading.text("source"),
        note=reading.text("note"),
    )
    known = {fault.column for fault in reading.faults}
    faults = reading.faults + [fault for fault in faults_of(line, row=row) if fault.column not in known]
    if faults:
        raise CellFaults(faults)
    return line


def cells_of(line: Line, *, chinese: bool = True) -> dict[str, str]:
    """The texts of a line by English column, as `line_of` reads them back; `chinese` chooses the words."""
    yes = YES if chinese else "yes"
    return {
        "number": line.number,
        "name": line.name,
        "mode": MODE_WORDS[line.mode][0] if chinese else line.mode.value,
        "unit": line.unit,
        "status": STATUS_WORDS[line.status][0] if chinese else line.status.value,
        "targets": targets_text(line.targets),
        "hours": format_hours(line.hours),
        "expert": yes if line.expert else "",
        "announcement": line.announcement,
        "from": line.effective_from.isoformat() if line.effective_from else "",
        "to": line.effective_to.isoformat() if line.effective_to else "",
        "confirm": yes if line.confirm else "",
        "source": line.source,
        "note": line.note,
    }


def targets_text(targets: Iterable[Target]) -> str:
    """``phone:12366 20s x2; skill:general``."""
    return "; ".join(map(_target_text, targets))


def faults_of(line: Line, *, row: int | None = None) -> list[Finding]:
    """What no line may be, wherever it comes from: a number, names, targets and dates out of their limits."""
    faults: list[Finding] = []

    def fault(column: str, text: str) -> None:
        faults.append(Finding(Severity.ERROR, row, column, text))

    if not _NUMBER.fullmatch(line.number):
        fault("number", "应为3至11位数字" if line.number else "为空；请填写3至11位数字")
    if not line.name:
        fault("name", "为空；请填写热线名称")
    for column, limit in LONGEST.items():
        length = len(getattr(line, column))
        if length > limit:
            fault(column, f"有{length}个字，最多{limit}个")
    if line.announcement and (reason := _unspeakable(line.announcement)):
        fault("announcement", reason)
    if line.effective_from and line.effective_to and line.effective_to < line.effective_from:
        fault("to", f"{line.effective_to}早于生效日期{line.effective_from}；截止日期是最后一天")
    if len(line.targets) > TARGETS:
        fault("targets", f"有{len(line.targets)}个转接目标，最多{TARGETS}个")
    for target in line.targets:
        if reason := _target_fault(target):
            fault("targets", reason)
            break
    return faults


class _Reading:
    """One row being read."""

    def __init__(self, cells: Mapping[str, str], row: int | None) -> None:
        self.cells, self.row = cells, row
        self.faults: list[Finding] = []

    def text(self, column: str) -> str:
        """A free text, trimmed, with newlines as ``\\n`` and without what nobody can see."""
        return self.take(column, _plain, "")

    def take(self, column: str, read: Callable[[str], Value], otherwise: Value) -> Value:
        """What `read` makes of a cell; a `ValueError` of it is a fault of the column."""
        try:
            return read(self.cells.get(column, ""))
        except ValueError as error:
            self.faults.append(Finding(Severity.ERROR, self.row, column, str(error)))
            return otherwise


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text.strip()
    plain = _INVISIBLE.sub("", text).replace("\r\n", "\n").replace("\r", "\n").strip()
    if found := _UNWRITABLE.search(plain):
        raise ValueError(f"含有不能使用的控制字符（U+{ord(found[0]):04X}）；请删除后重新填写")
    return plain


def _compact(text: str) -> str:
    """The text of a cell that is no free text: full-width letters and digits are made ordinary ones."""
    plain = _plain(text)
    return plain if plain.isascii() else unicodedata.normalize("NFKC", plain).strip()


def _listed(text: str) -> str:
    """A list parted by ``;``, each item of which may stand on a line of its own."""
    return _compact(text).replace("\n", ";")


def _quoted(text: str) -> str:
    """A text as it may be shown: short, and no telephone number of a person in it."""
    masked = re.sub(r"[0-9]{7,}", lambda found: found[0][:3] + "*" * (len(found[0]) - 3), mask_text(text))
    return f"“{masked if len(masked) <= 30 else masked[:30] + '…'}”"


def _number(text: str) -> str:
    plain = _compact(text)
    if whole := _WHOLE.fullmatch(plain):  # a number that a spreadsheet took for a quantity
        return whole[1]
    if _SCIENTIFIC.fullmatch(plain):
        raise ValueError(f"“{plain}”是电子表格改写的科学计数法；请把此列设为“文本”格式后重新填写号码")
    digits = re.sub(r"[\s-]", "", plain)
    if plain and not _NUMBER.fullmatch(digits):
        raise ValueError(f"{_quoted(plain)}不是3至11位数字")
    return digits


def _word(text: str, words: Mapping[Word, tuple[str, ...]]) -> Word:
    plain = _compact(text).lower()
    for each, known in words.items():
        if plain == each or plain in known:
            return each
    choices = "、".join(known[0] for known in words.values())
    raise ValueError(f"{_quoted(plain)}无法识别；请填写：{choices}" if plain else f"为空；请填写：{choices}")


def _yes(text: str) -> bool:
    plain = _compact(text).lower()
    if plain in YES_WORDS:
        return True
    if plain in NO_WORDS:
        return False
    raise ValueError(f"{_quoted(plain)}无法识别；请填写“是”，或者留空")


def _day(text: str) -> date | None:
    plain = _compact(text)
    if not plain:
        return None
    found = _DAY.fullmatch(plain)
    try:
        if found is not None:
            return date(int(found[1]), int(found[2] or found[4]), int(found[3] or found[5]))
    except ValueError:
        pass
    raise ValueError(f"{_quoted(plain)}不是日期；请写成“2026-10-01”的样子")


def _hours(text: str) -> tuple[Opening, ...]:
    return _cached_hours(_listed(text))


@lru_cache(maxsize=4096)
def _cached_hours(text: str) -> tuple[Opening, ...]:
    try:
        return parse_hours(text)
    except ValueError:
        raise ValueError(
            f"{_quoted(_bad_segment(text))}无法识别；请写成“工作日 08:30-12:00 14:00-17:30; 周六 09:00-12:00”的样子，"
            "留空表示全天"
        ) from None


def _bad_segment(text: str) -> str:
    for segment in text.split(";"):
        try:
            parse_hours(segment)
        except ValueError:
            return segment.strip()
    return text


def _targets(text: str) -> tuple[Target, ...]:
    return _cached_targets(_listed(text))


@lru_cache(maxsize=4096)
def _cached_targets(text: str) -> tuple[Target, ...]:
    return tuple(_target(part.strip()) for part in text.split(";") if part.strip())


def _target(part: str) -> Target:
    found = _TARGET.fullmatch(part)
    if found is None:
        raise ValueError(f"{_quoted(part)}无法识别；{_TARGET_FORM}")
    kind = _kind(found["kind"])
    if kind is None:
        raise ValueError(
            f"{_quoted(found['kind'])}不是转接方式；可用：skill（技能）、phone（电话）、backup（备用中继）、desk（座机）、line（号码）"
        )
    to = found["to"] if kind is TargetKind.SKILL else found["to"].replace("-", "")
    tries = found["tries"] or found["times"]
    return Target(kind, to, float(found["ring"]) if found["ring"] else None, int(tries) if tries else 1)


def _kind(word: str) -> TargetKind | None:
    plain = word.lower()
    return next((kind for kind, words in KIND_WORDS.items() if plain == kind or plain in words), None)


def _target_fault(target: Target) -> str | None:
    pattern, form = _ADDRESS[target.kind]
    if not pattern.fullmatch(target.to):
        return f"{_quoted(f'{target.kind}:{target.to}')}无法使用；“{target.kind}:”之后应为{form}"
    shortest, longest = _RING_S
    if target.ring_s is not None and not shortest <= target.ring_s <= longest:
        return f"振铃或排队时间应为{shortest:g}至{longest:g}秒"
    if not 1 <= target.tries <= _TRIES:
        return f"尝试次数应为1至{_TRIES}次"
    return None


def _target_text(target: Target) -> str:
    ring = "" if target.ring_s is None else f" {target.ring_s:.10g}s"
    tries = "" if target.tries == 1 else f" x{target.tries}"
    return f"{target.kind}:{target.to}{ring}{tries}"


@lru_cache(maxsize=4096)
def _unspeakable(text: str) -> str | None:
    """Why an announcement cannot be spoken, by the rules of the prompts."""
    if len(text) > MAX_LENGTH:
        return f"有{len(text)}个字，来电人听不完，最多{MAX_LENGTH}个"
    if "{" in text or "}" in text:
        return "含有“{”或“}”；公告按原文播报，不能含有变量"
    try:
        parse(text)
    except ValueError:
        return f"含有无法播报的字符{_quoted(_first_unspeakable(text))}；请改写为汉字、数字和中文标点"
    return None


def _first_unspeakable(text: str) -> str:
    for character in text:
        if character.isspace():
            continue
        try:
            parse(character)
        except ValueError:
            return character
    return text
