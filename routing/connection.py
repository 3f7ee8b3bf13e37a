"""The connection to Redis: a client that fits the queue, a time limit for every request, one family of errors.

It knows nothing of agents or calls.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from routing.errors import AcdUnavailable

T = TypeVar("T")

LIMIT_S = 1.0  # a call that would wait longer for the queue is better served by the next step of its flow


class DataLost(Exception):
    """Redis answers, but holds no data of the queue: it is new, was restarted empty, or was flushed.

    A fact to act upon; it never leaves this package.
    """


def open_redis(url: str, *, connections: int = 32) -> Redis:
    """A client that fits the queue: short limits, no waiting between tries, a bounded pool.

    ``url`` is ``redis://host:port/db``, ``rediss://…`` or ``unix:///path``. A single Redis, never a cluster.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=LIMIT_S,
        socket_connect_timeout=LIMIT_S,
        socket_timeout=2 * LIMIT_S,  # longer than the longest blocking pop
        retry=Retry(NoBackoff(), 1),  # after a restart pooled connections are dead; every request may be said twice
    )
    return Redis.from_pool(pool)


async def within_limit(doing: Awaitable[T], limit_s: float = LIMIT_S) -> T:
    """Wait for one request to Redis; whatever goes wrong becomes `AcdUnavailable`."""
    try:
        async with asyncio.timeout(limit_s):
            return await doing
    except TimeoutError as error:
        raise AcdUnavailable(f"Redis gave no answer within {limit_s:g} s: check that it runs and its load") from error
    except (RedisError, OSError) as error:
        raise AcdUnavailable(f"Redis cannot be used ({error}): check that it runs and can be reached") from error
