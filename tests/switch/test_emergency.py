"""The emergency key while no worker is there: the dialplan alone puts the citizen through to an operator, or to a
person. Real SIP, real audio; the operators of 119 are phones of the world outside.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio

from config.asterisk_emergency import ROUTES_FILE, Emergency, EmergencyRoute, routes_text
from config.settings import Settings
from hotline import doctor
from tests.sandbox import Answer, Behaviour, Busy, Leg, NotObserved, Phone, Reject, Ring, Unavailable, World, free_ports
from tests.sandbox.ari import AriClient
from tests.sandbox.audio import longest_silence_s, timeline
from tests.sandbox.leg import until
from tests.support.database import eventually
from tests.support.switch import (
    CONNECTING_HZ,
    FAILED_HZ,
    MENU_HZ,
    NOTICE_HZ,
    StartSwitch,
    Switch,
    emergency_path,
)

pytestmark = pytest.mark.switch

CITIZEN, OPERATOR, DUTY = 700.0, 900.0, 1300.0
CALLER = "13800138000"
SILENCE_S = 2.0
KEYS = {"1": "110", "2": "119"}
RING_S = 1.0


@pytest.fixture
def dead_port() -> int:
    return free_ports()[0]


class Site:
    """A switch whose 119 has the routes that a test gives it, and one duty phone."""

    def __init__(self, start: StartSwitch, world: World, settings: Settings, sounds: Path) -> None:
        self.world, self.settings = world, settings
        self._start, self.sounds = start, sounds
        self.duty = world.phone("8001", Answer(tone=DUTY))

    async def switch(self, *routes: str, **sip: object) -> Switch:
        rung = {"119": [EmergencyRoute(route, RING_S) for route in routes], "110": ()}
        return await self.started(emergency_path(self.sounds, rung, keys=KEYS), **sip)

    async def started(self, path: Emergency, **sip: object) -> Switch:
        settings = self.settings.model_copy(update={"sip": self.settings.sip.model_copy(update=sip)})
        return await self._start(["desk:8001"], settings=settings, emergency=path)

    async def danger(self, *keys: str, number: str = "12345") -> Leg:
        """A citizen in danger: the emergency key as soon as the switch speaks, then the others as soon as it asks."""
        citizen = await self.world.call(number, caller=CALLER, tone=CITIZEN)
        await citizen.hears(NOTICE_HZ)
        await citizen.press("9")
        for key in keys:
            await citizen.hears(MENU_HZ)
            await citizen.press(key)
        return citizen


@pytest_asyncio.fixture
async def site(start_switch: StartSwitch, world: World, switch_settings: Settings, tmp_path: Path) -> Site:
    return Site(start_switch, world, switch_settings, tmp_path / "emergency")


async def hear_each_other(citizen: Leg, other: Leg, hz: float) -> None:
    await citizen.hears(hz)
    await other.hears(CITIZEN)


def silence(citizen: Leg) -> float:
    return longest_silence_s(citizen.heard())


async def test_the_emergency_key_and_the_second_key_lead_to_the_operator(site: Site) -> None:
    switch = await site.switch("phone:119")
    operator = site.world.phone("119", Answer(after=0.8, tone=OPERATOR))
    citizen = await site.danger("2")
    await citizen.hears(CONNECTING_HZ)
    leg = await operator.answers()
    await hear_each_other(citizen, leg, OPERATOR)
    assert leg.caller == CALLER
    assert await leg.header("X-Hotline-Call") == switch.slips()[0].call
    told = datetime.fromisoformat(await leg.header("X-Hotline-Time"))
    assert CALLER in await leg.header("P-Asserted-Identity")
    assert CALLER in await leg.header("From")
    await leg.hang_up()
    await citizen.ends()
    assert silence(citizen) <= SILENCE_S
    assert site.duty.legs == []

    slip = await switch.slip()
    (tried,) = slip.tries
    assert (tried.number, tried.address, slip.phone) == ("119", "phone:119", "phone:119")
    assert slip.emergency is not None
    assert slip.emergency <= tried.began <= (tried.answered or 0)
    assert abs(told.timestamp() - tried.began) < 2
    left, right = await switch.whole_recording(slip.call)
    assert {span.hz for span in timeline(left, [CITIZEN])} == {CITIZEN}
    assert {span.hz for span in timeline(right, [MENU_HZ, OPERATOR])} == {MENU_HZ, OPERATOR}
    assert len(left) == len(right)


async def test_keys_pressed_while_the_call_is_offered_in_vain_are_not_lost(site: Site) -> None:
    """The menu is not even begun when both keys are known."""
    claim = site.settings.switch.model_copy(update={"claim_ms": 5000})
    site.settings = site.settings.model_copy(update={"switch": claim})
    await site.switch("phone:119")
    operator = site.world.phone("119", Answer(tone=OPERATOR))
    citizen = await site.world.call(caller=CALLER, tone=CITIZEN)
    await citizen.press("92")
    leg = await operator.answers(within=8)
    await hear_each_other(citizen, leg, OPERATOR)
    assert timeline(citizen.heard(), [MENU_HZ]) == []
    assert timeline(citizen.heard(), [NOTICE_HZ]) == []


async def test_the_emergency_key_works_while_the_duty_phone_rings(site: Site) -> None:
    await site.switch("phone:119")
    site.duty.behaviour = Ring()
    operator = site.world.phone("119", Answer(tone=OPERATOR))
    citizen = await site.world.call(caller=CALLER, tone=CITIZEN)
    await site.duty.rings()
    await citizen.press("9")
    await site.duty.stops_ringing()
    await citizen.hears(MENU_HZ)
    await citizen.press("2")
    await hear_each_other(citizen, await operator.answers(), OPERATOR)


@pytest.mark.parametrize("keys", [(), ("5",), ("8",)])
async def test_without_a_second_key_that_says_something_a_person_answers_and_the_slip_tells_the_emergency(
    site: Site, keys: tuple[str, ...]
) -> None:
    switch = await site.switch("phone:119")
    operator = site.world.phone("119", Answer())
    citizen = await site.danger(*keys)
    duty = await site.duty.answers(within=8)
    await hear_each_other(citizen, duty, DUTY)
    assert silence(citizen) <= SILENCE_S
    await citizen.hang_up()
    slip = await switch.slip()
    assert slip.emergency is not None
    assert (slip.phone, slip.tries, slip.by_operator) == ("desk:8001", (), False)
    assert operator.legs == []


async def test_a_number_without_any_route_leads_to_a_person_who_is_told_of(site: Site) -> None:
    await site.switch("phone:119")
    citizen = await site.danger("1")
    await citizen.hears(FAILED_HZ)
    await hear_each_other(citizen, await site.duty.answers(), DUTY)


FAILURES: dict[str, tuple[Behaviour, tuple[str, int]]] = {  # what the operator's side does, and what the slip has
    "busy": (Busy(), ("BUSY", 17)),
    "no answer": (Ring(), ("NOANSWER", 0)),
    "rejected": (Reject(), ("CHANUNAVAIL", 21)),
    "unreachable": (Unavailable(), ("NOANSWER", 19)),
}
OTHERS = ("answers", *FAILURES)
LINES = dict(enumerate(OTHERS, 1))  # each on an emergency number of its own, so that all are tried at once
ORDERS = [("phone", "backup"), ("backup", "phone")]


class Operators:
    """Emergency numbers 901, 902, …: of each, the first route fails in one way, the second does what `LINES` says."""

    def __init__(self, site: Site, order: tuple[str, str], first: Behaviour | None) -> None:
        self.world = site.world
        self.routes = {
            f"90{line}": [EmergencyRoute(f"{trunk}:90{line}{place}", RING_S) for place, trunk in enumerate(order, 1)]
            for line in LINES
        }
        self.keys = {str(line): f"90{line}" for line in LINES}
        for line, other in LINES.items():
            second = Answer(tone=OPERATOR) if other == "answers" else FAILURES[other][0]
            for place, behaviour in ((1, first), (2, second)):
                if behaviour is not None:
                    self.world.phone(f"90{line}{place}", behaviour)

    def phones(self, line: int) -> list[Phone]:
        return [self.world.phone(f"90{line}{place}") for place in (1, 2)]

    async def start(self, site: Site, **sip: object) -> Switch:
        path = emergency_path(site.sounds, self.routes, keys=self.keys)
        return await site.started(path, **sip)

    async def one(self, site: Site, line: int, *, duty: bool) -> Leg:
        """A citizen in danger comes to the operator, or to the duty phone, and is never left in silence."""
        async with one_at_a_time(*self.phones(line)):
            citizen = await site.danger(str(line))
            await citizen.hears(*([DUTY] if duty else [OPERATOR]), within=15)
        assert silence(citizen) <= SILENCE_S, citizen.report()
        assert bool(timeline(citizen.heard(), [FAILED_HZ])) is duty
        return citizen


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("first", FAILURES)
async def test_whatever_the_operators_do_the_citizen_comes_to_one_of_them_or_to_a_person(
    site: Site, first: str, order: tuple[str, str]
) -> None:
    behaviour, told = FAILURES[first]
    operators = Operators(site, order, behaviour)
    switch = await operators.start(site, backup_trunk=site.settings.sip.trunk)
    citizens = await asyncio.gather(*(operators.one(site, line, duty=LINES[line] != "answers") for line in LINES))
    for citizen in citizens:
        await citizen.hang_up()
    await until(lambda: all(slip.ended for slip in switch.slips()), 5, lambda: str(switch.slips()))
    for slip in switch.slips():
        other = LINES[int(slip.tries[0].number[-1])]
        assert [each.address for each in slip.tries] == [
            route.address for route in operators.routes[slip.tries[0].number]
        ]
        assert (slip.tries[0].status, slip.tries[0].cause) == told
        assert slip.by_operator is (other == "answers")
        assert slip.phone == (slip.tries[1].address if other == "answers" else "desk:8001")


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("dead", [{"trunk"}, {"backup_trunk"}, {"trunk", "backup_trunk"}], ids="+".join)
async def test_a_trunk_that_is_dead_costs_no_citizen_an_operator_or_a_person(
    site: Site, dead_port: int, order: tuple[str, str], dead: set[str]
) -> None:
    alive = site.settings.sip.trunk
    trunks = {name: f"127.0.0.1:{dead_port}" if name in dead else alive for name in ("trunk", "backup_trunk")}
    first_is_dead = {"phone": "trunk", "backup": "backup_trunk"}[order[0]] in dead
    operators = Operators(site, order, None if first_is_dead else Busy())
    await operators.start(site, **trunks)
    reached = len(dead) == 1 and first_is_dead
    await asyncio.gather(
        *(operators.one(site, line, duty=not (reached and LINES[line] == "answers")) for line in LINES)
    )


async def test_without_a_second_trunk_its_routes_fail_at_once(site: Site) -> None:
    switch = await site.switch("backup:119", "phone:119")
    operator = site.world.phone("119", Answer(tone=OPERATOR))
    citizen = await site.danger("2")
    await hear_each_other(citizen, await operator.answers(), OPERATOR)
    await citizen.hang_up()
    first, second = (await switch.slip()).tries
    assert (first.address, first.status) == ("backup:119", "CHANUNAVAIL")
    assert second.answered is not None


async def test_a_citizen_who_gives_up_while_the_operator_rings_is_in_the_slip(site: Site) -> None:
    switch = await site.switch("phone:119")
    operator = site.world.phone("119", Ring())
    citizen = await site.danger("2")
    await operator.rings()
    await citizen.hang_up()
    await operator.stops_ringing()
    (tried,) = (await switch.slip()).tries
    assert (tried.answered, tried.ended) == (None, None)


async def test_routes_that_change_while_a_citizen_is_put_through_are_the_next_citizens(site: Site) -> None:
    switch = await site.switch("phone:1190", "phone:1191")
    old, new = site.world.phone("1190", Ring()), site.world.phone("1191", Answer(tone=OPERATOR))
    other = site.world.phone("1192", Answer(tone=OPERATOR + 200))
    citizen = await site.danger("2")
    await old.rings()
    await switch.service.change(ROUTES_FILE, routes_text({"119": [EmergencyRoute("phone:1192", RING_S)]}, "2"))
    await hear_each_other(citizen, await new.answers(), OPERATOR)
    second = await site.danger("2")
    await hear_each_other(second, await other.answers(), OPERATOR + 200)
    await citizen.hears(OPERATOR)  # and nothing of it touched the talk


async def test_trunks_are_asked_whether_they_answer_and_nobody_is_rung(
    site: Site, dead_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = await site.switch("phone:119", "backup:119", backup_trunk=f"127.0.0.1:{dead_port}")
    operator = site.world.phone("119")
    for endpoint, state in (("trunk", "online"), ("trunk2", "offline"), ("desk", "online"), ("trunk3", "missing")):

        async def as_expected(endpoint: str = endpoint, state: str = state) -> bool:
            return await switch.service.control.endpoint_state(endpoint) == state

        await eventually(as_expected)
    assert operator.legs == []

    file = tmp_path / "hotline.toml"
    port = switch.settings.switch.http_port
    file.write_text(f'state = "{switch.settings.state_dir}"\n[switch]\nhttp_port = {port}\n')
    monkeypatch.setenv("HOTLINE_SETTINGS", str(file))
    (switch.settings.state_dir / "secrets").mkdir()
    (switch.settings.state_dir / "secrets" / "ari").write_text(switch.ari_password)
    told = {found.name: found for found in await asyncio.to_thread(doctor.emergency_routes)}
    assert [(name, found.state.value) for name, found in told.items()] == [
        ("route 119.1", "ok"),
        ("route 119.2", "warning"),
    ]
    assert "trunk2" in told["route 119.2"].sentence
    await switch.service.stop()
    (finding,) = await asyncio.to_thread(doctor.emergency_routes)
    assert finding.state.value == "warning"


# ---------------------------------------------------------------- channels kept free


async def test_a_leg_that_a_worker_dials_counts_among_the_channels(site: Site) -> None:
    switch = await site.switch("phone:119", channels=3, reserved=1)
    phone = site.world.phone("13911111111", Answer(tone=OPERATOR))
    ari = AriClient(switch.base_url, switch.ari_user, switch.ari_password, "other", lambda _: None)
    await ari.start()
    try:
        body = {"variables": {"GROUP(lines)": "all"}}
        await ari.request("POST", "channels", body, endpoint="PJSIP/13911111111@trunk", app="other")
        await phone.answers()
        await site.world.call()
        with pytest.raises(NotObserved, match="cause 34"):
            await site.world.call(caller="13900000000")
    finally:
        await ari.stop()


async def test_the_last_channels_are_kept_for_emergencies(site: Site) -> None:
    """Three channels, one kept: the third call is refused, an operator's leg may be the third channel."""
    await site.switch("phone:119", channels=3, reserved=1)
    operator = site.world.phone("119", Answer(tone=OPERATOR))
    citizen = await site.danger("2")  # one channel, two with the operator's
    await hear_each_other(citizen, await operator.answers(), OPERATOR)
    with pytest.raises(NotObserved, match="cause 34"):
        await site.world.call(caller="13900000000")
    await citizen.hang_up()
    first, _ = await site.world.call(), await site.world.call()
    with pytest.raises(NotObserved, match="cause 34"):
        await site.world.call(caller="13900000000")
    await first.hears(NOTICE_HZ)
    await first.press("9")
    await first.hears(MENU_HZ)
    await first.press("2")
    await operator.answers()


async def watch_ringing(phones: list[Phone], most: list[int]) -> None:
    """Note how many of the phones ring at once, at most."""
    while True:
        most.append(sum(phone.ringing() for phone in phones))
        await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def one_at_a_time(*phones: Phone) -> AsyncIterator[None]:
    most: list[int] = [0]
    watching = asyncio.create_task(watch_ringing(list(phones), most))
    try:
        yield
    finally:
        watching.cancel()
    assert max(most) <= 1, "two operators were rung at once"
