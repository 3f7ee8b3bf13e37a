"""Chinese characters to numbered pinyin, e.g. 您好 → nin2 hao3, with pauses for punctuation.

Readings come from pypinyin, corrected by a small table of our own; tones of 一 and 不 change as people say them. What
is not plain Mandarin (letters, digits, a character without a reading) is refused, never passed on.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from pypinyin import Style, lazy_pinyin


class PinyinError(ValueError):
    """A text cannot be read as Mandarin. Says which character stands in the way."""


SHORT, MIDDLE, LONG = "，", "；", "。"  # pauses

_PAUSES = {
    **dict.fromkeys("，,、", SHORT),
    **dict.fromkeys("；;：:—", MIDDLE),
    **dict.fromkeys("。！!？?…\n", LONG),
}
_SILENT = set("“”‘’（）()《》 \t\r\u3000")

# Readings we vouch for, taken before pypinyin's: words it reads wrongly, and words of this trade that it tears apart
# when a neighbour fits better (统一|服务 becomes 统|一服|务, and 服 becomes a dose of medicine). Longest first.
CORRECTIONS = {
    word: reading.split()
    for word, reading in {
        "服务": "fu2 wu4",
        "行政": "xing2 zheng4",
        "进行": "jin4 xing2",
        "行业": "hang2 ye4",
        "银行": "yin2 hang2",
        "相关": "xiang1 guan1",
        "处理": "chu3 li3",
        "处置": "chu3 zhi4",
        "处长": "chu4 zhang3",
        "市长": "shi4 zhang3",
        "局长": "ju2 zhang3",
        "时长": "shi2 chang2",
        "分管": "fen1 guan3",
        "分中心": "fen1 zhong1 xin1",
        "要求": "yao1 qiu2",
        "答复": "da2 fu4",
        "应急": "ying4 ji2",
        "应答": "ying4 da2",
        "供应": "gong1 ying4",
        "调查": "diao4 cha2",
        "调度": "diao4 du4",
        "调休": "tiao2 xiu1",
        "调解": "tiao2 jie3",
        "重庆": "chong2 qing4",
        "重新": "chong2 xin1",
        "重复": "chong2 fu4",
        "重拨": "chong2 bo1",
        "重办": "chong2 ban4",
        "参与": "can1 yu4",
        "不予": "bu4 yu3",
        "差评": "cha4 ping2",
        "占线": "zhan4 xian4",
        "占道": "zhan4 dao4",
        "空号": "kong1 hao4",
        "拨打": "bo1 da3",
        "转接": "zhuan3 jie1",
        "运转": "yun4 zhuan3",
        "稍候": "shao1 hou4",
        "还有": "hai2 you3",
        "谢谢": "xie4 xie5",
        "对不起": "dui4 bu5 qi3",
        "万载": "wan4 zai4",
        "嘀": "di1",
        "嗯": "en5",
        "为": "wei2",  # 号码为…; what is done for somebody follows
        **{f"为{whom}": "wei4 " + reading for whom, reading in (("您", "nin2"), ("你", "ni3"), ("我", "wo3"))},
        **{f"为{whom}": "wei4 " + reading for whom, reading in (("了", "le5"), ("此", "ci3"), ("何", "he2"))},
        "因为": "yin1 wei4",
    }.items()
}
_ONE_BY_ONE: Any = list  # what pypinyin does with characters it does not know; its types allow only texts
_CORRECTED = re.compile("|".join(sorted(CORRECTIONS, key=len, reverse=True)))

# Every syllable of Mandarin a prompt may need; tests/ivr/prompts proves that espeak-ng reads each of them as Mandarin.
_FINALS = {
    "": "a ai an ang ao e ei en er o ou",
    "b": "a ai an ang ao ei en eng i ian iao ie in ing o u",
    "p": "a ai an ang ao ei en eng i ian iao ie in ing o ou u",
    "m": "a ai an ang ao e ei en eng i ian iao ie in ing iu o ou u",
    "f": "a an ang ei en eng o ou u",
    "d": "a ai an ang ao e ei eng i ia ian iao ie ing iu ong ou u uan ui un uo",
    "t": "a ai an ang ao e eng i ian iao ie ing ong ou u uan ui un uo",
    "n": "a ai an ang ao e ei en eng i ian iang iao ie in ing iu ong ou u uan uo v ve",
    "l": "a ai an ang ao e ei eng i ia ian iang iao ie in ing iu ong ou u uan un uo v ve",
    "g": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "k": "a ai an ang ao e en eng ong ou u ua uai uan uang ui un uo",
    "h": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "j": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "q": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "x": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "zh": "a ai an ang ao e ei en eng i ong ou u ua uai uan uang ui un uo",
    "ch": "a ai an ang ao e en eng i ong ou u ua uai uan uang ui un uo",
    "sh": "a ai an ang ao e ei en eng i ou u ua uai uan uang ui un uo",
    "r": "an ang ao e en eng i ong ou u ua uan ui un uo",
    "z": "a ai an ang ao e ei en eng i ong ou u uan ui un uo",
    "c": "a ai an ang ao e en eng i ong ou u uan ui un uo",
    "s": "a ai an ang ao e en eng i ong ou u uan ui un uo",
    "y": "a an ang ao e i in ing o ong ou u uan ue un",
    "w": "a ai an ang ei en eng o u",
}
SYLLABLES = frozenset(initial + final for initial, finals in _FINALS.items() for final in finals.split())

_NUMERALS = "零〇一二三四五六七八九十两幺"
_KEEPS_FIRST_TONE_AFTER = set(_NUMERALS + "第初周期统唯专单之")
_KEEPS_FIRST_TONE_BEFORE = set(_NUMERALS + "月日号键")


class Sound(NamedTuple):
    """One character's syllable with its tone (``hao3``; 5 is neutral), or a pause and no syllable."""

    character: str
    syllable: str | None
    pause: str | None = None


def sounds(text: str) -> list[Sound]:
    """The syllables and pauses of a text. Raises `PinyinError`."""
    found: list[Sound] = []
    for piece in re.split(r"([\u3400-\u4dbf\u4e00-\u9fff〇]+)", text):
        if not piece:
            continue
        if re.match(r"[\u3400-\u4dbf\u4e00-\u9fff〇]", piece):
            found += [Sound(character, syllable) for character, syllable in zip(piece, _readings(piece), strict=True)]
        else:
            found += _punctuation(piece)
    return _with_changed_tones(found)


def _readings(hanzi: str) -> list[str]:
    readings: list[str] = []
    at = 0
    for word in _CORRECTED.finditer(hanzi):
        readings += [*_looked_up(hanzi[at : word.start()]), *CORRECTIONS[word[0]]]
        at = word.end()
    return [*readings, *_looked_up(hanzi[at:])]


@lru_cache(4096)
def _looked_up(hanzi: str) -> tuple[str, ...]:
    readings = lazy_pinyin(hanzi, style=Style.TONE3, neutral_tone_with_five=True, errors=_ONE_BY_ONE)
    for character, reading in zip(hanzi, readings, strict=True):
        if reading[:-1] not in SYLLABLES or reading[-1] not in "12345":
            raise PinyinError(f"“{character}” has no Mandarin reading that can be spoken; use another word")
    return tuple(readings)


def _punctuation(piece: str) -> list[Sound]:
    found: list[Sound] = []
    for character in piece:
        if character in _PAUSES:
            found.append(Sound(character, None, _PAUSES[character]))
        elif character not in _SILENT:
            raise PinyinError(f"“{character}” cannot be spoken; write it in Chinese characters")
    return found


def _with_changed_tones(found: list[Sound]) -> list[Sound]:
    """一 and 不 as they sound before the next syllable. (A third tone before a third is espeak-ng's own business.)"""
    changed: list[Sound] = []
    for index, sound in enumerate(found):
        after = found[index + 1] if index + 1 < len(found) else None
        tone = after.syllable[-1] if after is not None and after.syllable else ""
        if sound.character == "不" and sound.syllable in ("bu2", "bu4") and tone:
            sound = sound._replace(syllable="bu2" if tone == "4" else "bu4")
        elif sound.character == "一" and after is not None and tone:
            before = found[index - 1].character if index else ""
            plain = before in _KEEPS_FIRST_TONE_AFTER or after.character in _KEEPS_FIRST_TONE_BEFORE
            sound = sound._replace(syllable="yi1" if plain else "yi2" if tone == "4" else "yi4")
        elif sound.character == "一":
            sound = sound._replace(syllable="yi1")
        changed.append(sound)
    return changed
