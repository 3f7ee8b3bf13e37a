"""A person's question about a running call: how it reaches the worker that runs it, and how the answer comes back.

Through Redis. Each question is taken by whoever comes first: the worker, who then puts it to the call, or the asker,
whose patience is over; so nobody acts on a question that nobody waits for any more, and none is put twice. Knows
nothing of what is asked.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
import structlog
from redis.asyncio import Redis

from ivr.call import Asked, SupervisionAsked
from ivr.ports import Sink
from routing.connection import LIMIT_S as REDIS_LIMIT_S
from routing.connection import within_limit
from routing.errors import AcdUnavailable

log = structlog.get_logger(__name__)

LIMIT_S = 3.0  # a person looks at the screen meanwhile
MARGIN_S = 1.0  # a question outlives its limit by this, so that its asker can still take it back
GRACE_S = 0.5  # what Redis may take longer at the end of the limit: the API's own limit is not far
POP_S = 1.0  # longest blocking request, see `routing.connection.open_redis`
KEPT_S = 10.0  # how long Redis remembers that a question was taken, and the answer
RETRY_S = (0.05, 1.0)
STOP_LIMIT_S = 1.0


class QuestionError(Exception):
    """The family of errors of asking; the text is one sentence for the person who asked."""


class NotTaken(QuestionError):
    """The worker did not take the question, and never will: nothing was done."""


class NoAnswer(QuestionError):
    """The worker did not answer in time. What was asked for may or may not have been done."""


class _Question(msgspec.Struct, frozen=True):
    call: str
    event: Asked | SupervisionAsked


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Question)


def new_request() -> str:
    """An id for a question."""
    return secrets.token_hex(8)


@dataclass(frozen=True)
class _Keys:
    """The names of a question's keys. All values but the waiting list expire by themselves; so does the list."""

    prefix: str

    def waiting(self, worker: str) -> str:
        return f"{self.prefix}questions:{worker}"  # list of requests, oldest first

    def question(self, request: str) -> str:
        return f"{self.prefix}question:{request}"  # the question as JSON; empty once it is taken

    def answer(self, request: str) -> str:
        return f"{self.prefix}answer:{request}"  # list of one refusal, or of the same one twice


class Questions:
    """The side that asks. ``redis`` comes from `routing.connection.open_redis` and stays the caller's to close."""

    def __init__(self, redis: Redis, *, prefix: str = "hotline:", limit_s: float = LIMIT_S) -> None:
        self._redis, self._keys, self._limit_s = redis, _Keys(prefix), limit_s

    async def ask(self, worker: str, call: str, event: Asked | SupervisionAsked) -> str:
        """Put ``event`` to the call that ``worker`` runs; its answer, the word of a refusal or empty for yes.

        The worker dates the event anew. Raises `NotTaken`, `NoAnswer` after ``limit_s`` seconds, and
        `AcdUnavailable` when Redis does not take the question, which then may still reach the worker.
        """
        until = time.monotonic() + self._limit_s
        await within_limit(self._post(worker, event.request, _Question(call, event)))
        answer = await self._answer(event.request, until)
        if answer is not None:
            return answer
        if await self._withdraw(event.request):
            raise NotTaken(f"worker {worker} did not take the question: nothing was done, ask again in a few seconds")
        raise NoAnswer(f"worker {worker} did not answer: see what became of the call before asking again")

    async def _post(self, worker: str, request: str, question: _Question) -> None:
        """Safe to be said twice: a question that is there already, taken or not, stays as it is."""
        expires = round((self._limit_s + MARGIN_S) * 1000)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(self._keys.question(request), _encoder.encode(question), nx=True, px=expires)
            pipeline.rpush(self._keys.waiting(worker), request)
            pipeline.pexpire(self._keys.waiting(worker), expires)
            await pipeline.execute()

    async def _answer(self, request: str, until: float) -> str | None:
        """Wait for the answer; None when there is none in time. An outage of Redis is waited out."""
        key, pause_s = self._keys.answer(request), RETRY_S[0]
        while (left_s := until - time.monotonic()) > 0:
            wait_s = max(0.01, min(left_s, POP_S))  # zero would be for ever
            try:
                # moved onto itself: a reply lost on the way takes nothing away
                moving = self._redis.blmove(key, key, wait_s)  # type: ignore[arg-type]  # Redis takes fractions
                found = await within_limit(moving, wait_s + GRACE_S)
            except AcdUnavailable:
                await asyncio.sleep(min(pause_s, left_s))
                pause_s = min(2 * pause_s, RETRY_S[1])
                continue
            if found is not None:
                return _text(found)
        return None

    async def _withdraw(self, request: str) -> bool:
        """Whether it is certain that the worker neither took the question nor will. When Redis does not answer or
        lost it, that is not certain.
        """
        try:
            return bool(await _take(self._redis, self._keys.question(request), GRACE_S))
        except AcdUnavailable:
            return False


class QuestionBox:
    """The worker's side: puts the questions to its calls, and sends the answers (`ivr.ports.Replies`).

    Start it when all open calls are loaded: a call that is not known by then has ended. An outage of Redis delays
    no call.
    """

    def __init__(
        self, redis: Redis, worker: str, *, prefix: str = "hotline:", clock: Callable[[], float] = time.time
    ) -> None:
        self._redis, self._keys, self._clock = redis, _Keys(prefix), clock
        self._waiting = self._keys.waiting(worker)
        self._answers: asyncio.Queue[tuple[str, str, float]] = asyncio.Queue()
        self._sink: Sink | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, sink: Sink) -> None:
        """Begin to take questions; they are posted to ``sink``."""
        self._sink = sink
        self._tasks = {
            asyncio.create_task(self._repeat(self._receive), name="questions"),
            asyncio.create_task(self._repeat(self._send), name="answers"),
        }

    async def stop(self) -> None:
        """Take no more questions; answers given already are still sent, if Redis takes them at once."""
        tasks = self._tasks
        if tasks:
            await asyncio.wait({asyncio.ensure_future(self._answers.join())}, timeout=STOP_LIMIT_S)
        while tasks:  # once is not enough: the Redis client's time limits may swallow it (python/cpython#86296)
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=0.05)

    async def reply(self, request: str, refusal: str) -> None:
        """Send the answer, empty ``refusal`` for yes. Returns at once; nobody may be waiting any more."""
        self._answers.put_nowait((request, refusal, time.monotonic() + LIMIT_S))

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step again and again; back off while Redis is out of reach."""
        pause_s = RETRY_S[0]
        while True:
            try:
                await step()
                pause_s = RETRY_S[0]
            except AcdUnavailable as error:
                if pause_s == RETRY_S[0]:
                    log.warning("questions out of reach", reason=str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RETRY_S[1])

    async def _receive(self) -> None:
        """Wait for the next question, a second at most, and put it to its call."""
        popped = await within_limit(self._redis.blpop([self._waiting], timeout=POP_S), POP_S + 1.0)
        if not popped:
            return
        request = _text(popped[1])
        body = await _take(self._redis, self._keys.question(request), REDIS_LIMIT_S)
        if not body:
            log.info("question came too late or twice", request=request)
            return
        try:
            question = _decoder.decode(body)
        except msgspec.DecodeError as error:  # from another release; the asker is told that there is no answer
            log.warning("question not understood", request=request, reason=type(error).__name__)
            return
        assert self._sink is not None
        self._sink.post(question.call, msgspec.structs.replace(question.event, at=self._clock()))

    async def _send(self) -> None:
        """Send the next answer, however often it takes, until nobody waits for it any more."""
        request, refusal, until = await self._answers.get()
        try:
            while True:
                try:
                    await within_limit(self._publish(self._keys.answer(request), refusal))
                    return
                except AcdUnavailable:
                    if time.monotonic() > until:
                        raise
                    await asyncio.sleep(RETRY_S[0])
        finally:
            self._answers.task_done()

    async def _publish(self, key: str, refusal: str) -> None:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.rpush(key, refusal)
            pipeline.pexpire(key, round(KEPT_S * 1000))
            await pipeline.execute()


async def _take(redis: Redis, key: str, limit_s: float) -> bytes | None:
    """Take a question, whoever comes first: the question; empty when it was taken before; None when it expired."""
    taken = await within_limit(redis.set(key, b"", xx=True, get=True, px=round(KEPT_S * 1000)), limit_s)
    return taken if isinstance(taken, bytes) else None


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
