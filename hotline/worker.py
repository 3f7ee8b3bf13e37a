"""The process that runs calls: journal, engine, carrier and queue of one worker, put together.

Decides nothing about a call; it lives under `hotline.supervisor` and may be killed at any moment.
"""

import asyncio
import contextlib
import signal
import time
from collections import Counter
from datetime import date

import msgspec
import structlog

from config import metrics
from config.database import Database
from config.settings import Settings, secret
from hotline.acd_port import AcdPort
from hotline.alarms import AlarmDesk
from hotline.city import City
from hotline.heartbeat import run_process
from hotline.presence import StoredPresence
from hotline.questions import QuestionBox
from hotline.readiness import Readiness
from hotline.restrictions import callers_of, policy_of
from hotline.table_watch import TableWatch
from ivr.call import AnyEvent, CallArrived, CallClosed, Stage
from ivr.carriers.asterisk.carrier import AsteriskCarrier
from ivr.engine import Engine
from ivr.flow import Rules
from ivr.journal import Journal
from ivr.snapshots import Snapshots
from routing.connection import open_redis
from routing.errors import AcdUnavailable
from routing.queue import Acd
from routing.restrictions import ActiveRestrictions

log = structlog.get_logger(__name__)

CANARY_EVERY_S = 5.0
DATABASE_LIMIT_S = 2.0  # what a start waits for it: calls are in the switch already
ARI_USER = "hotline"


class Worker:
    """One worker, by name (``w1``); its ARI application is ``hotline-<name>``."""

    def __init__(self, name: str, settings: Settings, redis_url: str, city: City) -> None:
        state = settings.state_dir
        self.name = name
        self.city = city
        self.database = Database(settings.database)
        self.redis = open_redis(redis_url)
        self.journal = Journal(self.database, state / "spool", name)
        self.snapshots = Snapshots(self.redis, name)
        self.acd = Acd(self.redis, worker=name, ring_s=city.rules.ring_s, presence_store=StoredPresence(self.database))
        self.queue = AcdPort(self.acd, wrap_up_s=lambda: city.pack.limits.wrap_up_s)
        self.questions = QuestionBox(self.redis, name)
        self.alarms = AlarmDesk(self.database)
        self.restrictions = ActiveRestrictions(
            self.database, callers_of(settings, city.pack), lambda: policy_of(city.pack), limit_s=DATABASE_LIMIT_S
        )
        self.tables = TableWatch(city, self.database, self._keep_rules)
        self.carrier = AsteriskCarrier(
            base=f"http://{settings.switch.host}:{settings.switch.http_port}",
            user=ARI_USER,
            password=secret(state, "ari"),
            app=f"hotline-{name}",
            sounds=city,
            reception=self,
        )
        self.engine = Engine(
            journal=self.journal,
            snapshots=self.snapshots,
            rules=self._rules,
            carrier=self.carrier,
            queue=self.queue,
            replies=self.questions,
            alarms=self.alarms,
            observer=Counts(),
        )
        self.readiness = Readiness(state, name)

    async def run(self, stop: asyncio.Event) -> None:
        """Take over what an earlier process of this name left, then run calls until `stop`."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(self._reload()))
        self.city.catch_up()
        await self.journal.start()
        await self._keep_rules(self.city.rules)
        await self.tables.start()
        await self.restrictions.start()
        await self.engine.load()
        log.info("worker begins", worker=self.name, open_calls=len(self.engine.calls))
        await self.queue.start(self.engine)
        await self.questions.start(self.engine)
        await self.alarms.start()
        await self._enrol()
        await self.carrier.start(self.engine, self.engine.resync)
        watching = asyncio.create_task(self._watch(), name="canary")
        try:
            await stop.wait()
        finally:
            watching.cancel()
            await self.questions.stop()  # first: what comes from now on is for the successor
            await self.carrier.stop()
            await self.engine.stop()
            await self.queue.stop()
            await self.alarms.stop()
            await self.tables.stop()
            await self.restrictions.stop()
            await self.snapshots.stop()
            await self.journal.stop()
            await self.redis.aclose()
            await self.database.dispose()

    # ------------------------------------------------------------ the city's rules

    async def _rules(self, version: str) -> Rules:
        return await self.city.rules_of(version, self.journal)

    async def _keep_rules(self, rules: Rules) -> None:
        await self.journal.keep_rules(rules.version, msgspec.json.encode(rules))

    # ------------------------------------------------------------ what a new call gets (`ivr.ports.Reception`)

    def version(self) -> str:
        return self.city.rules.version

    def restricted_until(self, caller: str | None, at: float) -> date | None:
        return self.restrictions.restricted_until(caller, at)

    # ------------------------------------------------------------ the roster

    async def _enrol(self) -> None:
        with contextlib.suppress(AcdUnavailable):  # done by the queue itself as soon as Redis is there
            await self.acd.enrol(self.city.agents())

    async def _reload(self) -> None:
        """SIGHUP: the pack anew. A bad one is refused in the log, and the one in force stays."""
        if self.city.reload():
            await self.city.prepare()
            await self._keep_rules(self.city.rules)
            await self._enrol()

    # ------------------------------------------------------------ is it well?

    async def _watch(self) -> None:
        """A canary through the switch now and then; what it found is for `/health/ready`."""
        while True:
            begun = time.monotonic()
            well = self.carrier.ari.connected.is_set() and await self.carrier.canary.call()
            self.readiness.tell(well, (time.monotonic() - begun) * 1000)
            self._count()
            await asyncio.sleep(CANARY_EVERY_S if well else 0.5)

    def _count(self) -> None:
        stages = Counter(live.call.stage for live in self.engine.calls.values())
        for stage in Stage:
            metrics.CALLS_CURRENT.labels(stage).set(stages[stage])
        metrics.SPOOLED_ENTRIES.set(self.journal.stats.waiting)


class Counts:
    """The engine's observer: counts for `/metrics`."""

    def event(self, stage: str, event: AnyEvent) -> None:
        if isinstance(event, CallArrived):
            metrics.CALLS_ARRIVED.inc()
        elif isinstance(event, CallClosed):
            metrics.CALLS_CLOSED.labels(event.outcome).inc()

    def trouble(self, what: str) -> None:
        metrics.TROUBLES.labels(what).inc()


def run_worker(name: str, settings: Settings, redis_url: str, city: City, pipe: int) -> None:
    """The body of a worker's process."""
    run_process(pipe, lambda stop: Worker(name, settings, redis_url, city).run(stop))
