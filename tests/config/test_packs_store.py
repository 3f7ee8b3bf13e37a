"""The pack in force changes only for a good one; and what a call lives by is made from it."""

from datetime import date

import pytest

from config.packs import SHIPPED, Pack, PackErrors, PackStore, load_pack
from ivr.flow.rules import KeyAction, Rules
from ivr.rules_loader import make_rules
from routing.tables import Table
from tests.config.packs_on_disk import Packs, packs

__all__ = ["packs"]


def test_given_a_good_change_when_reloaded_then_the_new_pack_is_in_force(packs: Packs) -> None:
    store = PackStore(packs.folder, "trial")
    before = store.current
    packs.city_toml("[limits]\nring_s = 30\n")
    assert store.current is before
    assert store.reload() is store.current
    assert (store.current.limits.ring_s, before.limits.ring_s) == (30, 20)


def test_given_a_bad_change_when_reloaded_then_it_says_why_and_the_old_pack_stays(packs: Packs) -> None:
    store = PackStore(packs.folder, "trial")
    before = store.current
    packs.city_toml("[limits]\nring_s = 3\n")
    with pytest.raises(PackErrors, match="city pack trial cannot be used") as caught:
        store.reload()
    assert "city.toml:7: limits.ring_s: must be at least 5" in caught.value.lines[0]
    assert store.current is before


def test_a_store_does_not_begin_with_a_bad_pack(packs: Packs) -> None:
    packs.write("city.toml", "")
    with pytest.raises(PackErrors):
        PackStore(packs.folder, "trial")


def test_a_store_tells_of_dates_by_the_day_it_is_given(packs: Packs) -> None:
    packs.city_toml("valid_until = 2026-09-30\n")
    notices = PackStore(packs.folder, "trial", today=lambda: date(2026, 10, 1)).current.notices
    assert any(notice.field == "city.valid_until" for notice in notices)


def rules_of(pack: Pack) -> Rules:
    """The pack's rules with a table without lines."""
    numbers, area = pack.entry.numbers, pack.city.area_code
    table = Table(
        version="t1", city=pack.id, area_code=area, numbers=numbers, general_skill=pack.general_skill, lines={}
    )
    return make_rules(pack, table)


def test_the_rules_of_a_call_are_those_of_the_pack() -> None:
    pack = load_pack(SHIPPED, "yichun")
    rules = rules_of(pack)
    assert pack.version in rules.version
    assert (rules.city, rules.greeting, rules.skill) == ("yichun", "greeting", "general")
    assert rules.keys["9"] == KeyAction(priority=10, emergency=True)
    assert rules.keys["2"] == KeyAction(skill="enterprise")
    assert rules.keys["0"] == rules.keys["1"] == KeyAction()
    assert rules.announce_every_s == 30


def test_what_a_pack_limits_reaches_the_rules_of_a_call(packs: Packs) -> None:
    packs.city_toml(
        "[limits]\ngreeting_s = 9\nannounce_every_s = 25\npatience_s = 600\nring_s = 17\nmessage_s = 90\n"
        "overflow_s = 12\ntarget_ring_s = 14\n"
        '[duty]\nphones = ["desk:8099", "phone:07950000000"]\n[queue]\ngeneral_skill = "language"\n'
    )
    rules = rules_of(packs.load())
    limits = (rules.greeting_limit_s, rules.announce_every_s, rules.patience_s, rules.ring_s, rules.message_limit_s)
    assert limits == (9, 25, 600, 17, 90)
    assert (rules.overflow_s, rules.target_ring_s) == (12, 14)
    assert rules.duty_phones == ("desk:8099", "phone:07950000000")
    assert rules.general_skill == "language"
