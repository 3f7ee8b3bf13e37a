"""The ACD as the engine's queue, on a real Redis."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from hotline.acd_port import AcdPort
from ivr.call import AgentOffered, AnyEvent, EndCause, HoldAgent, Queued, QueueFailed, ReleaseAgent, SeekAgent
from routing.agents import Agent, AgentState, Presence
from routing.connection import open_redis
from routing.queue import Acd
from tests.support.database import eventually
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.redis

CALL = "hotline-1790000000.1"
SEEK = SeekAgent(skill="general", priority=0, since=1_790_000_000.0)


class Sink:
    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def post(self, call: str, event: AnyEvent) -> None:
        assert call == CALL
        self.events.append(event)

    def of(self, kind: type) -> list[AnyEvent]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest_asyncio.fixture
async def port(redis_server: RedisServer) -> AsyncIterator[AcdPort]:
    redis = open_redis(redis_server.url)
    made = AcdPort(Acd(redis, worker="w1", ring_s=20), wrap_up_s=lambda: 0.0)
    await made.acd.enrol([Agent("8001", "甲", ("general",), "desk:8001")])
    yield made
    await made.stop()
    await redis.aclose()


async def test_a_call_that_seeks_is_told_its_place_then_offered_an_agent_with_a_leg_of_its_own(port: AcdPort) -> None:
    sink = Sink()
    await port.start(sink)
    await port.run(CALL, SEEK)
    (queued,) = sink.of(Queued)
    assert isinstance(queued, Queued)
    assert (queued.skill, queued.position, queued.on_shift) == ("general", 1, 0)
    await port.acd.set_presence("8001", Presence.READY)
    await eventually(lambda: len(sink.of(AgentOffered)) == 1)
    (first,) = sink.of(AgentOffered)
    assert isinstance(first, AgentOffered)
    assert (first.agent, first.address, first.ring_s) == ("8001", "desk:8001", 20)
    assert first.leg.startswith(f"{CALL}-a")
    # withdrawn without blame, and sought again: the same agent, another leg
    await port.run(CALL, ReleaseAgent(agent="8001", talked=False, cause=EndCause.HANGUP))
    await port.run(CALL, SEEK)
    await eventually(lambda: len(sink.of(AgentOffered)) == 2)
    second = sink.of(AgentOffered)[1]
    assert isinstance(second, AgentOffered)
    assert second.leg != first.leg


async def test_an_agent_who_talked_is_ready_again_after_the_wrap_up(port: AcdPort) -> None:
    sink = Sink()
    await port.start(sink)
    await port.acd.set_presence("8001", Presence.READY)
    await port.run(CALL, SEEK)
    await eventually(lambda: len(sink.of(AgentOffered)) == 1)
    await port.run(CALL, HoldAgent(agent="8001"))
    assert (await port.acd.board()).agents["8001"].state is AgentState.TALKING
    await port.run(CALL, ReleaseAgent(agent="8001", talked=True, cause=EndCause.HANGUP))
    assert (await port.acd.board()).agents["8001"].state is AgentState.READY


async def test_given_redis_away_then_the_call_is_told_that_the_queue_failed(
    port: AcdPort, redis_server: RedisServer
) -> None:
    sink = Sink()
    await port.start(sink)
    redis_server.kill()
    await port.run(CALL, SEEK)
    assert len(sink.of(QueueFailed)) == 1
    await port.run(CALL, HoldAgent(agent="8001"))  # done by itself when Redis is back; the call does not wait
