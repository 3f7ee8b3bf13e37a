"""Holds the pack that is in force and changes it only for a good one.

A reload that fails says why and leaves the running pack where it was.
"""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from config.chinatime import china_day
from config.packs.loading import load_pack
from config.packs.model import Pack


def today_in_china() -> date:
    """The date in China, whatever the machine's time zone."""
    return china_day(time.time())


class PackStore:
    """The pack of one city. Raises `PackErrors` when there is no good one to begin with."""

    def __init__(self, folder: Path, city: str, *, today: Callable[[], date] = today_in_china) -> None:
        self._folder, self._city, self._today = folder, city, today
        self._current = self._load()

    @property
    def current(self) -> Pack:
        """The pack in force. Take it once for each piece of work: it may be another one later."""
        return self._current

    def reload(self) -> Pack:
        """Read the files again and put the new pack in force. Raises `PackErrors`; then the old one stays."""
        self._current = self._load()
        return self._current

    def _load(self) -> Pack:
        return load_pack(self._folder, self._city, today=self._today())
