"""What whole-call tests share: an installation with its world, and the questions they ask about a call afterwards."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from sqlalchemy import select

from config.database import Database
from ivr.call import CallArrived, CallClosed, event_decoder
from ivr.journal.tables import journal
from recordings.audio import decode, hash_file
from tests.sandbox import Answer, Desk, Installation, Leg, Phone, Ports, World
from tests.sandbox.audio import RATE, amplitude
from tests.sandbox.leg import until

CITIZEN, AGENT, SECOND_AGENT, DUTY = 700.0, 900.0, 1100.0, 1300.0
DUTY_PHONES = ("07951234567", "07957654321")
DESKS = (Desk("8001", "甲"), Desk("8002", "乙"))
ARCHIVED_WITHIN_S = 30.0
ANSWERED_WITHIN = aiohttp.ClientTimeout(total=30)


@dataclass
class Town:
    """A hotline and the world around it."""

    hotline: Installation
    world: World
    citizens: list[Leg] = field(default_factory=list)
    known: set[str] = field(default_factory=set)  # calls there were before the last one

    async def call(self, number: str = "12345", **arguments: Any) -> Leg:
        """A citizen calls and is answered."""
        arguments.setdefault("tone", CITIZEN)
        await self.remember_calls()
        citizen = await self.world.call(number, **arguments)
        self.citizens.append(citizen)
        return citizen

    def new_phones(self) -> None:
        """Forget who rang before: every phone is as nobody had touched it."""
        self.world.phones.clear()
        for number in DUTY_PHONES:
            self.world.phone(number, Answer(after=0.2, tone=DUTY))
        self.world.phone("8001", Answer(after=0.2, tone=AGENT))
        self.world.phone("8002", Answer(after=0.2, tone=SECOND_AGENT))

    async def everybody_hangs_up(self) -> None:
        for citizen in self.citizens:
            if not citizen.has_ended:
                await citizen.hang_up()
        self.citizens.clear()

    def desk(self, number: str = "8001", behaviour: Any = None) -> Phone:
        return self.world.phone(number, behaviour or Answer(after=0.2, tone=AGENT))

    async def talk(self, **call: Any) -> tuple[Leg, Leg]:
        """A citizen and the agent at desk 8001, talking; the greeting is cut short with a key."""
        phone = self.desk()
        citizen = await self.call(**call)
        await citizen.hears_speech()
        await citizen.press("0")
        agent = await phone.answers(within=15)
        await hear_each_other(citizen, agent)
        return citizen, agent

    async def remember_calls(self) -> None:
        """Note which calls there are, so that the next one can be told from them."""
        try:
            page = await self.hotline.api("GET", "/api/calls")
        except aiohttp.ClientError:  # the hotline or its database is away, as some tests want it
            return
        self.known = {each["call"] for each in page["items"]}

    async def last_call(self, within: float = 10.0) -> str:
        """The id of the call that was made last."""
        page = await self.hotline.eventually(
            "/api/calls", lambda page: page["items"] and page["items"][0]["call"] not in self.known, within
        )
        return str(page["items"][0]["call"])

    async def closed(self, call: str, within: float = 15.0) -> dict[str, Any]:
        """The call's story, once it is closed."""
        return dict(await self.hotline.eventually(f"/api/calls/{call}", lambda found: bool(found["ended"]), within))

    async def order(self, call: str) -> dict[str, Any]:
        """The call's order, once the call's facts are in it."""
        page = await self.hotline.eventually(
            f"/api/orders?call={call}", lambda page: bool(page["items"]) and page["items"][0]["outcome"] is not None
        )
        assert len(page["items"]) == 1, "one call, one order"
        return dict(page["items"][0])

    async def recording(self, call: str) -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
        """The call's recording, once it is stored: what the ledger says, and its samples (citizen, all others)."""
        found = await self.hotline.eventually(
            f"/api/recordings/{call}", lambda found: found["state"] != "expected", ARCHIVED_WITHIN_S
        )
        assert found["state"] == "stored", found
        path = self.hotline.state / "archive" / found["path"]
        assert hash_file(path)[0] == found["sha256"]
        return dict(found), np.concatenate(list(decode(path)))


async def hear_each_other(citizen: Leg, other: Leg, citizen_hz: float = CITIZEN, other_hz: float = AGENT) -> None:
    await citizen.hears(other_hz, within=8)
    await other.hears(citizen_hz, within=8)
    await goes_on(citizen)


async def goes_on(leg: Leg, seconds: float = 1.0) -> None:
    """Wait until so much more of the call has passed: long enough to be found in the recording."""
    end = leg.seconds + seconds
    await until(lambda: leg.seconds >= end, within=seconds + 5, missing=lambda: f"{leg} does not go on")


def sides(samples: np.ndarray[Any, Any]) -> tuple[set[float], set[float]]:
    """The test tones on the citizen's side and on the others' side of a recording, any time in it.

    A voice has the same frequencies now and then; a tone counts where it is nearly all that is heard for half a second.
    """
    found: tuple[set[float], set[float]] = (set(), set())
    for start in range(0, len(samples) - RATE // 2, RATE // 4):
        for side in (0, 1):
            window = samples[start : start + RATE // 2, side].astype(float)
            power = float(np.mean(window**2))
            for hz in (CITIZEN, AGENT, SECOND_AGENT, DUTY):
                if power > 100 and amplitude(window, hz) ** 2 / 2 > 0.7 * power:
                    found[side].add(hz)
    return found


@contextlib.asynccontextmanager
async def town(folder: Path, **arguments: Any) -> AsyncIterator[Town]:
    """A hotline that is ready, with its world; agents are not signed in yet."""
    ports = arguments.pop("ports", None) or Ports()
    arguments.setdefault("desks", DESKS)
    arguments.setdefault("duty_phones", [f"phone:{number}" for number in DUTY_PHONES])
    hotline = Installation(folder, ports=ports, **arguments)
    try:
        hotline.start()
        async with World.start(
            folder / "outside", hotline_sip=("127.0.0.1", ports.sip), sip_port=ports.outside_sip
        ) as world:
            await hotline.ready()
            yield Town(hotline, world)
    finally:
        await hotline.stop()


# ---------------------------------------------------------------- people at the API


@dataclass(frozen=True)
class Reply:
    """An answer of the API, refusals too; ``revision`` is its ETag."""

    status: int
    body: Any
    revision: int | None


@dataclass(frozen=True)
class Person:
    """Somebody who signed in with an account of their own."""

    url: str
    name: str
    token: str = field(repr=False)

    async def ask(self, method: str, path: str, *, revision: int | None = None, **arguments: Any) -> Reply:
        """One request in this person's name; ``revision`` is the one that was read (`If-Match`)."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if revision is not None:
            headers["If-Match"] = f'"{revision}"'
        async with (
            aiohttp.ClientSession(headers=headers, timeout=ANSWERED_WITHIN) as client,
            client.request(method, f"{self.url}{path}", **arguments) as response,
        ):
            is_json = response.content_type.endswith("json")
            tag = response.headers.get("ETag", "").strip('"')
            body = await response.json() if is_json else await response.read()
            return Reply(response.status, body, int(tag) if tag else None)

    async def get(self, path: str) -> Any:
        reply = await self.ask("GET", path)
        assert reply.status == 200, reply
        return reply.body


async def sign_up(hotline: Installation, name: str, *roles: str) -> Person:
    """A new account, signed in."""
    password = secrets.token_urlsafe(16)
    await hotline.api("POST", "/api/accounts", json={"name": name, "roles": list(roles), "password": password})
    session = await hotline.api("POST", "/api/sessions", json={"name": name, "password": password})
    return Person(hotline.url, name, session["token"])


# ---------------------------------------------------------------- the journal


@dataclass(frozen=True)
class Kept:
    """What the journal keeps of a call: its arrival, and its end once it has one."""

    arrived: CallArrived
    closed: CallClosed | None


async def journalled(database_url: str, number: str) -> list[Kept]:
    """The calls that dialled a number, in the order of their arrival."""
    database = Database(database_url)
    query = select(journal.c.call, journal.c.payload).where(journal.c.kind.in_(("call_arrived", "call_closed")))
    arrived: list[CallArrived] = []
    closed: dict[str, CallClosed] = {}
    try:
        async with database.connect() as connection:
            for call, payload in await connection.execute(query.order_by(journal.c.position)):
                event = event_decoder.decode(payload)
                if isinstance(event, CallArrived) and event.dialled == number:
                    arrived.append(event)
                elif isinstance(event, CallClosed):
                    closed[call] = event
    finally:
        await database.dispose()
    return [Kept(event, closed.get(event.call)) for event in arrived]
