"""From the transfer table to the switch: the table's order and times, and no bad file in the place of a good one."""

import wave
from pathlib import Path

import pytest

from config.asterisk_config import Configuration
from config.asterisk_emergency import ROUTES_FILE, EmergencyRoute, read_routes, routes_text
from config.settings import Settings
from hotline.city import City
from hotline.emergency_routes import RouteKeeper, city_routes, reach_of, ringing_tone, routes_of
from hotline.services import ServiceError
from routing.tables import Line, LineMode, Table, Target, TargetKind, by_number

AT = 1_795_190_400.0


def table(*targets: Target, number: str = "119") -> Table:
    line = Line(number=number, name="火警", mode=LineMode.EMERGENCY, targets=targets)
    return Table(
        version="v1",
        city="yichun",
        area_code="0795",
        numbers=("12345",),
        general_skill="general",
        lines=by_number([line]),
    )


def test_routes_are_the_rows_targets_in_their_order_with_their_times_and_tries() -> None:
    rung = table(
        Target(TargetKind.PHONE, "119", 8.0, 2), Target(TargetKind.BACKUP, "119"), Target(TargetKind.DESK, "8001")
    )
    assert routes_of(rung, ["119"], 10.0, AT) == {
        "119": (
            EmergencyRoute("phone:119", 8.0),
            EmergencyRoute("phone:119", 8.0),
            EmergencyRoute("backup:119", 10.0),
            EmergencyRoute("desk:8001", 10.0),
        )
    }


def test_queues_are_no_routes_and_a_number_without_a_row_is_rung_all_the_same() -> None:
    only_people = table(Target(TargetKind.SKILL, "general"), number="120")
    assert routes_of(only_people, ["110", "120"], 10.0, AT) == {
        "110": (EmergencyRoute("phone:110", 10.0),),
        "120": (EmergencyRoute("phone:120", 10.0),),
    }


def test_what_was_written_is_read_back() -> None:
    routes = {"110": [], "119": [EmergencyRoute("phone:119", 10.0), EmergencyRoute("backup:0795119", 7.0)]}
    assert read_routes(routes_text(routes, "1")) == routes
    assert read_routes("; nothing\n[emergency-routes]\n") == {}


def test_the_ringing_tone_is_a_file_that_the_switch_plays_and_is_made_once(tmp_path: Path) -> None:
    path = ringing_tone(tmp_path / "sounds")
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        assert file.getnframes() == 20000
    made = path.stat().st_mtime_ns
    assert ringing_tone(tmp_path / "sounds").stat().st_mtime_ns == made


class Switch:
    """An Asterisk service that takes a file over, or not."""

    name = "asterisk"

    def __init__(self, text: str) -> None:
        self.configuration = Configuration(None, {ROUTES_FILE: text})  # type: ignore[arg-type]
        self.refuses = self.shows_old = False
        self.control = self
        self.states = {"trunk": "online", "trunk2": "offline"}

    async def change(self, name: str, text: str) -> None:
        if self.refuses:
            raise ServiceError("asterisk did not take over emergency.conf")
        self.configuration = self.configuration.with_file(name, text)

    async def command(self, line: str) -> str:
        assert line == "dialplan show emergency-routes"
        return "" if self.shows_old else self.configuration.files[ROUTES_FILE]

    async def endpoint_state(self, name: str) -> str:
        return self.states[name]


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(Settings(state=tmp_path / "state"))


def keeper_of(city: City, switch: Switch) -> RouteKeeper:
    return RouteKeeper(city, switch, clock=lambda: AT)  # type: ignore[arg-type]


async def test_another_table_is_taken_over_once(city: City) -> None:
    switch = Switch("; old\n")
    keeper = keeper_of(city, switch)
    assert await keeper.look()
    assert read_routes(switch.configuration.files[ROUTES_FILE])["119"] == [EmergencyRoute("phone:119", 10.0)]
    assert not await keeper.look()


@pytest.mark.parametrize("fault", ["refuses", "shows_old"])
async def test_what_the_switch_does_not_take_over_leaves_the_old_routes_and_is_tried_again(
    city: City, fault: str
) -> None:
    old = routes_text({"119": [EmergencyRoute("phone:0795119", 9)]}, "1")
    switch = Switch(old)
    setattr(switch, fault, True)
    keeper = keeper_of(city, switch)
    assert not await keeper.look()
    assert switch.configuration.files[ROUTES_FILE] == old
    setattr(switch, fault, False)
    assert await keeper.look()


async def test_a_table_that_cannot_be_rendered_leaves_the_old_routes(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = routes_text({"119": [EmergencyRoute("phone:0795119", 9)]}, "1")
    switch = Switch(old)
    bad = {"119": (EmergencyRoute("phone:119)\n[evil]", 10),)}
    monkeypatch.setattr("hotline.emergency_routes.city_routes", lambda *_: bad)
    assert not await keeper_of(city, switch).look()
    assert switch.configuration.files[ROUTES_FILE] == old


async def test_each_route_is_told_with_what_its_trunk_answers(city: City) -> None:
    routes = {"119": [EmergencyRoute("phone:119", 10), EmergencyRoute("backup:119", 10)]}
    found = await reach_of(routes, Switch(""))  # type: ignore[arg-type]
    assert [(each.place, each.route.address, each.state) for each in found] == [
        (1, "phone:119", "online"),
        (2, "backup:119", "offline"),
    ]
    assert set(city_routes(city, AT)) == {"110", "119", "120", "122"}
