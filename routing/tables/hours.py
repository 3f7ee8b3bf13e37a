"""Service hours (服务时间) of a line: which days, from when to when, in China's time. Pure.

Written as ``工作日 08:30-12:00 14:00-17:30; 周六 09:00-12:00``; an empty text means day and night.
"""

import re
import unicodedata
from datetime import date, timedelta
from itertools import takewhile

import msgspec

from config.chinatime import china_time
from config.workdays import Workdays

MINUTES = 24 * 60
_WEEK = "一二三四五六日"
_NAMED = ("每日", "工作日", "节假日")
_BY_CALENDAR = ("工作日", "节假日")
_DAY = timedelta(days=1)
_ALIASES = {"每天": "每日", "法定工作日": "工作日", "法定节假日": "节假日"}
_ALWAYS = frozenset({"", "7x24", "7×24", "7x24小时", "7×24小时", "24小时", "全天"})
_PERIOD = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])-([01]?[0-9]|2[0-4]):([0-5][0-9])")
_DASH = re.compile(r"(?<=[0-9])\s*[-~—–至到]{1,2}\s*(?=[0-9])")
_GLUED = re.compile(r"(?<=[日天一二三四五六])(?=[0-9])")  # 工作日08:30-12:00
_RANGE = re.compile(r"(?:周|星期)([一二三四五六日天])(?:[-~—–至到](?:周|星期)?([一二三四五六日天]))?")


class Opening(msgspec.Struct, frozen=True):
    """Some days and the periods on them.

    `days` is 每日, 工作日 (with the shifts of the State Council's notice, 调休), 节假日 (all other days), or the
    weekdays as digits, 1 for Monday. A period is (begin, end) in minutes of the day; one whose end is not after its
    begin goes on past midnight.
    """

    days: str
    periods: tuple[tuple[int, int], ...]


def parse_hours(text: str) -> tuple[Opening, ...]:
    """Read the text of a cell. Raises `ValueError` with a reason an admin understands."""
    plain = unicodedata.normalize("NFKC", text).strip()  # full-width digits, colons and semicolons
    if plain.lower() in _ALWAYS:
        return ()
    plain = _GLUED.sub(" ", _DASH.sub("-", re.sub("[,、]", " ", plain)))
    parts = [part.split() for part in plain.split(";") if part.strip()]
    if not parts:
        raise ValueError(f"“{plain}” has no period; leave the cell empty for day and night")
    return tuple(_opening(words) for words in parts)


def format_hours(hours: tuple[Opening, ...]) -> str:
    """The text that `parse_hours` reads back."""
    return "; ".join(f"{_days_text(each.days)} {' '.join(map(_period_text, each.periods))}" for each in hours)


def is_open(hours: tuple[Opening, ...], at: float, workdays: Workdays) -> bool:
    """Whether a line with these hours is served at the UNIX time `at`."""
    if not hours:
        return True
    now = china_time(at)
    today, minute = now.date(), now.hour * 60 + now.minute
    for opening in hours:
        for begin, end in opening.periods:
            if begin < end:
                if begin <= minute < end and _is_day(opening.days, today, workdays):
                    return True
            elif minute >= begin:
                if _is_day(opening.days, today, workdays):
                    return True
            elif minute < end and _is_day(opening.days, today - _DAY, workdays):  # begun yesterday
                return True
    return False


def is_provisional(hours: tuple[Opening, ...], at: float, workdays: Workdays) -> bool:
    """Whether `is_open` judges by days whose year has no notice yet, so that its answer may change."""
    by_calendar = [opening for opening in hours if opening.days in _BY_CALENDAR]
    if not by_calendar:
        return False
    today = china_time(at).date()
    if workdays.is_provisional(today):
        return True
    over_midnight = any(end <= begin for opening in by_calendar for begin, end in opening.periods)
    return over_midnight and workdays.is_provisional(today - _DAY)


def _is_day(days: str, day: date, workdays: Workdays) -> bool:
    match days:
        case "每日":
            return True
        case "工作日":
            return workdays.is_workday(day)
        case "节假日":
            return not workdays.is_workday(day)
    return str(day.isoweekday()) in days


def _opening(words: list[str]) -> Opening:
    periods = list(takewhile(_PERIOD.fullmatch, reversed(words)))[::-1]
    names = [_ALIASES.get(word, word) for word in words[: len(words) - len(periods)]]
    if any(_PERIOD.fullmatch(name) for name in names):
        raise ValueError(
            f"“{' '.join(words)}” has days behind a period; write the days first and part openings with “;”"
        )
    days = "".join(sorted(set("".join(_weekdays(name) for name in names)))) or "每日"
    if not periods:
        raise ValueError(f"“{' '.join(words)}” has no period; write it as in “工作日 08:30-12:00 14:00-17:30”")
    if len(names) > 1 and any(name in _NAMED for name in names):
        raise ValueError(f"“{' '.join(names)}” names days twice; part them with “;”")
    return Opening(names[0] if names and names[0] in _NAMED else days, tuple(map(_period, periods)))


def _weekdays(name: str) -> str:
    if name in _NAMED:
        return ""
    match = _RANGE.fullmatch(name)
    if match is None:
        raise ValueError(
            f"“{name}” is neither 每日, 工作日, 节假日, a weekday (周一, 周一至周五) nor a period (08:30-12:00)"
        )
    first = _WEEK.index(match[1].replace("天", "日"))
    last = _WEEK.index(match[2].replace("天", "日")) if match[2] else first
    span = range(first, last + 1) if first <= last else [*range(first, 7), *range(last + 1)]
    return "".join(str(day + 1) for day in span)


def _period(word: str) -> tuple[int, int]:
    match = _PERIOD.fullmatch(word)
    assert match is not None
    begin, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if end > MINUTES or begin == end:
        raise ValueError(f"“{word}” is no period of a day; write it as in “08:30-12:00”, up to 24:00")
    return begin, end


def _days_text(days: str) -> str:
    if days in _NAMED:
        return days
    if len(days) > 2 and int(days[-1]) - int(days[0]) == len(days) - 1:
        return f"周{_WEEK[int(days[0]) - 1]}至周{_WEEK[int(days[-1]) - 1]}"
    return " ".join(f"周{_WEEK[int(day) - 1]}" for day in days)


def _period_text(period: tuple[int, int]) -> str:
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in period)
