"""Signals for those who watch the hotline: is it alive, is it ready, what does it count. No token, no personal data."""

import os
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import func, select

from config.database import Database, is_outage, within
from config.metrics import FOLLOWER_LAG
from hotline.api.models import Health
from ivr.journal.tables import followers, journal

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
LAG_LIMIT_S = 1.0


def signals(database: Database, ready: Callable[[], Awaitable[Mapping[str, str]]]) -> APIRouter:
    """The routes; ``ready`` as in `hotline.api.Deps`."""
    router = APIRouter(tags=["signals"])

    @router.get("/health/live", summary="Is the process alive?")
    async def live() -> Health:
        """Always well: who can answer is alive."""
        return Health(well=True)

    @router.get(
        "/health/ready", summary="Can calls come?", responses={503: {"model": Health, "description": "Not yet."}}
    )
    async def is_ready(response: Response) -> Health:
        """Well when every part is, a canary call through the switch included."""
        parts = dict(await ready())
        health = Health(well=bool(parts) and not any(parts.values()), parts=parts)
        response.status_code = 200 if health.well else 503
        return health

    @router.get(
        "/metrics",
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        """Of all processes of the installation together, where `PROMETHEUS_MULTIPROC_DIR` names their folder."""
        try:
            await within(LAG_LIMIT_S, _measure_lag(database))
        except Exception as error:
            if not is_outage(error):
                raise
        registry = REGISTRY
        if os.environ.get(MULTIPROCESS):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


async def _measure_lag(database: Database) -> None:
    """How far each follower is behind the journal. While the database is away the last value stands."""
    async with database.connect() as connection:
        newest = await connection.scalar(select(func.max(journal.c.position))) or 0
        for name, position in await connection.execute(select(followers.c.name, followers.c.position)):
            FOLLOWER_LAG.labels(name).set(max(0, newest - position))
