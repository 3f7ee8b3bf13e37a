"""Characters are read as a Mandarin speaker reads them."""

import pytest

from ivr.prompts.pinyin import CORRECTIONS, SYLLABLES, PinyinError, sounds


def read(text: str) -> str:
    return " ".join(sound.syllable or sound.pause or "" for sound in sounds(text))


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("重庆", "chong2 qing4"),
        ("重新接通", "chong2 xin1 jie1 tong1"),
        ("请勿重复拨打", "qing3 wu4 chong2 fu4 bo1 da3"),
        ("严重", "yan2 zhong4"),
        ("银行", "yin2 hang2"),
        ("行政审批", "xing2 zheng4 shen3 pi1"),
        ("调休", "tiao2 xiu1"),
        ("调查", "diao4 cha2"),
        ("调解", "tiao2 jie3"),
        ("参与", "can1 yu4"),
        ("不予受理", "bu4 yu3 shou4 li3"),
        ("为您接通", "wei4 nin2 jie1 tong1"),
        ("转接", "zhuan3 jie1"),
        ("线路中断", "xian4 lu4 zhong1 duan4"),
        ("还有", "hai2 you3"),
        ("处理", "chu3 li3"),
        ("处长", "chu4 zhang3"),
        ("长期", "chang2 qi1"),
        ("满意率", "man3 yi4 lv4"),
        ("嘀声", "di1 sheng1"),
        ("井号键", "jing3 hao4 jian4"),
        ("没有座席在岗", "mei2 you3 zuo4 xi2 zai4 gang3"),
        ("宜春市万载县", "yi2 chun1 shi4 wan4 zai4 xian4"),
        ("您的留言", "nin2 de5 liu2 yan2"),
        ("谢谢", "xie4 xie5"),
        ("幺二零", "yao1 er4 ling2"),
        ("旅游", "lv3 you2"),
        ("熊", "xiong2"),
        ("统一服务", "tong3 yi1 fu2 wu4"),
        ("在行政区内进行道路施工", "zai4 xing2 zheng4 qu1 nei4 jin4 xing2 dao4 lu4 shi1 gong1"),
        ("按照相关规定", "an4 zhao4 xiang1 guan1 gui1 ding4"),
        ("收到处置意见", "shou1 dao4 chu3 zhi4 yi4 jian4"),
        ("您拨打的号码为", "nin2 bo1 da3 de5 hao4 ma3 wei2"),
        ("因为线路繁忙", "yin1 wei4 xian4 lu4 fan2 mang2"),
        ("行为", "xing2 wei2"),
    ],
)
def test_characters_of_several_readings_get_the_right_one(text: str, reading: str) -> None:
    assert read(text) == reading


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("一位", "yi2 wei4"),
        ("一天", "yi4 tian1"),
        ("第一位", "di4 yi1 wei4"),
        ("十一位", "shi2 yi1 wei4"),
        ("一百一十位", "yi4 bai3 yi1 shi2 wei4"),
        ("一月一日", "yi1 yue4 yi1 ri4"),
        ("二零二一年", "er4 ling2 er4 yi1 nian2"),
        ("统一服务", "tong3 yi1 fu2 wu4"),
        ("按一键", "an4 yi1 jian4"),
        ("请按一。", "qing3 an4 yi1 。"),
        ("不要挂机", "bu2 yao4 gua4 ji1"),
        ("不能", "bu4 neng2"),
        ("对不起", "dui4 bu5 qi3"),
    ],
)
def test_yi_and_bu_change_their_tone_as_in_speech(text: str, reading: str) -> None:
    assert read(text) == reading


def test_punctuation_becomes_pauses_and_quotes_become_nothing() -> None:
    assert read("请在“嘀”声后留言，好：吗？") == "qing3 zai4 di1 sheng1 hou4 liu2 yan2 ， hao3 ； ma5 。"


@pytest.mark.parametrize(
    ("text", "character"), [("发送SMS", "S"), ("按1", "1"), ("50%", "5"), ("井#", "#"), ("a", "a")]
)
def test_letters_digits_and_signs_are_refused(text: str, character: str) -> None:
    with pytest.raises(PinyinError, match=f"“{character}” cannot be spoken"):
        sounds(text)


def test_a_character_without_a_reading_is_refused() -> None:
    with pytest.raises(PinyinError, match="“㐃” has no Mandarin reading"):
        sounds("您好㐃")


@pytest.mark.parametrize("word", CORRECTIONS)
def test_every_correction_has_one_good_syllable_for_each_character(word: str) -> None:
    reading = CORRECTIONS[word]
    assert len(reading) == len(word)
    assert all(syllable[:-1] in SYLLABLES and syllable[-1] in "12345" for syllable in reading)
