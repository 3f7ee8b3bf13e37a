"""A caller whom people restricted: what the caller hears, what stays open, and that nobody else notices.

Two people decide over HTTP, each in their own name, with calls as evidence; the audit log tells of it, masked.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import pytest
import pytest_asyncio

from config.chinatime import china_day
from tests.end_to_end.support import (
    Kept,
    Person,
    Reply,
    Town,
    hear_each_other,
    journalled,
    sign_up,
    town,
)
from tests.sandbox import Answer, Leg

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

LIMIT_S = 40.0  # generous: the machine may have other work
AMBULANCE_HZ = 1300.0
DAYS = 30  # the longest restriction of the tests' city
RULES = f"""
[restrictions]
enabled = true
max_days = {DAYS}

[limits]
wrap_up_s = 0
"""


@dataclass
class Watch:
    """The town with those who decide about callers. Whoever restricts somebody gets a number of nobody else's."""

    town: Town
    sun: Person  # agent
    zhao: Person  # supervisor
    qian: Person  # supervisor
    wu: Person  # auditor

    async def calls_of(self, caller: str, number: str = "12345") -> list[Kept]:
        found = await journalled(f"sqlite+aiosqlite:///{self.town.hotline.state / 'hotline.db'}", number)
        return [each for each in found if each.arrived.caller == (caller or None)]

    async def arrive(self, caller: str, number: str = "12345") -> tuple[Leg, Kept]:
        """A call, once it is in the journal."""
        before = len(await self.calls_of(caller, number))
        citizen = await self.town.call(number, caller=caller, within=20)
        deadline = asyncio.get_running_loop().time() + LIMIT_S
        while len(found := await self.calls_of(caller, number)) == before:
            assert asyncio.get_running_loop().time() < deadline, f"no call of {caller} in the journal"
        return citizen, found[-1]

    async def call_until(self, caller: str, *, restricted: bool) -> tuple[Leg, str]:
        """Call until the caller is received so; the calls before that end in their greeting, before anybody rings."""
        deadline = asyncio.get_running_loop().time() + LIMIT_S
        while asyncio.get_running_loop().time() < deadline:
            citizen, kept = await self.arrive(caller)
            if (kept.arrived.restricted_until is not None) is restricted:
                return citizen, kept.arrived.call
            await citizen.hang_up()
        raise AssertionError(f"{caller} was never {'' if restricted else 'un'}restricted")

    async def short_talk(self, caller: str) -> str:
        """A call that ends in a short talk; returns its id."""
        citizen, kept = await self.arrive(caller)
        await citizen.press("0")
        agent = await self.town.world.phone("8001").answers(within=20)
        await hear_each_other(citizen, agent)
        await citizen.hang_up()
        await self.town.closed(kept.arrived.call, within=LIMIT_S)
        return kept.arrived.call

    async def restrict(self, caller: str) -> int:
        """Warn, hear of it again, propose, confirm, as the rules ask; returns the restriction's number."""
        warned = await self.sun.ask(
            "POST", "/api/restrictions/warnings", json={"call": await self.short_talk(caller), "note": "已提醒不得辱骂"}
        )
        assert warned.status == 201, warned
        made = await self.propose(await self.short_talk(caller))
        assert made.status == 201, made
        number = int(made.body["id"])
        done = await self.zhao.ask("POST", f"/api/restrictions/{number}/confirm", json={"why": "情况属实"})
        assert done.status == 200, done
        assert done.body["state"] == "active"
        return number

    async def propose(self, call: str, by: Person | None = None, days: int = DAYS) -> Reply:
        """For so many days, today included, with one call as evidence."""
        ends = china_day(time.time()) + timedelta(days=days - 1)
        proposal = {"calls": [call], "reason": "多次辱骂话务员", "ends": ends.isoformat()}
        return await (by or self.sun).ask("POST", "/api/restrictions", json=proposal)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watch]:
    async with town(tmp_path_factory.mktemp("restricted"), pack=RULES) as place:
        await place.hotline.eventually("/api/tables/effective", lambda found: bool(found["number"]), LIMIT_S)
        accounts = (("sun.li", "agent"), ("zhao.min", "supervisor"), ("qian.fang", "supervisor"), ("wu.jun", "auditor"))
        yield Watch(place, *[await sign_up(place.hotline, name, role) for name, role in accounts])


@pytest_asyncio.fixture(loop_scope="module")
async def watch(people: Watch) -> AsyncIterator[Watch]:
    """With agent 8001 alone on shift, every phone as nobody had touched it."""
    people.town.new_phones()
    await people.town.hotline.sign_in("8001")
    yield people
    await people.town.everybody_hangs_up()


def prompts(story: list[dict[str, str]]) -> list[str]:
    """The names of the prompts that were played."""
    told = [line["text"].split()[1] for line in story if line["kind"] == "prompt_ended"]
    return [prompt.partition("_")[2] for prompt in told]


def kinds(story: list[dict[str, str]]) -> set[str]:
    return {line["kind"] for line in story}


async def test_a_restricted_caller_hears_of_it_and_nobody_rings_until_it_is_lifted(watch: Watch) -> None:
    caller, place = "13811110001", watch.town
    number = await watch.restrict(caller)
    place.new_phones()
    citizen, call = await watch.call_until(caller, restricted=True)
    await citizen.hears_speech(within=15)
    await citizen.ends(within=90)
    story = (await place.closed(call, within=LIMIT_S))["story"]
    assert prompts(story) == ["restricted", "restricted_bye"]
    assert not kinds(story) & {"queued", "agent_offered"}
    assert not place.world.phone("8001").legs, "nobody rings"
    assert (await place.order(call))["outcome"] == "restricted"

    by_agent = await watch.sun.ask("POST", f"/api/restrictions/{number}/lift", json={"why": "我来解除"})
    assert by_agent.status == 403
    lifted = await watch.qian.ask("POST", f"/api/restrictions/{number}/lift", json={"why": "已道歉"})
    assert lifted.status == 200
    assert lifted.body["state"] == "lifted"
    citizen, call = await watch.call_until(caller, restricted=False)
    await citizen.press("0")
    agent = await place.world.phone("8001").answers(within=20)
    await hear_each_other(citizen, agent)
    await citizen.hang_up()

    page = await watch.wu.get(f"/api/audit?subject=restriction:{number}")
    assert [(each["who"], each["action"], each["why"]) for each in reversed(page["items"])] == [
        ("sun.li", "restriction.propose", "多次辱骂话务员"),
        ("zhao.min", "restriction.confirm", "情况属实"),
        ("qian.fang", "restriction.lift", "已道歉"),
    ]
    everything = json.dumps([page, await watch.sun.get(f"/api/restrictions/{number}"), lifted.body])
    assert caller not in everything, "numbers are masked"
    assert "138****0001" in everything


async def test_key_1_leaves_an_appeal_that_people_see_and_decide_about(watch: Watch) -> None:
    caller, place = "13811110002", watch.town
    number = await watch.restrict(caller)
    citizen, call = await watch.call_until(caller, restricted=True)
    await citizen.hears_speech(within=15)
    await citizen.press("1")
    await place.hotline.eventually(
        f"/api/calls/{call}", lambda found: "appeal" in prompts(found["story"]), LIMIT_S
    )  # the tone has sounded, the citizen speaks
    await citizen.press("#")
    await citizen.ends(within=30)
    await place.closed(call, within=LIMIT_S)
    await place.hotline.eventually("/api/restrictions/appeals", lambda page: call in str(page), LIMIT_S)
    (appeal,) = [each for each in (await watch.sun.get("/api/restrictions/appeals"))["items"] if each["call"] == call]
    assert (appeal["restriction"], appeal["by"], appeal["outcome"]) == (number, "hotline", None)
    order = await place.order(call)
    assert (order["appeal"], order["call_back"]) == (True, True)

    decision = {"outcome": "lifted", "why": "电话被他人使用"}
    own = await watch.zhao.ask("POST", f"/api/restrictions/appeals/{appeal['id']}/decision", json=decision)
    assert own.status == 403, "not by whoever confirmed the restriction"
    done = await watch.qian.ask("POST", f"/api/restrictions/appeals/{appeal['id']}/decision", json=decision)
    assert done.status == 200, done
    citizen, _ = await watch.call_until(caller, restricted=False)
    await citizen.hang_up()
    history = (await watch.sun.get(f"/api/restrictions/{number}"))["history"]
    assert [(each["who"], each["action"]) for each in history[2:4]] == [
        ("hotline", "restriction.appeal"),
        ("qian.fang", "restriction.appeal_decision"),
    ]


async def test_key_9_reaches_an_agent_before_everybody_who_waits(watch: Watch) -> None:
    caller, place = "13811110003", watch.town
    await watch.restrict(caller)
    place.new_phones()
    talking, agent = await place.talk(caller="13700000001")
    waiting, kept = await watch.arrive("13700000002")  # another caller, whose call is as ever
    assert kept.arrived.restricted_until is None
    await waiting.press("0")
    await place.hotline.eventually(
        f"/api/calls/{kept.arrived.call}", lambda found: "queued" in kinds(found["story"]), LIMIT_S
    )
    citizen, call = await watch.call_until(caller, restricted=True)
    await citizen.hears_speech(within=15)
    await citizen.press("9")
    await place.hotline.eventually(f"/api/calls/{call}", lambda found: "queued" in kinds(found["story"]), LIMIT_S)
    await talking.hang_up()
    await agent.ends()
    agent = await place.world.phone("8001").answers(within=LIMIT_S)
    assert agent.caller == caller, "who came later is served first"
    await hear_each_other(citizen, agent)
    await citizen.hang_up()
    agent = await place.world.phone("8001").answers(within=LIMIT_S)
    assert agent.caller == "13700000002"
    await hear_each_other(waiting, agent)
    await waiting.hang_up()
    await place.closed(call, within=LIMIT_S)
    assert (await place.order(call))["outcome"] == "answered"


async def test_other_spellings_are_the_same_caller_and_a_withheld_number_and_120_are_open(watch: Watch) -> None:
    caller, place = "13811110004", watch.town
    await watch.restrict(caller)
    citizen, _ = await watch.call_until(caller, restricted=True)
    await citizen.hang_up()
    for spelling in ("+8613811110004", "008613811110004", "013811110004"):
        citizen, kept = await watch.arrive(spelling)
        assert kept.arrived.restricted_until is not None, spelling
        await citizen.hang_up()
    await watch.short_talk("")  # withheld

    ambulance = place.world.phone("120", Answer(after=0.2, tone=AMBULANCE_HZ))
    citizen, kept = await watch.arrive(caller, "120")
    await citizen.hears_speech(within=15)
    leg = await ambulance.answers(within=LIMIT_S)
    await hear_each_other(citizen, leg, other_hz=AMBULANCE_HZ)
    await citizen.hang_up()


async def test_nobody_is_restricted_by_one_person_without_a_warning_or_for_too_long(watch: Watch) -> None:
    caller, place = "13811110005", watch.town
    call = await watch.short_talk(caller)
    assert (await watch.propose(call)).status == 422, "never warned"
    note = {"call": call, "note": "已提醒不得辱骂"}
    assert (await watch.sun.ask("POST", "/api/restrictions/warnings", json=note)).status == 201
    assert (await watch.propose(call)).status == 422, "did not call again"
    call = await watch.short_talk(caller)
    assert (await watch.propose(call, days=DAYS + 1)).status == 422, "too long"
    made = await watch.propose(call, by=watch.zhao)
    assert made.status == 201
    number = made.body["id"]
    for person in (watch.sun, watch.zhao):  # no supervisor, and who proposed it
        refused = await person.ask("POST", f"/api/restrictions/{number}/confirm", json={})
        assert refused.status == 403
    await watch.short_talk(caller)  # as ever
    why = {"why": "证据不足"}
    assert (await watch.qian.ask("POST", f"/api/restrictions/{number}/refuse", json=why)).status == 200
    await watch.short_talk(caller)
    page = await watch.wu.get(f"/api/audit?subject=restriction:{number}")
    assert [(each["who"], each["action"], each["why"]) for each in page["items"]] == [
        ("qian.fang", "restriction.refuse", "证据不足"),
        ("zhao.min", "restriction.propose", "多次辱骂话务员"),
    ]
    token = place.hotline.api("POST", f"/api/restrictions/{number}/confirm", json={})
    with pytest.raises(aiohttp.ClientResponseError) as refused_token:
        await token
    assert refused_token.value.status == 403, "a token is no person"
