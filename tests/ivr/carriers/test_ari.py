"""The ARI client and the carrier on a real Asterisk."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from ivr.call import AnyEvent, CallArrived, ControlResumed, EndCause, LegEnded, Sound
from ivr.carriers.asterisk.ari import Ari, AriError, AriUnreachable, CallBroadcast, StasisStart, read_event
from ivr.carriers.asterisk.carrier import AsteriskCarrier
from tests.sandbox import World, free_ports
from tests.support.database import eventually
from tests.support.switch import Switch, hotline_port, start_switch, switch, switch_settings, world

__all__ = ["hotline_port", "start_switch", "switch", "switch_settings", "world"]

pytestmark = pytest.mark.switch


class Sink:
    def __init__(self) -> None:
        self.events: list[tuple[str, AnyEvent]] = []

    def post(self, call: str, event: AnyEvent) -> None:
        self.events.append((call, event))

    def of(self, kind: type) -> list[tuple[str, AnyEvent]]:
        return [(call, event) for call, event in self.events if isinstance(event, kind)]


class Silence:
    async def media(self, sound: Sound) -> Path | None:
        return None


class Reception:
    def version(self) -> str:
        return "test"

    def restricted_until(self, caller: str | None, at: float) -> date | None:
        return None


@pytest_asyncio.fixture
async def carrier(switch: Switch) -> AsyncIterator[AsteriskCarrier]:
    made = AsteriskCarrier(
        base=switch.base_url,
        user=switch.ari_user,
        password=switch.ari_password,
        app="hotline-w1",
        sounds=Silence(),
        reception=Reception(),
    )
    yield made
    await made.stop()


async def started(carrier: AsteriskCarrier, sink: Sink) -> list[float]:
    """Start it; returns the times at which it was (again) connected, as they come."""
    connected: list[float] = []

    async def on_connected() -> None:
        connected.append(time.monotonic())

    await carrier.start(sink, on_connected)
    await eventually(lambda: len(connected) == 1)
    return connected


async def test_a_canary_comes_back_through_dialplan_and_claim(carrier: AsteriskCarrier) -> None:
    await started(carrier, Sink())
    assert await carrier.canary.call()
    assert await carrier.canary.call()


async def test_given_the_connection_is_lost_then_it_comes_back_and_what_happened_meanwhile_is_found(
    carrier: AsteriskCarrier, world: World
) -> None:
    sink = Sink()
    connected = await started(carrier, sink)
    stays = await world.call("12345", caller="13800000001")
    leaves = await world.call("12345", caller="13800000002")
    await eventually(lambda: len(sink.of(CallArrived)) == 2)
    calls = [call for call, _ in sink.of(CallArrived)]
    carrier.ari.drop_connection()
    await leaves.hang_up()
    await eventually(lambda: len(connected) == 2)
    found = await carrier.inventory(dict.fromkeys(calls))
    assert isinstance(found[calls[0]], ControlResumed)
    assert found[calls[0]].up == (calls[0],)
    assert found[calls[1]].up == ()
    await stays.hang_up()
    await eventually(lambda: (calls[0], EndCause.HANGUP) in [(c, e.cause) for c, e in sink.of(LegEnded)])  # type: ignore[union-attr]


async def test_given_a_call_that_was_never_journaled_then_the_inventory_lets_it_arrive(
    carrier: AsteriskCarrier, world: World
) -> None:
    sink = Sink()
    await started(carrier, sink)
    citizen = await world.call("12345", caller="13800000001")
    await eventually(lambda: len(sink.of(CallArrived)) == 1)
    call, first = sink.of(CallArrived)[0]
    assert await carrier.inventory({}) == {}
    _, again = sink.of(CallArrived)[1]
    assert isinstance(first, CallArrived)
    assert isinstance(again, CallArrived)
    assert (again.call, again.dialled, again.caller) == (call, "12345", "13800000001")
    await citizen.hang_up()


async def test_a_refused_request_says_which_and_why(carrier: AsteriskCarrier) -> None:
    await started(carrier, Sink())
    with pytest.raises(AriError, match="GET channels/nobody: 404 Channel not found"):
        await carrier.ari.request("GET", "channels/nobody")
    assert await carrier.ari.channel("nobody") is None


async def test_given_no_asterisk_then_requests_say_so_and_connecting_goes_on() -> None:
    (port,) = free_ports()

    async def nothing() -> None: ...

    ari = Ari(f"http://127.0.0.1:{port}", "hotline", "secret", "hotline-w1", lambda event: None, nothing)
    await ari.start()
    try:
        with pytest.raises(AriUnreachable):
            await ari.request("GET", "asterisk/ping")
        assert not ari.connected.is_set()
    finally:
        await ari.stop()


async def test_one_slow_request_delays_no_other() -> None:
    """Against a server of our own, because Asterisk is never slow on demand."""
    slow = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        if request.path.endswith("/slow"):
            await slow.wait()
        return web.json_response([])

    app = web.Application()
    app.router.add_route("*", "/ari/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    (port,) = free_ports()
    await web.TCPSite(runner, "127.0.0.1", port).start()

    async def nothing() -> None: ...

    ari = Ari(f"http://127.0.0.1:{port}", "hotline", "secret", "hotline-w1", lambda event: None, nothing)
    await ari.start()
    try:
        waiting = [asyncio.create_task(ari.request("POST", "slow")) for _ in range(150)]
        assert await asyncio.wait_for(ari.channels(), 3) == []
        assert not any(task.done() for task in waiting)
        slow.set()
        await asyncio.gather(*waiting)
    finally:
        await ari.stop()
        await runner.cleanup()


def test_events_that_we_do_not_use_are_passed_over_and_the_others_are_typed() -> None:
    channel = {
        "id": "hotline-1.1",
        "name": "PJSIP/trunk-00000001",
        "state": "Up",
        "caller": {"name": "", "number": "13800000000"},
        "dialplan": {"exten": "12345"},
        "unknown": [1],
    }

    def raw(**event: object) -> str:
        return json.dumps(event, separators=(",", ":"))

    assert read_event(raw(type="ChannelVarset", variable="StasisStart")) is None
    start = read_event(raw(type="StasisStart", args=["in", "12345"], channel=channel))
    assert isinstance(start, StasisStart)
    assert start.channel.caller.number == "13800000000"
    assert isinstance(read_event(raw(type="CallBroadcast", channel=channel)), CallBroadcast)
