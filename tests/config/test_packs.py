"""The packs that are shipped, and what a pack says of itself."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from config.packs import PROMPTS, SHIPPED, LineMode, LineStatus, load_pack
from tests.config.packs_on_disk import CITY, Packs, packs

__all__ = ["packs"]

REGULATION_DAY = date(2026, 10, 1)

# 宜府办发〔2022〕18号: §18, §19, §20. 12320 stands in §18 as “12320（12356）” and in §19.
MERGED = "12396 12300 12349 12336 12312 12301 12356 96119 12330 12331 12358 12365 12322 12369 12319 12329 12318 12385"
DUAL = "12315 12348 12333 12328 12316 12320 12350 12393 12317"
SUB_CENTERS = "12360 12366 12313 12367 12305"


@pytest.mark.parametrize(
    ("mode", "numbers", "article"),
    [
        (LineMode.MERGED, MERGED, "宜春 §18"),
        (LineMode.DUAL, DUAL, "宜春 §19"),
        (LineMode.SUB_CENTER, SUB_CENTERS, "宜春 §20"),
        (LineMode.EMERGENCY, "110 119 120 122", "宜春 §15 §17"),
    ],
)
def test_yichun_has_exactly_the_lines_of_its_regulation(mode: LineMode, numbers: str, article: str) -> None:
    lines = load_pack(SHIPPED, "yichun").lines
    assert {line.number for line in lines.values() if line.mode is mode} == set(numbers.split())
    assert {lines[number].source for number in numbers.split()} == {article}


def test_yichun_asks_for_confirmation_of_the_number_that_stands_in_two_lists() -> None:
    pack = load_pack(SHIPPED, "yichun")
    assert pack.lines["12320"].mode is LineMode.DUAL
    assert pack.lines["12320"].status is LineStatus.NEEDS_CONFIRMATION
    assert any(notice.field == "12320" and "§" not in notice.text for notice in pack.notices)


def test_each_value_says_where_it_comes_from() -> None:
    pack = load_pack(SHIPPED, "yichun")
    assert (pack.recording.keep_min_years, pack.source("recording.keep_min_years")) == (3, "宜春 §13(9)")
    assert pack.source("recording.keep_max_years") == "default"
    assert pack.source("prompts.greeting") == "宜春"
    assert pack.source("keys.9") == "default"


def test_every_effective_value_has_a_source() -> None:
    pack = load_pack(SHIPPED, "yichun")
    fields = {f"limits.{name}" for name in type(pack.limits).model_fields}
    fields |= {f"recording.{name}" for name in type(pack.recording).model_fields}
    fields |= {f"prompts.{key}" for key in pack.prompts} | {f"keys.{key}" for key in pack.keys}
    fields |= {f"entries.{number}" for number in pack.entries} | {"duty.phones", "orders.prefix", "voice.rate"}
    assert fields <= pack.sources.keys()


def test_yichun_speaks_every_prompt_and_names_itself_with_the_recording_notice() -> None:
    pack = load_pack(SHIPPED, "yichun")
    assert pack.prompts.keys() == PROMPTS.keys()
    assert pack.prompts["switch_hello"].text == "您好，"
    assert pack.prompts["greeting"].text.startswith("这里是宜春市12345热线。本次通话将被录音。")
    assert "危及生命请立即拨打110、119、120" in pack.prompts["queue_position"].text


def test_the_hotline_number_greets_and_leads_to_a_person_with_silent_keys() -> None:
    pack = load_pack(SHIPPED, "yichun")
    assert (pack.entries["12345"].mode, pack.entries["12345"].skill) == ("direct", "general")
    assert pack.keys.keys() == {"0", "1", "2", "3", "9"}
    assert pack.keys["9"].emergency
    assert pack.keys["9"].priority > max(key.priority for digit, key in pack.keys.items() if digit != "9")
    assert {pack.keys[digit].skill for digit in "01"} == {None}


def test_a_city_that_says_nothing_inherits_everything(packs: Packs) -> None:
    pack, default = packs.load(), load_pack(SHIPPED, "yichun")
    assert pack.limits == default.limits
    assert pack.lines["110"].source == "default"
    assert {pack.source(f"limits.{name}") for name in type(pack.limits).model_fields} == {"default"}


def test_a_city_replaces_a_key_whole(packs: Packs) -> None:
    packs.city_toml('[keys.3]\nmeaning = "不使用"\nsource = "§9"\n')
    pack = packs.load()
    assert (pack.keys["3"].skill, pack.keys["3"].meaning) == (None, "不使用")
    assert pack.source("keys.3") == "试验 §9"
    assert pack.keys["2"].skill == "enterprise"


def test_a_folder_with_a_default_of_its_own_uses_it(packs: Packs) -> None:
    default = packs.own_default() / "city.toml"
    default.write_text(default.read_text("utf-8").replace("ring_s = 20", "ring_s = 33"), "utf-8")
    assert packs.load().limits.ring_s == 33


@pytest.mark.parametrize(
    ("more", "today", "said"),
    [
        ("", REGULATION_DAY, None),
        ("valid_until = 2026-09-30", REGULATION_DAY, "expired on 2026-09-30"),
        ("valid_until = 2026-10-01", REGULATION_DAY, None),
        ("valid_from = 2026-10-02", REGULATION_DAY, "comes into force on 2026-10-02"),
    ],
)
def test_a_regulations_dates_are_a_warning_and_never_a_refusal(
    packs: Packs, more: str, today: date, said: str | None
) -> None:
    packs.city_toml(more)
    notices = [notice.text for notice in load_pack(packs.folder, "trial", today=today).notices if notice.line == 6]
    assert len(notices) == (0 if said is None else 1)
    assert all(str(said) in notice for notice in notices)


@pytest.mark.parametrize(("status", "said"), [("draft", "is a draft"), ("expired", "has expired")])
def test_a_draft_or_expired_regulation_is_a_warning(packs: Packs, status: str, said: str) -> None:
    packs.write("city.toml", CITY.replace("in_force", status))
    assert any(said in notice.text and notice.line == 5 for notice in packs.load().notices)


def _comment(packs: Packs) -> None:
    packs.write("city.toml", "# a comment\n" + CITY.replace(" = ", "="))


def _limit(packs: Packs) -> None:
    packs.city_toml("[limits]\nring_s = 21\n")


def _source(packs: Packs) -> None:
    packs.city_toml('[limits]\nring_s = { value = 20, source = "§3" }\n')


def _line(packs: Packs) -> None:
    packs.write("lines.csv", "number,name,mode,unit,status,source\n12315,消费者热线,dual,,in_service,§1\n")


def _agent(packs: Packs) -> None:
    packs.write("agents.csv", "id,name,skills,address\n1,甲,general,desk:8001\n")


def _recording(packs: Packs) -> None:
    packs.recording("farewell.wav")


@pytest.mark.parametrize(
    ("change", "matters"),
    [(_comment, False), (_limit, True), (_source, True), (_line, True), (_agent, True), (_recording, True)],
)
def test_the_version_changes_exactly_with_what_matters(
    packs: Packs, change: Callable[[Packs], None], matters: bool
) -> None:
    before = packs.load().version
    change(packs)
    assert (packs.load().version != before) is matters
    assert re.fullmatch(r"trial-[0-9a-f]{12}", before)


def test_the_version_is_the_same_wherever_the_pack_lies(packs: Packs, tmp_path: Path) -> None:
    packs.recording("farewell.wav")
    other = Packs(tmp_path / "elsewhere")
    other.recording("farewell.wav")
    assert packs.load().version == other.load().version


def test_the_roster_gives_agents_with_their_skills(packs: Packs) -> None:
    packs.write(
        "agents.csv", "id,name,skills,address\n1001,甲,general; enterprise,desk:8001\n,,,\n1002,乙,general,desk:8002\n"
    )
    assert [(agent.id, agent.skills) for agent in packs.load().agents] == [
        ("1001", ("general", "enterprise")),
        ("1002", ("general",)),
    ]


def test_a_recording_wins_over_its_text_and_a_default_recording_only_over_the_defaults_text(packs: Packs) -> None:
    default = packs.own_default()
    for key in ("greeting", "farewell"):
        packs.recording(f"{key}.wav").rename(default / f"{key}.wav")
    (default / "prompts").mkdir()
    for key in ("greeting", "farewell"):
        (default / f"{key}.wav").rename(default / "prompts" / f"{key}.wav")
    packs.city_toml('[prompts]\ngreeting = "您好。"\n')
    assert packs.load().recorded.keys() == {"farewell"}
    own = packs.recording("greeting.wav")
    assert packs.load().recorded["greeting"].path == own
