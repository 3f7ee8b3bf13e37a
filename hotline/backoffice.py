"""The process behind the calls: orders and ledger follow the journal, recordings are archived, and calls that the
switch served alone are taken over.

No call waits for anything here; killed, it goes on where it stopped.
"""

import asyncio
import os
import signal

import msgspec
import structlog

from bridge.follower import OrderFollower
from config.database import Database, is_outage
from config.settings import Settings
from hotline.adoption import Adoption
from hotline.city import City
from hotline.heartbeat import run_process
from hotline.restrictions import AppealFollower, JournalCalls, callers_of
from hotline.table_watch import TableWatch
from ivr.journal import FollowerRunner, Journal, JournalReader
from recordings.archive import Archiver
from recordings.keeping import Retention
from recordings.ledger import LedgerFollower
from routing.restrictions import Appeals
from routing.tables.versions import Versions

log = structlog.get_logger(__name__)

MIGRATE_EVERY_S = 2.0
NICENESS = 10
RETENTION_FIELD = "recording.keep_min_years"


def retention_of(city: City) -> Retention:
    """The city's rule for keeping recordings, with its source."""
    return Retention(city.pack.recording.keep_min_years, city.pack.source(RETENTION_FIELD))


async def work(settings: Settings, city: City, stop: asyncio.Event) -> None:
    """Everything of this process, until `stop`."""
    database = Database(settings.database)
    journal = Journal(database, settings.state_dir / "spool", "switch")
    appeals = Appeals(database, callers_of(settings, city.pack), JournalCalls(JournalReader(database)))
    followers = FollowerRunner(
        database,
        [OrderFollower(city.pack.order_prefix, lambda: city.rules), LedgerFollower(), AppealFollower(appeals)],
    )
    archiver = Archiver(database, settings.recording_spool, settings.state_dir / "archive", lambda: retention_of(city))
    tables = TableWatch(
        city, database, lambda rules: journal.keep_rules(rules.version, msgspec.json.encode(rules)), speak=True
    )
    adoption = Adoption(journal, settings, rules=lambda: city.rules.version)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, city.reload)
    city.catch_up()
    await journal.start()
    journal.on_commit(followers.wake)
    await journal.keep_rules(city.rules.version, msgspec.json.encode(city.rules))
    await tables.start()
    await followers.start()
    loops = [asyncio.create_task(_begun(database, city), name="migration")]
    loops += [asyncio.create_task(adoption.run(stop), name="adoption")]
    loops += [asyncio.create_task(archiver.run(stop), name="archiver")]
    try:
        await stop.wait()
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await followers.stop()
        await tables.stop()
        await journal.stop()
        await database.dispose()


async def _begun(database: Database, city: City) -> None:
    """Schema and first transfer table, also when the database was away when the hotline started; until then events
    are spooled, and calls are routed by the pack's lines.
    """
    while True:
        try:
            await database.migrate()
            versions = Versions(database, city.pack.id, frame=lambda: city.frame)
            await versions.adopt_pack(city.pack_table)
            return
        except Exception as error:
            if not is_outage(error):
                raise
            await asyncio.sleep(MIGRATE_EVERY_S)


def run_backoffice(settings: Settings, city: City, pipe: int) -> None:
    """The body of the process. Calls come first: it takes what processor time they leave."""
    os.nice(NICENESS)
    run_process(pipe, lambda stop: work(settings, city, stop))
