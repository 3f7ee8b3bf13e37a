"""What one value of ``city.toml`` alone cannot tell: that what it names exists, and that it agrees with another."""

from collections.abc import Collection, Mapping

from config.packs.layers import Merged
from config.packs.model import CityTables
from config.packs.problems import Problems
from config.packs.toml_lines import KeyPath
from config.packs.values import EMERGENCY_NUMBERS


def check_agreement(tables: CityTables, merged: Merged, problems: Problems) -> None:
    """Add every disagreement between values to ``problems``."""

    def refuse(path: KeyPath, reason: str) -> None:
        problems.add(*merged.place(path), ".".join(path), reason)

    for path, skill in _named_skills(tables):
        if skill not in tables.skills:
            refuse(path, unknown_skill(skill, tables.skills))
    for name in ("recording", "archive"):
        keep = getattr(tables, name)
        if keep.keep_max_years < keep.keep_min_years:
            reason = f"is {keep.keep_max_years}, less than keep_min_years ({keep.keep_min_years})"
            refuse((name, "keep_max_years"), reason)
    for number in EMERGENCY_NUMBERS:
        if number not in tables.emergency.numbers:
            refuse(("emergency", "numbers"), f"lacks {number}; 110, 119, 120 and 122 are emergencies in every city")
    for key, number in tables.emergency.keys.items():
        if number not in tables.emergency.numbers:
            refuse(("emergency", "keys", key), f"is {number}, which is not among emergency.numbers")
    for category in tables.orders.categories:
        if category not in tables.deadlines:
            refuse(("orders", "categories"), f'has {category}, which has no deadline: write [deadlines."{category}"]')
    for path, names, known in _named_values(tables):
        for name in names:
            if name not in known:
                refuse(path, f"names “{name}”, which is none of {'、'.join(known)}")
    reasons = [reason.id for reason in tables.not_accepted.reasons]
    for twice in sorted({reason for reason in reasons if reasons.count(reason) > 1}):
        refuse(("not_accepted", "reasons"), f"has the id {twice} twice")


def unknown_skill(skill: str, skills: Mapping[str, str]) -> str:
    return f"names the skill {skill}, which is not in [skills]: {', '.join(sorted(skills))}"


def _named_skills(tables: CityTables) -> list[tuple[KeyPath, str]]:
    named: list[tuple[KeyPath, str]] = [(("queue", "general_skill"), tables.queue.general_skill)]
    named += [(("entry", "skill"), tables.entry.skill)]
    named += [(("keys", key, "skill"), action.skill) for key, action in tables.keys.items() if action.skill]
    return named


def _named_values(tables: CityTables) -> list[tuple[KeyPath, Collection[str], Collection[str]]]:
    """Lists that may only hold what another value has: categories (also those that this city has not), levels."""
    satisfaction, categories = tables.satisfaction, tables.deadlines.keys()
    named: list[tuple[KeyPath, Collection[str], Collection[str]]] = [
        (("extension", "not_for"), tables.extension.not_for, categories),
        (("satisfaction", "exempt"), satisfaction.exempt, categories),
        (("archive", "follow_case"), tables.archive.follow_case, categories),
        (("satisfaction", "unsatisfied"), satisfaction.unsatisfied, satisfaction.levels),
    ]
    named += [(("urgent", name, "categories"), kind.categories, categories) for name, kind in tables.urgent.items()]
    if satisfaction.unrated == "default":
        named.append((("satisfaction", "unrated_level"), (satisfaction.unrated_level,), satisfaction.levels))
    return named
