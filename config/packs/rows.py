"""Turns the rows of ``lines.csv`` and ``agents.csv`` into lines and agents, and says which rows cannot be used.

Never repeats an agent's name or a phone number of a person in a reason.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from config.packs.layers import DEFAULT, Layer
from config.packs.model import ADDRESS, EMERGENCY_NUMBERS, LINE_NUMBER, Agent, Line, LineMode, LineStatus
from config.packs.problems import Problems
from config.packs.schema import unknown_skill
from config.packs.tables import Row, read_table

_ADDRESS_FORM = "must be “desk:” with 2 to 8 digits or “phone:” with 3 to 20 digits"
_AGENT_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")

Choice = TypeVar("Choice", bound=StrEnum)


def read_lines(layers: list[Layer], problems: Problems) -> dict[str, Line]:
    """The lines by number; a city's row replaces the default's. Every city has the emergency numbers."""
    lines: dict[str, Line] = {}
    places: dict[str, tuple[Path, int]] = {}
    for layer in layers:
        file = layer.file.parent / "lines.csv"
        seen: dict[str, int] = {}
        for row in read_table(file, ("number", "name", "mode", "unit", "status", "source"), ("note",), problems):
            line = _line(file, row, layer.label, problems)
            if line is None:
                continue
            if line.number in seen:
                problems.add(file, row.line, "number", f"is {line.number} again, as on line {seen[line.number]}")
                continue
            seen[line.number] = row.line
            lines[line.number], places[line.number] = line, (file, row.line)
    _check_emergency(layers[-1], lines, places, problems)
    _notice_unconfirmed(lines, places, problems)
    return lines


def _check_emergency(
    home: Layer, lines: Mapping[str, Line], places: Mapping[str, tuple[Path, int]], problems: Problems
) -> None:
    for number in EMERGENCY_NUMBERS:
        if number not in lines:
            file = home.file.parent / "lines.csv"
            problems.add(file, None, "number", f"lacks {number}; 110, 119, 120 and 122 are in every city's table")
        elif lines[number].mode is not LineMode.EMERGENCY or lines[number].status is not LineStatus.IN_SERVICE:
            problems.add(*places[number], "mode", f"{number} is an emergency number in service, in every city")


def _notice_unconfirmed(lines: Mapping[str, Line], places: Mapping[str, tuple[Path, int]], problems: Problems) -> None:
    """The city's own doubtful rows one by one, the default's in one notice."""
    unconfirmed = [line for line in lines.values() if line.status is LineStatus.NEEDS_CONFIRMATION]
    for line in unconfirmed:
        if line.source != DEFAULT:
            problems.note(*places[line.number], line.number, f"to be confirmed by the city: {line.note or line.name}")
    inherited = [line.number for line in unconfirmed if line.source == DEFAULT]
    if inherited:
        file = places[inherited[0]][0]
        problems.note(file, None, None, f"lines to be confirmed by the city: {', '.join(inherited)}")


def _line(file: Path, row: Row, label: str, problems: Problems) -> Line | None:
    before = len(problems.errors)
    if not re.match(LINE_NUMBER, row["number"]):
        problems.add(file, row.line, "number", "must be 3 to 11 digits")
    if not row["name"]:
        problems.add(file, row.line, "name", "is empty")
    if not row["source"] and label != DEFAULT:
        problems.add(file, row.line, "source", "is empty; name the article, as in “§18”")
    mode = _choice(LineMode, file, row, "mode", problems)
    status = _choice(LineStatus, file, row, "status", problems)
    if mode is None or status is None or len(problems.errors) > before:
        return None
    source = f"{label} {row['source']}" if row["source"] else label
    return Line(row["number"], row["name"], mode, row["unit"], status, source, row.cells.get("note", ""))


def _choice(choices: type[Choice], file: Path, row: Row, column: str, problems: Problems) -> Choice | None:
    try:
        return choices(row[column])
    except ValueError:
        problems.add(file, row.line, column, f"must be one of {', '.join(choices)}")
        return None


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
