"""The life of a transfer table: drafted, checked, approved by a second person, in force, taken back."""

import asyncio
from datetime import date

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from config.database import Database
from routing.tables import queries
from routing.tables.diff import Key, Side
from routing.tables.states import (
    ImportMode,
    MergeConflict,
    NotEffective,
    SecondPerson,
    StaleBase,
    State,
    TableChanged,
    TableError,
    TableFaulty,
    TableRefused,
    Unconfirmed,
    UnknownTable,
    Version,
    WrongState,
)
from tests.routing.tables.office import BROKEN, FIRE, FIRST, NOW, TAX, WATER, Office, but, table

NEW_WATER = but(WATER, name="新供水热线")
GAS = but(WATER, number="96177", name="燃气热线")


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


# ---------------------------------------------------------------- the first table


async def test_without_a_table_nothing_is_effective(office: Office) -> None:
    assert await office.versions.effective() is None
    assert await office.versions.page(limit=10) == []
    with pytest.raises(UnknownTable, match="import a file"):
        await office.drafts.create(who="li", why="because")


async def test_the_packs_lines_become_version_1_once(office: Office) -> None:
    first = await office.open()
    assert (first.number, first.state, first.rows, first.created_by) == (1, State.EFFECTIVE, 3, "pack")
    assert await office.open([TAX]) == first
    assert await office.versions.lines(1) == FIRST
    assert await office.audited() == [("pack", "adopt", "1")]


async def test_a_draft_that_was_quicker_does_not_keep_the_packs_lines_out(office: Office) -> None:
    await office.drafts.create_from([TAX], mode=ImportMode.REPLACE, who="li", why="early")
    first = await office.open()
    assert (first.number, first.state) == (2, State.EFFECTIVE)
    assert await office.open([TAX]) == first


async def test_processes_that_adopt_the_pack_at_once_make_one_version(database: Database, database_url: str) -> None:
    others = [Database(database_url) for _ in range(4)]
    try:
        offices = [Office(each) for each in others]
        made = await asyncio.gather(*(office.open() for office in offices))
        assert {version.number for version in made} == {1}
        assert len(await offices[0].audited()) == 1
    finally:
        for each in others:
            await each.dispose()


async def test_each_city_counts_its_own_versions(office: Office, database: Database) -> None:
    await office.open()
    other = Office(database, "other")
    assert await other.versions.effective() is None
    assert (await other.open([TAX])).number == 1
    assert (await office.draft(NEW_WATER)).number == 2
    assert await other.versions.lines(1) == (TAX,)


async def test_a_table_that_calls_use_has_its_version_in_its_name(office: Office) -> None:
    await office.open()
    found = await office.versions.table(1)
    assert found.version == "test-table-1"
    assert tuple(found.rows()) == FIRST


# ---------------------------------------------------------------- drafts


async def test_every_change_of_a_draft_is_a_revision_that_stays_readable(office: Office) -> None:
    await office.open()
    draft = await office.draft(NEW_WATER, GAS)
    draft = await office.drafts.remove(2, Key("12366"), who="li", why="gone", revision=draft.revision)
    assert (draft.revision, draft.rows, draft.state, draft.base) == (4, 3, State.DRAFT, 1)
    assert [each.action for each in await office.versions.history(2)] == ["draft", "put", "put", "remove"]
    assert await office.versions.lines(2, 1) == FIRST
    assert await office.versions.lines(2, 2) == (FIRE, TAX, NEW_WATER)
    assert await office.versions.lines(2, 3) == (FIRE, TAX, NEW_WATER, GAS)
    assert await office.versions.lines(2) == (FIRE, NEW_WATER, GAS)
    assert await office.effective() == 1
    assert await office.versions.lines(1) == FIRST


async def test_a_row_may_move_to_another_day_or_number(office: Office) -> None:
    await office.open()
    draft = await office.draft()
    moved = but(TAX, effective_from=date(2027, 1, 1))
    await office.drafts.put(2, moved, who="li", why="later", revision=draft.revision, replaces=Key("12366"))
    assert await office.versions.lines(2) == (FIRE, moved, WATER)
    with pytest.raises(UnknownTable, match="no row of number 12366"):
        await office.drafts.put(2, moved, who="li", why="again", revision=2, replaces=Key("12366"))
    with pytest.raises(TableRefused, match="two rows"):
        await office.drafts.put(2, but(WATER, number="119"), who="li", why="x", revision=2, replaces=Key("96166"))


async def test_what_is_so_already_is_no_revision(office: Office) -> None:
    await office.open()
    assert (await office.draft(WATER)).revision == 1
    assert [what for _, what, _ in await office.audited()] == ["adopt", "draft"]


async def test_a_change_for_an_older_revision_is_refused_with_what_changed_since(office: Office) -> None:
    await office.open()
    await office.draft(NEW_WATER)
    for revision in (1, 1):
        with pytest.raises(TableChanged) as refused:
            await office.drafts.put(2, GAS, who="zhao", why="gas", revision=revision)
        assert (refused.value.read, refused.value.present) == (1, 2)
        assert [each.after for each in refused.value.diff.changed] == [NEW_WATER]
    draft = await office.drafts.put(2, GAS, who="zhao", why="gas", revision=2)
    assert await office.versions.lines(2) == (FIRE, TAX, NEW_WATER, GAS)
    with pytest.raises(TableRefused, match="never was"):
        await office.drafts.put(2, GAS, who="zhao", why="gas", revision=draft.revision + 1)


async def test_of_changes_at_once_one_is_made_and_the_others_hear_of_it(database: Database, database_url: str) -> None:
    first = Office(database)
    await first.open()
    await first.draft()
    others = [Database(database_url) for _ in range(4)]
    try:
        rows = [but(WATER, number=f"9620{n}") for n in range(len(others))]
        results = await asyncio.gather(
            *(
                Office(each).drafts.put(2, row, who=f"p{n}", why="x", revision=1)
                for n, (each, row) in enumerate(zip(others, rows, strict=True))
            ),
            return_exceptions=True,
        )
    finally:
        for each in others:
            await each.dispose()
    (made,) = (each for each in results if isinstance(each, Version))
    assert made.revision == 2
    refused = [each for each in results if isinstance(each, TableChanged)]
    assert len(refused) == 3
    assert all(len(each.diff.added) == 1 for each in refused)
    assert len(await first.versions.lines(2)) == 4


async def test_a_draft_may_take_its_rows_from_any_version(office: Office) -> None:
    await office.open()
    await office.published(NEW_WATER)
    old = await office.draft(source=1)
    assert (old.number, old.base) == (3, 2)  # made to follow what holds, so that its difference is told
    assert (await office.versions.diff(2, 3)).changed[0].after == WATER
    assert (await office.draft(source=3)).base == 2
    assert (await office.draft()).body != old.body
    with pytest.raises(UnknownTable, match="no version 99"):
        await office.draft(source=99)


async def test_an_import_replaces_all_or_merges_by_number(office: Office) -> None:
    await office.open()
    whole = await office.drafts.create_from([GAS, TAX], mode=ImportMode.REPLACE, who="li", why="file")
    assert await office.versions.lines(whole.number) == (TAX, GAS)
    part = await office.drafts.create_from([GAS, NEW_WATER], mode=ImportMode.MERGE, who="li", why="file")
    assert await office.versions.lines(part.number) == (FIRE, TAX, NEW_WATER, GAS)
    again = await office.drafts.take_in(
        part.number, [TAX], mode=ImportMode.REPLACE, who="li", why="file", revision=part.revision
    )
    assert (again.revision, again.rows) == (2, 1)
    with pytest.raises(TableRefused, match="number 12366 has two rows"):
        await office.drafts.create_from([TAX, but(TAX, name="x")], mode=ImportMode.REPLACE, who="li", why="file")
    assert await office.versions.lines(1) == FIRST


async def test_an_import_may_be_the_first_table_of_all(office: Office) -> None:
    draft = await office.drafts.create_from(FIRST, mode=ImportMode.MERGE, who="li", why="file")
    version, _ = await office.publishing.check(draft.number, who="li", revision=1)
    assert (await office.approve(version)).state is State.EFFECTIVE
    assert await office.effective() == draft.number


async def test_a_discarded_draft_is_readable_and_changed_no_more(office: Office) -> None:
    await office.open()
    draft = await office.draft(NEW_WATER)
    assert (await office.drafts.discard(2, who="li", why="no")).state is State.DISCARDED
    assert NEW_WATER in await office.versions.lines(2)
    assert await office.drafts.discard(2, who="li", why="no") == await office.versions.get(2)
    with pytest.raises(WrongState):
        await office.drafts.put(2, GAS, who="li", why="x", revision=draft.revision)
    with pytest.raises(WrongState):
        await office.publishing.check(2, who="li", revision=draft.revision)
    with pytest.raises(WrongState):
        await office.drafts.discard(1, who="li", why="no")
    assert await office.effective() == 1


# ---------------------------------------------------------------- two people


async def test_a_table_is_checked_approved_by_a_second_person_and_effective(office: Office) -> None:
    await office.open()
    draft = await office.draft(NEW_WATER)
    with pytest.raises(WrongState, match="not checked"):
        await office.approve(draft)
    version, findings = await office.publishing.check(2, who="li", revision=2)
    assert (version.state, version.errors, findings.errors) == (State.CHECKED, 0, 0)
    with pytest.raises(SecondPerson):
        await office.approve(version, who="li")
    assert await office.effective() == 1
    assert (await office.approve(version)).state is State.EFFECTIVE
    assert await office.effective() == 2
    assert await office.states() == {1: "superseded", 2: "effective"}
    assert await office.audited() == [
        ("pack", "adopt", "1"),
        ("li", "draft", "2"),
        ("li", "put", "2"),
        ("li", "check", "2"),
        ("wang", "approve", "2"),
    ]
    with pytest.raises(WrongState):
        await office.drafts.put(2, GAS, who="li", why="x", revision=2)


async def test_nobody_who_changed_the_draft_approves_it_not_even_long_ago(office: Office) -> None:
    await office.open()
    await office.draft(NEW_WATER, who="wang")
    await office.drafts.put(2, GAS, who="li", why="x", revision=2)
    version, _ = await office.publishing.check(2, who="zhao", revision=3)
    for author in ("wang", "li"):
        with pytest.raises(SecondPerson):
            await office.approve(version, who=author)
    assert (await office.approve(version, who="zhao")).state is State.EFFECTIVE


async def test_errors_block(office: Office) -> None:
    await office.open()
    draft = await office.draft(but(WATER, name=BROKEN))
    version, findings = await office.publishing.check(2, who="li", revision=draft.revision)
    assert (version.state, version.errors) == (State.DRAFT, 1)
    assert findings.items[0].row == 4
    assert await office.publishing.findings(2) == findings
    with pytest.raises(WrongState):
        await office.approve(version)


async def test_what_was_checked_is_what_is_approved(office: Office) -> None:
    await office.open()
    version = await office.checked(NEW_WATER)
    changed = await office.drafts.put(2, GAS, who="li", why="x", revision=version.revision)
    assert (changed.state, changed.errors, changed.checked_by) == (State.DRAFT, None, None)
    assert await office.publishing.findings(2) is None
    with pytest.raises(WrongState):
        await office.publishing.approve(2, who="wang", why="seen", revision=changed.revision)
    await office.publishing.check(2, who="li", revision=changed.revision)
    with pytest.raises(TableChanged):
        await office.approve(version)
    assert await office.effective() == 1


async def test_a_rule_that_came_after_the_check_counts_at_the_approval(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.open()
    version = await office.checked(NEW_WATER)
    monkeypatch.setattr("tests.routing.tables.office.BROKEN", NEW_WATER.name)
    with pytest.raises(TableFaulty):
        await office.approve(version)
    assert await office.effective() == 1


async def test_changed_emergency_rows_need_a_supervisors_word(office: Office) -> None:
    await office.open()
    version = await office.checked(but(FIRE, name="火警"))
    with pytest.raises(Unconfirmed) as refused:
        await office.approve(version)
    assert refused.value.keys == {Key("119")}
    with pytest.raises(SecondPerson):
        await office.publishing.confirm(2, who="li", why="x", revision=version.revision)
    confirmed = await office.publishing.confirm(2, who="chen", why="called them", revision=version.revision)
    assert confirmed.confirmed_by == "chen"
    assert (await office.approve(version)).state is State.EFFECTIVE


async def test_a_confirmation_is_for_one_revision(office: Office) -> None:
    await office.open()
    version = await office.checked(but(FIRE, name="火警"))
    await office.publishing.confirm(2, who="chen", why="called them", revision=version.revision)
    changed = await office.drafts.remove(2, Key("119"), who="li", why="x", revision=version.revision)
    checked, _ = await office.publishing.check(2, who="li", revision=changed.revision)
    with pytest.raises(Unconfirmed):
        await office.approve(checked)


# ---------------------------------------------------------------- one after the other


async def test_a_draft_made_from_a_version_that_does_not_hold_any_more_is_refused_with_the_difference(
    office: Office,
) -> None:
    await office.open()
    mine = await office.checked(GAS)
    await office.published(NEW_WATER)
    with pytest.raises(StaleBase) as refused:
        await office.approve(mine)
    assert (refused.value.base, refused.value.present) == (1, 3)
    assert [each.after for each in refused.value.diff.changed] == [NEW_WATER]
    rebased = await office.drafts.rebase(2, who="li", why="up to date", revision=mine.revision)
    assert (rebased.base, rebased.state) == (3, State.DRAFT)
    assert await office.versions.lines(2) == (FIRE, TAX, NEW_WATER, GAS)
    version, _ = await office.publishing.check(2, who="li", revision=rebased.revision)
    assert (await office.approve(version)).state is State.EFFECTIVE


async def test_rows_that_both_changed_wait_for_a_choice(office: Office) -> None:
    await office.open()
    mine = await office.checked(but(WATER, name="我的"), GAS)
    await office.published(NEW_WATER)
    with pytest.raises(MergeConflict) as refused:
        await office.drafts.rebase(2, who="li", why="x", revision=mine.revision)
    assert [each.key for each in refused.value.conflicts] == [Key("96166")]
    assert await office.versions.get(2) == mine
    chosen = await office.drafts.rebase(
        2, who="li", why="x", revision=mine.revision, choices={Key("96166"): Side.THEIRS}
    )
    assert await office.versions.lines(2) == (FIRE, TAX, NEW_WATER, GAS)
    assert await office.drafts.rebase(2, who="li", why="x", revision=chosen.revision) == chosen


async def test_of_two_approvals_at_once_one_wins(database: Database, database_url: str) -> None:
    office = Office(database)
    await office.open()
    drafts = [await office.checked(but(WATER, number=f"9620{n}")) for n in range(4)]
    others = [Database(database_url) for _ in drafts]
    try:
        results = await asyncio.gather(
            *(Office(each).approve(version) for each, version in zip(others, drafts, strict=True)),
            return_exceptions=True,
        )
    finally:
        for each in others:
            await each.dispose()
    (won,) = (each for each in results if isinstance(each, Version))
    lost = [each for each in results if isinstance(each, StaleBase)]
    assert len(lost) == len(drafts) - 1
    assert {each.present for each in lost} == {won.number}
    assert await office.effective() == won.number
    assert list((await office.states()).values()).count("effective") == 1


async def test_one_draft_approved_twice_at_once_is_approved_once(database: Database, database_url: str) -> None:
    office = Office(database)
    await office.open()
    version = await office.checked(NEW_WATER)
    other = Database(database_url)
    try:
        results = await asyncio.gather(
            office.approve(version), Office(other).approve(version, who="zhao"), return_exceptions=True
        )
    finally:
        await other.dispose()
    assert sorted(type(each).__name__ for each in results) == ["Version", "WrongState"]
    assert [what for _, what, _ in await office.audited()].count("approve") == 1


# ---------------------------------------------------------------- at a time


async def test_scheduled_tables_take_effect_by_time_alone_one_after_the_other(office: Office) -> None:
    await office.open()
    second = await office.published(NEW_WATER, at=NOW + 100)
    assert second.state is State.SCHEDULED
    third = await office.published(GAS, at=NOW + 200)
    assert third.base == 2  # a draft changes what will hold
    assert await office.states() == {1: "effective", 2: "scheduled", 3: "scheduled"}
    for seconds, number in ((99.9, 1), (100, 2), (199, 2), (200, 3), (10_000, 3)):
        found = await office.versions.effective(NOW + seconds)
        assert found is not None
        assert (found.number, found.body) == (number, (await office.versions.get(number)).body)
    office.now = NOW + 150
    assert await office.states() == {1: "superseded", 2: "effective", 3: "scheduled"}
    office.now = NOW + 200
    assert await office.states() == {1: "superseded", 2: "superseded", 3: "effective"}
    listed = [each.number for each in await office.versions.page(limit=9, state=State.SUPERSEDED)]
    assert listed == [2, 1]
    assert await office.versions.effective(NOW - 1) is None


async def test_two_tables_for_the_same_moment_follow_each_other(office: Office) -> None:
    await office.open()
    await office.published(NEW_WATER, at=NOW + 100)
    await office.published(GAS, at=NOW + 100)
    office.now = NOW + 100
    assert await office.effective() == 3
    assert await office.states() == {1: "superseded", 2: "superseded", 3: "effective"}
    assert await office.versions.lines(3) == (FIRE, TAX, NEW_WATER, GAS)


async def test_nothing_slips_in_before_a_scheduled_table(office: Office) -> None:
    await office.open()
    early = await office.checked(GAS)
    await office.published(NEW_WATER, at=NOW + 100)
    with pytest.raises(StaleBase):
        await office.approve(early)
    rebased = await office.drafts.rebase(2, who="li", why="x", revision=early.revision)
    version, _ = await office.publishing.check(2, who="li", revision=rebased.revision)
    for at in (None, NOW + 50):
        with pytest.raises(NotEffective, match="version 3 is scheduled"):
            await office.approve(version, at=at)
    assert (await office.approve(version, at=NOW + 100)).state is State.SCHEDULED


async def test_a_time_that_has_passed_is_refused(office: Office) -> None:
    await office.open()
    version = await office.checked(NEW_WATER)
    for at in (NOW, NOW - 1):
        with pytest.raises(TableRefused, match="in the future"):
            await office.approve(version, at=at)


async def test_a_scheduled_table_is_withdrawn_before_its_time_the_last_one_first(office: Office) -> None:
    await office.open()
    await office.published(NEW_WATER, at=NOW + 100)
    await office.published(GAS, at=NOW + 200)
    with pytest.raises(NotEffective, match="builds on"):
        await office.publishing.withdraw(2, who="li", why="no")
    assert (await office.publishing.withdraw(3, who="li", why="no")).state is State.DRAFT
    assert (await office.publishing.withdraw(2, who="li", why="no")).state is State.DRAFT
    office.now = NOW + 300
    assert await office.effective() == 1
    with pytest.raises(WrongState):
        await office.publishing.withdraw(1, who="li", why="no")
    version, _ = await office.publishing.check(2, who="li", revision=2)
    assert (await office.approve(version)).state is State.EFFECTIVE


async def test_asking_what_is_effective_is_one_step_in_an_index(office: Office, database: Database) -> None:
    await office.open()
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL reads a table of one row without its index")
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append(statement)

    async with database.connect() as connection:
        event.listen(connection.sync_connection, "before_cursor_execute", note)
        await queries.effective(connection, "test", NOW)
        (statement,) = (each for each in asked if each.startswith("SELECT"))
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("test", NOW, 1, 0))
        (step,) = [str(row[-1]) for row in plan]
    assert "USING INDEX ix_transfer_tables_effective" in step
    assert "transfer_bodies" not in statement


# ---------------------------------------------------------------- taken back


async def test_one_person_takes_a_bad_table_back_and_history_stays(office: Office) -> None:
    await office.open()
    bad = await office.published(NEW_WATER)
    back = await office.publishing.rollback(2, who="chen", why="wrong number")
    assert (back.number, back.state, back.restores, back.base) == (3, State.EFFECTIVE, 1, 2)
    assert await office.versions.lines(3) == FIRST
    assert await office.states() == {1: "superseded", 2: "superseded", 3: "effective"}
    assert (await office.versions.get(2)).body == bad.body
    assert (await office.audited())[-1] == ("chen", "rollback", "3")
    with pytest.raises(NotEffective) as refused:  # somebody else was quicker
        await office.publishing.rollback(2, who="wang", why="wrong number")
    assert refused.value.present == 3


async def test_rolling_back_again_goes_one_further_back_never_to_what_was_taken_back(office: Office) -> None:
    await office.open()
    await office.published(NEW_WATER)
    await office.published(GAS)
    assert (await office.publishing.rollback(3, who="chen", why="x")).restores == 2
    assert (await office.publishing.rollback(4, who="chen", why="x")).restores == 1
    with pytest.raises(TableRefused, match="no version before"):
        await office.publishing.rollback(5, who="chen", why="x")
    assert await office.versions.lines(5) == FIRST
    await office.published(GAS)  # 6, follows 5
    assert (await office.publishing.rollback(6, who="chen", why="x")).restores == 1
    with pytest.raises(TableRefused):
        await office.publishing.rollback(7, who="chen", why="x")


async def test_the_first_table_cannot_be_taken_back(office: Office) -> None:
    await office.open()
    with pytest.raises(TableRefused):
        await office.publishing.rollback(1, who="chen", why="x")


async def test_what_was_scheduled_on_a_table_that_is_taken_back_becomes_a_draft(office: Office) -> None:
    await office.open()
    await office.published(NEW_WATER)
    await office.published(GAS, at=NOW + 100)
    await office.publishing.rollback(2, who="chen", why="x")
    office.now = NOW + 200
    assert await office.effective() == 4
    assert await office.states() == {1: "superseded", 2: "superseded", 3: "draft", 4: "effective"}
    assert ("chen", "withdraw", "3") in await office.audited()
    version, _ = await office.publishing.check(3, who="li", revision=2)
    with pytest.raises(StaleBase):
        await office.approve(version)


# ---------------------------------------------------------------- kept for ever


@pytest.mark.parametrize("statement", ["UPDATE transfer_bodies SET rows = 0", "DELETE FROM transfer_revisions"])
async def test_the_database_itself_keeps_bodies_and_revisions(
    office: Office, database: Database, statement: str
) -> None:
    await office.open()
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.begin() as connection:
            await connection.execute(text(statement))
    assert await office.versions.lines(1) == FIRST


async def test_a_refused_change_leaves_no_trace(office: Office) -> None:
    await office.open()
    await office.checked(NEW_WATER)
    before, audited = await office.versions.page(limit=9), await office.audited()
    refused = [
        office.drafts.put(2, GAS, who="li", why="x", revision=1),
        office.drafts.remove(2, Key("1"), who="li", why="x", revision=2),
        office.publishing.approve(2, who="li", why="x", revision=2),
        office.publishing.confirm(2, who="li", why="x", revision=2),
        office.publishing.rollback(2, who="li", why="x"),
        office.drafts.discard(1, who="li", why="x"),
    ]
    for each in refused:
        with pytest.raises(TableError):
            await each
    assert await office.versions.page(limit=9) == before
    assert await office.audited() == audited


async def test_a_hundred_thousand_rows_are_a_table(office: Office) -> None:
    lines = [but(WATER, number=f"{n:011}") for n in range(100_000)]
    await office.open(lines)
    draft = await office.draft(but(lines[7], name="新"))
    assert draft.rows == 100_000
    with pytest.raises(TableRefused, match="at most"):
        await office.drafts.put(2, TAX, who="li", why="x", revision=draft.revision)
    assert tuple((await office.versions.table(1)).rows()) == tuple(table(lines).rows())
