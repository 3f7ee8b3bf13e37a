"""Fixtures of the queue's tests."""

from collections.abc import AsyncIterator

import pytest

pytest.register_assert_rewrite("tests.routing.desk")

from tests.routing.desk import Desk, opened  # noqa: E402 - after the line above
from tests.support.redis_server import RedisServer, redis_prefix, redis_server, redis_url  # noqa: E402

__all__ = ["redis_prefix", "redis_server", "redis_url"]


@pytest.fixture
async def desk(redis_url: str, redis_prefix: str) -> AsyncIterator[Desk]:
    """A hotline on the shared Redis."""
    async with opened(redis_url, redis_prefix) as desk:
        yield desk


@pytest.fixture
async def own_desk(redis_server: RedisServer) -> AsyncIterator[Desk]:
    """A hotline on a Redis of its own."""
    async with opened(redis_server.url, "hotline:") as desk:
        yield desk
