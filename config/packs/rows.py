"""Turns the rows of ``agents.csv`` into agents, and says which rows cannot be used.

Never repeats an agent's name or a phone number of a person in a reason.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from config.packs.checks import unknown_skill
from config.packs.model import Agent
from config.packs.problems import Problems
from config.packs.tables import read_table
from config.packs.values import ADDRESS

_ADDRESS_FORM = "must be “desk:” with 2 to 8 digits or “phone:” with 3 to 20 digits"
_AGENT_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


def read_agents(file: Path, skills: Mapping[str, str] | None, problems: Problems) -> tuple[Agent, ...]:
    """The roster. Skills stand in one cell, parted by ; or spaces. ``skills`` None: they cannot be checked now."""
    agents: list[Agent] = []
    ids: dict[str, int] = {}
    addresses: dict[str, int] = {}
    for row in read_table(file, ("id", "name", "skills", "address"), (), problems):
        before = len(problems.errors)
        names = tuple(dict.fromkeys(re.split(r"[;；\s]+", row["skills"].strip(";； "))))
        if not _AGENT_ID.fullmatch(row["id"]):
            problems.add(file, row.line, "id", "must be 1 to 32 letters, digits, - or _")
        if not row["name"]:
            problems.add(file, row.line, "name", "is empty")
        if not re.match(ADDRESS, row["address"]):
            problems.add(file, row.line, "address", _ADDRESS_FORM)
        if names == ("",):
            problems.add(file, row.line, "skills", "is empty; an agent without a skill is never offered a call")
        elif skills is not None:
            for name in sorted(set(names) - skills.keys()):
                problems.add(file, row.line, "skills", unknown_skill(name, skills))
        for column, seen in (("id", ids), ("address", addresses)):
            if row[column] in seen:
                problems.add(file, row.line, column, f"is the same as on line {seen[row[column]]}")
            seen.setdefault(row[column], row.line)
        if len(problems.errors) == before:
            agents.append(Agent(row["id"], row["name"], names, row["address"]))
    return tuple(agents)
