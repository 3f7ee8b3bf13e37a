"""Whatever people do with tables, in whatever order: one holds at a time, nothing is lost, all of it is audited."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from config.database import Database
from routing.tables.diff import Key, Side, key_of
from routing.tables.model import Line, LineMode
from routing.tables.states import EDITABLE, ImportMode, State, TableError, Version
from tests.routing.tables.office import BROKEN, NOW, Office

NUMBERS = ("119", "12315", "12366", "96166")
people = st.sampled_from(["chen", "li", "wang"])
lines = st.builds(
    Line,
    number=st.sampled_from(NUMBERS),
    name=st.sampled_from(["一", "二", "三", BROKEN]),
    mode=st.just(LineMode.DUAL),
    source=st.just("t"),
)
keys = st.sampled_from([Key(number) for number in NUMBERS])
picks = st.integers(0, 9)  # how many versions back, of those that can still be changed, or of all
ends = st.sampled_from(["stay", "stay", "rollback", "withdraw"])
waits = st.none() | st.sampled_from([10.0, 20.0, 30.0])
ages = st.sampled_from([0, 0, 0, 0, 1])  # how many revisions ago the person read the draft


@dataclass
class Model:
    """What must be true of one city."""

    timeline: list[tuple[float, int]] = field(default_factory=list)  # approved: when, which
    rows: dict[tuple[int, int], tuple[Line, ...]] = field(default_factory=dict)  # of every revision that ever was
    authors: dict[int, set[str]] = field(default_factory=dict)
    changes: int = 0  # each has its entry in the audit log


class Lives(RuleBasedStateMachine):
    """Random histories of one city's tables, against the real database."""

    template: ClassVar[Path]  # a migrated, empty database

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        file = Path(self.folder.name) / "hotline.db"
        shutil.copy(self.template, file)
        self.database = Database(f"sqlite:///{file}", synchronous="NORMAL")
        self.office = Office(self.database)
        self.model = Model()

    def teardown(self) -> None:
        self.loop.run(self.database.dispose())
        self.loop.close()
        self.folder.cleanup()

    # ------------------------------------------------------------ what people do

    @initialize()
    def begin(self) -> None:
        self.do(lambda: self.office.open(), "pack")
        self.model.timeline.append((NOW, 1))

    @rule(who=people, pick=st.none() | picks)
    def create(self, who: str, pick: int | None) -> None:
        source = None if pick is None else self.pick(pick).number
        made = self.do(lambda: self.office.drafts.create(who=who, why="x", source=source), who)
        assert made is not None

    @rule(who=people, pick=picks, line=lines, age=ages)
    def put(self, who: str, pick: int, line: Line, age: int) -> None:
        found = self.pick(pick)
        revision = found.revision - age
        made = self.do(
            lambda: self.office.drafts.put(found.number, line, who=who, why="x", revision=revision), who, found
        )
        self.only_of_the_revision_read(made, found, age)
        if made is not None:
            assert line in self.rows(made)

    @rule(who=people, pick=picks, key=keys, age=ages)
    def remove(self, who: str, pick: int, key: Key, age: int) -> None:
        found = self.pick(pick)
        revision = found.revision - age
        made = self.do(
            lambda: self.office.drafts.remove(found.number, key, who=who, why="x", revision=revision), who, found
        )
        self.only_of_the_revision_read(made, found, age)
        if made is not None:
            assert key not in map(key_of, self.rows(made))

    @rule(who=people, rows=st.lists(lines, max_size=4, unique_by=key_of), mode=st.sampled_from(ImportMode))
    def take_in(self, who: str, rows: list[Line], mode: ImportMode) -> None:
        made = self.do(lambda: self.office.drafts.create_from(rows, mode=mode, who=who, why="x"), who)
        assert made is not None
        assert set(rows) <= set(self.rows(made))

    @rule(who=people, pick=picks, side=st.sampled_from(Side) | st.none())
    def rebase(self, who: str, pick: int, side: Side | None) -> None:
        found = self.pick(pick)
        choices = {} if side is None else {Key(number): side for number in NUMBERS}
        made = self.do(
            lambda: self.office.drafts.rebase(found.number, who=who, why="x", revision=found.revision, choices=choices),
            who,
            found,
        )
        if made is not None:
            assert made.base == self.model.timeline[-1][1]

    @rule(who=people, pick=picks)
    def discard(self, who: str, pick: int) -> None:
        found = self.pick(pick)
        self.do(lambda: self.office.drafts.discard(found.number, who=who, why="x"), who, found)

    @rule(who=people, pick=picks)
    def check(self, who: str, pick: int) -> None:
        self.checked(who, self.pick(pick))

    def checked(self, who: str, found: Version) -> None:
        async def checked() -> Version:
            return (await self.office.publishing.check(found.number, who=who, revision=found.revision))[0]

        made = self.do(checked, who, found, always=True)
        if made is not None:
            broken = any(line.name == BROKEN for line in self.rows(made))
            assert made.state is (State.DRAFT if broken else State.CHECKED)

    @rule(who=people, pick=picks)
    def confirm(self, who: str, pick: int) -> None:
        found = self.pick(pick)
        made = self.do(
            lambda: self.office.publishing.confirm(found.number, who=who, why="x", revision=found.revision),
            who,
            found,
            always=True,
        )
        if made is not None:
            assert who not in self.model.authors[found.number]

    @rule(who=people, pick=picks, wait=waits)
    def approve(self, who: str, pick: int, wait: float | None) -> None:
        self.approved(who, self.pick(pick), wait)

    @rule(who=people, second=people, line=lines, source=st.none() | picks, wait=waits, after=ends)
    def publish(self, who: str, second: str, line: Line, source: int | None, wait: float | None, after: str) -> None:
        """All steps in a row, as they should be: a random history seldom finds them."""
        self.create(who, source)
        self.put(who, 0, line, 0)
        self.check(who, 0)
        self.confirm(second, 0)
        self.approve(second, 0, wait)
        if after == "rollback":
            self.rollback(second, None)
        elif after == "withdraw":
            self.withdraw(second, None)

    def approved(self, who: str, found: Version, wait: float | None) -> None:
        at = None if wait is None else self.office.now + wait
        made = self.do(
            lambda: self.office.publishing.approve(found.number, who=who, why="x", revision=found.revision, at=at),
            who,
            found,
        )
        if made is None:
            return
        last_at, last = self.model.timeline[-1]
        moment = self.office.now if at is None else at
        assert found.state is State.CHECKED
        assert who not in self.model.authors[found.number]
        assert found.base == last
        assert moment >= last_at
        changed = set(self.rows(made)) ^ set(self.rows_of(last))
        assert found.confirmed_by is not None or not any(line.number == "119" for line in changed)
        self.model.timeline.append((moment, found.number))

    @rule(who=people, second=people, pick=picks, wait=waits)
    def finish(self, who: str, second: str, pick: int, wait: float | None) -> None:
        """The last steps with a draft that has lain about: another may have been approved since it was made."""
        found = self.pick(pick)
        self.checked(who, found)
        self.approved(second, self.loop.run(self.office.versions.get(found.number)), wait)

    @rule(who=people, pick=st.none() | picks)
    def withdraw(self, who: str, pick: int | None) -> None:
        found = self.pick(pick) if pick else self.loop.run(self.office.versions.get(self.model.timeline[-1][1]))
        made = self.do(lambda: self.office.publishing.withdraw(found.number, who=who, why="x"), who, found, always=True)
        if made is not None:
            at, number = self.model.timeline.pop()
            assert number == found.number
            assert at > self.office.now

    @rule(who=people, pick=st.none() | picks)
    def rollback(self, who: str, pick: int | None) -> None:
        current = self.effective()
        number = current if pick is None else self.pick(pick).number
        made = self.do(lambda: self.office.publishing.rollback(number, who=who, why="x"), who)
        if made is None:
            return
        assert number == current
        assert made.restores in [each for _, each in self.model.timeline]
        assert self.rows(made) == self.rows_of(made.restores)
        scheduled = [each for each in self.model.timeline if each[0] > self.office.now]
        self.model.changes += len(scheduled)  # each went back to a draft, with an entry of its own
        self.model.timeline = [each for each in self.model.timeline if each[0] <= self.office.now]
        self.model.timeline.append((self.office.now, made.number))

    @rule(seconds=st.sampled_from([1.0, 10.0, 25.0]))
    def wait(self, seconds: float) -> None:
        self.office.now += seconds

    # ------------------------------------------------------------ what must hold

    @invariant()
    def one_table_holds_now_and_at_every_moment(self) -> None:
        if not self.model.timeline:
            return
        states = self.loop.run(self.office.states())
        holding = [number for number, state in states.items() if state == State.EFFECTIVE]
        assert holding == [self.effective()]
        for at in {moment + shift for moment, _ in self.model.timeline for shift in (0.0, 0.5)}:
            found = self.loop.run(self.office.versions.effective(at))
            assert found is not None
            assert found.number == [number for moment, number in self.model.timeline if moment <= at][-1]

    @invariant()
    def every_change_is_in_the_audit_log(self) -> None:
        assert len(self.loop.run(self.office.audited())) == self.model.changes

    @invariant()
    def no_revision_is_lost_or_changed(self) -> None:
        for number in {number for number, _ in self.model.rows}:
            known = [revision for each, revision in self.model.rows if each == number]
            kept = self.loop.run(self.office.versions.history(number))
            assert [each.revision for each in kept] == sorted(known)
            assert {each.who for each in kept} == self.model.authors[number]
        number, revision = list(self.model.rows)[-1] if self.model.rows else (0, 0)
        if number:
            assert self.loop.run(self.office.versions.lines(number, revision)) == self.model.rows[number, revision]

    # ------------------------------------------------------------ inside

    def do(
        self,
        action: Callable[[], Awaitable[Version]],
        who: str,
        before: Version | None = None,
        *,
        always: bool = False,
    ) -> Version | None:
        """What somebody tries; None when it was refused, and then it must have changed nothing (the invariants look).

        ``always``: it is a change even when the version looks the same.
        """

        async def tried() -> Version:
            return await action()

        try:
            made = self.loop.run(tried())
        except TableError:
            if before is not None:
                assert self.loop.run(self.office.versions.get(before.number)) == before
            return None
        if always or before is None or made != before:
            self.model.changes += 1
        if (made.number, made.revision) not in self.model.rows:
            self.model.rows[made.number, made.revision] = self.loop.run(self.office.versions.lines(made.number))
            self.model.authors.setdefault(made.number, set()).add(who)
        return made

    def only_of_the_revision_read(self, made: Version | None, found: Version, age: int) -> None:
        if made is not None:
            assert age == 0
            assert made.revision in (found.revision, found.revision + 1)

    def pick(self, pick: int) -> Version:
        found = self.loop.run(self.office.versions.page(limit=1000))
        drafts = [version for version in found if version.state in EDITABLE]
        among = drafts if drafts and pick < 7 else found
        return among[pick % len(among)]

    def effective(self) -> int:
        return [number for at, number in self.model.timeline if at <= self.office.now][-1]

    def rows(self, version: Version) -> tuple[Line, ...]:
        return self.model.rows[version.number, version.revision]

    def rows_of(self, number: int | None) -> tuple[Line, ...]:
        (found,) = [lines for (each, _), lines in sorted(self.model.rows.items()) if each == number][-1:]
        return found


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A migrated database, to be copied: migrating one for each history would take longer than the histories."""
    file = tmp_path / "template.db"

    async def migrate() -> None:
        database = Database(f"sqlite:///{file}")
        await database.migrate()
        await database.dispose()

    asyncio.run(migrate())
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=DELETE")  # everything in one file
    connection.close()
    return file


@pytest.mark.timeout(600)
def test_no_history_makes_two_tables_hold_or_loses_a_revision(template: Path) -> None:
    Lives.template = template
    profile = settings.default
    examples = min(2000, max(20, profile.max_examples // 10)) if profile else 20
    run_state_machine_as_test(Lives, settings=settings(max_examples=examples, stateful_step_count=40))
