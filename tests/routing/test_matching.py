"""Who gets whom: fair to agents, fair to callers, over all skills, and always with the reason. On a real Redis."""

import pytest

from routing.agents import AgentState, Presence
from tests.routing.desk import T0, Desk, agent, check_invariants

pytestmark = pytest.mark.redis


async def test_calls_go_to_the_agents_who_have_been_idle_for_longest(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(3), agent(1), agent(2)])
    for call in "abc":
        await w.acd.seek(call, "general", 0, T0)
    assert [(await w.offer()).agent for _ in range(3)] == ["3", "1", "2"]


async def test_given_a_finished_talk_the_agent_goes_to_the_end_of_the_line(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    assert (await w.offer()).agent == "1"
    assert await w.acd.hold("a", "1")
    await w.acd.release("a", "1", True, "hangup", 0.0)
    await w.acd.seek("b", "general", 0, T0)
    await w.acd.seek("c", "general", 0, T0)
    assert [(await w.offer()).agent for _ in range(2)] == ["2", "1"]


async def test_callers_are_served_by_priority_and_then_by_arrival(desk: Desk) -> None:
    w = desk.worker()
    await w.enrol([agent(1)])
    await w.acd.seek("late", "general", 0, T0 + 2)
    await w.acd.seek("early", "general", 0, T0 + 1)
    await w.acd.seek("urgent", "general", 10, T0 + 3)
    place = await w.acd.seek("low", "general", -1, T0)
    assert (place.position, place.on_shift) == (4, 0)
    assert await w.waiting() == ["urgent", "early", "late", "low"]
    await w.acd.set_presence("1", Presence.READY)
    for call in ["urgent", "early", "late", "low"]:
        offer = await w.offer()
        assert offer.call == call
        await w.acd.hold(call, "1")
        await w.acd.release(call, "1", True, "hangup", 0.0)


async def test_arrivals_within_milliseconds_are_told_apart_at_every_priority(desk: Desk) -> None:
    w = desk.worker()
    await w.enrol([agent(1)])
    for priority in (-1000, 0, 1000):
        for i in (3, 1, 2):
            await w.acd.seek(f"{priority}/{i}", "general", priority, T0 + i * 0.005)
    assert await w.waiting() == [f"{priority}/{i}" for priority in (1000, 0, -1000) for i in (1, 2, 3)]


async def test_an_agent_who_becomes_free_gets_the_best_call_of_all_skills(desk: Desk) -> None:
    w = desk.worker()
    await w.enrol([agent(1, "general", "english"), agent(2, "tax")])
    await w.acd.seek("tax", "tax", 50, T0)
    await w.acd.seek("general", "general", 0, T0 + 1)
    await w.acd.seek("english", "english", 0, T0)
    await w.acd.set_presence("1", Presence.READY)
    offer = await w.offer()
    assert (offer.call, offer.agent, offer.address) == ("english", "1", "desk:1")


async def test_a_call_is_only_offered_to_agents_with_its_skill(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1, "general"), agent(2, "english")])
    assert (await w.acd.seek("a", "english", 0, T0)).on_shift == 1
    assert (await w.offer()).agent == "2"
    await w.acd.seek("b", "english", 0, T0)
    board = await w.acd.board()
    assert board.agents["1"].state is AgentState.READY
    assert [call.agent for call in board.queues["english"].calls] == ["2", None]


async def test_given_an_agent_of_several_skills_is_taken_for_one_the_others_do_not_find_the_agent(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1, "general", "english")])
    await w.acd.seek("a", "english", 0, T0)
    await w.acd.seek("b", "general", 0, T0)
    assert (await w.offer()).call == "a"
    queues = (await w.acd.board()).queues
    assert (queues["general"].ready, queues["english"].ready) == (0, 0)
    assert queues["general"].calls[0].agent is None


async def test_every_offer_says_why(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    assert (await w.offer()).why == "longest idle 0 s of 2 ready for skill general"
    await w.acd.seek("b", "general", 0, T0)
    await w.offer()
    await w.acd.seek("c", "general", 0, T0)
    await w.acd.seek("d", "general", 0, T0)
    await w.acd.hold("a", "1")
    await w.acd.release("a", "1", True, "hangup", 0.0)
    assert (await w.offer()).why == "free now, the only one ready for skill general; first of 3 waiting"


async def test_on_shift_counts_all_who_are_signed_in_whatever_they_do(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(n) for n in range(1, 6)])
    await w.acd.set_presence("4", Presence.PAUSED)
    await w.acd.set_presence("5", Presence.OFF)
    await w.acd.seek("a", "general", 0, T0)
    await w.acd.seek("b", "general", 0, T0)
    await w.acd.hold("a", "1")
    await w.acd.release("a", "1", True, "hangup", 60.0)
    await w.acd.hold("b", "2")
    place = await w.acd.seek("c", "general", 0, T0)
    states = [status.state.value for status in (await w.acd.board()).agents.values()]
    assert states == ["wrap_up", "talking", "ringing", "paused", "off"]
    assert place.on_shift == 4


async def test_with_nobody_on_shift_the_place_says_so(desk: Desk) -> None:
    w = desk.worker()
    await w.enrol([agent(1)])
    place = await w.acd.seek("a", "general", 0, T0)
    assert (place.skill, place.position, place.on_shift) == ("general", 1, 0)
    assert (await w.acd.seek("b", "no-such-skill", 0, T0)).on_shift == 0


async def test_given_a_missed_offer_the_next_agent_is_offered_and_the_caller_keeps_the_place(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    await w.acd.seek("b", "general", 0, T0 + 1)
    await w.acd.seek("c", "general", 0, T0 + 2)
    first, second = await w.offer(), await w.offer()
    assert [(o.call, o.agent) for o in (first, second)] == [("a", "1"), ("b", "2")]
    await w.acd.release("a", "1", False, "no_answer", 0.0)
    assert await w.state("1") is AgentState.RESTING
    assert (await w.acd.seek("a", "general", 0, T0)).position == 1
    await w.acd.hold("b", "2")
    await w.acd.release("b", "2", True, "hangup", 0.0)
    assert (await w.offer()).call == "a"


async def test_an_agent_who_missed_a_call_is_not_offered_it_again_when_another_can_take_it(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    await w.acd.release("a", (await w.offer()).agent, False, "rejected", 0.0)
    assert (await w.offer()).agent == "2"
    await w.acd.set_presence("1", Presence.READY)  # the agent says so: the rest is over
    await w.acd.release("a", "2", False, "rejected", 0.0)
    assert (await w.offer()).agent == "1", "nobody else is free: better than to let the citizen wait"


async def test_an_agent_who_missed_a_call_takes_another_callers_first(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1)])
    await w.acd.seek("missed", "general", 0, T0)
    await w.offer()
    await w.acd.release("missed", "1", False, "no_answer", 0.0)
    await w.acd.seek("other", "general", 0, T0 + 60)
    await w.acd.set_presence("1", Presence.READY)
    assert (await w.offer()).call == "other"
    await w.acd.hold("other", "1")
    await w.acd.release("other", "1", True, "hangup", 0.0)
    offer = await w.offer()
    assert offer.call == "missed"
    assert offer.why.endswith("missed before but nobody else is free")


async def test_given_a_missed_offer_the_longer_idle_agent_who_missed_is_passed_over_with_the_reason(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    await w.acd.release("a", "1", False, "hangup", 0.0)  # without blame: still the longest idle
    await w.enrol([agent(1), agent(2)])
    await w.acd.set_presence("2", Presence.READY)
    await w.acd.seek("a", "general", 0, T0)
    offer = await w.offer()
    assert offer.agent == "2"
    assert offer.why == "longest idle 0 s of 2 ready for skill general, after 1 who just missed this call"


async def test_a_call_that_changes_its_skill_moves_and_keeps_its_age(desk: Desk) -> None:
    w = desk.worker()
    await w.enrol([agent(1, "english"), agent(2)])
    await w.acd.seek("first", "general", 0, T0 + 5)
    await w.acd.seek("a", "english", 0, T0)
    assert (await w.acd.seek("a", "general", 0, T0 + 9)).position == 1
    assert await w.waiting("english") == []
    assert await w.waiting("general") == ["a", "first"]
    await w.acd.seek("first", "general", 5, T0 + 5)
    assert await w.waiting("general") == ["first", "a"]


async def test_given_two_workers_each_gets_the_offers_of_its_own_calls(desk: Desk) -> None:
    a, b = desk.worker("a"), desk.worker("b")
    await a.staff([agent(1), agent(2)])
    await a.acd.seek("of-a", "general", 0, T0)
    await b.acd.seek("of-b", "general", 0, T0)
    assert ((await a.offer()).call, (await b.offer()).call) == ("of-a", "of-b")
    assert a.offers.empty()
    assert b.offers.empty()
    calls = {c.call: c.worker for c in (await a.acd.board()).queues["general"].calls}
    assert calls == {"of-a": a.acd.owner, "of-b": b.acd.owner}


@pytest.mark.parametrize(
    ("skill", "priority", "since"),
    [("", 0, T0), ("two words", 0, T0), ("general", 1001, T0), ("general", 0, -1.0), ("general", 0, float("nan"))],
)
async def test_a_call_cannot_queue_with_nonsense(desk: Desk, skill: str, priority: int, since: float) -> None:
    w = desk.worker()
    with pytest.raises(ValueError, match="cannot queue"):
        await w.acd.seek("a", skill, priority, since)


async def test_the_index_of_a_busy_hour_is_true(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(n, "general", *(["english"] if n % 3 else [])) for n in range(20)])
    for n in range(40):
        await w.acd.seek(f"call-{n}", "english" if n % 4 == 0 else "general", n % 3, T0 + n)
    for _ in range(20):
        offer = await w.offer()
        await w.acd.hold(offer.call, offer.agent)
    await check_invariants(desk.redis(), desk.prefix)
    board = await w.acd.board()
    assert sum(queue.waiting for queue in board.queues.values()) == 20
    assert {status.state for status in board.agents.values()} == {AgentState.TALKING}
