"""Whatever people do and however the days pass: nobody is restricted without two people, too long, or after the end."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule

from config.chinatime import china_day
from config.database import Database
from routing.restrictions import Outcome, Person, RestrictionError, Terms
from tests.routing.restrictions.town import ABUSER, AGENT, LI, OTHER, SICHUAN, WANG, ZHAO, ZHUHAI, Town

T = TypeVar("T")
CALLERS = (ABUSER, OTHER, "13900000001", "13900000002")
MAX_DAYS = 4  # so that days, ends and renewals are often reached
PEOPLE = (LI, WANG, ZHAO, AGENT)
people, numbers = st.sampled_from(PEOPLE), st.sampled_from(CALLERS)
first_days, lengths = st.sampled_from((0, 0, 0, 0, 1, 3, 7, 8, -1)), st.sampled_from((2, MAX_DAYS, MAX_DAYS + 1, 1, 0))


@dataclass
class Known:
    """What the test itself knows of a restriction, from nothing but what was asked and granted."""

    caller: str
    proposer: str
    begins: date
    ends: date
    confirmer: Person | None = None
    over: bool = False  # lifted or refused


def _template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="restrictions-")) / "migrated.db"

    async def migrate() -> None:
        database = Database(f"sqlite:///{path}")
        await database.migrate()
        await database.dispose()

    asyncio.run(migrate())
    return path


class Life(RuleBasedStateMachine):
    """People act in any order; the clock goes on in between."""

    template: Path | None = None
    made: Bundle[int] = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        Life.template = Life.template or _template()
        self.folder = Path(tempfile.mkdtemp(prefix="restrictions-"))
        shutil.copy(Life.template, self.folder / "hotline.db")
        self.runner = asyncio.Runner()
        database = Database(f"sqlite:///{self.folder / 'hotline.db'}", synchronous="NORMAL")
        self.town = Town(database, replace(ZHUHAI, max_days=MAX_DAYS))
        self.known: dict[int, Known] = {}
        self.warned: set[str] = set()

    def teardown(self) -> None:
        self.run(self.town.database.dispose())
        self.runner.close()
        shutil.rmtree(self.folder)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def granted(self, asked: Callable[[], Awaitable[T]]) -> T | None:
        """What came of it; None when it was refused as it may be."""

        async def ask() -> T | None:
            with suppress(RestrictionError):
                return await asked()
            return None

        return self.run(ask())

    @initialize(warn_first=st.booleans())
    def rules(self, warn_first: bool) -> None:
        self.town.policy = replace(SICHUAN if warn_first else ZHUHAI, max_days=MAX_DAYS)

    @rule(target=made, who=people, caller=numbers, first=first_days, days=lengths, warned=st.booleans())
    def propose(self, who: Person, caller: str, first: int, days: int, warned: bool) -> MultipleResults[int] | int:
        if warned:
            self.run(self.town.warnings.add(AGENT, self.town.call(caller), "x"))
            self.town.later(seconds=1)
            self.warned.add(caller)
        begins = china_day(self.town.now) + timedelta(days=first)
        terms = Terms((self.town.call(caller),), "x", begins + timedelta(days=days - 1), begins)
        proposed = self.granted(lambda: self.town.restrictions.propose(who, terms))
        if proposed is None:
            return multiple()
        assert caller in self.warned or not self.town.policy.warn_first
        assert 0 <= (proposed.ends - proposed.begins).days < MAX_DAYS
        self.known[proposed.id] = Known(caller, who.name, proposed.begins, proposed.ends)
        return proposed.id

    @rule(restriction=made, who=people)
    def confirm(self, restriction: int, who: Person) -> None:
        self.confirm_one(restriction, who)

    def confirm_one(self, restriction: int, who: Person) -> None:
        if self.granted(lambda: self.town.restrictions.confirm(restriction, who)) is not None:
            assert self.known[restriction].confirmer is None
            assert not self.known[restriction].over
            assert who.supervisor
            assert who.name != self.known[restriction].proposer
            self.known[restriction].confirmer = who

    @rule(order=st.permutations(PEOPLE))
    def everybody_confirms_everything(self, order: list[Person]) -> None:
        for restriction in tuple(self.known):
            for who in order:
                self.confirm_one(restriction, who)

    @rule(restriction=made, who=people)
    def refuse(self, restriction: int, who: Person) -> None:
        if self.granted(lambda: self.town.restrictions.refuse(restriction, who, "x")) is not None:
            assert self.known[restriction].confirmer is None
            self.known[restriction].over = True

    @rule(restriction=made, who=people)
    def lift(self, restriction: int, who: Person) -> None:
        if self.granted(lambda: self.town.restrictions.lift(restriction, who, "x")) is not None:
            self.known[restriction].over = True

    @rule(restriction=made, who=people, outcome=st.sampled_from(Outcome))
    def appeal(self, restriction: int, who: Person, outcome: Outcome) -> None:
        appeal = self.granted(lambda: self.town.appeals.add(restriction, AGENT, "x"))
        if appeal is None:
            return
        decided = self.granted(lambda: self.town.appeals.decide(appeal.id, who, outcome, "x"))
        if decided is not None:
            assert who.supervisor
            known = self.known[restriction]
            assert known.confirmer is not None
            assert who.name not in (known.proposer, known.confirmer.name)
            known.over = known.over or outcome is Outcome.LIFTED

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours: int) -> None:
        self.town.later(seconds=hours * 3600)

    @invariant()
    def whoever_is_restricted_was_by_two_people_and_for_these_days_only(self) -> None:
        today = china_day(self.town.now)
        for caller in CALLERS:
            until = self.run(self.town.until(caller))
            holding = [
                each
                for each in self.known.values()
                if each.caller == caller and each.confirmer and not each.over and each.begins <= today <= each.ends
            ]
            assert until == max((each.ends for each in holding), default=None)
            assert len(holding) <= 1
            for each in holding:
                assert each.confirmer is not None
                assert each.confirmer.supervisor
                assert each.confirmer.name != each.proposer
                assert (each.ends - each.begins).days < MAX_DAYS

    @invariant()
    def every_restriction_ends_by_itself(self) -> None:
        later = self.town.now + (MAX_DAYS + 8) * 86400
        assert [self.town.active.restricted_until(caller, later) for caller in CALLERS] == [None] * len(CALLERS)


Life.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
