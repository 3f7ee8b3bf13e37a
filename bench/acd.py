"""How long the queue takes to match a caller and an agent, with 2,000 agents and 10,000 waiting, on a real Redis.

Baseline in the same run: PING on the same connection, the least any question to Redis can take. The Redis is its own.
"""

import asyncio
import logging
import shutil
import time
import uuid
from collections.abc import Awaitable, Iterable
from pathlib import Path

import structlog
import uvloop
from redis.asyncio import Redis

from bench.stats import percentile
from hotline.runtime import paths
from routing.agents import Agent, Presence
from routing.connection import open_redis
from routing.queue import Acd
from routing.scripts import BATCH, Timings
from tests.support.redis_server import RedisServer, remove_keys

AGENTS = 2_000  # half of them busy with skills that many wait for, half free with skills nobody waits for
WAITING = 10_000
SKILLS = 20  # an agent has three of them
MATCHES = 500  # of each kind
GOAL_MS = 5.0
SINCE = 1_790_000_000.0


def measure() -> dict[str, float]:
    """Milliseconds by ``<what>.<percentile>``, and by ``<what>.redis_…`` what Redis itself was busy for with it.

    ``ping`` is the baseline. ``agent_free`` is a `release` that matches the freed agent with the best of all waiting,
    ``caller_seeks`` a `seek` that matches the longest idle agent, ``offer_delivered`` the time from a `release` until
    the offer comes out of `offers`. ``sweep``, ``renew`` (a batch of talks), ``board`` are the costs of keeping house,
    ``refill`` all that an empty Redis is filled with by the one worker that had all of this.
    """
    folder: Path = paths.layout().root / "bench" / "acd"
    shutil.rmtree(folder, ignore_errors=True)
    server = RedisServer(folder)
    server.start()
    try:
        return uvloop.run(_measure(server.url))
    finally:
        server.kill()


async def _measure(url: str) -> dict[str, float]:
    prefix = f"bench-{uuid.uuid4().hex}:"
    redis = open_redis(url)
    acd = Acd(redis, worker="bench", ring_s=600, prefix=prefix, timings=Timings(settle=0, hold=3600, alive=3600))
    try:
        await _open(acd)
        figures = await _timed("ping", redis, (redis.ping() for _ in range(MATCHES)))
        figures |= await _timed("agent_free", redis, (_free(acd, number) for number in range(MATCHES)))
        figures |= await _timed("caller_seeks", redis, (_seek_free(acd, number) for number in range(MATCHES)))
        figures |= await _timed("sweep", redis, (acd.sweep() for _ in range(100)))
        figures |= await _timed("board", redis, (acd.board() for _ in range(20)))
        await _check(acd)
        figures |= await _delivered(acd)
        figures |= await _refill(acd, url, prefix)
    finally:
        await redis.aclose()
        remove_keys(url, prefix)
    return figures


async def _open(acd: Acd) -> None:
    """Busy agents 0 … 999 of skills that 10,000 wait for; free agents 1000 … 1999 of skills nobody waits for."""
    await acd.enrol(Agent(str(n), f"坐席{n}", _skills(n), f"desk:{n}") for n in range(AGENTS))
    for n in range(AGENTS):
        await acd.set_presence(str(n), Presence.READY)
    for n in range(AGENTS // 2):
        await acd.hold(f"talk-{n}", str(n))
    for n in range(WAITING):
        await acd.seek(f"wait-{n}", f"busy-{n % SKILLS}", n % 3, SINCE + n)


def _skills(number: int) -> tuple[str, ...]:
    kind = "busy" if number < AGENTS // 2 else "free"
    return tuple(f"{kind}-{(number + step) % SKILLS}" for step in (0, 1, 7))


async def _free(acd: Acd, number: int) -> None:
    await acd.release(f"talk-{number}", str(number), True, "hangup", 0.0)


async def _seek_free(acd: Acd, number: int) -> None:
    await acd.seek(f"new-{number}", f"free-{number % SKILLS}", 0, SINCE)


async def _check(acd: Acd) -> None:
    """That what was timed were matches: twice `MATCHES` agents are rung now, and all waiting calls still wait."""
    board = await acd.board(depth=0)
    rung = sum(status.state.value == "ringing" for status in board.agents.values())
    waiting = sum(queue.waiting for queue in board.queues.values())
    if (rung, waiting) != (2 * MATCHES, WAITING + MATCHES):
        raise RuntimeError(f"{rung} agents are rung and {waiting} calls wait: these were no {2 * MATCHES} matches")


async def _timed(what: str, redis: Redis, requests: Iterable[Awaitable[object]]) -> dict[str, float]:
    """Time requests one after another; what Redis was busy for with each comes from its own statistics."""
    await redis.config_set("latency-tracking-info-percentiles", "99 100")
    await redis.config_resetstat()
    samples = []
    for request in requests:
        began = time.perf_counter()
        await request
        samples.append((time.perf_counter() - began) * 1000)
    statistics = await redis.info("latencystats")
    busy = statistics.get("latency_percentiles_usec_evalsha") or statistics["latency_percentiles_usec_ping"]
    return {
        f"{what}.p50": percentile(samples, 0.5),
        f"{what}.p99": percentile(samples, 0.99),
        f"{what}.redis_p99": float(busy["p99"]) / 1000,
        f"{what}.redis_max": float(busy["p100"]) / 1000,
    }


async def _delivered(acd: Acd) -> dict[str, float]:
    """With all of a worker's background work going on."""
    running = asyncio.create_task(acd.run())
    offers = acd.offers()
    for _ in range(2 * MATCHES):  # what was matched above is answered
        offer = await anext(offers)
        await acd.hold(offer.call, offer.agent)
    samples = []
    for number in range(MATCHES, AGENTS // 2):
        began = time.perf_counter()
        await _free(acd, number)
        offer = await anext(offers)
        samples.append((time.perf_counter() - began) * 1000)
        await acd.hold(offer.call, offer.agent)
    await acd.close()
    await running
    return {"offer_delivered.p50": percentile(samples, 0.5), "offer_delivered.p99": percentile(samples, 0.99)}


async def _refill(acd: Acd, url: str, prefix: str) -> dict[str, float]:
    """Redis is emptied: the next request fills it first. The slowest script shows how long others had to wait."""
    async with open_redis(url) as redis:
        held = sorted(acd._claims.held)[:BATCH]

        async def renew() -> None:
            await acd._scripts.hold(held)

        figures = await _timed("renew", redis, (renew() for _ in range(20)))
        remove_keys(url, prefix)
        figures |= await _timed("refill", redis, [acd.board(depth=0)])
        return figures


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = measure()
    print(f"{AGENTS} agents, {WAITING} waiting, {SKILLS} skills; milliseconds")
    for name, value in found.items():
        print(f"{name:28} {value:10.3f}")
    slowest = max(found[f"{what}.p99"] for what in ("agent_free", "caller_seeks", "offer_delivered"))
    verdict = "met" if slowest <= GOAL_MS else "missed"
    times = slowest / found["ping.p99"]
    print(f"a match, 99th percentile: {slowest:.3f}, {times:.1f} × PING; goal {GOAL_MS:g}: {verdict}")
