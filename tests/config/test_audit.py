"""The audit log: written with the change, read in pages, refused to be changed; nobody's number in it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config import audit
from config.audit import Entry, Filter, audit_log
from config.database import Database

ENTRY = Entry(100.0, "li.na", "account.add", "account:wang.wu", "new colleague", {"roles": ["agent"]})


async def write(database: Database, *entries: Entry) -> None:
    async with database.begin() as connection:
        for entry in entries:
            await audit.record(connection, entry)


async def test_an_entry_is_read_as_it_was_written(database: Database) -> None:
    await write(database, ENTRY)
    (kept,) = await audit.page(database, Filter(), limit=10)
    assert Entry(kept.at, kept.who, kept.action, kept.subject, kept.why, kept.detail) == ENTRY
    assert kept.id == 1


async def test_an_entry_does_not_stand_without_its_change(database: Database) -> None:
    async def fails() -> None:
        async with database.begin() as connection:
            await audit.record(connection, ENTRY)
            raise RuntimeError("the change did not work")

    with pytest.raises(RuntimeError):
        await fails()
    assert await audit.page(database, Filter(), limit=10) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET who = 'x'", "DELETE FROM audit_log", "DELETE FROM audit_log WHERE id = 1"]
)
async def test_the_database_refuses_to_change_it(database: Database, statement: str) -> None:
    await write(database, ENTRY)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.begin() as connection:
            await connection.execute(text(statement))
    assert len(await audit.page(database, Filter(), limit=10)) == 1


@pytest.mark.postgres
async def test_postgresql_refuses_to_empty_it(postgres_url: str) -> None:
    database = Database(postgres_url)
    await database.migrate()
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.begin() as connection:
            await connection.execute(text("TRUNCATE audit_log"))
    await database.dispose()


async def test_no_number_of_a_person_is_kept_wherever_it_stands(database: Database) -> None:
    entry = Entry(
        1.0,
        "li.na",
        "restriction.add",
        "phone:13800138000",
        "he rang from 0795-3212345",
        {"caller": "13800138000", "number": "3212345", "notes": ["+86 138 0013 8000"], "deep": {"phone": 13800138000}},
    )
    await write(database, entry)
    async with database.connect() as connection:
        row = (await connection.execute(audit_log.select())).one()
    told = f"{row.subject} {row.why} {row.detail}"
    assert "0138" not in told.replace(" ", "")
    assert "3212345" not in told
    assert row.subject == "phone:138****8000"
    (found,) = await audit.page(database, Filter(subject="phone:13800138000"), limit=10)
    assert found.detail["caller"] == "138****8000"


async def test_what_json_does_not_know_is_kept_as_text(database: Database) -> None:
    await write(database, Entry(1.0, "w", "a", "s", "", {"before": None, "flag": True, "set": {1}, "object": Filter}))
    (kept,) = await audit.page(database, Filter(), limit=1)
    assert (kept.detail["before"], kept.detail["flag"], kept.detail["set"]) == (None, True, [1])
    assert isinstance(kept.detail["object"], str)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Filter(), [4, 3, 2, 1]),
        (Filter(who="b"), [4, 2]),
        (Filter(action="account."), [3, 1]),
        (Filter(action="Account."), []),
        (Filter(action="%"), []),
        (Filter(action="account_"), []),
        (Filter(subject="account:x"), [2, 1]),
        (Filter(begin=2.0), [4, 3, 2]),
        (Filter(end=3.0), [2, 1]),
        (Filter(who="b", begin=2.0, end=4.0), [2]),
        (Filter(who="nobody"), []),
    ],
)
async def test_only_what_is_wanted_is_shown_newest_first(database: Database, wanted: Filter, ids: list[int]) -> None:
    await write(
        database,
        Entry(1.0, "a", "account.add", "account:x"),
        Entry(2.0, "b", "session.begin", "account:x"),
        Entry(3.0, "a", "account.change", "account:y"),
        Entry(4.0, "b", "token.issue", "account:y"),
    )
    assert [kept.id for kept in await audit.page(database, wanted, limit=10)] == ids


async def test_pages_show_everything_once_while_more_is_written(database: Database) -> None:
    await write(database, *(Entry(1.0, "a", "x", str(place)) for place in range(5)))
    seen: list[int] = []
    before: int | None = None
    while found := await audit.page(database, Filter(), limit=2, before=before):
        seen += [kept.id for kept in found]
        before = found[-1].id
        await write(database, Entry(9.0, "a", "x", "later"))
    assert seen == [5, 4, 3, 2, 1]
