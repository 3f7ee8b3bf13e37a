"""From the transfer table to the switch's own emergency path: which routes an emergency number has now, in which order,
and whether they could be rung.

The switch keeps the routes in a file, so that it needs nobody to put a citizen through. A route's reachability is what
the switch learns by asking its trunk (OPTIONS); nothing here ever dials.
"""

import array
import asyncio
import math
import time
import wave
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from config import metrics
from config.asterisk_emergency import (
    ROUTES_CONTEXT,
    ROUTES_FILE,
    Emergency,
    EmergencyNumber,
    EmergencyRoute,
    Routes,
    routes_text,
    routes_value,
)
from config.database import Database
from config.errors import ConfigError
from config.settings import Settings
from hotline.city import City
from hotline.programs import AsteriskService, SwitchControl
from hotline.services import ServiceError
from hotline.table_watch import TableWatch
from ivr.call import Say
from ivr.flow import Rules
from routing.tables import Table, TargetKind, resolve

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
PROBE_EVERY_S = 5.0
ONLINE = "online"

_RATE_HZ, _RING_HZ = 8000, 450
_TONE_S, _PAUSE_S = 1.0, 1.5  # the network's ringing tone (GB/T 3380) with a pause in which nobody gives up
_LEVEL = 4000  # of 32767


def routes_of(table: Table, numbers: Iterable[str], ring_s: float, at: float) -> Routes:
    """The phones that the table in force rings for each emergency number, in its order and as often as it says.

    Queues are left out: where these routes are needed, nobody is there to serve one. ``ring_s`` holds for targets
    without a time of their own.
    """
    return {number: tuple(_rung(number, table, ring_s, at)) for number in sorted(set(numbers))}


def _rung(number: str, table: Table, ring_s: float, at: float) -> Iterable[EmergencyRoute]:
    for step in resolve(number, at, table).steps:
        if step.kind is not TargetKind.SKILL:
            yield from [EmergencyRoute(step.address, step.ring_s or ring_s)] * step.tries


def city_routes(city: City, at: float) -> Routes:
    """The routes of the numbers that the city's second keys stand for."""
    rules = city.pack.rules.emergency
    return routes_of(city.table, rules.keys.values(), rules.ring_s, at)


async def emergency_of(city: City, settings: Settings) -> Emergency:
    """The switch's emergency path by the city's pack, voice and table."""
    rules = city.pack.rules.emergency
    numbers = [
        EmergencyNumber(
            key,
            number,
            connecting=await city.media(Say("emergency_connecting", {"line": number})),
            failed=await city.media(Say("emergency_failed", {"line": number})),
        )
        for key, number in sorted(rules.keys.items())
    ]
    return Emergency(
        keys=tuple(key for key, action in city.pack.keys.items() if action.emergency),
        menu=await city.media(Say("emergency_menu")),
        choice_s=rules.choice_s,
        numbers=tuple(numbers),
        ringing=ringing_tone(settings.state_dir / "switch" / "sounds"),
        routes=city_routes(city, time.time()),
    )


def ringing_tone(folder: Path) -> Path:
    """A ringing tone as a file, made on first use: between its tones is less silence than in the network's."""
    path = folder / "ringing.wav"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        turn = 2 * math.pi * _RING_HZ / _RATE_HZ
        samples = array.array("h", (round(_LEVEL * math.sin(turn * at)) for at in range(round(_TONE_S * _RATE_HZ))))
        samples.extend([0] * round(_PAUSE_S * _RATE_HZ))
        partial = path.with_suffix(".new")
        with wave.open(str(partial), "wb") as file:
            file.setparams((1, 2, _RATE_HZ, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
        partial.replace(path)
    return path


# ---------------------------------------------------------------- keeping them, while the switch runs


class RouteKeeper:
    """Keeps the switch's routes those of the table in force, and tells in ``/metrics`` which of them answer.

    What cannot be rendered or is not taken over changes nothing: the routes that were known go on to be rung.
    """

    def __init__(self, city: City, asterisk: AsteriskService, clock: Callable[[], float] = time.time) -> None:
        self._city, self._asterisk, self._clock = city, asterisk, clock
        self._refused = ""  # the text that could not be put in force, told once

    def begin(self) -> None:
        """Before the switch is looked after: what it is given should it start anew is what holds now."""
        self._city.catch_up()
        text = self._text()
        if text is not None:
            self._asterisk.configuration = self._asterisk.configuration.with_file(ROUTES_FILE, text)

    async def look(self) -> bool:
        """Bring the switch's routes up to date; whether they changed."""
        text = self._text()
        known = self._asterisk.configuration.files.get(ROUTES_FILE)
        if text is None or known is None or _without_version(text) == _without_version(known):
            return False
        try:
            await self._asterisk.change(ROUTES_FILE, text)
            await self._check(known)
        except ServiceError as error:
            self._refuse(text, str(error))
            return False
        self._refused = ""
        log.info("emergency routes in force", table=self._city.table.version)
        return True

    async def probe(self) -> None:
        """Count which routes' trunks answer. While the switch does not, none does."""
        states: dict[str, str] = {}
        for number, routes in city_routes(self._city, self._clock()).items():
            for route in routes:
                if route.endpoint not in states:
                    states[route.endpoint] = await self._state(route.endpoint)
                up = states[route.endpoint] == ONLINE
                metrics.EMERGENCY_ROUTE_UP.labels(number, route.endpoint).set(up)

    async def _state(self, endpoint: str) -> str:
        try:
            return await self._asterisk.control.endpoint_state(endpoint)
        except ServiceError:
            return ""

    def _text(self) -> str | None:
        try:
            return routes_text(city_routes(self._city, self._clock()), self._city.table.version)
        except ConfigError as error:
            self._refuse(str(error), str(error))
            return None

    async def _check(self, known: str) -> None:
        """Ask the switch what it will ring now. Raises `ServiceError`, once the file before is back."""
        shown = await self._asterisk.command(f"dialplan show {ROUTES_CONTEXT}")
        for number, routes in city_routes(self._city, self._clock()).items():
            if f"ROUTES={routes_value(routes)})" not in shown:
                await self._asterisk.change(ROUTES_FILE, known)
                raise ServiceError(f"{self._asterisk.name} does not show the routes of {number} that it was given")

    def _refuse(self, text: str, reason: str) -> None:
        if text != self._refused:
            self._refused = text
            log.error("emergency routes not taken over, the known ones stay", reason=reason)


async def keep_routes(city: City, database: Database, keeper: RouteKeeper) -> None:
    """Follow the table in force until cancelled. While the database is away, the table that is known stays."""
    watch = TableWatch(city, database, _kept_elsewhere)
    try:
        await asyncio.gather(_every(LOOK_EVERY_S, watch.look, keeper.look), _every(PROBE_EVERY_S, keeper.probe))
    finally:
        await watch.stop()


async def _kept_elsewhere(rules: Rules) -> None:
    """Rules are kept in the journal by those who give them to calls."""


async def _every(pause_s: float, *works: Callable[[], Awaitable[object]]) -> None:
    while True:
        for work in works:
            try:
                await work()
            except Exception:
                log.exception("emergency routes")
        await asyncio.sleep(pause_s)


def _without_version(text: str) -> str:
    """The routes alone: another table may well have the same ones."""
    return text.partition("\n")[2]


# ---------------------------------------------------------------- telling of them


@dataclass(frozen=True)
class Reach:
    """One route and what its trunk answers: ``online``, ``offline``, ``unknown``, or ``missing`` from the settings."""

    number: str
    place: int  # 1 is rung first
    route: EmergencyRoute
    state: str


async def reach_of(routes: Routes, switch: SwitchControl) -> list[Reach]:
    """Every route with its state. Raises `ServiceError` when the switch does not answer."""
    found = [(number, place, route) for number, rung in routes.items() for place, route in enumerate(rung, 1)]
    states = {name: await switch.endpoint_state(name) for name in {route.endpoint for _, _, route in found}}
    return [Reach(number, place, route, states[route.endpoint]) for number, place, route in found]
