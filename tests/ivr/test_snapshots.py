"""The cache of states: the latest is found again, and Redis in trouble never troubles a call."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from ivr.call import Call, Leg, Role, Say, Stage
from ivr.call import Prompt as PlayingPrompt
from ivr.snapshots import Snapshots
from tests.support.database import eventually
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.redis


def state(call: str = "c1", stage: Stage = Stage.GREETING) -> Call:
    return Call(
        id=call,
        stage=stage,
        arrived_at=1.5,
        dialled="12345",
        legs={call: Leg(id=call, role=Role.CITIZEN, party="13800138000", up=True)},
        prompt=PlayingPrompt(id="p1", sounds=(Say(key="欢迎", values={"n": 3}),), loop=False),
        timers={"greeting": 9.25},
    )


@pytest_asyncio.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_server.url, socket_timeout=0.2, socket_connect_timeout=0.2) as client:
        yield client


@pytest_asyncio.fixture
async def snapshots(redis: Redis) -> AsyncIterator[Snapshots]:
    snapshots = Snapshots(redis, "w1", limit_s=0.3)
    yield snapshots
    await snapshots.stop()


def another(redis: Redis, worker: str = "w1") -> Snapshots:
    """As another process sees it."""
    return Snapshots(redis, worker, limit_s=0.3)


async def found(redis: Redis, call: str, seq: int) -> bool:
    snapshot = await another(redis).load(call)
    return snapshot is not None and snapshot[1] == seq


async def test_the_latest_state_is_found_by_another_process(redis: Redis, snapshots: Snapshots) -> None:
    for seq in range(1, 200):
        snapshots.save(state(), seq)
    snapshots.save(state(stage=Stage.WAITING), 200)
    await eventually(lambda: found(redis, "c1", 200))
    assert await another(redis).load("c1") == (state(stage=Stage.WAITING), 200)
    assert await another(redis).load("unknown") is None


async def test_what_is_not_written_yet_is_found_by_its_own_process(snapshots: Snapshots) -> None:
    snapshots.save(state(), 7)
    assert await snapshots.load("c1") == (state(), 7)
    assert await snapshots.open_calls() == ["c1"]
    snapshots.delete("c1")
    assert await snapshots.load("c1") is None
    assert await snapshots.open_calls() == []


async def test_open_calls_are_the_workers_own_that_were_not_deleted(redis: Redis, snapshots: Snapshots) -> None:
    other = Snapshots(redis, "w2")
    for call in ("a", "b", "c"):
        snapshots.save(state(call), 1)
    other.save(state("d"), 1)
    await eventually(lambda: found(redis, "c", 1))
    snapshots.delete("b")
    await snapshots.stop()
    await other.stop()
    assert sorted(await another(redis).open_calls()) == ["a", "c"]
    assert await another(redis).open_calls("w2") == ["d"]
    assert await another(redis).load("b") is None


async def test_stop_writes_what_waits(redis: Redis, snapshots: Snapshots) -> None:
    for number in range(1500):
        snapshots.save(state(f"c{number}"), 1)
    await snapshots.stop()
    assert len(await another(redis).open_calls()) == 1500


async def test_given_redis_is_away_then_saving_goes_on_and_the_latest_lands_later(
    redis: Redis, redis_server: RedisServer, snapshots: Snapshots
) -> None:
    snapshots.save(state(), 1)
    await eventually(lambda: found(redis, "c1", 1))
    redis_server.kill()
    snapshots.save(state(), 2)
    await eventually(lambda: snapshots.failures > 0)
    snapshots.save(state(), 3)
    snapshots.save(state("c2"), 1)
    assert await another(redis).load("c1") is None
    assert await another(redis).open_calls() == []
    redis_server.start()
    await eventually(lambda: found(redis, "c1", 3))
    await eventually(lambda: found(redis, "c2", 1))


async def test_given_redis_answers_nothing_then_nobody_waits_for_it(
    redis: Redis, redis_server: RedisServer, snapshots: Snapshots
) -> None:
    redis_server.freeze()
    snapshots.save(state(), 1)
    assert await another(redis).load("c1") is None
    await eventually(lambda: snapshots.failures > 0)
    redis_server.thaw()
    await eventually(lambda: found(redis, "c1", 1))


async def test_given_too_many_calls_wait_then_further_ones_are_dropped_but_known_ones_stay_fresh(
    redis: Redis, redis_server: RedisServer
) -> None:
    redis_server.freeze()
    snapshots = Snapshots(redis, "w1", limit_s=0.2, capacity=2)
    for call, seq in (("a", 1), ("b", 1), ("c", 1), ("a", 2)):
        snapshots.save(state(call), seq)
    assert snapshots.dropped == 1
    redis_server.thaw()
    await eventually(lambda: found(redis, "a", 2))
    assert sorted(await another(redis).open_calls()) == ["a", "b"]
    await snapshots.stop()


async def test_given_something_unreadable_in_redis_then_it_is_as_if_there_were_nothing(
    redis: Redis, snapshots: Snapshots
) -> None:
    snapshots.save(state(), 1)
    await eventually(lambda: found(redis, "c1", 1))
    for key in await redis.keys("hotline:snapshot:*"):
        await redis.set(key, b"\xc1 not a state")
    assert await another(redis).load("c1") is None


async def test_given_a_state_that_cannot_be_written_then_later_ones_are(redis: Redis, snapshots: Snapshots) -> None:
    snapshots.save(Call(id="bad", dialled="\ud800"), 1)
    await eventually(lambda: snapshots.dropped == 1)
    snapshots.save(state(), 1)
    await eventually(lambda: found(redis, "c1", 1))


async def test_snapshots_expire(redis: Redis) -> None:
    snapshots = Snapshots(redis, "w1", expire_s=100)
    snapshots.save(state(), 1)
    await snapshots.stop()
    for key in await redis.keys("*"):
        assert 0 < await redis.ttl(key) <= 100


async def test_saving_does_not_wait(redis: Redis, redis_server: RedisServer, snapshots: Snapshots) -> None:
    """10,000 states are noted within one step of the loop, while Redis is frozen."""
    redis_server.freeze()
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    await asyncio.sleep(0)
    before = turns
    for number in range(10_000):
        snapshots.save(state(f"c{number}"), 1)
    assert turns == before
    counting.cancel()
    redis_server.thaw()
