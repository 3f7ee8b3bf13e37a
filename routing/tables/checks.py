"""Checks a whole table before anybody uses it: every row by itself, the rows among each other, the city around them.

An error keeps a table out of use; a warning wants a look; what touches an emergency number wants a supervisor's word.
A table without errors has no dead end: whatever is dialled, whenever, leads to people. Pure, linear in rows.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise

import msgspec

from config.workdays import Workdays
from routing.tables.cells import faults_of
from routing.tables.chains import Numbered, Rows, begin_of, check_chains, end_of
from routing.tables.emergencies import check_emergencies
from routing.tables.findings import Findings, Gathered
from routing.tables.model import OUTSIDE, Line, LineMode, LineStatus, Target, TargetKind
from routing.tables.numbers import bare_number

_NAMED = 10  # numbers in a summary
_CALENDAR_DAYS = ("工作日", "节假日")
_COMES_HERE = frozenset({LineMode.MERGED, LineMode.DUAL, LineMode.COUNTY, LineMode.ALIAS})  # who dials it, reaches us
_ONCE_A_NUMBER = frozenset({LineMode.MERGED, LineMode.COUNTY})


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The city around a table. `before`: the rows in force now, None when this is the first table."""

    skills: Mapping[str, str]  # id → name
    general_skill: str
    area_code: str
    numbers: tuple[str, ...]  # the hotline's own
    today: date  # in China
    workdays: Workdays = Workdays()
    before: tuple[Line, ...] | None = None
    desks: frozenset[str] | None = None  # phones on desks, by digits; None: not known
    regulation: str = "in_force"  # draft | in_force | expired
    regulation_until: date | None = None  # the last day


def check(rows: Sequence[Numbered], context: Context) -> Findings:
    """All that is to be said of a table's rows, each with its row number in a spreadsheet."""
    gathered = Gathered()
    _check_city(context, gathered)
    indexed = Rows(rows)
    ours = frozenset(line.number for _, line in rows if _reaches_us(line, context.today))
    for row, line in rows:
        gathered.extend(faults_of(line, row=row))
        _check_number(row, line, context, gathered)
        _check_targets(row, line, ours, context, gathered)
        if line.effective_to is not None and line.effective_to < context.today:
            gathered.warn(row, "to", f"已于{line.effective_to}失效，不再起作用")
    for same in indexed.values():
        _check_overlaps(same, gathered)
    check_chains(indexed, context.numbers, context.today, gathered)
    check_emergencies(indexed, context.before, context.general_skill, context.today, gathered)
    _summarise(rows, context, gathered)
    return gathered.all()


def _check_city(context: Context, gathered: Gathered) -> None:
    if context.general_skill not in context.skills:
        gathered.error(None, None, f"综合受理的技能{context.general_skill}不存在；请在city.toml的[skills]中添加")
    until = context.regulation_until
    if context.regulation == "draft":
        gathered.warn(None, None, "本市的办法还是征求意见稿，转接表的依据可能改变")
    elif context.regulation == "expired" or (until is not None and until < context.today):
        when = f"已于{until}失效" if until is not None else "已失效"
        gathered.warn(None, None, f"本市的办法{when}，请确认转接表现在的依据")


def _check_number(row: int, line: Line, context: Context, gathered: Gathered) -> None:
    bare = bare_number(line.number, context.area_code)
    if bare in context.numbers:
        gathered.error(row, "number", f"{line.number}是本热线自己的号码，不能作为一行；请删除此行")
    elif bare != line.number:
        gathered.error(row, "number", f"请去掉区号或国家代码，写成{bare}")


def _check_targets(row: int, line: Line, ours: frozenset[str], context: Context, gathered: Gathered) -> None:
    kinds = {target.kind for target in line.targets}
    if line.mode is LineMode.ALIAS and TargetKind.LINE not in kinds:
        gathered.error(row, "targets", "没有写归并到哪个号码；请填写如“line:12315”")
    if line.mode in _ONCE_A_NUMBER and line.targets and line.targets[0].kind in OUTSIDE:
        gathered.warn(row, "targets", "号码已并入本热线，却先转到外线电话；如果不是有意的，请先写“skill:”")
    for target in line.targets:
        match target.kind:
            case TargetKind.SKILL:
                if target.to not in context.skills:
                    gathered.error(row, "targets", _unknown_skill(target.to, context.skills))
            case TargetKind.PHONE | TargetKind.BACKUP:
                _check_phone(row, line, target, ours, context, gathered)
            case TargetKind.DESK:
                if context.desks is not None and target.to not in context.desks:
                    gathered.warn(row, "targets", f"座机{target.to}没有任何座席使用，可能无人接听")
            case TargetKind.LINE:  # see `chains`; an emergency line leads out by itself, and outlasts its dates
                if line.mode is LineMode.EMERGENCY:
                    text = f"紧急号码应直接转到外线电话，不能再转到{target.to}；请填写如“phone:{line.number}”"
                    gathered.error(row, "targets", text)


def _unknown_skill(skill: str, skills: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(skill, skills, 1)
    known = f"是不是“{near[0]}”？" if near else f"可用：{'、'.join(sorted(skills)[:_NAMED])}"
    return f"技能“{skill}”不存在；{known}"


def _check_phone(
    row: int, line: Line, target: Target, ours: frozenset[str], context: Context, gathered: Gathered
) -> None:
    """A call that is sent out to a phone must not be ours again: it would go round without an end."""
    number = bare_number(target.to, context.area_code)
    if number in context.numbers:
        text = f"{number}是本热线自己的号码，会转回本热线；请改为“skill:{context.general_skill}”"
        gathered.error(row, "targets", text)
    elif number != line.number:
        if number in ours:
            text = f"表中{number}的来电由本热线接听，拨打它会回到本热线；请改为“line:{number}”"
            gathered.error(row, "targets", text)
    elif line.mode in _COMES_HERE:
        if line.confirm:  # a number may be ours for callers and still be answered elsewhere when we dial it
            gathered.warn(row, "targets", f"拨打{number}可能回到本热线，形成循环；请向运营商确认后再启用")
        else:
            text = f"拨打{number}会回到本热线，形成循环；请改为“skill:”或该单位的直拨电话，确有例外请标记“待确认”"
            gathered.error(row, "targets", text)


def _reaches_us(line: Line, today: date) -> bool:
    return line.mode in _COMES_HERE and line.status is LineStatus.OPEN and end_of(line) >= today


def _check_overlaps(same: Sequence[Numbered], gathered: Gathered) -> None:
    """Rows of one number, in the order of their dates, follow each other."""
    last_row, last = same[0]
    for _, (row, line) in pairwise(same):
        if begin_of(line) <= end_of(last):
            column = "number" if line.effective_from is None and line.effective_to is None else "from"
            gathered.error(row, column, f"与第{last_row}行号码相同，日期重叠；请删除一行，或改为前后相接的日期")
        if end_of(line) > end_of(last):
            last_row, last = row, line


def _summarise(rows: Sequence[Numbered], context: Context, gathered: Gathered) -> None:
    """What may hold for most rows is said once."""
    unconfirmed = [line.number for _, line in rows if line.confirm]
    if unconfirmed:
        gathered.warn(None, "confirm", f"有{len(unconfirmed)}行待本市确认：{_some(unconfirmed)}")
    unfounded = [line.number for _, line in rows if not line.source]
    if unfounded:
        gathered.warn(None, "source", f"有{len(unfounded)}行没有依据：{_some(unfounded)}；请填写条款，如“§18”")
    guessed = [line.number for _, line in rows if _is_guessed(line, context)]
    if guessed:
        year = context.today.year
        text = f"{year}年的放假安排还没有导入，{len(guessed)}行的服务时间暂按周末和固定节日计算：{_some(guessed)}"
        gathered.warn(None, "hours", text)


def _is_guessed(line: Line, context: Context) -> bool:
    """Whether a line's hours hang on a calendar that has no notice yet."""
    if not any(opening.days in _CALENDAR_DAYS for opening in line.hours):
        return False
    return end_of(line) >= context.today and context.workdays.is_provisional(context.today)


def _some(numbers: Iterable[str]) -> str:
    different = list(dict.fromkeys(numbers))
    return "、".join(different[:_NAMED]) + ("等" if len(different) > _NAMED else "")
