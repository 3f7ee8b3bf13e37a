"""The packs that are shipped, and what a pack says of itself."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from config.packs import PROMPTS, SHIPPED, cities, load_pack
from config.packs.effective import effective_values
from config.packs.values import Share, Span, Unit
from tests.config.packs_on_disk import CITY, Packs, packs

__all__ = ["packs"]

REGULATION_DAY = date(2026, 10, 1)


def test_each_value_says_where_it_comes_from() -> None:
    pack = load_pack(SHIPPED, "yichun")
    assert (pack.recording.keep_min_years, pack.source("recording.keep_min_years")) == (3, "宜春 §13(9)")
    assert pack.source("recording.keep_max_years") == "default"
    assert pack.source("prompts.greeting") == "宜春"
    assert pack.source("keys.9") == "default"


@pytest.mark.parametrize("city", cities(SHIPPED))
def test_every_pack_loads_and_every_effective_value_says_where_it_comes_from(city: str) -> None:
    pack = load_pack(SHIPPED, city)
    shown = {value.field: value.source for value in effective_values(pack)}
    for section in type(pack.rules).model_fields:
        rules = getattr(pack.rules, section)
        names = rules if isinstance(rules, dict) else type(rules).model_fields
        if section == "deadlines":
            names = pack.rules.orders.categories
        assert {f"{section}.{name}" for name in names} <= shown.keys()
    assert {f"limits.{name}" for name in type(pack.limits).model_fields} <= shown.keys()
    assert {f"prompts.{key}" for key in pack.prompts} | {f"keys.{key}" for key in pack.keys} <= shown.keys()
    assert {"entry.numbers", "queue.general_skill", "duty.phones", "voice.rate", "city.status"} <= shown.keys()
    assert {source.partition(" ")[0] for source in shown.values()} == {"default", pack.city.short}


def test_the_shipped_cities_are_the_five_whose_regulations_are_known() -> None:
    assert cities(SHIPPED) == ("chenzhou", "shaoyang", "sichuan", "yichun", "zhuhai")


def test_a_new_city_is_a_folder_with_a_few_lines(tmp_path: Path) -> None:
    folder = tmp_path / "cities" / "nanchang"
    folder.mkdir(parents=True)
    (folder / "city.toml").write_text(
        'city = { name = "南昌市", short = "南昌", area_code = "0791", status = "in_force" }\n'
        'dispatch.within = { value = "2 hours", source = "§7" }\n'
        'prompts.greeting = "这里是南昌市12345热线。本次通话将被录音。正在为您接通人工。"\n',
        "utf-8",
    )
    pack = load_pack(tmp_path / "cities", "nanchang")
    assert (pack.city.name, pack.source("dispatch.within")) == ("南昌市", "南昌 §7")
    assert pack.rules.deadlines["咨询"].within == Span(2, Unit.WORKING_DAYS)
    assert pack.source("deadlines.咨询") == "default"
    assert pack.line_files == ((SHIPPED / "_default" / "lines.csv", "default"),)


def test_yichun_speaks_every_prompt_and_names_itself_with_the_recording_notice() -> None:
    pack = load_pack(SHIPPED, "yichun")
    assert pack.prompts.keys() == PROMPTS.keys()
    assert pack.prompts["switch_hello"].text == "您好，"
    assert pack.prompts["greeting"].text.startswith("这里是宜春市12345热线。本次通话将被录音。")
    assert "危及生命请立即拨打110、119、120" in pack.prompts["queue_position"].text


def test_the_hotline_number_greets_and_leads_to_a_person_with_silent_keys() -> None:
    pack = load_pack(SHIPPED, "yichun")
    assert pack.entry.numbers == ("12345",)
    assert (pack.entry.mode, pack.entry.skill) == ("direct", "general")
    assert pack.keys.keys() == {"0", "1", "2", "3", "9"}
    assert pack.keys["9"].emergency
    assert pack.keys["9"].priority > max(key.priority for digit, key in pack.keys.items() if digit != "9")
    assert {pack.keys[digit].skill for digit in "01"} == {None}


def test_a_city_that_says_nothing_inherits_everything(packs: Packs) -> None:
    pack, default = packs.load(), load_pack(SHIPPED, "yichun")
    assert pack.limits == default.limits
    assert {pack.source(f"limits.{name}") for name in type(pack.limits).model_fields} == {"default"}


def test_a_city_replaces_a_key_whole(packs: Packs) -> None:
    packs.city_toml('[keys.3]\nmeaning = "不使用"\nsource = "§9"\n')
    pack = packs.load()
    assert (pack.keys["3"].skill, pack.keys["3"].meaning) == (None, "不使用")
    assert pack.source("keys.3") == "试验 §9"
    assert pack.keys["2"].skill == "enterprise"


def test_a_city_replaces_a_deadline_and_an_urgent_kind_whole(packs: Packs) -> None:
    packs.city_toml(
        '[deadlines."投诉"]\nwithin = "3 working days"\nsource = "§5"\n'
        '[urgent.flood]\nname = "洪涝"\ncovers = ["洪涝"]\nphone_within = "30 minutes"\nsource = "§6"\n'
    )
    pack = packs.load()
    assert pack.rules.deadlines["投诉"].within == Span(3, Unit.WORKING_DAYS)
    assert pack.rules.deadlines["投诉"].complex is None
    assert pack.rules.urgent["flood"].phone_within == Span(30, Unit.MINUTES)
    assert (pack.source("deadlines.投诉"), pack.source("urgent.flood")) == ("试验 §5", "试验 §6")
    assert pack.source("deadlines.举报") == "default"


def test_a_limit_may_be_none_or_a_part_of_the_first_one(packs: Packs) -> None:
    packs.city_toml('[redo]\nwithin = "50% of the original"\n[supervision]\nextension = "none"\n')
    rules = packs.load().rules
    assert (rules.redo.within, rules.supervision.extension) == (Share(50), None)


def test_the_line_files_are_the_defaults_and_then_the_citys_where_there_are_any(packs: Packs) -> None:
    default = (SHIPPED / "_default" / "lines.csv", "default")
    assert packs.load().line_files == (default,)
    own = packs.write("lines.csv", "anything: the transfer table reads it")
    assert packs.load().line_files == (default, (own, "试验"))


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
    packs.write("lines.csv", "number,name,mode,unit,status,source\n12315,消费者热线,dual,,open,§1\n")


def _agent(packs: Packs) -> None:
    packs.write("agents.csv", "id,name,skills,address\n1,甲,general,desk:8001\n")


def _recording(packs: Packs) -> None:
    packs.recording("farewell.wav")


@pytest.mark.parametrize(
    ("change", "matters"),
    [(_comment, False), (_limit, True), (_source, True), (_line, False), (_agent, True), (_recording, True)],
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
