"""Agents' presence (签入/签退) in the database, so that it outlives Redis. The queue itself lives in Redis."""

from collections.abc import Mapping

from sqlalchemy import Column, Double, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite

from config.database import Database, metadata
from routing.agents import Presence
from routing.presence import PresenceRecord

presence = Table(
    "agent_presence",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("presence", Text, nullable=False),
    Column("since", Double, nullable=False),
)


class StoredPresence:
    """Implements `routing.presence.PresenceStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Mapping[str, PresenceRecord]:
        async with self._database.connect() as connection:
            rows = await connection.execute(select(presence))
            return {row.agent: PresenceRecord(Presence(row.presence), row.since) for row in rows}

    async def save(self, agent_id: str, record: PresenceRecord) -> None:
        values = {"agent": agent_id, "presence": str(record.presence), "since": record.since}
        async with self._database.begin() as connection:
            insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(presence).values(values)
            newer = insert.excluded.since >= presence.c.since
            await connection.execute(insert.on_conflict_do_update(index_elements=["agent"], set_=values, where=newer))
