"""Every number of the cities' lists, dialled over real SIP, reaches what the table says; the cases come from the packs.

The expectation is read from the files by plain means, not by the product's own reading and resolving.
"""

import asyncio
import csv
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from config.packs import SHIPPED, load_pack
from tests.end_to_end.support import CITIZEN, Town, hear_each_other, town
from tests.sandbox import Answer, Desk, Leg

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module")]

CITIES = ("yichun", "chenzhou")
GENERAL, OTHER, PHONE = 900.0, 1100.0, 1300.0  # Hz: general agents, agents of a line's own skill, phones outside
AT_ONCE = 4
UNKNOWN = ("777", "12399", "29123450", "000")
GREETINGS = {"merged": "greeting_merged", "dual": "greeting_dual", "county": "greeting_county"}
QUICK = """
[limits]
wrap_up_s = 0
"""


@dataclass(frozen=True)
class Expected:
    """What the city's file says of a number: who answers first, and what the caller is told."""

    number: str
    kind: str  # skill or phone
    to: str
    prompt: str


def expected_of(city: str) -> list[Expected]:
    with (SHIPPED / city / "lines.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["number"]: row for row in csv.DictReader(file)}
    return [_expected(row, rows) for row in rows.values()]


def _expected(row: dict[str, str], rows: dict[str, dict[str, str]]) -> Expected:
    number = row["number"]
    if row["status"] == "suspended":
        return Expected(number, "skill", "general", "line_suspended")
    target = row["targets"].split(";")[0].split()[0] if row["targets"] else ""
    if target.startswith("line:"):
        reached = _expected(rows[target.removeprefix("line:")], rows)
        return Expected(number, reached.kind, reached.to, "greeting_alias")
    if not target:
        target = "skill:general" if row["mode"] in GREETINGS else f"phone:{number}"
    kind, _, to = target.partition(":")
    return Expected(number, kind, to, GREETINGS[row["mode"]] if kind == "skill" else "greeting_forward")


CASES = {city: expected_of(city) for city in CITIES}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=CITIES)
async def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A city with an agent of each skill on shift, several of the general one, and every phone outside answering."""
    city: str = request.param
    pack = load_pack(SHIPPED, city)
    desks = [Desk(f"70{n}", f"综合{n}") for n in range(AT_ONCE)]
    special = [skill for skill in sorted(pack.skills) if skill != pack.general_skill]
    desks += [Desk(f"8{n:03}", skill, (skill,)) for n, skill in enumerate(special)]
    folder: Path = tmp_path_factory.mktemp(city)
    async with town(folder, city=city, desks=desks, duty_phones=(), pack=QUICK) as place:
        for desk in desks:
            hz = GENERAL if desk.skills == ("general",) else OTHER
            place.world.phone(desk.id, Answer(after=0.1, tone=hz))
        for expected in CASES[city]:
            if expected.kind == "phone":
                place.world.phone(expected.to, Answer(after=0.1, tone=PHONE))
        await place.hotline.sign_in(*(desk.id for desk in desks))
        yield place


async def dial(place: Town, number: str, caller: str) -> Leg:
    citizen = await place.world.call(number, caller=caller, tone=CITIZEN)
    await citizen.hears_speech()
    await citizen.press("#")  # a key without a meaning: on to whoever the table names
    return citizen


async def check(place: Town, expected: Expected, caller: str) -> None:
    citizen = await dial(place, expected.number, caller)
    hz = PHONE if expected.kind == "phone" else GENERAL if expected.to == "general" else OTHER
    await citizen.hears(hz, within=20)
    if expected.kind == "phone":
        await hear_each_other(citizen, place.world.phone(expected.to).legs[-1], other_hz=hz)
    await citizen.hang_up()
    found = await place.hotline.eventually(
        "/api/calls?limit=200", lambda page: any(_is(call, expected.number, caller) for call in page["items"]), 20
    )
    (call,) = [call["call"] for call in found["items"] if _is(call, expected.number, caller)]
    story = (await place.closed(call))["story"]
    prompts = [line["text"] for line in story if line["kind"] == "prompt_ended"]
    assert any(expected.prompt in text for text in prompts), (expected, prompts)
    if expected.kind == "skill":
        queues = [line["text"] for line in story if line["kind"] == "queued"]
        assert f"queue {expected.to} " in queues[0], (expected, queues)


def _is(call: dict[str, str], number: str, caller: str) -> bool:
    return call["dialled"] == number and str(call["caller"]).endswith(caller[-4:])


async def test_every_number_of_the_citys_list_reaches_what_the_table_says(place: Town) -> None:
    city = place.hotline.city_folder.name
    cases = CASES[city]
    assert len(cases) >= 32
    turns = asyncio.Semaphore(AT_ONCE)
    own: dict[str, asyncio.Lock] = {}  # of whom there is one, one call at a time

    async def one(position: int, expected: Expected) -> None:
        alone = own.setdefault(expected.to if expected.to != "general" else f"general-{position}", asyncio.Lock())
        async with alone, turns:
            await check(place, expected, f"139000{position:05}")

    results = await asyncio.gather(*(one(n, case) for n, case in enumerate(cases)), return_exceptions=True)
    failed = {case.number: result for case, result in zip(cases, results, strict=True) if result is not None}
    assert not failed, failed


async def test_a_wrong_or_unknown_number_reaches_a_person(place: Town) -> None:
    for position, number in enumerate(UNKNOWN):
        await check(place, Expected(number, "skill", "general", "p1_greeting"), f"138000{position:05}")
