"""Turns prompt texts and their values into what is said aloud: Chinese characters only, every number in words.

Pure. A value that cannot be read as its slot asks is refused (`SpeakingError`), never guessed.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date

from config.packs.texts import Slot, Template

Value = str | int


class SpeakingError(ValueError):
    """A value cannot be spoken as the text asks. The reason names the slot's kind, not the value."""


_DIGITS = "零一二三四五六七八九"
_CALLED = "零幺二三四五六七八九"  # in numbers one calls or quotes, 1 is yāo, so that it is not heard as 7 (qī)
_PLACES = ("", "十", "百", "千")
_MYRIADS = ("", "万", "亿")

# Latin letters of order codes by the sounds Chinese speakers give them; never left to an English voice.
_NAMES = "诶 毕 西 迪 伊 艾夫 吉 艾尺 艾 杰 开 艾勒 艾姆 恩 欧 批 丘 阿尔 艾斯 提 优 维 达不溜 艾克斯 外 贼德"
_LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _NAMES.split(), strict=True))

_DAY_PARTS = ((6, "凌晨"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))  # until which hour


def render(template: Template, values: Mapping[str, Value]) -> str:
    """The text of a prompt as it is said. Raises `SpeakingError` when a value is missing or does not fit."""
    return "".join(_slot(part, values) if isinstance(part, Slot) else spoken(part) for part in template.parts)


def spoken(text: str) -> str:
    """A pack's own text with its numbers in words: of three digits and more one by one, shorter ones as numbers."""
    text = re.sub(r"(?<![0-9])[0-9]{4}(?=年)", lambda year: _one_by_one(year[0], _DIGITS), text)
    return re.sub(r"[0-9]+", lambda found: _bare(found[0]), text)


def digits(value: Value) -> str:
    """A telephone number: digit by digit, in the groups it is written in; mobile numbers 3-4-4."""
    text = re.sub(r"[\s-]+", "-", str(value).strip())
    if re.fullmatch(r"1[0-9]{10}", text):
        text = f"{text[:3]}-{text[3:7]}-{text[7:]}"
    if not re.fullmatch(r"[0-9]+(-[0-9]+)*", text):
        raise SpeakingError("is not a number to be read digit by digit")
    return "、".join(_one_by_one(group, _CALLED) for group in text.split("-"))


def number(value: Value) -> str:
    """A whole number from 0 to below 10¹², in words: 110 is 一百一十, 2000 is 两千."""
    amount = _whole(value)
    if amount == 0:
        return "零"
    words = ""
    for power in range(len(_MYRIADS) - 1, -1, -1):
        group = amount // 10_000**power % 10_000
        if group == 0:
            continue
        if words and (group < 1000 or amount // 10_000 ** (power + 1) % 10_000 == 0):
            words += "零"
        words += ("两" if group == 2 and power else _below_myriad(group)) + _MYRIADS[power]
    return words[1:] if words.startswith("一十") else words


def count(value: Value) -> str:
    """An amount before a measure word: as a number, but 2 alone is 两."""
    return "两" if _whole(value) == 2 else number(value)


def ordinal(value: Value) -> str:
    """An order after 第: as a number, from 1."""
    if _whole(value) < 1:
        raise SpeakingError("is not an order; the first is 1")
    return number(value)


def code(value: Value) -> str:
    """An order code: letters one by one, digits in groups of four (or as its hyphens group it), with pauses between."""
    text = str(value).strip().upper()
    if not re.fullmatch(r"[A-Z0-9]+(-[A-Z0-9]+)*", text):
        raise SpeakingError("is not an order code of letters, digits and hyphens")
    groups: list[str] = []
    for part in re.findall(r"[A-Z]+|[0-9]+", text):
        if part.isdigit():
            groups += [_one_by_one(group, _CALLED) for group in _fours(part)]
        else:
            groups += [_LETTERS[letter] for letter in part]
    return "、".join(groups)


def full_date(value: Value) -> str:
    """``2026-10-01``: 二零二六年十月一日."""
    when = _date(value)
    return f"{_one_by_one(f'{when.year:04}', _DIGITS)}年{day(value)}"


def day(value: Value) -> str:
    """``2026-10-01``: 十月一日."""
    when = _date(value)
    return f"{number(when.month)}月{number(when.day)}日"


def time(value: Value) -> str:
    """``14:05``: 下午两点零五分. The day's parts as people name them."""
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", str(value).strip())
    if found is None:
        raise SpeakingError("is not a time of day as in 14:30")
    hour, minute = int(found[1]), int(found[2])
    part = next(
        name for until, name in ((6, "凌晨"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上")) if hour < until
    )
    shown = hour - 12 if hour > 12 else hour
    minutes = "" if minute == 0 else f"{'零' if minute < 10 else ''}{number(minute)}分"
    return f"{part}{count(shown)}点{minutes}"


READERS: Mapping[str, Callable[[Value], str]] = {
    "digits": digits,
    "number": number,
    "count": count,
    "ordinal": ordinal,
    "code": code,
    "date": full_date,
    "day": day,
    "time": time,
}


def _slot(slot: Slot, values: Mapping[str, Value]) -> str:
    if slot.name not in values:
        raise SpeakingError(f"{{{slot.name}}} was given no value")
    try:
        return READERS[slot.kind](values[slot.name])
    except SpeakingError as error:
        raise SpeakingError(f"the value of {{{slot.name}}} {error}") from None


def _bare(found: str) -> str:
    return _one_by_one(found, _CALLED) if len(found) >= 3 else number(found)


def _one_by_one(text: str, words: str) -> str:
    return "".join(words[int(digit)] for digit in text)


def _fours(text: str) -> list[str]:
    """Groups of four; a digit left over alone joins the group before it."""
    groups = [text[at : at + 4] for at in range(0, len(text), 4)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        last = groups.pop()
        groups[-1] += last
    return groups


def _below_myriad(amount: int) -> str:
    """1 to 9999: 10 is 一十, 105 一百零五, 2000 两千, 200 二百."""
    words = ""
    for place in range(3, -1, -1):
        digit = amount // 10**place % 10
        if digit:
            if words and amount // 10 ** (place + 1) % 10 == 0:
                words += "零"
            words += ("两" if digit == 2 and place == 3 else _DIGITS[digit]) + _PLACES[place]
    return words


def _whole(value: Value) -> int:
    text = str(value).strip()
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise SpeakingError("is not a whole number from 0 to below 10¹²")
    return int(text)


def _date(value: Value) -> date:
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise SpeakingError("is not a date as in 2026-10-01") from None
