"""Signing in, pausing and the roster: what an agent asks for holds as soon as the hands are free. On a real Redis."""

from collections.abc import Mapping

import pytest

from routing.agents import AgentState, Presence
from routing.errors import UnknownAgent
from routing.presence import MemoryPresence, PresenceRecord, newest
from tests.routing.desk import T0, Desk, agent, check_invariants

pytestmark = pytest.mark.redis


async def test_a_new_agent_is_signed_out(desk: Desk) -> None:
    w = desk.worker()
    await w.enrol([agent(1)])
    assert await w.state("1") is AgentState.OFF


async def test_whom_the_store_remembers_as_ready_is_ready_when_redis_is_new(desk: Desk) -> None:
    store = MemoryPresence()
    await store.save("1", PresenceRecord(Presence.READY, T0))
    w = desk.worker(store=store)
    await w.enrol([agent(1), agent(2)])
    assert (await w.state("1"), await w.state("2")) == (AgentState.READY, AgentState.OFF)


async def test_each_change_is_stored(desk: Desk) -> None:
    store = MemoryPresence()
    w = desk.worker(store=store)
    await w.staff([agent(1)])
    first = (await store.load())["1"]
    await w.acd.set_presence("1", Presence.PAUSED)
    second = (await store.load())["1"]
    assert (first.presence, second.presence) == (Presence.READY, Presence.PAUSED)
    assert second.since > first.since


async def test_a_store_out_of_reach_stops_nobody_from_signing_in(desk: Desk) -> None:
    class Broken:
        async def load(self) -> Mapping[str, PresenceRecord]:
            raise OSError("no database")

        async def save(self, agent_id: str, record: PresenceRecord) -> None:
            raise OSError("no database")

    w = desk.worker(store=Broken())
    await w.staff([agent(1)])
    assert await w.state("1") is AgentState.READY


async def test_nobody_unknown_signs_in(desk: Desk) -> None:
    w = desk.worker()
    await w.enrol([agent(1)])
    with pytest.raises(UnknownAgent, match="agent 2 is not in the roster"):
        await w.acd.set_presence("2", Presence.READY)


async def test_who_pauses_or_signs_out_while_the_phone_rings_or_in_a_talk_does_so_afterwards(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    await w.acd.set_presence("1", Presence.PAUSED)
    status = (await w.acd.board()).agents["1"]
    assert (status.state, status.presence) == (AgentState.RINGING, Presence.PAUSED)
    await w.acd.hold("a", "1")
    await w.acd.set_presence("1", Presence.OFF)
    assert await w.state("1") is AgentState.TALKING
    await w.acd.release("a", "1", True, "hangup", 0.0)
    assert await w.state("1") is AgentState.OFF


async def test_who_pauses_while_the_phone_rings_need_not_rest_after_missing_it(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    await w.acd.set_presence("1", Presence.PAUSED)
    await w.acd.release("a", "1", False, "no_answer", 0.0)
    assert await w.state("1") is AgentState.PAUSED


@pytest.mark.parametrize("presence", list(Presence))
async def test_the_agents_word_ends_a_wrap_up(desk: Desk, presence: Presence) -> None:
    w = desk.worker()
    await w.staff([agent(1)])
    await w.acd.hold("a", "1")
    await w.acd.release("a", "1", True, "hangup", 60.0)
    assert await w.state("1") is AgentState.WRAP_UP
    await w.acd.set_presence("1", presence)
    assert await w.state("1") is AgentState(presence.value)


async def test_who_says_ready_again_stays_the_longest_idle(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2)])
    await w.acd.set_presence("1", Presence.READY)
    await w.acd.seek("a", "general", 0, T0)
    assert (await w.offer()).agent == "1"


async def test_who_returns_from_a_pause_goes_to_the_end_of_the_line(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2)])
    await w.acd.set_presence("1", Presence.PAUSED)
    await w.acd.set_presence("1", Presence.READY)
    await w.acd.seek("a", "general", 0, T0)
    assert (await w.offer()).agent == "2"


async def test_a_roster_enrolled_again_changes_nothing(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    before = (await w.acd.board()).agents
    await desk.worker("other").acd.enrol([agent(1), agent(2)])
    assert (await w.acd.board()).agents == before


async def test_who_leaves_the_roster_leaves_the_board_when_the_hands_are_empty(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2), agent(3)])
    await w.acd.seek("a", "general", 0, T0)
    await w.offer()
    await w.acd.hold("a", "1")
    await w.enrol([agent(3)])
    assert list((await w.acd.board()).agents) == ["1", "3"]
    with pytest.raises(UnknownAgent):
        await w.acd.set_presence("1", Presence.PAUSED)
    await w.acd.release("a", "1", True, "hangup", 30.0)
    assert list((await w.acd.board()).agents) == ["3"]
    assert (await w.acd.seek("b", "general", 0, T0)).on_shift == 1
    await check_invariants(desk.redis(), desk.prefix)


async def test_who_is_taken_into_the_roster_again_signs_in_again(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2)])
    await w.enrol([agent(2)])
    await w.enrol([agent(1), agent(2)])
    assert await w.state("1") is AgentState.OFF


async def test_a_new_skill_reaches_an_agent_who_is_ready_and_one_who_talks(desk: Desk) -> None:
    w = desk.worker()
    await w.staff([agent(1), agent(2)])
    await w.acd.hold("a", "2")
    await w.acd.seek("b", "english", 0, T0)
    began = (await w.acd.board()).agents["2"].since
    await w.enrol([agent(1, "english"), agent(2, "english", "tax")])
    assert (await w.offer()).agent == "1"
    board = await w.acd.board()
    assert (board.agents["2"].state, board.agents["2"].since) == (AgentState.TALKING, began)
    assert [board.queues[skill].on_shift for skill in ("english", "general", "tax")] == [2, 0, 1]
    await check_invariants(desk.redis(), desk.prefix)


def test_of_several_records_the_newest_is_right() -> None:
    old, new = PresenceRecord(Presence.READY, 1.0), PresenceRecord(Presence.OFF, 2.0)
    assert newest({"1": old, "2": new}, {"1": new, "2": old}) == {"1": new, "2": new}
