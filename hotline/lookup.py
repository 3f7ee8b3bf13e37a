"""Looks things up for the command: calls, orders, recordings, straight from the database, whether the hotline runs or
not. Returns plain data; how it looks is `hotline.show`'s business.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from bridge.model import UnknownOrder
from bridge.orders import Orders
from config.database import Database
from config.logs import mask_number
from config.settings import Settings
from hotline.story import timeline
from ivr.journal import JournalReader
from recordings.ledger import Ledger, Recording

Found = dict[str, Any]


class NotFoundError(LookupError):
    """Nothing bears this number or id. Says how to find one that exists."""


def run(settings: Settings, look: Callable[..., Awaitable[Found]], *arguments: object) -> Found:
    """Run one of the look-ups below."""

    async def main() -> Found:
        database = Database(settings.database)
        try:
            return await look(database, *arguments)
        finally:
            await database.dispose()

    return asyncio.run(main())


async def calls(database: Database, limit: int) -> Found:
    rows = await JournalReader(database).recent_calls(limit)
    return {"kind": "calls", "calls": [row._asdict() for row in rows]}


async def call(database: Database, call_id: str) -> Found:
    entries = await JournalReader(database).read(call_id)
    if not entries:
        raise NotFoundError(f"there is no call {call_id}; `hotline call list` shows the latest")
    order = next(iter(await Orders(database, "").page(limit=1, call=call_id)), None)
    kept = await Ledger(database).of_call(call_id)
    return {
        "kind": "call",
        "call": call_id,
        "story": [asdict(line) for line in timeline(entries)],
        "order": order.number if order else None,
        "recording": _recording(kept) if kept else None,
    }


async def order(database: Database, number: str) -> Found:
    """By number, or by the id of the order's call."""
    orders = Orders(database, "")
    try:
        found = await orders.get(number)
    except UnknownOrder:
        of_call = await orders.page(limit=1, call=number)
        if not of_call:
            raise NotFoundError(f"there is no order {number}, nor one of a call with this id") from None
        found = of_call[0]
    history = await orders.history(found.number)
    shown = asdict(found) | {"caller": mask_number(found.caller)}
    return {"kind": "order", "order": shown, "history": [asdict(change) for change in history]}


async def recording(database: Database, call_id: str) -> Found:
    found = await Ledger(database).of_call(call_id)
    if found is None:
        raise NotFoundError(f"the ledger knows no recording of call {call_id}; `hotline call list` shows the latest")
    return {"kind": "recording", "recording": _recording(found)}


async def gaps(database: Database, limit: int) -> Found:
    found = await Ledger(database).gaps(limit=limit)
    return {"kind": "gaps", "gaps": [_recording(each) for each in found]}


def _recording(found: Recording) -> Found:
    gap = found.gap(time.time())
    return asdict(found) | {"gap": gap, "keep_until": found.keep_until.isoformat() if found.keep_until else None}
