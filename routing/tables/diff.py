"""How two tables differ, and what becomes of a table when two people changed it. Pure.

A row is known by its number and the day from which it holds. Its differences are told in the words of a spreadsheet's
cells, so that they read the same in a list, in a file and in the log.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple

import msgspec

from config.packs.values import EMERGENCY_NUMBERS
from routing.tables.cells import cells_of
from routing.tables.model import Line, LineMode


class Key(NamedTuple):
    """What tells a row from all others of its table. ``begins`` None: it has always held."""

    number: str
    begins: date | None = None


class Changed(msgspec.Struct, frozen=True):
    """A row that is in both tables, and not the same."""

    before: Line
    after: Line

    @property
    def key(self) -> Key:
        return key_of(self.after)

    def cells(self, *, chinese: bool = True) -> dict[str, tuple[str, str]]:
        """The cells that differ, by column: before, after; ``chinese`` as in `cells_of`."""
        old, new = cells_of(self.before, chinese=chinese), cells_of(self.after, chinese=chinese)
        return {column: (old[column], new[column]) for column in old if old[column] != new[column]}


class Diff(msgspec.Struct, frozen=True):
    """What makes one table from another; each part in the order of numbers and dates."""

    added: tuple[Line, ...] = ()
    removed: tuple[Line, ...] = ()
    changed: tuple[Changed, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    @property
    def keys(self) -> frozenset[Key]:
        """Every row that is touched."""
        return frozenset(map(key_of, (*self.added, *self.removed))) | {each.key for each in self.changed}

    def emergency(self) -> frozenset[Key]:
        """The touched rows that lead, led or should lead to the police, the fire brigade or an ambulance."""
        found = {key_of(line) for line in (*self.added, *self.removed) if _is_emergency(line)}
        return frozenset(found | {each.key for each in self.changed if _is_emergency(each.before, each.after)})


class Side(StrEnum):
    """Whose row stays when two people changed the same one."""

    MINE = "mine"
    THEIRS = "theirs"


class Conflict(msgspec.Struct, frozen=True):
    """A row that both sides changed, not in the same way; None where there is no such row."""

    number: str
    begins: date | None
    base: Line | None
    mine: Line | None
    theirs: Line | None

    @property
    def key(self) -> Key:
        return Key(self.number, self.begins)


class Merged(msgspec.Struct, frozen=True):
    """``lines`` is the result; a row in conflict stands there as it is on our side until somebody chooses."""

    lines: tuple[Line, ...]
    conflicts: tuple[Conflict, ...]


def key_of(line: Line) -> Key:
    return Key(line.number, line.effective_from)


def in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Rows by number and date, as every table keeps and shows them."""
    return tuple(sorted(lines, key=lambda line: _order(key_of(line))))


def twins(lines: Iterable[Line]) -> frozenset[Key]:
    """Rows that nothing tells apart: the same number, from the same day."""
    return frozenset(key for key, times in Counter(map(key_of, lines)).items() if times > 1)


def diff(old: Iterable[Line], new: Iterable[Line]) -> Diff:
    """What makes ``new`` from ``old``. Neither may have `twins`."""
    before, after = _keyed(old), _keyed(new)
    common = _sorted(before.keys() & after.keys())
    return Diff(
        added=tuple(after[key] for key in _sorted(after.keys() - before.keys())),
        removed=tuple(before[key] for key in _sorted(before.keys() - after.keys())),
        changed=tuple(Changed(before[key], after[key]) for key in common if before[key] != after[key]),
    )


def merge(
    base: Iterable[Line],
    mine: Iterable[Line],
    theirs: Iterable[Line],
    choices: Mapping[Key, Side] | None = None,
) -> Merged:
    """Bring both sides' changes of ``base`` together, row by row.

    A row that one side changed is as that side has it; one that both changed in the same way is no conflict.
    ``choices`` say what stays of the others; a choice about a row without conflict means nothing.
    """
    chosen = choices or {}
    old, ours, other = _keyed(base), _keyed(mine), _keyed(theirs)
    lines: list[Line] = []
    conflicts: list[Conflict] = []
    for key in _sorted(old.keys() | ours.keys() | other.keys()):
        origin, left, right = old.get(key), ours.get(key), other.get(key)
        found = left
        if left == origin:
            found = right
        elif right not in (origin, left):
            if key not in chosen:
                conflicts.append(Conflict(key.number, key.begins, origin, left, right))
            elif chosen[key] is Side.THEIRS:
                found = right
        if found is not None:
            lines.append(found)
    return Merged(tuple(lines), tuple(conflicts))


def replace_numbers(lines: Iterable[Line], given: Collection[Line]) -> tuple[Line, ...]:
    """All rows of the given rows' numbers give way to them; other numbers stay as they are."""
    numbers = {line.number for line in given}
    return in_order([*(line for line in lines if line.number not in numbers), *given])


def _keyed(lines: Iterable[Line]) -> dict[Key, Line]:
    return {key_of(line): line for line in lines}


def _sorted(keys: Iterable[Key]) -> list[Key]:
    return sorted(keys, key=_order)


def _order(key: Key) -> tuple[str, date]:
    return key.number, key.begins or date.min


def _is_emergency(*lines: Line) -> bool:
    return any(line.mode is LineMode.EMERGENCY or line.number in EMERGENCY_NUMBERS for line in lines)
