"""Encoding in processes of their own, at the lowest priority, so that no call and no event loop waits for it.

It moves no file to its final place and knows no ledger.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from recordings.audio import Kept, RawPair, preserve


class Encoder:
    """A few processes that run `recordings.audio.preserve`; started at the first use, replaced when one dies."""

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    async def preserve(self, pair: RawPair, target: Path) -> Kept:
        """As `recordings.audio.preserve`; raises ChildProcessError (an OSError) when the process died over it."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._processes, multiprocessing.get_context("spawn"), initializer=_settle_in
            )
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, preserve, pair, target)
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = None
                pool.shutdown(wait=False)
            raise ChildProcessError("the encoding process died") from None

    def close(self) -> None:
        """End the processes; work under way is given up."""
        if self._pool is None:
            return
        processes = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        self._pool = None


def _settle_in() -> None:
    """In the child: give way to everything else, leave Ctrl-C to the parent, and end when the parent is gone."""
    os.nice(19)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def outlive_nobody() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=outlive_nobody, daemon=True).start()
