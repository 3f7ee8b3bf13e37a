"""Agents' presence in the database."""

from config.database import Database
from hotline.presence import StoredPresence
from routing.agents import Presence
from routing.presence import PresenceRecord


async def test_what_was_saved_last_is_what_is_loaded(database: Database) -> None:
    store = StoredPresence(database)
    assert await store.load() == {}
    await store.save("8001", PresenceRecord(Presence.READY, 10.0))
    await store.save("8002", PresenceRecord(Presence.OFF, 11.0))
    await store.save("8001", PresenceRecord(Presence.PAUSED, 12.0))
    assert await StoredPresence(database).load() == {
        "8001": PresenceRecord(Presence.PAUSED, 12.0),
        "8002": PresenceRecord(Presence.OFF, 11.0),
    }


async def test_an_older_record_that_comes_late_does_not_win(database: Database) -> None:
    store = StoredPresence(database)
    await store.save("8001", PresenceRecord(Presence.READY, 20.0))
    await store.save("8001", PresenceRecord(Presence.OFF, 10.0))
    assert (await store.load())["8001"].presence is Presence.READY
