"""An emergency desk (110) hands a citizen over to the hotline: what it tells reaches the worker, and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import pytest_asyncio

from config.settings import Settings
from tests.sandbox import Answer, NotObserved, World, free_ports
from tests.support.switch import StartSwitch, Switch
from tests.support.worker import StartWorker

pytestmark = pytest.mark.switch

CITIZEN = "13800138000"


class Place:
    """A switch that knows the desk of 110, and that desk."""

    def __init__(self, switch: Switch, desk: World) -> None:
        self.switch, self.desk = switch, desk


@pytest_asyncio.fixture
async def place(start_switch: StartSwitch, switch_settings: Settings, tmp_path: Path) -> AsyncIterator[Place]:
    port = free_ports()[0]
    sip = switch_settings.sip.model_copy(
        update={"softphone": False, "emergency_desks": {"110": f"127.0.0.1:{port}"}, "channels": 2, "reserved": 1}
    )
    switch = await start_switch(["desk:8001"], settings=switch_settings.model_copy(update={"sip": sip}))
    hotline = ("127.0.0.1", sip.port)
    async with World.start(tmp_path / "desk110", hotline_sip=hotline, sip_port=port) as desk:
        yield Place(switch, desk)


async def test_the_desk_the_citizen_the_incident_and_the_place_reach_the_worker(
    place: Place, start_worker: StartWorker
) -> None:
    worker = await start_worker(place.switch)
    headers = {"X-Incident": "110-20261121-0042", "X-Place": "袁州区中山路12号 3栋"}
    await place.desk.call(caller=CITIZEN, headers=headers)
    start = await worker.call()
    kind, dialled, keys, *told = start["args"]
    assert (kind, dialled, keys) == ("in", "12345", "")
    assert told[:2] == ["desk=110", "incident=110-20261121-0042"]
    assert unquote(told[2].removeprefix("place=")) == headers["X-Place"]
    assert start["channel"]["caller"]["number"] == CITIZEN


async def test_what_the_desk_says_nothing_of_is_empty(place: Place, start_worker: StartWorker) -> None:
    worker = await start_worker(place.switch)
    await place.desk.call(caller=CITIZEN)
    assert (await worker.call())["args"] == ["in", "12345", "", "desk=110", "incident=", "place="]
    assert place.switch.complaints() == []


@pytest.mark.parametrize(
    "hostile",
    ["a:desk=999:b", "1)},Hangup(", "${SHELL(id)}", "$[1+1]", 'x"y', "a,b;c&d|e", "\\${X}", "9" * 500],
)
async def test_nothing_from_outside_gets_where_it_should_not(
    place: Place, start_worker: StartWorker, hostile: str
) -> None:
    worker = await start_worker(place.switch)
    await place.desk.call(caller=CITIZEN, headers={"X-Incident": hostile, "X-Place": hostile})
    arguments = (await worker.call())["args"]
    assert arguments[:4] == ["in", "12345", "", "desk=110"]
    assert len(arguments) == 6
    kept = "".join(each for each in hostile if each.isascii() and (each.isalnum() or each in "._-"))
    assert arguments[4] == f"incident={kept[:64]}"
    assert unquote(arguments[5].removeprefix("place=")) == "".join(each for each in hostile if each.isalnum())[:240]


async def test_without_a_worker_the_duty_phone_rings_and_the_slip_names_the_desk(world: World, place: Place) -> None:
    duty = world.phone("8001", Answer(tone=900))
    citizen = await place.desk.call(caller=CITIZEN, tone=700)
    leg = await duty.answers()
    assert leg.caller == CITIZEN
    await citizen.hears(900)
    await citizen.hang_up()
    assert (await place.switch.slip()).desk == "110"


async def test_a_desk_is_let_in_when_the_channels_for_ordinary_calls_are_taken(world: World, place: Place) -> None:
    await world.call(caller="13900000000")
    with pytest.raises(NotObserved, match="cause 34"):
        await world.call(caller="13900000001")
    await place.desk.call(caller=CITIZEN)
