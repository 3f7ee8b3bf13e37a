"""One line on stderr saying what is being done and how far it is, as long as something takes long.

It never prints anything when there is nothing to do, and never more than a line every few seconds to a log.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

TERMINAL_INTERVAL_S = 0.2
LOG_INTERVAL_S = 5.0


def say(sentence: str) -> None:
    """Print one line of its own."""
    print(f"runtime: {sentence}", file=sys.stderr, flush=True)


class Task:
    """A piece of work of a known size; `update` may be called as often as one likes."""

    def __init__(self, what: str, total: float, unit: str) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._terminal = sys.stderr.isatty()
        self._shown_at = time.monotonic() if not self._terminal else 0.0

    def update(self, done: float) -> None:
        """Show that `done` of the total (same unit) is finished, if the last line is old enough."""
        now = time.monotonic()
        if now - self._shown_at < (TERMINAL_INTERVAL_S if self._terminal else LOG_INTERVAL_S):
            return
        self._shown_at = now
        line = f"{self._what}: {done:.0f} of {math.ceil(self._total)} {self._unit}"
        if self._terminal:
            print(f"\r\x1b[Kruntime: {line}", end="", file=sys.stderr, flush=True)
        else:
            say(line)


@contextmanager
def task(what: str, total: float, unit: str) -> Iterator[Task]:
    """Work whose share done is known, e.g. `task("downloading", 106, "MB")`."""
    say(f"{what} ({math.ceil(total)} {unit})")
    shown = Task(what, total, unit)
    try:
        yield shown
    finally:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


@contextmanager
def waiting(what: str, *, shows_itself: bool = False) -> Iterator[None]:
    """Work of unknown size: a line every few seconds, unless another program shows its own progress on a terminal."""
    say(what)
    if shows_itself and sys.stderr.isatty():
        yield
        return
    finished = threading.Event()
    started = time.monotonic()

    def remind() -> None:
        while not finished.wait(LOG_INTERVAL_S):
            say(f"{what}: still at it after {time.monotonic() - started:.0f} s")

    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield
    finally:
        finished.set()
        reminder.join()
