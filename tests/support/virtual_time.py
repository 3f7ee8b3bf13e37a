"""An event loop whose clock jumps to the next timer, so that a quarter of an hour in a queue takes a millisecond.

Only for code that waits for timers and for its own tasks: a coroutine that waits for a real socket would be overtaken.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

START = 1_790_000_000.0


class _JumpingSelector(selectors.SelectSelector):
    """Never sleeps: the time that the loop would have slept is added to the loop's clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits and no timer is set: the test would hang for ever")
            self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def wall_clock(self) -> float:
        """UNIX seconds that go with the loop's clock."""
        return START + self.time()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time; a task left behind fails the test."""
    loop = VirtualLoop()
    try:
        result = loop.run_until_complete(coroutine)
        left = [task for task in asyncio.all_tasks(loop) if not task.done()]
        assert not left, f"tasks left behind: {[task.get_name() for task in left]}"
        return result
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def clock() -> float:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop.wall_clock()
