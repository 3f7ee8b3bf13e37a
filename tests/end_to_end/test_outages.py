"""What is away for a while costs no call: Redis restarted in mid-call, the database unreachable during calls."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from hotline.runtime import postgres
from tests.end_to_end.support import AGENT, CITIZEN, goes_on, hear_each_other, sides, town
from tests.sandbox import Answer

QUICK = """
[limits]
wrap_up_s = 0
"""
OUTAGE_S = 30.0


def redis_pid(state: Path) -> int:
    return int((state / "redis" / "redis.pid").read_text("ascii").split()[0])


@pytest.mark.switch
@pytest.mark.redis
@pytest.mark.parametrize("empty", [False, True], ids=["with its data", "empty"])
async def test_given_redis_restarted_in_mid_call_then_talks_and_waiting_callers_go_on(
    tmp_path: Path, empty: bool
) -> None:
    async with town(tmp_path, pack=QUICK) as place:
        place.new_phones()
        await place.hotline.sign_in("8001")
        talking, agent = await place.talk()
        waiting = await place.call(caller="13700000002")
        await waiting.press("0")
        call = await place.last_call()
        await place.hotline.eventually(
            f"/api/calls/{call}", lambda found: any(line["kind"] == "queued" for line in found["story"])
        )
        os.kill(redis_pid(place.hotline.state), signal.SIGKILL)
        if empty:
            for path in (place.hotline.state / "redis" / "data").rglob("*"):
                if path.is_file():
                    path.unlink(missing_ok=True)
        await hear_each_other(talking, agent)
        # the keeper has started it again; the queue fills itself, and the waiting citizen gets the agent
        await agent.hang_up()
        await talking.ends(within=15)
        second = await place.desk().answers(within=30)
        await hear_each_other(waiting, second)
        await waiting.hang_up()
        await place.closed(call)
        assert (await place.order(call))["outcome"] == "answered"


@pytest.mark.switch
@pytest.mark.redis
@pytest.mark.postgres
@pytest.mark.timeout(240)
async def test_given_the_database_away_for_30_seconds_then_calls_go_on_and_every_event_lands_once(
    tmp_path: Path,
) -> None:
    server = await asyncio.to_thread(postgres.start, tmp_path / "postgres")
    try:
        url = server.create_database("hotline")
        async with town(tmp_path, pack=QUICK, environment={"HOTLINE_DATABASE_URL": url}) as place:
            place.new_phones()
            await place.hotline.sign_in("8001")
            before, agent = await place.talk()
            away = asyncio.get_running_loop().time()
            await asyncio.to_thread(server.stop)
            # a talk that began before the outage ends in it …
            await hear_each_other(before, agent)
            await agent.hang_up()
            await before.ends(within=15)
            # … one happens wholly in it …
            during = await place.call(caller="13700000002")
            await during.press("0")
            agent = await place.desk().answers(within=20)
            await hear_each_other(during, agent)
            await during.hang_up()
            await agent.ends()
            # … and one that began in it ends afterwards
            after = await place.call(caller="13700000003")
            await after.press("0")
            agent = await place.desk().answers(within=20)
            await goes_on(after, max(1.0, OUTAGE_S - (asyncio.get_running_loop().time() - away)))
            await asyncio.to_thread(server.start)
            await hear_each_other(after, agent)
            await agent.hang_up()
            await after.ends(within=15)

            page = await place.hotline.eventually(
                "/api/calls", lambda page: len(page["items"]) == 3 and all(each["ended"] for each in page["items"]), 60
            )
            for each in page["items"]:
                story = await place.closed(each["call"])
                assert [line["seq"] for line in story["story"]] == list(range(1, len(story["story"]) + 1))
                assert [line["kind"] for line in story["story"]].count("call_arrived") == 1
                assert [line["kind"] for line in story["story"]].count("call_closed") == 1
                assert (await place.order(each["call"]))["outcome"] == "answered"
                recording, samples = await place.recording(each["call"])
                assert recording["gap"] is None
                assert sides(samples) == ({CITIZEN}, {AGENT})
    finally:
        await asyncio.to_thread(server.stop)


@pytest.mark.switch
@pytest.mark.redis
async def test_given_the_switch_restarts_then_the_hotline_serves_again_and_broken_calls_are_closed(
    tmp_path: Path,
) -> None:
    async with town(tmp_path, pack=QUICK) as place:
        place.new_phones()
        await place.hotline.sign_in("8001")
        _, agent = await place.talk()
        call = await place.last_call()
        await goes_on(agent, 3.0)
        pid = int((place.hotline.state / "switch" / "asterisk.pid").read_text("ascii").split()[0])
        os.kill(pid, signal.SIGKILL)
        # with the switch every call is gone; it is started again, and the journal learns of the loss
        await place.closed(call, within=30)
        await place.hotline.ready()
        place.new_phones()
        place.desk(behaviour=Answer(after=0.2, tone=AGENT))
        citizen, _ = await place.talk()
        await citizen.hang_up()
        _, samples = await place.recording(call)
        assert sides(samples)[0] == {CITIZEN}, "what was said until then is kept"


@pytest.mark.switch
@pytest.mark.redis
@pytest.mark.postgres
async def test_given_the_database_away_at_the_start_then_calls_are_served_and_land_when_it_is_there(
    tmp_path: Path,
) -> None:
    server = await asyncio.to_thread(postgres.start, tmp_path / "postgres")
    try:
        url = server.create_database("hotline")
        await asyncio.to_thread(server.stop)
        async with town(tmp_path, pack=QUICK, environment={"HOTLINE_DATABASE_URL": url}) as place:
            place.new_phones()
            await place.hotline.sign_in("8001")
            citizen, agent = await place.talk()
            await agent.hang_up()
            await citizen.ends(within=15)
            await asyncio.to_thread(server.start)
            call = await place.last_call()
            await place.closed(call, within=30)
            assert (await place.order(call))["outcome"] == "answered"
    finally:
        await asyncio.to_thread(server.stop)
