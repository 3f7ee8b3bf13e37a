"""Numbers, codes, dates and times are spoken as people say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.packs.texts import KINDS, parse
from ivr.prompts import speaking
from ivr.prompts.speaking import SpeakingError, Value, render


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("digits", "12345", "幺二三四五"),
        ("digits", 110, "幺幺零"),
        ("digits", "13800001234", "幺三八、零零零零、幺二三四"),
        ("digits", "0795-3500000", "零七九五、三五零零零零零"),
        ("number", 0, "零"),
        ("number", 2, "二"),
        ("number", 10, "十"),
        ("number", 15, "十五"),
        ("number", 20, "二十"),
        ("number", 105, "一百零五"),
        ("number", 110, "一百一十"),
        ("number", 200, "二百"),
        ("number", 1005, "一千零五"),
        ("number", 2000, "两千"),
        ("number", 10_010, "一万零一十"),
        ("number", 22_000, "两万两千"),
        ("number", 100_000, "十万"),
        ("number", 120_002, "十二万零二"),
        ("number", 200_000_000, "两亿"),
        ("number", 1_000_020_000, "十亿零两万"),
        ("count", 2, "两"),
        ("count", "1", "一"),
        ("count", 12, "十二"),
        ("ordinal", 2, "二"),
        ("ordinal", 11, "十一"),
        ("code", "YC202610010007", "外、西、二零二六、幺零零幺、零零零七"),
        ("code", "20261001-00012", "二零二六、幺零零幺、零零零幺二"),
        ("date", "2026-10-01", "二零二六年十月一日"),
        ("date", "2021-12-20", "二零二一年十二月二十日"),
        ("day", "2026-10-01", "十月一日"),
        ("time", "09:00", "上午九点"),
        ("time", "14:05", "下午两点零五分"),
        ("time", "12:30", "中午十二点三十分"),
        ("time", "0:15", "凌晨零点十五分"),
        ("time", "22:10", "晚上十点十分"),
    ],
)
def test_a_value_is_said_as_people_say_it(kind: str, value: Value, said: str) -> None:
    assert render(parse(f"{{value:{kind}}}"), {"value": value}) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("这里是12345热线", "这里是幺二三四五热线"),
        ("拨打110、119、120", "拨打幺幺零、幺幺九、幺二零"),
        ("24小时", "二十四小时"),
        ("请按1", "请按一"),
        ("2021年", "二零二一年"),
        ("您前面还有{n:count}位", "您前面还有两位"),
        ("您当前排在第{n:ordinal}位", "您当前排在第二位"),
    ],
)
def test_numbers_in_a_text_are_said_in_words(text: str, said: str) -> None:
    assert render(parse(text), {"n": 2}) == said


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("digits", "一二三"),
        ("digits", "138-"),
        ("digits", ""),
        ("digits", "１２３"),
        ("number", -1),
        ("number", "1.5"),
        ("number", 10**12),
        ("ordinal", 0),
        ("code", "YC_1"),
        ("code", "编号1"),
        ("date", "2026-02-30"),
        ("date", "1.10.2026"),
        ("time", "24:00"),
        ("time", "9.30"),
    ],
)
def test_a_value_that_cannot_be_read_as_asked_is_refused_without_being_repeated(kind: str, value: Value) -> None:
    with pytest.raises(SpeakingError, match=r"the value of \{given\} is not") as caught:
        render(parse(f"{{given:{kind}}}"), {"given": value})
    assert not str(value) or str(value) not in str(caught.value)


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(SpeakingError, match=r"\{n\} was given no value"):
        render(parse("{n:count}"), {})


def test_every_kind_a_text_may_ask_for_can_be_read_and_no_other() -> None:
    assert speaking.READERS.keys() == KINDS.keys()


UNITS = {"十": 10, "百": 100, "千": 1000}
MYRIADS = {"万": 10**4, "亿": 10**8}
DIGITS = {word: value for value, word in enumerate("零一二三四五六七八九")} | {"两": 2}


def understood(words: str) -> int:
    """A number from its words, as a listener would add it up."""
    total = section = digit = 0
    for word in words:
        if word in DIGITS:
            digit = DIGITS[word]
        elif word in UNITS:
            section += (digit or 1) * UNITS[word]
            digit = 0
        else:
            total += (section + digit) * MYRIADS[word]
            section = digit = 0
    return total + section + digit


@given(st.integers(0, 10**12 - 1) | st.integers(0, 12).map(lambda power: 10**power - 1))
def test_every_number_is_understood_as_itself(number: int) -> None:
    words = speaking.number(number)
    assert understood(words) == number
    assert "零零" not in words
    assert number == 0 or not words.endswith("零")


@given(st.from_regex(r"[A-Z]{0,4}[0-9]{1,16}", fullmatch=True))
def test_an_order_code_keeps_all_its_digits_in_groups_short_enough_to_write_down(code: str) -> None:
    groups = speaking.code(code).split("、")
    digits = [group for group in groups if set(group) <= set("零幺二三四五六七八九")]
    assert all(len(group) <= 5 for group in digits)
    said = "".join(str("零幺二三四五六七八九".index(word)) for group in digits for word in group)
    assert said == "".join(character for character in code if character.isdigit())
    assert len(groups) - len(digits) == sum(character.isalpha() for character in code)
