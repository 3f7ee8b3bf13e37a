"""A route in words, step by step, in Chinese: what was dialled, which row it is, and why the call goes where it goes.

Only tells what `resolve` found; it decides nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from config.chinatime import china_day, china_time
from routing.tables.columns import MODE_WORDS, STATUS_WORDS
from routing.tables.hours import format_hours
from routing.tables.model import Line, LineMode, LineStatus, Table, Target, TargetKind
from routing.tables.resolve import EMERGENCY_LINES, MAX_ROWS, Reason, Route, Why, in_force

_WEEKDAYS = "一二三四五六日"
_PHONES = {
    TargetKind.PHONE: "外线",
    TargetKind.BACKUP: "备用中继外线",
    TargetKind.DESK: "话机",
    TargetKind.LINE: "号码",
}


def explain(route: Route, table: Table, at: float, skills: Mapping[str, str] | None = None) -> list[str]:
    """The sentences of a route that `resolve` gave for this table and this time; ``skills`` are the names of skills."""
    telling = _Telling(route, table, at)
    begin = f"拨打{route.dialled or '（空号码）'}，时间是{moment(at, table)}，使用转接表{table.version}。"
    reasons = [sentence for reason in route.reasons if (sentence := telling.sentence(reason))]
    steps = [
        f"第{place}步：{step_text(step, skills or {}, last=place == len(route.steps))}。"
        for place, step in enumerate(route.steps, 1)
    ]
    return [begin, *reasons, *steps]


def moment(at: float, table: Table) -> str:
    """A time as admins read it: 2026-10-01 03:00，星期四，节假日."""
    now = china_time(at)
    kind = "工作日" if table.workdays.is_workday(now.date()) else "节假日"
    return f"{now:%Y-%m-%d %H:%M}（星期{_WEEKDAYS[now.weekday()]}，{kind}）"


def step_text(step: Target, skills: Mapping[str, str], *, last: bool = False) -> str:
    """One step: where the call goes, for how long, how often. In the ``last`` one it stays until somebody answers."""
    how_long = "时间按本市设置" if step.ring_s is None else f"{step.ring_s:g}秒"
    if step.kind is TargetKind.SKILL:
        name = f"{skills[step.to]}（{step.to}）" if step.to in skills else step.to
        return f"转人工，在“{name}”队列等候，{'直到有人接听' if last else how_long}"
    what = _PHONES[step.kind]
    tries = f"，最多呼叫{step.tries}次" if step.tries > 1 else ""
    return f"转接{what}{step.to}，振铃{how_long}{tries}"


def row_text(line: Line) -> str:
    """A row in one line: number, name, mode, unit, status, hours, source."""
    parts = [
        f"{line.number} {line.name}",
        f"方式：{MODE_WORDS[line.mode][0]}",
        f"责任单位：{line.unit or '未指定'}",
        f"状态：{STATUS_WORDS[line.status][0]}",
        f"服务时间：{format_hours(line.hours) or '全天'}",
    ]
    parts += ["设专家座席"] if line.expert else []
    parts += [f"有效期：{_period(line)}"] if line.effective_from or line.effective_to else []
    parts += [f"依据：{line.source or '未注明'}"]
    parts += ["待本市确认"] if line.confirm else []
    return "；".join(parts)


class _Telling:
    """Makes the sentence of each reason."""

    def __init__(self, route: Route, table: Table, at: float) -> None:
        self._route, self._table, self._at, self._day = route, table, at, china_day(at)
        self._forms: Mapping[Why, Callable[[Reason], str]] = {
            Why.NORMALISED: self._normalised,
            Why.OWN_NUMBER: lambda reason: f"{reason.number}是热线自己的号码。",
            Why.UNKNOWN: lambda reason: f"转接表中没有号码{reason.number or '（空）'}。",
            Why.NOT_IN_FORCE: self._not_in_force,
            Why.EMERGENCY: self._emergency,
            Why.ROW: self._row,
            Why.SUSPENDED: lambda reason: f"{reason.number}已暂停服务，不使用它的转接目标。",
            Why.RETIRED: lambda reason: f"{reason.number}已停用，不使用它的转接目标。",
            Why.CLOSED: self._closed,
            Why.PROVISIONAL: self._provisional,
            Why.FOLLOW: lambda reason: f"{reason.number}转到号码{reason.detail}，按{reason.detail}继续。",
            Why.CYCLE: lambda reason: f"{reason.number}又指向{reason.detail}，形成循环，不再重复。",
            Why.REPEATED: lambda reason: f"{reason.number}指向的{reason.detail}前面已经用过，不再重复。",
            Why.TOO_LONG: lambda reason: f"从{reason.number}到{reason.detail}已超过{MAX_ROWS}行，不再继续。",
            Why.GENERAL: lambda reason: "最后转人工受理。",
        }

    def sentence(self, reason: Reason) -> str:
        """An empty text for what the list of steps says anyway."""
        form = self._forms.get(reason.why)
        return form(reason) if form is not None else ""

    def _normalised(self, reason: Reason) -> str:
        own = self._table.area_code
        return f"号码识别为{reason.detail or '空号码'}（不计标点、国家代码、本市区号{own}等）。"

    def _rows(self, number: str) -> Iterable[Line]:
        return self._table.lines.get(number, ())

    def _not_in_force(self, reason: Reason) -> str:
        periods = "、".join(_period(line) for line in self._rows(reason.number))
        kept = any(line.mode is LineMode.EMERGENCY for line in self._rows(reason.number))
        end = "；紧急号码不受有效期限制，仍按该行转接。" if kept else "。"
        return f"转接表中有{reason.number}，但{self._day}不在有效期内（{periods}）{end}"

    def _emergency(self, reason: Reason) -> str:
        name = EMERGENCY_LINES[reason.number].name
        return f"{reason.number}（{name}）是紧急号码，转接表没有可直接拨出的有效目标，仍立即转接{reason.number}。"

    def _row(self, reason: Reason) -> str:
        line = in_force(self._rows(reason.number), self._day)
        if line is None:
            return ""
        told = f"匹配到：{row_text(line)}。"
        taken = {each.why for each in self._route.reasons if each.number == reason.number}
        if line.mode is LineMode.EMERGENCY and (line.hours or line.status is not LineStatus.OPEN):
            return f"{told}紧急号码不受状态和服务时间限制。"
        if line.hours and not taken & {Why.CLOSED, Why.SUSPENDED, Why.RETIRED}:
            return f"{told}现在是{moment(self._at, self._table)}，在服务时间内。"
        return told

    def _closed(self, reason: Reason) -> str:
        return f"现在是{moment(self._at, self._table)}，{reason.number}不在服务时间内，不使用它的转接目标。"

    def _provisional(self, reason: Reason) -> str:
        return f"工作日历中没有{self._day.year}年的放假通知，工作日按周末和固定节日推算，结果可能改变。"


def _period(line: Line) -> str:
    def text(day: date | None, otherwise: str) -> str:
        return day.isoformat() if day is not None else otherwise

    return f"{text(line.effective_from, '起始')}至{text(line.effective_to, '长期')}"
