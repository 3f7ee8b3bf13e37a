"""An archiver that is killed (SIGKILL) by its own hand at a chosen point; run as a program by test_archive.py.

Arguments: database URL, spool, archive, point. The points are the steps between which a power cut could fall.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from config.database import Database
from recordings.archive import INCOMING, Archiver
from recordings.keeping import Retention

POINTS = ("encoding", "encoded", "published", "stored", "half removed", "removed")


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Doomed(Archiver):
    """Dies at `point`. Everything else is the archiver itself."""

    point = ""

    def aim(self, archive: Path) -> None:
        if self.point == "encoded":
            self._publish = die  # type: ignore[method-assign]
        elif self.point == "published":
            self.ledger.stored = die  # type: ignore[method-assign,assignment]
        elif self.point == "stored":
            self._spool.remove = die  # type: ignore[method-assign]
        elif self.point == "half removed":
            self._spool.remove = lambda pair: (pair.citizen.unlink(), die())  # type: ignore[method-assign,assignment,return-value]
        elif self.point == "removed":
            really = self._spool.remove
            self._spool.remove = lambda pair: (really(pair), die())  # type: ignore[method-assign,assignment,return-value]
        elif self.point == "encoding":
            threading.Thread(target=die_while_encoding, args=[archive / INCOMING], daemon=True).start()


def die_while_encoding(incoming: Path) -> None:
    while not any(path.stat().st_size for path in incoming.glob("*.ogg")):
        time.sleep(0.001)
    die()


async def main(url: str, spool: str, archive: str, point: str) -> None:
    archiver = Doomed(
        Database(url), Path(spool), Path(archive), lambda: Retention(3, "宜春 §13(9)"), settle_s=0.0, poll_s=0.01
    )
    archiver.point = point
    archiver.aim(Path(archive))
    await archiver.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
