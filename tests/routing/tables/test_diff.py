"""What differs between two tables, and what becomes of one that two people changed."""

from datetime import date

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from routing.tables.diff import Key, Side, diff, in_order, key_of, merge, replace_numbers, twins
from routing.tables.model import Line, LineMode, LineStatus

WATER = Line(number="96166", name="供水热线", mode=LineMode.UTILITY, unit="供水公司", source="t")
TAX = Line(number="12366", name="税务热线", mode=LineMode.DUAL, unit="税务局", source="t")
FIRE = Line(number="119", name="消防", mode=LineMode.EMERGENCY, source="t")


def but(line: Line, **fields: object) -> Line:
    return msgspec.structs.replace(line, **fields)


def test_a_difference_names_what_came_what_went_and_what_changed_cell_by_cell() -> None:
    found = diff([WATER, TAX], [but(TAX, status=LineStatus.SUSPENDED, expert=True), FIRE])
    assert (found.added, found.removed) == ((FIRE,), (WATER,))
    (changed,) = found.changed
    assert changed.key == Key("12366")
    assert changed.cells() == {"status": ("正常", "暂停服务"), "expert": ("", "是")}
    assert changed.cells(chinese=False)["status"] == ("open", "suspended")
    assert found.keys == {Key("119"), Key("96166"), Key("12366")}


def test_equal_tables_differ_in_nothing_whatever_their_order() -> None:
    assert not diff([WATER, TAX], [TAX, WATER])


def test_rows_of_one_number_are_told_apart_by_their_first_day() -> None:
    later = but(TAX, effective_from=date(2027, 1, 1))
    found = diff([TAX], [TAX, later])
    assert (found.added, found.changed) == ((later,), ())
    assert twins([TAX, later]) == frozenset()
    assert twins([TAX, later, but(later, name="x")]) == {Key("12366", date(2027, 1, 1))}
    assert in_order([later, WATER, TAX]) == (TAX, later, WATER)


def test_whatever_touches_an_emergency_number_is_told() -> None:
    assert diff([FIRE, TAX], [TAX]).emergency() == {Key("119")}
    assert diff([], [FIRE]).emergency() == {Key("119")}
    assert diff([FIRE, TAX], [but(FIRE, mode=LineMode.MERGED), TAX]).emergency() == {Key("119")}
    assert diff([TAX], [but(TAX, mode=LineMode.EMERGENCY)]).emergency() == {Key("12366")}
    assert diff([FIRE, TAX], [FIRE, but(TAX, name="x")]).emergency() == frozenset()


def test_an_import_by_number_replaces_all_rows_of_its_numbers_and_no_other() -> None:
    later = but(TAX, effective_from=date(2027, 1, 1))
    new = but(TAX, name="新")
    assert replace_numbers([WATER, TAX, later], [new, FIRE]) == (FIRE, new, WATER)


def test_changes_of_different_rows_go_together() -> None:
    mine, theirs = [but(WATER, name="我"), TAX], [WATER, but(TAX, name="他"), FIRE]
    merged = merge([WATER, TAX], mine, theirs)
    assert merged.conflicts == ()
    assert set(merged.lines) == {mine[0], theirs[1], FIRE}


def test_the_same_change_on_both_sides_is_no_conflict() -> None:
    new = but(WATER, name="新")
    assert merge([WATER, TAX], [new], [new]).lines == (new,)
    assert merge([WATER, TAX], [new], [new]).conflicts == ()


def test_a_row_that_both_changed_is_a_conflict_until_somebody_chooses() -> None:
    mine, theirs = but(WATER, name="我"), but(WATER, name="他")
    (conflict,) = merge([WATER], [mine], [theirs]).conflicts
    assert (conflict.key, conflict.base, conflict.mine, conflict.theirs) == (Key("96166"), WATER, mine, theirs)
    for side, row in ((Side.MINE, mine), (Side.THEIRS, theirs)):
        merged = merge([WATER], [mine], [theirs], {Key("96166"): side})
        assert (merged.lines, merged.conflicts) == ((row,), ())


def test_a_row_that_one_removed_and_the_other_changed_is_a_conflict() -> None:
    changed = but(WATER, name="新")
    (conflict,) = merge([WATER], [], [changed]).conflicts
    assert (conflict.mine, conflict.theirs) == (None, changed)
    assert merge([WATER], [], [changed], {Key("96166"): Side.MINE}).lines == ()
    assert merge([WATER], [], [changed], {Key("96166"): Side.THEIRS}).lines == (changed,)


lines = st.builds(
    Line,
    number=st.sampled_from(["110", "12366", "96166", "12315"]),
    name=st.sampled_from(["一", "二", "三"]),
    mode=st.sampled_from([LineMode.MERGED, LineMode.DUAL]),
    effective_from=st.sampled_from([None, date(2027, 1, 1)]),
)
tables = st.lists(lines, max_size=8, unique_by=key_of).map(in_order)


@given(tables, tables)
def test_a_difference_makes_the_new_table_of_the_old_one(old: tuple[Line, ...], new: tuple[Line, ...]) -> None:
    found = diff(old, new)
    kept = [line for line in old if key_of(line) not in found.keys]
    assert in_order([*kept, *found.added, *(each.after for each in found.changed)]) == new
    assert bool(found) == (old != new)


@given(tables, tables, tables)
def test_a_merge_loses_no_change_of_either_side(
    base: tuple[Line, ...], mine: tuple[Line, ...], theirs: tuple[Line, ...]
) -> None:
    merged = merge(base, mine, theirs)
    decided = merge(base, mine, theirs, {each.key: Side.THEIRS for each in merged.conflicts})
    assert not decided.conflicts
    disputed = {each.key for each in merged.conflicts}
    assert disputed <= diff(base, mine).keys & diff(base, theirs).keys
    result = {key_of(line): line for line in decided.lines}
    for side in (mine, theirs):
        rows = {key_of(line): line for line in side}
        for key in diff(base, side).keys - (disputed if side is mine else frozenset()):
            assert result.get(key) == rows.get(key)
    untouched = {key_of(line): line for line in base}.keys() - diff(base, mine).keys - diff(base, theirs).keys
    assert all(key in result for key in untouched)


@given(tables, tables)
def test_a_merge_with_a_side_that_changed_nothing_is_the_other(base: tuple[Line, ...], other: tuple[Line, ...]) -> None:
    assert merge(base, base, other).lines == other
    assert merge(base, other, base).lines == other
    assert merge(base, other, other).lines == other
