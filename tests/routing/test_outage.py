"""Redis dies, hangs, comes back with all, nothing or old data: calls go on, and nobody has to ask. On a real Redis."""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from routing.agents import AgentState, Presence
from routing.errors import AcdUnavailable
from routing.presence import MemoryPresence
from routing.scripts import Timings
from tests.routing.desk import T0, Desk, Worker, agent, check_invariants
from tests.support.redis_server import RedisServer, eventually

pytestmark = pytest.mark.redis

# Short signs of life, so that an outage is noticed at once; leases as long as in a hotline.
QUICK = Timings(settle=0.2, beat=0.05, sweep=0.02)

REQUESTS: dict[str, Callable[[Worker], Awaitable[object]]] = {
    "enrol": lambda w: w.enrol([agent(1)]),
    "set_presence": lambda w: w.acd.set_presence("1", Presence.PAUSED),
    "seek": lambda w: w.acd.seek("new", "general", 0, T0),
    "leave": lambda w: w.acd.leave("a"),
    "hold": lambda w: w.acd.hold("a", "1"),
    "release": lambda w: w.acd.release("a", "1", True, "hangup", 0.0),
    "board": lambda w: w.acd.board(),
    "sweep": lambda w: w.acd.sweep(),
}


async def test_given_redis_is_gone_every_request_says_so_in_one_way(own_desk: Desk, redis_server: RedisServer) -> None:
    w = own_desk.worker(timings=QUICK)
    await w.staff([agent(1)])
    redis_server.kill()
    for request in REQUESTS.values():
        with pytest.raises(AcdUnavailable, match="Redis cannot be used"):
            await request(w)


@pytest.mark.parametrize("name", REQUESTS)
async def test_given_redis_hangs_a_request_does_not(name: str, own_desk: Desk, redis_server: RedisServer) -> None:
    w = own_desk.worker(timings=QUICK)
    await w.staff([agent(1)])
    redis_server.freeze()
    with pytest.raises(AcdUnavailable, match="Redis gave no answer within 1 s"):
        await REQUESTS[name](w)
    redis_server.thaw()
    await w.in_touch()
    assert await w.state("1") is not None


@pytest.mark.parametrize("empty", [True, False])
async def test_given_redis_restarts_talks_offers_places_and_presence_are_as_before(
    empty: bool, own_desk: Desk, redis_server: RedisServer
) -> None:
    a, b = own_desk.worker("a", timings=QUICK), own_desk.worker("b", timings=QUICK)
    await a.staff([agent(n) for n in range(1, 5)])
    await b.enrol([agent(n) for n in range(1, 5)])
    await a.acd.set_presence("4", Presence.PAUSED)
    await a.acd.seek("talk", "general", 0, T0)
    await a.offer()
    await a.acd.hold("talk", "1")
    await b.acd.seek("ringing", "general", 0, T0 + 1)
    rung = await b.offer()
    await a.acd.hold("other talk", "3")
    await b.acd.seek("second", "general", 0, T0 + 3)
    await a.acd.seek("first", "general", 0, T0 + 2)
    before = await a.acd.board()
    redis_server.restart(empty=empty)

    async def as_before() -> bool:
        try:
            board = await a.acd.board()
        except AcdUnavailable:
            return False
        states = {name: (s.state, s.call, s.presence) for name, s in board.agents.items()}
        waiting = board.queues["general"].calls if "general" in board.queues else ()
        return (
            states == {name: (s.state, s.call, s.presence) for name, s in before.agents.items()}
            and [c.call for c in waiting] == ["ringing", "first", "second"]
            and board.at > before.at + QUICK.settle
        )

    await eventually(as_before)
    await check_invariants(own_desk.redis(), "hotline:")
    assert a.offers.empty()
    assert b.offers.empty()
    assert rung.agent == "2"
    assert await b.acd.hold("ringing", "2")
    await a.acd.release("talk", "1", True, "hangup", 0.0)
    offer = await a.offer()
    assert (offer.call, offer.agent) == ("first", "1")


@pytest.mark.parametrize("old_data", [False, True])
async def test_given_redis_lost_data_nobody_is_offered_before_all_workers_said_what_they_hold(
    old_data: bool, own_desk: Desk, redis_server: RedisServer, tmp_path: Path
) -> None:
    quick = Timings(settle=1.5, beat=0.05, sweep=0.02)
    slow = Timings(settle=1.5, beat=0.5, sweep=0.02)
    a, b = own_desk.worker("a", timings=quick), own_desk.worker("b", timings=slow)
    await a.staff([agent(1)])
    await b.enrol([agent(1)])
    await b.in_touch()
    shutil.copytree(redis_server.folder, tmp_path / "old")
    await b.acd.hold("talk of b", "1")
    await a.acd.seek("waits", "general", 0, T0)
    redis_server.kill()
    shutil.rmtree(redis_server.folder)
    if old_data:
        shutil.copytree(tmp_path / "old", redis_server.folder)
    else:
        redis_server.folder.mkdir()
    redis_server.start()
    await eventually(lambda: a.is_in("1", AgentState.TALKING))
    assert a.offers.empty()
    assert await a.waiting() == ["waits"]


async def test_given_redis_is_emptied_the_next_request_fills_it_first(own_desk: Desk) -> None:
    w = own_desk.worker(run=False)
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("a", "general", 0, T0)
    await w.acd.hold("b", "2")
    await own_desk.redis().flushall()
    place = await w.acd.seek("c", "general", 0, T0 + 1)
    assert (place.position, place.on_shift) == (2, 2)
    board = await w.acd.board()
    assert [s.state for s in board.agents.values()] == [AgentState.RINGING, AgentState.TALKING]


async def test_presence_set_in_another_process_outlives_redis(own_desk: Desk) -> None:
    w, desk_app = own_desk.worker(timings=QUICK), own_desk.worker("app", run=False)
    await w.enrol([agent(1), agent(2)])
    await desk_app.acd.set_presence("1", Presence.READY)
    await w.in_touch()
    await own_desk.redis().flushall()
    await eventually(lambda: w.is_in("1", AgentState.READY))
    assert await w.state("2") is AgentState.OFF


async def test_presence_set_just_before_redis_died_comes_from_the_store(own_desk: Desk) -> None:
    store = MemoryPresence()  # stands where the database does: shared by both
    slow = Timings(settle=0, beat=30)
    w, desk_app = own_desk.worker(timings=slow, store=store), own_desk.worker("app", run=False, store=store)
    await w.enrol([agent(1)])
    await desk_app.acd.set_presence("1", Presence.READY)
    await own_desk.redis().flushall()
    await w.acd.seek("a", "general", 0, T0)
    assert (await w.offer()).agent == "1"


async def test_given_another_worker_filled_redis_with_an_older_presence_the_newer_one_wins(own_desk: Desk) -> None:
    unaware, aware = own_desk.worker("unaware", run=False), own_desk.worker("aware", timings=QUICK)
    await unaware.enrol([agent(1)])
    await aware.enrol([agent(1)])
    await aware.acd.set_presence("1", Presence.READY)
    await aware.kill()
    await own_desk.redis().flushall()
    await unaware.acd.seek("a", "general", 0, T0)
    assert await unaware.state("1") is AgentState.OFF
    aware.start()
    await eventually(lambda: aware.is_in("1", AgentState.RINGING))


async def test_given_a_roster_changed_by_another_worker_redis_is_filled_with_the_new_one(own_desk: Desk) -> None:
    a, b = own_desk.worker("a", timings=QUICK), own_desk.worker("b", run=False)
    await a.enrol([agent(1)])
    await b.enrol([agent(2)])
    await a.in_touch()
    await own_desk.redis().flushall()
    await eventually(lambda: a.is_in("2", AgentState.OFF))
    assert await a.state("1") is None


async def test_what_was_said_while_redis_was_gone_is_done_when_it_is_back(
    own_desk: Desk, redis_server: RedisServer
) -> None:
    w = own_desk.worker(timings=QUICK)
    await w.staff([agent(1), agent(2), agent(3)])
    await w.acd.seek("answered", "general", 0, T0)
    await w.acd.hold("ended", "2")
    await w.acd.set_presence("3", Presence.PAUSED)
    await w.acd.seek("abandoned", "general", 0, T0 + 1)
    assert (await w.offer()).agent == "1"
    redis_server.kill()
    for request in (
        w.acd.hold("answered", "1"),
        w.acd.release("ended", "2", True, "hangup", 60.0),
        w.acd.leave("abandoned"),
    ):
        with pytest.raises(AcdUnavailable):
            await request
    redis_server.start()

    async def done() -> bool:
        try:
            board = await w.acd.board()
        except AcdUnavailable:
            return False
        states = [status.state for status in board.agents.values()]
        return states == [AgentState.TALKING, AgentState.WRAP_UP, AgentState.PAUSED] and not await w.waiting()

    await eventually(done)
    await check_invariants(own_desk.redis(), "hotline:")


async def test_a_call_that_could_not_be_queued_does_not_wait_unknown_to_its_flow(
    own_desk: Desk, redis_server: RedisServer
) -> None:
    w = own_desk.worker(timings=QUICK)
    await w.enrol([agent(1)])
    await w.acd.seek("known", "general", 0, T0)
    redis_server.freeze()
    for call in ("known", "unknown"):
        with pytest.raises(AcdUnavailable):
            await w.acd.seek(call, "general", 0, T0)
    redis_server.thaw()  # now it does what it was asked while frozen

    async def only_the_known() -> bool:
        try:
            return await w.waiting() == ["known"]
        except AcdUnavailable:
            return False

    await w.in_touch()
    await eventually(only_the_known)


async def test_given_redis_returns_with_old_data_what_the_worker_knows_is_right(
    own_desk: Desk, redis_server: RedisServer, tmp_path: Path
) -> None:
    w = own_desk.worker(timings=QUICK)
    await w.staff([agent(1), agent(2)])
    await w.acd.seek("gone by now", "general", 0, T0)
    await w.offer()
    await w.acd.seek("talks by now", "general", 0, T0)
    await w.offer()
    await w.acd.seek("left by now", "general", 0, T0)
    shutil.copytree(redis_server.folder, tmp_path / "old")
    await w.acd.leave("left by now")
    await w.acd.leave("gone by now")
    await w.acd.release("gone by now", "1", False, "hangup", 0.0)
    await w.acd.hold("talks by now", "2")
    await w.acd.set_presence("1", Presence.PAUSED)
    await w.acd.seek("new by now", "general", 0, T0)
    redis_server.kill()
    shutil.rmtree(redis_server.folder)
    shutil.copytree(tmp_path / "old", redis_server.folder)
    redis_server.start()

    async def right() -> bool:
        try:
            agents = (await w.acd.board()).agents
        except AcdUnavailable:
            return False
        return agents["2"].call == "talks by now" and await w.waiting() == ["new by now"]

    await eventually(right)
    assert (await w.acd.board()).agents["1"].presence is Presence.PAUSED
    await check_invariants(own_desk.redis(), "hotline:")


async def test_a_worker_that_starts_before_redis_works_when_it_is_there(
    own_desk: Desk, redis_server: RedisServer
) -> None:
    redis_server.kill()
    w = own_desk.worker(timings=QUICK, run=False)
    w.start()
    with pytest.raises(AcdUnavailable):
        await w.enrol([agent(1)])
    redis_server.start()
    await eventually(lambda: w.is_in("1", AgentState.OFF))
    await w.acd.set_presence("1", Presence.READY)
    await w.acd.seek("a", "general", 0, T0)
    assert (await w.offer()).agent == "1"


async def test_an_offer_popped_but_not_taken_when_redis_died_is_delivered_after(
    own_desk: Desk, redis_server: RedisServer
) -> None:
    w = own_desk.worker(timings=Timings(settle=0, beat=0.05), run=False)
    await w.staff([agent(1)])
    await w.acd.seek("a", "general", 0, T0)
    token = await own_desk.redis().lpop(f"hotline:acd:offers:{w.acd.owner}")
    assert token
    redis_server.kill()
    with pytest.raises(AcdUnavailable):
        await w.acd.board()
    redis_server.start()
    w.start()
    assert (await w.offer()).call == "a"
