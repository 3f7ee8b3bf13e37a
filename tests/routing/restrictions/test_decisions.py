"""Who may decide what about a restriction, when, and what is refused. On SQLite and PostgreSQL."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from config import audit
from config.chinatime import china_day
from routing.restrictions import (
    NO_RESTRICTIONS,
    AnotherPersonNeeded,
    Outcome,
    Restriction,
    RestrictionConflict,
    RestrictionRefused,
    RestrictionsUnknown,
    State,
    Terms,
    UnknownRestriction,
)
from tests.routing.restrictions.town import ABUSER, AGENT, LI, OTHER, SICHUAN, TODAY, WANG, ZHAO, Town


async def state(town: Town, restriction: Restriction) -> State:
    return (await town.restrictions.get(restriction.id)).state(china_day(town.now))


async def test_a_proposal_restricts_nobody_until_another_person_confirms_it(town: Town) -> None:
    calls = [town.call(), town.call("+86 138-0013-8000"), town.call("0086" + ABUSER)]
    made = await town.proposed(*calls, days=10)
    assert (made.caller, made.calls, made.proposed_by) == ("138****8000", tuple(calls), AGENT.name)
    assert (made.begins, made.ends) == (TODAY, TODAY + timedelta(days=9))
    assert await town.until() is None
    confirmed = await town.restrictions.confirm(made.id, LI, "听过录音")
    assert (confirmed.state(TODAY), confirmed.decided_by) == (State.ACTIVE, LI.name)
    for spelling in (ABUSER, f"+86{ABUSER}", f"0{ABUSER}"):
        assert await town.until(spelling) == TODAY + timedelta(days=9)
    assert await town.until(OTHER) is None
    assert await town.until(None) is None


async def test_whoever_proposed_it_cannot_confirm_it(town: Town) -> None:
    made = await town.proposed(by=LI)
    with pytest.raises(AnotherPersonNeeded, match="another supervisor"):
        await town.restrictions.confirm(made.id, LI)
    assert await town.until() is None
    await town.restrictions.confirm(made.id, WANG)
    assert await town.until() is not None


async def test_only_supervisors_decide(town: Town) -> None:
    made = await town.proposed(by=LI)
    restrictions = town.restrictions
    for decision in (restrictions.confirm(made.id, AGENT), restrictions.refuse(made.id, AGENT, "x")):
        with pytest.raises(AnotherPersonNeeded, match="supervisor"):
            await decision
    await restrictions.confirm(made.id, WANG)
    appeal = await town.appeals.add(made.id, AGENT, "号码被他人使用")
    for late in (restrictions.lift(made.id, AGENT, "x"), town.appeals.decide(appeal.id, AGENT, Outcome.LIFTED, "x")):
        with pytest.raises(AnotherPersonNeeded, match="supervisor"):
            await late
    assert await town.until() is not None


async def test_a_decision_is_taken_once(town: Town) -> None:
    made = await town.confirmed()
    for again in (town.restrictions.confirm(made.id, WANG), town.restrictions.refuse(made.id, WANG, "x")):
        with pytest.raises(RestrictionConflict, match="decided already: it is confirmed"):
            await again
    await town.restrictions.lift(made.id, LI, "误判")
    with pytest.raises(RestrictionConflict, match="nothing to lift"):
        await town.restrictions.lift(made.id, LI, "x")
    with pytest.raises(UnknownRestriction):
        await town.restrictions.confirm(made.id + 1, LI)


async def test_of_two_who_confirm_at_once_one_does(town: Town) -> None:
    made = await town.proposed()
    both = await asyncio.gather(
        *(town.restrictions.confirm(made.id, who) for who in (LI, WANG)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in both) == ["Restriction", "RestrictionConflict"]
    assert [entry.action for entry in await town.restrictions.history(made.id)].count("restriction.confirm") == 1


async def test_of_two_who_propose_the_same_caller_at_once_one_does(town: Town) -> None:
    calls = [town.call(), town.call()]
    both = await asyncio.gather(*(town.proposed(call) for call in calls), return_exceptions=True)
    assert sorted(type(each).__name__ for each in both) == ["Restriction", "RestrictionConflict"]


@pytest.mark.parametrize("days", [31, 400])
async def test_none_is_longer_than_the_rules_allow(town: Town, days: int) -> None:
    with pytest.raises(RestrictionRefused, match=r"at most 30 .*珠海 §9"):
        await town.proposed(days=days)
    made = await town.proposed(days=30)
    town.policy = replace(town.policy, max_days=10)
    with pytest.raises(RestrictionRefused, match="at most 10"):
        await town.restrictions.confirm(made.id, LI)


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (8, 9), (3, 2), (0, -1)])
async def test_its_days_lie_ahead_and_in_order(town: Town, first: int, last: int) -> None:
    begins, ends = (TODAY + timedelta(days=days) for days in (first, last))
    with pytest.raises(RestrictionRefused):
        await town.restrictions.propose(AGENT, Terms((town.call(),), "x", ends, begins))


async def test_a_later_first_day_is_waited_for(town: Town) -> None:
    terms = replace(town.terms(days=10), begins=TODAY + timedelta(days=2))
    made = await town.restrictions.propose(AGENT, terms)
    await town.restrictions.confirm(made.id, LI)
    assert (await state(town, made), await town.until()) == (State.UPCOMING, None)
    town.later(days=2)
    assert (await state(town, made), await town.until()) == (State.ACTIVE, made.ends)


async def test_the_same_days_or_the_same_calls_are_not_restricted_twice(town: Town) -> None:
    call = town.call()
    await town.confirmed(call, days=5)
    with pytest.raises(RestrictionConflict, match="holds in these days"):
        await town.proposed(days=30)
    town.later(days=5)
    assert await town.until() is None
    with pytest.raises(RestrictionConflict, match=f"call {call} led to a restriction before"):
        await town.proposed(call)
    await town.confirmed(town.call(), days=5)
    assert await town.until() is not None


async def test_a_refused_proposal_may_be_made_again(town: Town) -> None:
    call = town.call()
    made = await town.proposed(call)
    with pytest.raises(RestrictionConflict, match="proposed already"):
        await town.proposed(call)
    assert (await town.restrictions.refuse(made.id, LI, "证据不足")).state(TODAY) is State.REFUSED
    await town.confirmed(call, town.call())
    assert await town.until() is not None


async def test_a_proposal_nobody_decided_about_lapses(town: Town) -> None:
    made = await town.proposed(days=3)
    town.later(days=3)
    assert await state(town, made) is State.LAPSED
    with pytest.raises(RestrictionConflict, match="last day is over"):
        await town.restrictions.confirm(made.id, LI)
    again = await town.confirmed()
    assert (await state(town, made), await state(town, again)) == (State.LAPSED, State.ACTIVE)
    assert (await town.restrictions.history(made.id))[-1].who == "hotline"


async def test_evidence_must_exist_and_come_from_one_number_that_can_be_told(town: Town) -> None:
    own, others, hidden, service = (town.call(each) for each in (ABUSER, OTHER, None, "110"))
    for calls, why in (
        ((own, "hotline-999.1"), "there is no call hotline-999.1"),
        ((own, others), "different numbers"),
        ((own, hidden), "without a number"),
        ((service,), "a service's"),
    ):
        with pytest.raises(RestrictionRefused, match=why) as refused:
            await town.proposed(*calls)
        assert refused.value.field == "calls"
    with pytest.raises(RestrictionRefused, match="at least one call"):
        await town.restrictions.propose(AGENT, Terms((), "x", TODAY))


async def test_a_city_whose_rules_know_no_restriction_has_none(town: Town) -> None:
    made = await town.confirmed()
    assert await town.until() is not None
    town.policy = replace(NO_RESTRICTIONS, sources={"enabled": "default"})
    assert await town.until() is None
    asked: list[Awaitable[Any]] = [
        town.proposed(),
        town.restrictions.confirm(made.id, LI),
        town.warnings.add(AGENT, town.call(), "x"),
    ]
    for each in asked:
        with pytest.raises(RestrictionsUnknown, match=r"know no restriction .*default"):
            await each


# ---------------------------------------------------------------- warned first (四川 §21)


async def test_where_the_rules_ask_for_a_warning_it_comes_before_a_later_call(town: Town) -> None:
    town.policy = SICHUAN
    first = town.call()
    with pytest.raises(RestrictionRefused, match=r"warned.*四川 §21"):
        await town.proposed(first)
    town.later(seconds=60)
    warned = await town.warnings.add(AGENT, first, "已提醒不得辱骂")
    assert (warned.caller, warned.call, warned.by) == ("138****8000", first, AGENT.name)
    with pytest.raises(RestrictionRefused, match="after that warning"):
        await town.proposed(first)
    town.later(seconds=60)
    await town.confirmed(first, town.call())
    assert await town.until() is not None


async def test_a_warning_is_the_callers_own_and_holds_for_half_a_year(town: Town) -> None:
    town.policy = SICHUAN
    await town.warnings.add(AGENT, town.call(OTHER), "x")
    town.later(days=1)
    with pytest.raises(RestrictionRefused, match="warned"):
        await town.proposed()
    await town.warnings.add(AGENT, town.call(), "x")
    town.later(days=184)
    with pytest.raises(RestrictionRefused, match="warned"):
        await town.proposed()
    call = town.call()
    assert [each.caller for each in await town.warnings.page(limit=9, call=call)] == ["138****8000"]
    assert len(await town.warnings.page(limit=9)) == 2


async def test_a_warning_needs_a_caller_that_can_be_told_again(town: Town) -> None:
    with pytest.raises(RestrictionRefused, match="without a number") as refused:
        await town.warnings.add(AGENT, town.call(None), "x")
    assert refused.value.field == "call"


# ---------------------------------------------------------------- lifted, appealed


async def test_lifting_ends_it_at_once(town: Town) -> None:
    made = await town.confirmed()
    lifted = await town.restrictions.lift(made.id, WANG, "已道歉")
    assert (lifted.state(TODAY), lifted.lifted_by, lifted.lifted_why) == (State.LIFTED, WANG.name, "已道歉")
    assert lifted.decided_by == LI.name
    assert await town.until() is None


async def test_neither_proposer_nor_confirmer_decides_about_the_appeal(town: Town) -> None:
    made = await town.proposed(by=WANG)
    await town.restrictions.confirm(made.id, LI)
    appeal = await town.appeals.add(made.id, AGENT, "号码被他人使用", town.call())
    for who in (WANG, LI):
        with pytest.raises(AnotherPersonNeeded, match="proposed or confirmed"):
            await town.appeals.decide(appeal.id, who, Outcome.UPHELD, "x")
    upheld = await town.appeals.decide(appeal.id, ZHAO, Outcome.UPHELD, "录音清楚")
    assert (upheld.outcome, upheld.decided_by) == (Outcome.UPHELD, ZHAO.name)
    assert await town.until() == made.ends
    with pytest.raises(RestrictionConflict, match="decided already"):
        await town.appeals.decide(appeal.id, ZHAO, Outcome.LIFTED, "x")
    second = await town.appeals.add(made.id, AGENT, "再次申诉")
    await town.appeals.decide(second.id, ZHAO, Outcome.LIFTED, "确为他人使用")
    assert await town.until() is None
    assert await state(town, made) is State.LIFTED
    with pytest.raises(UnknownRestriction):
        await town.appeals.decide(second.id + 1, ZHAO, Outcome.UPHELD, "x")


async def test_an_appeal_in_a_call_is_recorded_once(town: Town) -> None:
    made = await town.confirmed(days=5)
    call = town.call()

    async def told(call: str, caller: str | None) -> bool:
        async with town.database.begin() as connection:
            return await town.appeals.from_call(connection, call, caller, town.now) is not None

    assert [await told(call, f"+86{ABUSER}"), await told(call, f"+86{ABUSER}")] == [True, False]
    assert [await told(town.call(OTHER), OTHER), await told("c", None)] == [False, False]
    with pytest.raises(RestrictionConflict, match="recorded already"):
        await town.appeals.add(made.id, AGENT, "x", call)
    (appeal,) = await town.appeals.page(limit=9, undecided=True)
    assert (appeal.restriction, appeal.call, appeal.by) == (made.id, call, "hotline")
    town.later(days=5)
    assert await told(town.call(), ABUSER) is False
    assert await town.appeals.page(limit=9, undecided=False) == []


async def test_an_appeal_needs_a_restriction_that_was_confirmed_and_the_callers_own_call(town: Town) -> None:
    made = await town.proposed()
    with pytest.raises(RestrictionConflict, match="never confirmed"):
        await town.appeals.add(made.id, AGENT, "x")
    await town.restrictions.confirm(made.id, LI)
    with pytest.raises(RestrictionRefused, match="another number"):
        await town.appeals.add(made.id, AGENT, "x", town.call(OTHER))


# ---------------------------------------------------------------- lists, history, personal data


async def test_lists_show_each_state(town: Town) -> None:
    expected: dict[State, list[int]] = {}
    refused = await town.proposed(town.call("13900000001"))
    await town.restrictions.refuse(refused.id, LI, "x")
    expected[State.REFUSED] = [refused.id]
    expected[State.ENDED] = [(await town.confirmed(town.call("13900000002"), days=1)).id]
    expected[State.LAPSED] = [(await town.proposed(town.call("13900000003"), days=1)).id]
    town.later(days=1)
    expected[State.ACTIVE] = [(await town.confirmed(town.call("13900000004"))).id]
    expected[State.PROPOSED] = [(await town.proposed(town.call("13900000005"))).id]
    lifted = await town.confirmed(town.call("13900000006"))
    await town.restrictions.lift(lifted.id, LI, "x")
    expected[State.LIFTED] = [lifted.id]
    terms = town.terms(town.call("13900000007"), days=3)
    upcoming = await town.restrictions.propose(AGENT, replace(terms, begins=TODAY + timedelta(days=2)))
    await town.restrictions.confirm(upcoming.id, LI)
    expected[State.UPCOMING] = [upcoming.id]
    for each in State:
        assert [found.id for found in await town.restrictions.page(limit=9, state=each)] == expected[each], each
    every = await town.restrictions.page(limit=9)
    assert [found.id for found in every] == sorted((found.id for found in every), reverse=True)
    assert len(every) == len(State)
    assert [found.id for found in await town.restrictions.page(limit=2, before=every[2].id)] == [
        every[3].id,
        every[4].id,
    ]


async def test_the_history_tells_every_step_with_who_and_why(town: Town) -> None:
    made = await town.proposed(by=WANG)
    await town.restrictions.confirm(made.id, LI, "听过录音")
    appeal = await town.appeals.add(made.id, AGENT, "非本人")
    await town.appeals.decide(appeal.id, ZHAO, Outcome.LIFTED, "属实")
    history = await town.restrictions.history(made.id)
    assert [(entry.action.removeprefix("restriction."), entry.who, entry.why) for entry in history] == [
        ("propose", WANG.name, made.reason),
        ("confirm", LI.name, "听过录音"),
        ("appeal", AGENT.name, "非本人"),
        ("appeal_decision", ZHAO.name, "属实"),
        ("lift", ZHAO.name, "属实"),
    ]
    assert history[0].detail == {
        "caller": "138****8000",
        "begins": "2026-11-21",
        "ends": "2026-12-20",
        "calls": list(made.calls),
    }


async def test_no_number_is_kept_anywhere_not_even_one_that_somebody_wrote(town: Town) -> None:
    wrote = f"机主 {ABUSER} 多次辱骂"
    made = await town.restrictions.propose(WANG, town.terms(reason=wrote))
    await town.restrictions.confirm(made.id, LI, wrote)
    await town.warnings.add(AGENT, town.call(), wrote)
    appeal = await town.appeals.add(made.id, AGENT, wrote)
    await town.appeals.decide(appeal.id, ZHAO, Outcome.LIFTED, wrote)
    tables = ("restrictions", "restriction_calls", "restriction_warnings", "restriction_appeals", "audit_log")
    kept = ""
    async with town.database.connect() as connection:
        for table in tables:
            kept += str((await connection.execute(text(f"SELECT * FROM {table}"))).all())
    assert ABUSER not in kept
    assert kept.count("机主 138****8000 多次辱骂") >= 8


async def test_what_is_refused_leaves_no_trace(town: Town) -> None:
    made = await town.proposed(by=LI)
    before = await audit.page(town.database, audit.Filter(), limit=50)
    for refused in (town.restrictions.confirm(made.id, LI), town.restrictions.lift(made.id, WANG, "x")):
        with pytest.raises((AnotherPersonNeeded, RestrictionConflict)):
            await refused
    assert await audit.page(town.database, audit.Filter(), limit=50) == before
    assert await town.restrictions.get(made.id) == made
