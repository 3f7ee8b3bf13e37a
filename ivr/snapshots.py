"""A cache of calls' states in Redis: what another process looks at, and a shortcut after a restart.

Losing it costs time, never a call: the journal is the truth. Nothing here waits for Redis on behalf of a call.
"""

import asyncio
from zlib import crc32

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ivr.call import Call

log = structlog.get_logger(__name__)

# A state is only for software that describes it in the same way; after an upgrade the journal is folded instead.
_FORMAT = f"{crc32(msgspec.json.encode(msgspec.json.schema(Call))):08x}"
_PREFIX = f"hotline:snapshot:{_FORMAT}:"
_INDEX = "hotline:snapshots:"
_PIPELINE = 500  # states of one round trip

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, Call])
_Pending = tuple[Call, int] | None  # None: the call is to be forgotten
_TROUBLE = (RedisError, OSError, TimeoutError)


class Snapshots:
    """The states of one worker's calls.

    `save` and `delete` only note what is to be written; a task of its own writes the latest of each call every
    ``flush_s`` seconds, and tries again while Redis is away. At most ``capacity`` calls wait, the states of further
    ones are dropped. No question to Redis takes longer than ``limit_s``; keys expire ``expire_s`` seconds after the
    last change of their call.
    """

    def __init__(
        self,
        redis: Redis,
        worker: str,
        *,
        flush_s: float = 0.005,
        limit_s: float = 1.0,
        capacity: int = 20_000,
        expire_s: int = 24 * 3600,
    ) -> None:
        self.worker = worker
        self.dropped = 0  # states never written because too many waited
        self.failures = 0  # attempts to write that failed
        self._redis = redis
        self._flush_s, self._limit_s, self._capacity, self._expire_s = flush_s, limit_s, capacity, expire_s
        self._pending: dict[str, _Pending] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def save(self, call: Call, seq: int) -> None:
        """Note that ``call`` is the state after the journal's entry ``seq``. Returns at once and never raises."""
        self._note(call.id, (call, seq))

    def delete(self, call: str) -> None:
        """Note that the call is over. Returns at once and never raises."""
        self._note(call, None)

    async def load(self, call: str) -> tuple[Call, int] | None:
        """The last known state and the ``seq`` of the entry it includes; None when Redis does not know or answer.

        It may be older than the journal: entries behind ``seq`` are still to be applied.
        """
        if call in self._pending:
            return self._pending[call]
        try:
            async with asyncio.timeout(self._limit_s):
                value = await self._redis.get(_PREFIX + call)
        except _TROUBLE as error:
            log.warning("snapshots.unavailable", call=call, error=type(error).__name__)
            return None
        try:
            seq, state = _decoder.decode(value) if isinstance(value, bytes) else (0, None)
        except msgspec.DecodeError:
            log.warning("snapshots.unreadable", call=call)
            return None
        return None if state is None else (state, seq)

    async def open_calls(self, worker: str | None = None) -> list[str]:
        """Calls of a worker (this one by default) with a state, in no order. A hint: empty when Redis is away."""
        name = worker or self.worker
        try:
            async with asyncio.timeout(self._limit_s):
                members = await self._redis.smembers(_INDEX + name)
        except _TROUBLE as error:
            log.warning("snapshots.unavailable", error=type(error).__name__)
            members = set()
        found = {member.decode() if isinstance(member, bytes) else str(member) for member in members}
        if name == self.worker:
            found |= {call for call, state in self._pending.items() if state is not None}
            found -= {call for call, state in self._pending.items() if state is None}
        return list(found)

    async def stop(self) -> None:
        """Write what waits, if Redis takes it at once, and stop. The client stays open: it is not ours."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        while self._pending and await self._write_some():
            pass

    def _note(self, call: str, state: _Pending) -> None:
        if call not in self._pending and len(self._pending) >= self._capacity:
            self.dropped += 1
            return
        self._pending[call] = state
        self._wake.set()
        if self._task is None:
            self._task = asyncio.create_task(self._write(), name="snapshots")

    async def _write(self) -> None:
        pause = self._flush_s
        while True:
            await self._wake.wait()
            await asyncio.sleep(pause)
            self._wake.clear()
            while self._pending:
                if not await self._write_some():
                    pause = min(2 * pause, 1.0)
                    self._wake.set()
                    break
                pause = self._flush_s

    async def _write_some(self) -> bool:
        """Write the states that wait longest; whether Redis took them. If not they wait on, unless there are newer."""
        calls = list(self._pending)[:_PIPELINE]
        states = {call: self._pending.pop(call) for call in calls}
        try:
            async with asyncio.timeout(self._limit_s):
                await self._send(states)
        except asyncio.CancelledError:
            self._pending = states | self._pending
            raise
        except _TROUBLE as error:
            self._pending = states | self._pending
            if self.failures == 0 or self.failures % 100 == 0:
                log.warning("snapshots.not_written", waiting=len(self._pending), error=type(error).__name__)
            self.failures += 1
            return False
        except Exception as error:  # a state that cannot be encoded, say; trying again would not help
            self.dropped += len(states)
            log.error("snapshots.dropped", states=len(states), error=type(error).__name__)
        return True

    async def _send(self, states: dict[str, _Pending]) -> None:
        index = _INDEX + self.worker
        async with self._redis.pipeline(transaction=False) as pipeline:
            for call, state in states.items():
                if state is None:
                    pipeline.delete(_PREFIX + call)
                    pipeline.srem(index, call)
                else:
                    pipeline.set(_PREFIX + call, _encoder.encode((state[1], state[0])), ex=self._expire_s)
                    pipeline.sadd(index, call)
            pipeline.expire(index, self._expire_s)
            await pipeline.execute()
