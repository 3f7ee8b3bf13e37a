"""Where agents' presence outlives Redis: the port, and a default that remembers within one process.

The queue saves each change here and reads it back only when Redis has lost its data.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from routing.agents import Presence


class PresenceRecord(msgspec.Struct, frozen=True):
    """What an agent asked for, and since when (UNIX seconds by Redis's clock). The newest record is right."""

    presence: Presence
    since: float


class PresenceStore(Protocol):
    """A durable memory of presence, shared by all processes where it can be (the database)."""

    async def load(self) -> Mapping[str, PresenceRecord]:
        """The last record of each agent, by agent id."""

    async def save(self, agent_id: str, record: PresenceRecord) -> None:
        """Remember this record as the agent's last."""


class MemoryPresence:
    """The default: lasts as long as the process. What other processes set is learned from Redis once a second."""

    def __init__(self) -> None:
        self._records: dict[str, PresenceRecord] = {}

    async def load(self) -> Mapping[str, PresenceRecord]:
        return dict(self._records)

    async def save(self, agent_id: str, record: PresenceRecord) -> None:
        self._records[agent_id] = record


def newest(*sources: Mapping[str, PresenceRecord]) -> dict[str, PresenceRecord]:
    """Of each agent the newest record of all sources."""
    merged: dict[str, PresenceRecord] = {}
    for source in sources:
        for agent_id, record in source.items():
            known = merged.get(agent_id)
            if known is None or record.since > known.since:
                merged[agent_id] = record
    return merged
