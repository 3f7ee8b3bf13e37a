"""Editions of one table, and a load of calls that tells which edition each of them had.

An edition says where `DIALLED` leads in three places that belong together: its target, its announcement, and the row
that it leads to.
"""

import asyncio
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import openpyxl

from config.packs import load_pack
from hotline.runtime import paths
from ivr.call import Announcement
from ivr.prompts import EspeakSpeaker, PromptStore
from ivr.prompts.audio import read_wav
from tests.end_to_end.offices import LIMIT_S, Row, row
from tests.end_to_end.support import CITIZEN, Town
from tests.sandbox import Leg
from tests.sandbox.leg import until

DIALLED = "12319"
MIDDLES = ("12360", "12367")  # DIALLED leads to one of them by turns
WRONG = "07952999999"  # where the other one leads: whoever saw half a table would ring here
EVERY_S = 0.33  # about three calls a second
CALLS = 75
LIKE = 0.6  # of what telephone codecs leave of a voice; other words stay well below


@dataclass(frozen=True)
class Edition:
    """What one of the tests' tables says of `DIALLED`."""

    number: int

    @property
    def phone(self) -> str:
        return f"0795200{self.number:04}"

    @property
    def hz(self) -> float:
        return 800.0 + 100 * self.number

    @property
    def announcement(self) -> str:
        return f"现在是第{self.number}版转接表。"

    @property
    def rows(self) -> list[dict[str, str]]:
        there, other = MIDDLES if self.number % 2 else MIDDLES[::-1]
        return [
            row(DIALLED, "alias", f"line:{there}", self.announcement),
            row(there, "sub_center", f"phone:{self.phone}"),
            row(other, "sub_center", f"phone:{WRONG}"),
        ]


def edited_xlsx(workbook: bytes, rows: Iterable[Row]) -> bytes:
    """The exported workbook as an admin sends it back: the cells of some rows written anew."""
    book = openpyxl.load_workbook(io.BytesIO(workbook))
    sheet = book.worksheets[0]
    columns = {str(cell.value).strip("*"): column for column, cell in enumerate(sheet[1], 1)}
    numbers = [str(cells[columns["号码"] - 1].value) for cells in sheet.iter_rows()]
    chinese = {"mode": "方式", "targets": "转接目标", "announcement": "公告"}
    words = {"alias": "归并到另一号码", "sub_center": "设分中心"}
    for wanted in rows:
        for column, heading in chinese.items():
            value = words.get(wanted[column], wanted[column])
            sheet.cell(numbers.index(wanted["number"]) + 1, columns[heading]).value = value
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


class Load:
    """Citizens who dial `DIALLED` one after another, about three a second, each from a number of their own."""

    def __init__(self, place: Town, editions: Iterable[Edition]) -> None:
        self._place = place
        self._tones = {edition.phone: edition.hz for edition in editions}
        self._enough = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.reached: dict[str, str] = {}  # caller → the phone that answered and was heard

    async def run(self) -> None:
        """Until `end` and at least `CALLS` calls. Raises what went wrong in any of them."""
        while not self._enough.is_set() or len(self._tasks) < CALLS:
            self._tasks.append(asyncio.create_task(self._call(f"139{len(self._tasks):08}")))
            await asyncio.sleep(EVERY_S)
        await asyncio.gather(*self._tasks)

    def end(self) -> None:
        self._enough.set()

    async def more(self, calls: int) -> None:
        """Wait until so many more calls have begun and are over."""
        wanted = len(self._tasks) + calls
        await self._until(lambda: len(self.reached) >= wanted, f"{calls} more calls")

    async def reaches(self, edition: Edition) -> None:
        """Wait until calls that begin from now on reach the edition's phone."""
        before = len(self._tasks)
        await self._until(
            lambda: any(self.reached.get(f"139{n:08}") == edition.phone for n in range(before, len(self._tasks))),
            f"a call to edition {edition.number}",
        )

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        def failed() -> bool:
            return any(task.done() and task.exception() is not None for task in self._tasks)

        await until(lambda: condition() or failed(), LIMIT_S, lambda: f"there never was {what}")
        for task in self._tasks:
            if task.done():
                task.result()

    async def _call(self, caller: str) -> None:
        world = self._place.world
        citizen = await world.call(DIALLED, caller=caller, tone=CITIZEN, within=20)
        await citizen.hears_speech(within=15)
        await citizen.press("#")  # on at once; the announcement is listened to by others

        def answered() -> list[Leg]:
            legs = (leg for phone in list(world.phones.values()) for leg in phone.legs)
            return [leg for leg in legs if leg.caller == caller and leg.answered.is_set()]

        await until(lambda: bool(answered()), LIMIT_S, lambda: f"nobody answers the call of {caller}")
        (leg,) = answered()
        await citizen.hears(self._tones[leg.number], within=LIMIT_S)
        self.reached[caller] = leg.number
        await citizen.hang_up()


async def hears_announcement(place: Town, edition: Edition, editions: Iterable[Edition]) -> None:
    """A citizen dials and listens to the end: of all editions' words this one's are heard."""
    pack = load_pack(place.hotline.folder / "packs", place.hotline.city_folder.name)
    store = PromptStore(pack, EspeakSpeaker(paths.espeak()), place.hotline.state / "prompts")
    citizen = await place.call(DIALLED, caller=f"136{edition.number:08}", tone=None, within=20)
    await citizen.hears(edition.hz, within=LIMIT_S)
    heard = citizen.heard()
    await citizen.hang_up()
    found: dict[Edition, float] = {}
    for each in editions:
        words = await store.media(Announcement(each.announcement))
        assert words is not None
        found[each] = likeness(heard, read_wav(words.read_bytes())[1])
    assert max(found, key=found.__getitem__) == edition, found
    assert found[edition] > LIKE, found


def likeness(heard: np.ndarray[Any, Any], words: np.ndarray[Any, Any]) -> float:
    """The highest normalised cross-correlation of some words with any part of what was heard; 1 is the same."""
    signal, template = heard.astype(float), words.astype(float)
    if len(signal) < len(template):
        return 0.0
    size = 1 << (len(signal) + len(template)).bit_length()
    spectrum = np.fft.rfft(signal, size) * np.conj(np.fft.rfft(template, size))
    products = np.fft.irfft(spectrum, size)[: len(signal) - len(template) + 1]
    energy = np.concatenate([[0.0], np.cumsum(signal**2)])
    windows = energy[len(template) :] - energy[: len(energy) - len(template)]
    scale = np.sqrt(np.maximum(windows, 1.0) * float(np.sum(template**2)))
    return float(np.max(products / scale))
