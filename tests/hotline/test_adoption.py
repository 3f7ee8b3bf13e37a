"""Calls that the switch served alone: their slips become calls in the journal, with order and recording, once."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from sqlalchemy import select

from bridge.follower import OrderFollower
from bridge.orders import Orders
from config.asterisk_config import slips_dir
from config.database import Database
from config.settings import Settings
from hotline.adoption import Adoption
from ivr.call import (
    CallArrived,
    CallClosed,
    DigitPressed,
    Outcome,
    Role,
    SwitchHandled,
    Talk,
    TransferKind,
    TransferResult,
)
from ivr.journal import Entry, FollowerRunner, Journal
from ivr.journal.tables import journal as journal_table
from recordings.ledger import Ledger, LedgerFollower, State
from tests.support.database import eventually

T0 = 1_795_190_400.0
CALL = "hotline-1795190399.7"
BEGUN = f"dialled=12345\ncaller=13800138000\nreason=FAILED\nbegan={T0}\n"
ANSWERED = f"{BEGUN}phone=phone:0795111\nanswered={T0 + 10}\nended={T0 + 40.5}\n"


class Site:
    """A journal under the switch's name, a folder of slips, and a clock that the test sets."""

    def __init__(self, database: Database, state: Path) -> None:
        self.settings = Settings(state=state)
        self.slips = slips_dir(self.settings)
        self.slips.mkdir(parents=True)
        self.settings.recording_spool.mkdir(parents=True)
        self.database = database
        self.journal = Journal(database, state / "spool", "switch")
        self.now = T0 + 60
        self.version = "v1"
        self.adoption = self.another()

    def another(self) -> Adoption:
        return Adoption(self.journal, self.settings, rules=lambda: self.version, poll_s=0.01, clock=lambda: self.now)

    def slip(self, text: str, call: str = CALL, at: float = T0) -> Path:
        path = self.slips / call
        path.write_text(text)
        os.utime(path, (at, at))
        return path

    async def entries(self) -> int:
        async with self.database.connect() as connection:
            return len((await connection.execute(select(journal_table.c.position))).all())


@pytest_asyncio.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(database, tmp_path / "state")
    await site.journal.start()
    yield site
    await site.journal.stop()


async def test_given_a_call_that_a_duty_phone_answered_then_the_journal_tells_it(site: Site) -> None:
    path = site.slip(ANSWERED)
    await site.adoption.work()
    arrived, handled, closed = (entry.event for entry in await site.journal.read(CALL))
    assert arrived == CallArrived(
        at=T0, call=CALL, dialled="12345", caller="13800138000", carrier="asterisk", rules="v1", recording=CALL
    )
    assert handled == SwitchHandled(at=T0 + 40.5, answered=True, ended=T0 + 40.5)
    talk = Talk(leg=f"{CALL}-s1", role=Role.DUTY, party="phone:0795111", began=T0 + 10, ended=T0 + 40.5)
    assert closed == CallClosed(at=T0 + 40.5, outcome=Outcome.ANSWERED, talks=(talk,))
    assert not path.exists()


async def test_given_nobody_answered_then_the_call_was_unattended(site: Site) -> None:
    site.slip(f"{BEGUN}ended={T0 + 40}\n")
    await site.adoption.work()
    closed = (await site.journal.read(CALL))[-1].event
    assert closed == CallClosed(at=T0 + 40, outcome=Outcome.UNATTENDED)


async def test_given_an_emergency_then_the_journal_has_each_route_with_its_result(site: Site) -> None:
    tries = [("BUSY 17", "busy"), ("NOANSWER 0", "no_answer"), ("CHANUNAVAIL 21", "rejected"), ("CONGESTION 34", "")]
    lines = [f"emergency={T0 + 1}", f"chosen=119 {T0 + 2}"]
    for place, (told, _) in enumerate(tries):
        lines += [f"try=phone:119{place} {T0 + 3 + place}", f"tried={told} {T0 + 3.5 + place}"]
    lines += [f"try=backup:119 {T0 + 8}", "phone=backup:119", f"answered={T0 + 9}", f"ended={T0 + 20}"]
    site.slip(BEGUN + "\n".join(lines) + "\n")
    await site.adoption.work()
    _, pressed, handled, closed = (entry.event for entry in await site.journal.read(CALL))
    assert pressed == DigitPressed(at=T0 + 1, leg=CALL, digit="9")
    assert handled == SwitchHandled(at=T0 + 20, answered=True, ended=T0 + 20)
    assert isinstance(closed, CallClosed)
    assert closed.talks == (Talk(leg=f"{CALL}-s1", role=Role.LINE, party="119", began=T0 + 9, ended=T0 + 20),)
    assert [attempt.result for attempt in closed.attempts] == [
        *(TransferResult(result or "unreachable") for _, result in tries),
        TransferResult.CONNECTED,
    ]
    assert {(attempt.line, attempt.transfer) for attempt in closed.attempts} == {("119", TransferKind.EMERGENCY)}
    assert closed.attempts[-1].answered == T0 + 9


async def test_given_the_citizen_left_while_an_operator_rang_then_that_attempt_was_abandoned(site: Site) -> None:
    site.slip(f"{BEGUN}emergency={T0 + 1}\nchosen=119 {T0 + 2}\ntry=phone:119 {T0 + 3}\nended={T0 + 5}\n")
    await site.adoption.work()
    closed = (await site.journal.read(CALL))[-1].event
    assert isinstance(closed, CallClosed)
    (attempt,) = closed.attempts
    assert (attempt.result, attempt.ended, closed.outcome) == (TransferResult.ABANDONED, T0 + 5, Outcome.UNATTENDED)


async def test_given_a_call_that_goes_on_then_its_slip_waits(site: Site) -> None:
    path = site.slip(BEGUN)
    await site.adoption.work()
    assert (await site.journal.read(CALL), path.exists()) == ([], True)


async def test_given_the_switch_died_with_the_call_then_it_ended_when_something_was_written_last(site: Site) -> None:
    path = site.slip(BEGUN)
    recording = site.settings.recording_spool / f"{CALL}-c.sln"
    recording.write_bytes(b"\0" * 100)
    os.utime(recording, (T0 + 25, T0 + 25))
    site.now = T0 + 25 + 599
    await site.adoption.work()
    assert path.exists()
    site.now += 2
    await site.adoption.work()
    assert (await site.journal.read(CALL))[-1].event.at == T0 + 25
    assert not path.exists()


async def test_given_adoption_was_interrupted_before_the_slip_went_then_nothing_is_doubled(site: Site) -> None:
    for _ in range(2):
        path = site.slip(ANSWERED)
        await site.adoption.work()
        assert not path.exists()
    site.version = "v2"  # the city pack was changed meanwhile
    path = site.slip(ANSWERED)
    await site.another().work()
    assert (await site.entries(), path.exists()) == (3, False)


async def test_given_a_worker_has_the_call_then_what_the_switch_did_is_added_at_its_end(
    site: Site, tmp_path: Path
) -> None:
    worker = Journal(site.database, tmp_path / "worker", "w1")
    await worker.start()
    arrived = CallArrived(at=T0, call=CALL, dialled="12345", caller=None, carrier="asterisk", rules="v1")
    await worker.append(Entry(CALL, 1, arrived))
    path = site.slip(ANSWERED)
    await site.adoption.work()
    assert path.exists()
    await worker.append(Entry(CALL, 2, CallClosed(at=T0 + 50, outcome=Outcome.ABANDONED)))
    await worker.stop()
    for _ in range(2):
        await site.adoption.work()
        assert not path.exists()
        assert [entry.event.__struct_config__.tag for entry in await site.journal.read(CALL)] == [
            "call_arrived",
            "call_closed",
            "switch_handled",
        ]
        path = site.slip(ANSWERED)


async def test_what_is_no_slip_is_left_alone(site: Site) -> None:
    torn = site.slip("dialled=12345\ncaller=1380", call="torn")
    (site.slips / "folder").mkdir()
    await site.adoption.work()
    assert (await site.entries(), torn.exists()) == (0, True)


async def test_an_adopted_call_gets_its_order_and_its_recording_by_the_same_road(site: Site) -> None:
    site.slip(ANSWERED)
    runner = FollowerRunner(site.database, [OrderFollower("YC"), LedgerFollower()])
    await runner.start()
    stop = asyncio.Event()
    running = asyncio.create_task(site.adoption.run(stop))

    async def told() -> bool:
        found = await Orders(site.database, "YC").page(limit=1, call=CALL)
        return bool(found) and found[0].closed is not None and bool(await Ledger(site.database).due(9))

    await eventually(told)
    stop.set()
    await running
    await runner.stop()
    (order,) = await Orders(site.database, "YC").page(limit=1, call=CALL)
    assert (order.outcome, order.waited_s, order.talk_s, order.agents) == ("answered", 10.0, 30.5, ())
    assert [(due.call, due.state) for due in await Ledger(site.database).due(9)] == [(CALL, State.EXPECTED)]
