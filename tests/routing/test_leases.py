"""An offer is a lease, a talk is one that is renewed: whoever dies, agents and callers come free. On a real Redis."""

import pytest

from routing.agents import AgentState, Presence
from routing.errors import AcdUnavailable
from routing.scripts import Timings
from tests.routing.desk import T0, Desk, agent, check_invariants
from tests.support.redis_server import eventually

pytestmark = pytest.mark.redis

SHORT = Timings(settle=0, alive=0.3, orphan=0.6, beat=0.05, sweep=0.02, withdraw=0.1, cool_down=0.1, hold=0.3)


async def test_given_an_offer_nobody_answers_or_releases_when_the_lease_ends_then_another_agent_is_offered(
    desk: Desk,
) -> None:
    w = desk.worker(ring_s=0.1, lease_margin_s=0.05, timings=SHORT)
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    first = await w.offer()
    await w.enrol([agent(1), agent(2)])
    await w.acd.set_presence("2", Presence.READY)
    second = await w.offer()
    assert (second.call, second.agent) == ("a", "2")
    assert second.lease != first.lease
    assert await w.waiting() == ["a"]
    assert await w.state("1") is AgentState.READY


async def test_an_offer_tells_how_long_it_holds(desk: Desk) -> None:
    w = desk.worker(ring_s=12.0, lease_margin_s=3.0)
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    offer = await w.offer()
    at = (await w.acd.board()).at
    assert offer.ring_s == 12.0
    assert at + 14 < offer.expires_at <= at + 15


async def test_a_held_agent_stays_talking_far_beyond_the_lease(desk: Desk) -> None:
    w = desk.worker(timings=SHORT)
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    assert await w.acd.hold("a", "1")
    assert await w.waiting() == []
    began = (await w.acd.board()).agents["1"].since

    async def long_past_the_hold() -> bool:
        board = await w.acd.board()
        assert board.agents["1"].state is AgentState.TALKING
        assert board.agents["1"].since == began
        return board.at > began + 3 * SHORT.hold

    await eventually(long_past_the_hold)


async def test_given_a_worker_that_dies_in_a_talk_the_agent_becomes_ready_when_nobody_takes_it_over(desk: Desk) -> None:
    w, other = desk.worker("w", timings=SHORT), desk.worker("other", timings=SHORT)
    await w.staff([agent(1)])
    await w.acd.hold("a", "1")
    await w.kill()
    await eventually(lambda: other.is_in("1", AgentState.READY))


async def test_given_a_worker_that_dies_in_a_talk_its_successor_keeps_the_agent(desk: Desk) -> None:
    w = desk.worker("w", timings=SHORT)
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    await w.acd.hold("a", "1")
    await w.kill()
    heir = desk.worker("w", timings=SHORT)
    assert await heir.acd.hold("a", "1")
    began = (await heir.acd.board()).at

    async def kept() -> bool:
        assert await heir.state("1") is AgentState.TALKING
        return (await heir.acd.board()).at > began + 2 * SHORT.hold

    await eventually(kept)
    await heir.acd.release("a", "1", True, "hangup", 0.0)
    assert await heir.state("1") is AgentState.READY


async def test_given_a_worker_that_dies_its_calls_are_offered_to_nobody_and_then_forgotten(desk: Desk) -> None:
    dead, alive = desk.worker("dead", timings=SHORT), desk.worker("alive", timings=SHORT)
    await dead.enrol([agent(1)])
    await dead.acd.seek("orphan", "general", 9, T0)
    await alive.acd.seek("living", "general", 0, T0)
    await dead.kill()
    redis = desk.redis()

    async def parked() -> bool:
        return await redis.zscore(f"{desk.prefix}acd:seeking:general", "orphan") is None

    await eventually(parked)
    await check_invariants(redis, desk.prefix)
    await alive.acd.set_presence("1", Presence.READY)
    assert (await alive.offer()).call == "living"

    async def forgotten() -> bool:
        return await alive.waiting() == ["living"]

    await eventually(forgotten)


async def test_given_a_worker_that_dies_its_successor_seeks_again_and_finds_the_old_place(desk: Desk) -> None:
    w, other = desk.worker("w", timings=SHORT), desk.worker("other", timings=SHORT)
    await w.enrol([agent(1)])
    await w.acd.seek("first", "general", 0, T0)
    await other.acd.seek("second", "general", 0, T0 + 1)
    await w.kill()

    async def gone() -> bool:
        return await other.waiting() == ["second"]

    await eventually(gone)
    heir = desk.worker("w", timings=SHORT)
    assert (await heir.acd.seek("first", "general", 0, T0)).position == 1
    await other.acd.set_presence("1", Presence.READY)
    assert (await heir.offer()).call == "first"


async def test_a_call_taken_over_by_a_live_worker_is_not_taken_out_of_the_queue_by_the_former_one(desk: Desk) -> None:
    former, present = desk.worker("former", timings=SHORT), desk.worker("present", timings=SHORT)
    await former.enrol([agent(1)])
    await former.acd.seek("a", "general", 0, T0)
    await present.acd.seek("a", "general", 0, T0)
    await former.kill()
    former.start()
    await former.in_touch()  # its background work has put right what was in doubt
    await former.acd.leave("a")
    assert await present.waiting() == ["a"]
    await present.acd.leave("a")
    assert await present.waiting() == []


async def test_given_a_citizen_who_hung_up_while_the_worker_was_restarted_the_call_leaves_at_once(desk: Desk) -> None:
    w = desk.worker("w")
    await w.enrol([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    await w.kill()
    heir = desk.worker("w")
    await heir.acd.leave("a")
    assert await heir.waiting() == []


async def test_given_an_offer_lost_with_its_worker_the_successor_is_given_the_same_one(desk: Desk) -> None:
    w = desk.worker("w")
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    offer = await w.offer()
    await w.kill()
    heir = desk.worker("w")
    await heir.acd.seek("a", "general", 0, T0)
    again = await heir.offer()
    assert (again.agent, again.lease) == (offer.agent, offer.lease)
    assert again.expires_at >= offer.expires_at
    assert await heir.state("2") is AgentState.READY


async def test_given_a_worker_that_was_only_paused_its_calls_are_offered_again(desk: Desk) -> None:
    w, other = desk.worker("w", timings=SHORT), desk.worker("other", timings=SHORT)
    await w.enrol([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    redis = desk.redis()
    await w.kill()  # its memory stays, unlike that of a process killed

    async def dropped() -> bool:
        return await other.waiting() == []

    await eventually(dropped)
    w.start()

    async def back() -> bool:
        return await other.waiting() == ["a"]

    await eventually(back)
    await other.acd.set_presence("1", Presence.READY)
    assert (await w.offer()).call == "a"
    await check_invariants(redis, desk.prefix)


async def test_an_offer_withdrawn_before_it_is_taken_frees_the_agent_and_reaches_nobody(desk: Desk) -> None:
    w = desk.worker(run=False)
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    assert await w.state("1") is AgentState.RINGING
    await w.acd.leave("a")
    assert await w.state("1") is AgentState.READY
    await w.acd.seek("b", "general", 0, T0)
    w.start()
    assert (await w.offer()).call == "b"
    assert w.offers.empty()


async def test_an_offer_withdrawn_after_it_is_taken_waits_for_the_worker_to_release_it(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    await w.acd.leave("a")
    assert await w.state("1") is AgentState.RINGING, "the phone may be ringing"
    await w.acd.release("a", "1", False, "hangup", 0.0)
    await w.acd.seek("b", "general", 0, T0)
    assert (await w.offer()).agent == "1", "the agent is not to blame and stays the longest idle"


async def test_an_offer_withdrawn_and_never_released_ends_soon(desk: Desk) -> None:
    w = desk.worker(timings=SHORT)
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    await w.acd.leave("a")
    await eventually(lambda: w.is_in("1", AgentState.READY))


async def test_given_a_release_without_blame_the_call_waits_until_it_seeks_or_a_moment_passes(desk: Desk) -> None:
    w = desk.worker(timings=SHORT)
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    await w.acd.release("a", "1", False, "hangup", 0.0)
    assert await w.waiting() == ["a"]
    offer = await w.offer()
    assert offer.call == "a"


async def test_given_a_failed_offer_the_agent_rests_and_is_ready_again_at_the_end_of_the_line(desk: Desk) -> None:
    w = desk.worker(timings=SHORT)
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    await w.acd.release("a", "1", False, "busy", 0.0)
    assert (await w.offer()).agent == "2"
    await w.acd.leave("a")
    await w.acd.release("a", "2", False, "hangup", 0.0)
    await eventually(lambda: w.is_in("1", AgentState.READY))
    await w.acd.seek("b", "general", 0, T0)
    assert (await w.offer()).agent == "2"


async def test_after_a_talk_the_agent_wraps_up_and_is_then_ready(desk: Desk) -> None:
    w = desk.worker(timings=SHORT)
    await w.staff([agent(1)])
    await w.acd.hold("a", "1")
    await w.acd.release("a", "1", True, "hangup", 0.15)
    assert await w.state("1") is AgentState.WRAP_UP
    began = (await w.acd.board()).agents["1"].since
    await w.acd.release("a", "1", True, "hangup", 60.0)  # said again, it changes nothing
    await eventually(lambda: w.is_in("1", AgentState.READY))
    assert (await w.acd.board()).agents["1"].since >= began + 0.15


async def test_an_answer_outweighs_an_expired_lease_and_whoever_else_was_offered_the_agent_waits_on(desk: Desk) -> None:
    w = desk.worker(ring_s=0.05, lease_margin_s=0.05, timings=SHORT)
    late = desk.worker("late", timings=SHORT)
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    await late.acd.seek("b", "general", 9, T0)
    await late.offer()  # the lease of a has ended; 1 is offered to b
    assert await w.acd.hold("a", "1")
    status = (await w.acd.board()).agents["1"]
    assert (status.state, status.call) == (AgentState.TALKING, "a")
    assert await w.waiting() == ["b"]
    await late.acd.release("b", "1", False, "busy", 0.0)
    assert await w.state("1") is AgentState.TALKING
    await check_invariants(desk.redis(), desk.prefix)


async def test_given_an_agent_who_answers_late_the_other_agent_offered_meanwhile_is_taken_back(desk: Desk) -> None:
    w = desk.worker(ring_s=0.05, lease_margin_s=0.05, timings=SHORT)
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    assert (await w.offer()).agent == "2"
    assert await w.acd.hold("a", "1")
    assert await w.state("1") is AgentState.TALKING
    await eventually(lambda: w.is_in("2", AgentState.READY))


async def test_an_agent_who_talks_on_a_live_workers_call_cannot_be_held_for_another(desk: Desk) -> None:
    a, b = desk.worker("a"), desk.worker("b")
    await a.staff([agent(1)])

    async def alive() -> bool:
        return await desk.redis().zscore(f"{desk.prefix}acd:workers", a.acd.owner) is not None

    await eventually(alive)
    assert await a.acd.hold("of-a", "1")
    assert not await b.acd.hold("of-b", "1")
    assert (await b.acd.board()).agents["1"].call == "of-a"
    await b.acd.release("of-b", "1", True, "hangup", 60.0)
    assert await b.state("1") is AgentState.TALKING


async def test_an_agent_of_no_roster_can_be_held_and_is_forgotten_after_the_talk(desk: Desk) -> None:
    w = desk.worker()
    await w.enrol([agent(1)])
    assert await w.acd.hold("a", "77")
    assert await w.state("77") is AgentState.TALKING
    await w.acd.release("a", "77", True, "hangup", 30.0)
    assert await w.state("77") is None


async def test_offers_end_when_the_queue_is_closed(desk: Desk) -> None:
    w = desk.worker()
    await w.enrol([agent(1)])
    await w.stop()
    assert [offer async for offer in w.acd.offers()] == []


async def test_without_a_roster_an_empty_redis_is_not_taken_for_a_hotline_without_agents(desk: Desk) -> None:
    w = desk.worker(run=False)
    with pytest.raises(AcdUnavailable, match="no roster is known"):
        await w.acd.seek("a", "general", 0, T0)


async def test_given_a_call_that_left_and_seeks_again_when_its_first_offer_ends_then_the_second_stands(
    desk: Desk,
) -> None:
    w = desk.worker(timings=SHORT)
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    assert (await w.offer()).agent == "1"
    await w.acd.leave("a")
    await w.acd.seek("a", "general", 0, T0)
    assert (await w.offer()).agent == "2"
    await eventually(lambda: w.is_in("1", AgentState.READY))
    assert await w.state("2") is AgentState.RINGING
    await check_invariants(desk.redis(), desk.prefix)
    assert w.offers.empty()
