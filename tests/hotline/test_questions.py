"""Questions of people about running calls, on a real Redis: asked, put to the call once, answered, or honestly not."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import get_args

import pytest
import pytest_asyncio
from msgspec import structs
from redis.asyncio import Redis

from hotline.questions import NoAnswer, NotTaken, QuestionBox, Questions, new_request
from ivr.call import (
    AnyEvent,
    Asked,
    Call,
    CarrierCommand,
    ControlResumed,
    DropAsked,
    EmergencyAsked,
    HandOverAsked,
    MergeAsked,
    QueueCommand,
    SwapAsked,
    TakeBackAsked,
    TransferAsked,
    TransferKind,
)
from ivr.engine import Engine
from ivr.flow import Rules
from ivr.journal import Entry
from routing.connection import open_redis
from routing.errors import AcdUnavailable
from tests.support.database import eventually
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.redis

CALL = "hotline-1790000000.1"
NOW = 1_790_000_100.0


def transfer() -> TransferAsked:
    return TransferAsked(at=1.0, request=new_request(), agent="8001", number="12366", transfer=TransferKind.WARM)


class Desk:
    """A sink that answers each question, or (``answer`` None) keeps silent."""

    def __init__(self, box: QuestionBox, answer: str | None = "") -> None:
        self.box, self.answer = box, answer
        self.posted: list[tuple[str, AnyEvent]] = []
        self._replies: list[asyncio.Task[None]] = []

    def post(self, call: str, event: AnyEvent) -> None:
        self.posted.append((call, event))
        assert isinstance(event, Asked)
        if self.answer is not None:
            self._replies.append(asyncio.create_task(self.box.reply(event.request, self.answer)))


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    redis = open_redis(redis_url)
    yield redis
    await redis.aclose()


@pytest_asyncio.fixture
async def box(redis: Redis, redis_prefix: str) -> AsyncIterator[QuestionBox]:
    box = QuestionBox(redis, "w1", prefix=redis_prefix, clock=lambda: NOW)
    yield box
    await box.stop()


@pytest.fixture
def questions(redis: Redis, redis_prefix: str) -> Questions:
    return Questions(redis, prefix=redis_prefix)


@pytest.mark.parametrize("answer", ["", "not_yours"])
async def test_a_question_reaches_its_call_and_the_answer_comes_back(
    box: QuestionBox, questions: Questions, answer: str
) -> None:
    desk = Desk(box, answer)
    await box.start(desk)
    asked: list[Asked] = [
        transfer(),
        HandOverAsked(at=1.0, request=new_request(), agent="8001"),
        TakeBackAsked(at=1.0, request=new_request(), agent="8001"),
        SwapAsked(at=1.0, request=new_request(), agent="8001"),
        DropAsked(at=1.0, request=new_request(), agent="8001"),
        MergeAsked(at=1.0, request=new_request(), agent="8001", consent=True),
        EmergencyAsked(at=1.0, request=new_request(), agent="8001", number="119", place="幸福路12号", event="起火"),
    ]
    assert {type(event) for event in asked} == set(get_args(Asked))
    assert [await questions.ask("w1", CALL, event) for event in asked] == [answer] * len(asked)
    assert [call for call, _ in desk.posted] == [CALL] * len(asked)
    assert [type(event) for _, event in desk.posted] == [type(event) for event in asked]
    posted = desk.posted[0][1]
    assert isinstance(posted, TransferAsked)
    assert (posted.at, posted.number, posted.transfer) == (NOW, "12366", TransferKind.WARM)
    assert desk.posted[-1][1] == structs.replace(asked[-1], at=NOW)


async def test_questions_at_once_get_each_its_own_answer(box: QuestionBox, questions: Questions) -> None:
    class ByAgent(Desk):
        def post(self, call: str, event: AnyEvent) -> None:
            assert isinstance(event, Asked)
            self.answer = event.agent
            super().post(call, event)

    await box.start(ByAgent(box))
    agents = [str(number) for number in range(8001, 8021)]
    answers = await asyncio.gather(
        *(questions.ask("w1", CALL, HandOverAsked(at=1.0, request=new_request(), agent=agent)) for agent in agents)
    )
    assert answers == agents


async def test_given_no_worker_then_nothing_was_done_and_a_later_worker_does_not_do_it_either(
    box: QuestionBox, redis: Redis, redis_prefix: str
) -> None:
    impatient = Questions(redis, prefix=redis_prefix, limit_s=0.2)
    with pytest.raises(NotTaken, match="nothing was done"):
        await impatient.ask("w1", CALL, transfer())
    desk = Desk(box)
    await box.start(desk)
    assert await Questions(redis, prefix=redis_prefix).ask("w1", "another", transfer()) == ""
    assert [call for call, _ in desk.posted] == ["another"]


async def test_given_a_worker_that_begins_while_somebody_asks_then_it_answers(
    box: QuestionBox, questions: Questions, redis: Redis, redis_prefix: str
) -> None:
    asking = asyncio.create_task(questions.ask("w1", CALL, transfer()))

    async def waits() -> bool:
        return bool(await redis.llen(f"{redis_prefix}questions:w1"))

    await eventually(waits)
    await box.start(Desk(box, "queue"))
    assert await asking == "queue"


async def test_given_a_worker_that_takes_the_question_and_is_silent_then_it_is_unknown_what_was_done(
    box: QuestionBox, redis: Redis, redis_prefix: str
) -> None:
    desk = Desk(box, None)
    await box.start(desk)
    with pytest.raises(NoAnswer, match="see what became of the call"):
        await Questions(redis, prefix=redis_prefix, limit_s=0.3).ask("w1", CALL, transfer())
    assert len(desk.posted) == 1


async def test_given_a_question_said_twice_then_the_call_hears_it_once(box: QuestionBox, questions: Questions) -> None:
    desk = Desk(box)
    await box.start(desk)
    event = transfer()
    assert [await questions.ask("w1", CALL, event), await questions.ask("w1", CALL, event)] == ["", ""]
    assert await questions.ask("w1", "the next", transfer()) == ""
    assert [call for call, _ in desk.posted] == [CALL, "the next"]


async def test_given_a_question_delivered_twice_then_the_call_hears_it_once(
    box: QuestionBox, questions: Questions, redis: Redis, redis_prefix: str
) -> None:
    """A reconnecting client may have said its request twice: the same id stands in the list two times."""
    event = transfer()
    asking = asyncio.create_task(questions.ask("w1", CALL, event))
    key = f"{redis_prefix}questions:w1"

    async def waits() -> bool:
        return bool(await redis.llen(key))

    await eventually(waits)
    await redis.rpush(key, event.request)
    desk = Desk(box)
    await box.start(desk)
    assert await asking == ""
    assert await questions.ask("w1", "the next", transfer()) == ""
    assert [call for call, _ in desk.posted] == [CALL, "the next"]


async def test_what_is_no_question_is_dropped_and_the_next_one_is_answered(
    box: QuestionBox, questions: Questions, redis: Redis, redis_prefix: str
) -> None:
    await redis.set(f"{redis_prefix}question:x", b'{"call": 1}')
    await redis.rpush(f"{redis_prefix}questions:w1", "x", "never-was")
    desk = Desk(box)
    await box.start(desk)
    assert await questions.ask("w1", CALL, transfer()) == ""
    assert len(desk.posted) == 1


async def test_nothing_stays_in_redis_for_ever(
    box: QuestionBox, questions: Questions, redis: Redis, redis_prefix: str
) -> None:
    await box.start(Desk(box))
    await questions.ask("w1", CALL, transfer())
    keys = [key async for key in redis.scan_iter(match=f"{redis_prefix}*")]
    assert keys
    assert all([0 < await redis.pttl(key) <= 10_000 for key in keys])


# ---------------------------------------------------------------- Redis away


@pytest_asyncio.fixture
async def own(redis_server: RedisServer) -> AsyncIterator[Redis]:
    redis = open_redis(redis_server.url)
    yield redis
    await redis.aclose()


async def test_given_redis_away_then_the_asker_is_told_at_once(own: Redis, redis_server: RedisServer) -> None:
    redis_server.kill()
    with pytest.raises(AcdUnavailable):
        await Questions(own).ask("w1", CALL, transfer())


@pytest.mark.parametrize("empty", [True, False])
async def test_given_redis_restarted_then_questions_are_answered_again(
    own: Redis, redis_server: RedisServer, empty: bool
) -> None:
    box = QuestionBox(own, "w1")
    await box.start(Desk(box))
    assert await Questions(own).ask("w1", CALL, transfer()) == ""
    redis_server.restart(empty=empty)
    assert await Questions(own).ask("w1", CALL, transfer()) == ""
    await box.stop()


async def test_given_redis_restarted_between_question_and_answer_then_the_answer_still_comes(
    own: Redis, redis_server: RedisServer
) -> None:
    box = QuestionBox(own, "w1")
    desk = Desk(box, None)
    await box.start(desk)
    event = transfer()
    asking = asyncio.create_task(Questions(own).ask("w1", CALL, event))
    await eventually(lambda: len(desk.posted) == 1)
    redis_server.kill()
    await box.reply(event.request, "closed")  # returns at once: no call waits for Redis
    redis_server.start()
    assert await asking == "closed"
    await box.stop()


async def test_given_redis_frozen_while_somebody_waits_then_the_asker_is_told_that_it_is_unknown_what_was_done(
    own: Redis, redis_server: RedisServer
) -> None:
    box = QuestionBox(own, "w1")
    desk = Desk(box, None)
    await box.start(desk)
    asking = asyncio.create_task(Questions(own, limit_s=1.0).ask("w1", CALL, transfer()))
    await eventually(lambda: len(desk.posted) == 1)
    redis_server.freeze()
    with pytest.raises(NoAnswer):
        await asking
    redis_server.thaw()
    desk.answer = ""
    assert await Questions(own).ask("w1", CALL, transfer()) == ""
    await box.stop()


async def test_given_redis_emptied_after_the_question_was_taken_then_nobody_claims_that_nothing_was_done(
    own: Redis, redis_server: RedisServer
) -> None:
    box = QuestionBox(own, "w1")
    desk = Desk(box, None)
    await box.start(desk)
    asking = asyncio.create_task(Questions(own, limit_s=1.5).ask("w1", CALL, transfer()))
    await eventually(lambda: len(desk.posted) == 1)
    redis_server.restart(empty=True)
    with pytest.raises(NoAnswer):
        await asking
    await box.stop()


# ---------------------------------------------------------------- with the engine


class Nothing:
    """Ports of an engine without calls; whatever is asked of them fails the test."""

    async def append(self, *entries: Entry) -> None:
        raise AssertionError("a question about an unknown call was journaled")

    async def read(self, call: str) -> list[Entry]:
        return []

    async def open_calls(self) -> list[str]:
        return []

    def save(self, call: Call, seq: int) -> None:
        raise AssertionError

    def delete(self, call: str) -> None:
        raise AssertionError

    async def load(self, call: str) -> tuple[Call, int] | None:
        return None

    async def run(self, call: str, command: CarrierCommand | QueueCommand) -> None:
        raise AssertionError

    async def inventory(self, prompts: Mapping[str, str | None]) -> dict[str, ControlResumed]:
        return {}

    def alarm(self, call: str, kind: str, line: str) -> None:
        raise AssertionError(kind)

    def event(self, stage: str, event: AnyEvent) -> None: ...

    def trouble(self, what: str) -> None:
        raise AssertionError(what)


async def no_rules(version: str) -> Rules:
    raise AssertionError(version)


@pytest.mark.parametrize(
    "kind",
    [
        transfer,
        lambda: HandOverAsked(at=1.0, request=new_request(), agent="8001"),
        lambda: TakeBackAsked(at=1.0, request=new_request(), agent="8001"),
        lambda: SwapAsked(at=1.0, request=new_request(), agent="8001"),
        lambda: DropAsked(at=1.0, request=new_request(), agent="8001"),
        lambda: MergeAsked(at=1.0, request=new_request(), agent="8001", consent=True),
        lambda: EmergencyAsked(at=1.0, request=new_request(), agent="8001", number="119"),
    ],
)
async def test_a_call_that_does_not_run_here_answers_that_nobody_talks_and_leaves_nothing_behind(
    box: QuestionBox, questions: Questions, kind: object
) -> None:
    assert callable(kind)
    ports = Nothing()
    engine = Engine(
        journal=ports,
        snapshots=ports,
        rules=no_rules,
        carrier=ports,
        queue=ports,
        replies=box,
        alarms=ports,
        observer=ports,
    )
    await box.start(engine)
    assert await questions.ask("w1", "ended-long-ago", kind()) == "not_talking"
    assert not engine.calls

    def left() -> Sequence[str]:
        return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("call ")]

    await eventually(lambda: not left())
