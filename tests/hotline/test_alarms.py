"""A worker's alarms: raised at once whatever the database does, and there when it is back."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
import structlog

from bridge.alarms import AlarmBook
from config.database import Database
from config.metrics import ALARMS
from hotline.alarms import AlarmDesk
from tests.support.database import Outage, eventually

NOW = 1_795_200_000.0
CALL = "hotline-1795200000.1"


async def kept(database: Database) -> list[tuple[str, str, int]]:
    return [(alarm.kind, alarm.line, alarm.nth) for alarm in reversed(await AlarmBook(database).page(limit=99))]


@pytest_asyncio.fixture
async def desk(database: Database) -> AsyncIterator[AlarmDesk]:
    desk = AlarmDesk(database, clock=lambda: NOW, retry_s=(0.01, 0.05))
    await desk.start()
    yield desk
    await desk.stop()


async def test_an_alarm_is_in_the_log_in_the_metrics_and_in_the_database(desk: AlarmDesk, database: Database) -> None:
    counted = ALARMS.labels("emergency_failed")._value.get()
    with structlog.testing.capture_logs() as lines:
        desk.alarm(CALL, "emergency_failed", "119")
    assert [(line["log_level"], line["kind"], line["line"]) for line in lines] == [("error", "emergency_failed", "119")]
    assert ALARMS.labels("emergency_failed")._value.get() == counted + 1
    await eventually(lambda: desk.waiting == 0)
    (alarm,) = await AlarmBook(database).page(limit=9)
    assert (alarm.at, alarm.call, alarm.acknowledged) == (NOW, CALL, None)


async def test_the_same_alarm_raised_twice_is_two(desk: AlarmDesk, database: Database) -> None:
    for line in ("119", "119", "120"):
        desk.alarm(CALL, "emergency", line)
    await eventually(lambda: desk.waiting == 0)
    assert sorted(await kept(database)) == [("emergency", "119", 1), ("emergency", "119", 2), ("emergency", "120", 1)]


async def test_given_the_database_away_then_alarms_wait_for_it_and_nobody_waits_for_them(outage: Outage) -> None:
    database = Database(outage.url, busy_timeout_s=0.3, connect_timeout_s=0.3)
    await database.migrate()
    desk = AlarmDesk(database, clock=lambda: NOW, limit_s=0.3, retry_s=(0.01, 0.05))
    await desk.start()
    await outage.begin()
    with structlog.testing.capture_logs() as lines:
        desk.alarm(CALL, "emergency", "119")
        desk.alarm(CALL, "emergency_failed", "119")

        def tried() -> bool:
            return any(line["event"] == "alarms cannot be written now" for line in lines)

        await eventually(tried)
    assert desk.waiting == 2
    outage.end()
    await eventually(lambda: desk.waiting == 0)
    assert await kept(database) == [("emergency", "119", 1), ("emergency_failed", "119", 1)]
    await desk.stop()
    await database.dispose()


class Hung(Database):
    """Takes every question and answers none."""

    asked = 0

    def begin(self, *, replayable: bool = False) -> object:  # type: ignore[override]
        self.asked += 1
        return self

    async def __aenter__(self) -> None:
        await asyncio.Event().wait()

    async def __aexit__(self, *error: object) -> None: ...


async def test_given_a_hung_database_then_raising_takes_no_turn_of_the_loop_and_the_desk_still_stops(
    database_url: str,
) -> None:
    hung = Hung(database_url)
    desk = AlarmDesk(hung, limit_s=0.01, retry_s=(0.01, 0.02))
    await desk.start()
    for number in range(50):
        desk.alarm(f"c{number}", "emergency", "119")
    assert (desk.waiting, hung.asked) == (50, 0)
    await eventually(lambda: hung.asked > 2)
    await desk.stop()
    assert desk.waiting == 50


async def test_an_alarm_before_the_desk_is_open_is_not_lost(database: Database) -> None:
    desk = AlarmDesk(database, clock=lambda: NOW)
    desk.alarm(CALL, "emergency", "110")
    await desk.start()
    await desk.stop()
    assert await kept(database) == [("emergency", "110", 1)]
