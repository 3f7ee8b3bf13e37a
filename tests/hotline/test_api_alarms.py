"""Alarms and incident tickets over HTTP: seen at once, taken care of once, and remembered."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from bridge.alarms import insert_alarms
from bridge.emergencies import Handoff, Incident, Raised, Route
from bridge.tables import orders
from bridge.tickets import keep_tickets
from config import audit
from config.database import Database
from hotline.accounts import Role
from hotline.api.alarm_models import TEXTS, text_of
from hotline.commands.alarms import app
from ivr.flow import danger
from tests.hotline.api_site import NOW, Site, problem

DONE = {"done": "已回拨，119已出警"}


async def raised(database: Database, *alarms: tuple[str, str]) -> None:
    async with database.begin() as connection:
        await insert_alarms(
            connection, [Raised(NOW, f"c{n}", kind, line, 1) for n, (kind, line) in enumerate(alarms, 1)]
        )


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


async def test_open_alarms_come_first_and_say_in_words_what_is_the_matter(database: Database, site: Site) -> None:
    await site.account("wang", Role.SUPERVISOR)
    await raised(database, (danger.CALLED, "120"), (danger.FAILED, "119"), (danger.CALLED, "110"))
    async with site.client(await site.token_of("wang")) as client:
        newest = (await client.get("/api/alarms")).json()["items"][0]
        answer = await client.post(f"/api/alarms/{newest['id']}/acknowledge", json=DONE)
        assert answer.status_code == 200, answer.text
        told = (await client.get("/api/alarms")).json()
        still = (await client.get("/api/alarms", params={"open": True})).json()["items"]
    assert [each["line"] for each in told["items"]] == ["119", "120", "110"]
    assert [each["line"] for each in still] == ["119", "120"]
    assert told["items"][0]["text"].startswith("No route to 119 answered")
    taken = told["items"][-1]
    assert (taken["acknowledged_by"], taken["done"]) == ("wang", DONE["done"])
    assert taken["acknowledged"] == "2026-11-21T02:40:00+08:00"


def test_every_kind_of_alarm_has_its_words() -> None:
    assert set(TEXTS) == {danger.CALLED, danger.FAILED}
    assert text_of("something_new", "119") == "something_new: 119"


async def test_an_alarm_is_taken_care_of_once_and_the_audit_log_tells_by_whom(database: Database, site: Site) -> None:
    await raised(database, (danger.FAILED, "119"))
    async with site.client() as client:
        (alarm,) = (await client.get("/api/alarms")).json()["items"]
        path = f"/api/alarms/{alarm['id']}/acknowledge"
        problem(await client.post(path, json=DONE), 422, "request-invalid")  # in whose name?
        problem(await client.post(path, json={"by": "wang", "done": " "}), 422, "request-invalid")
        both = await asyncio.gather(*(client.post(path, json=DONE | {"by": who}) for who in ("wang", "li")))
        problem(await client.post("/api/alarms/999/acknowledge", json=DONE | {"by": "wang"}), 404, "alarm-unknown")
    assert sorted(answer.status_code for answer in both) == [200, 409]
    late = next(answer for answer in both if answer.status_code == 409)
    assert "has taken care of this alarm already" in problem(late, 409, "alarm-acknowledged")["detail"]
    (entry,) = await audit.page(database, audit.Filter(action="alarm."), limit=9)
    assert (entry.action, entry.subject, entry.why) == ("alarm.acknowledge", f"alarm:{alarm['id']}", DONE["done"])
    assert entry.detail == {"call": "c1", "kind": "emergency_failed", "line": "119"}


async def test_a_waiting_screen_learns_of_an_alarm_and_of_what_others_did(database: Database, site: Site) -> None:
    async with site.client() as client:
        mark = (await client.get("/api/alarms")).json()["mark"]
        waiting = asyncio.create_task(client.get("/api/alarms", params={"after": mark}))
        await raised(database, (danger.FAILED, "119"))
        news = (await waiting).json()
        assert [alarm["line"] for alarm in news["items"]] == ["119"]
        waiting = asyncio.create_task(client.get("/api/alarms", params={"after": news["mark"]}))
        await client.post(f"/api/alarms/{news['items'][0]['id']}/acknowledge", json=DONE | {"by": "wang"})
        (done,) = (await waiting).json()["items"]
        assert done["acknowledged_by"] == "wang"


async def test_given_no_news_then_the_wait_ends_with_the_list_as_it_was(site: Site) -> None:
    async with site.client() as client:
        mark = (await client.get("/api/alarms")).json()["mark"]
        answer = await client.get("/api/alarms", params={"after": mark, "wait_s": 0.1})
        problem(await client.get("/api/alarms", params={"after": "yesterday"}), 422, "request-invalid")
        problem(await client.get("/api/alarms", params={"after": mark, "wait_s": 3600}), 422, "request-invalid")
    assert answer.json() == {"items": [], "mark": mark}


async def test_a_ticket_has_the_whole_number_and_masks_a_duty_phone(database: Database, site: Site) -> None:
    routes = (
        Route("phone:119", NOW, None, NOW + 2, "busy"),
        Route("phone:13900139000", NOW + 2, NOW + 6, NOW + 6, "connected"),
    )
    handoff = Handoff("119", "8001", "幸福路12号", "起火", routes, "8001", NOW + 30)
    async with database.begin() as connection:
        await keep_tickets(connection, Incident("c1", "13800138000", "12345", NOW, (handoff,)), None)
    async with site.client() as client:
        answer = await client.get("/api/tickets")
        assert answer.status_code == 200, answer.text
        (ticket,) = answer.json()["items"]
        assert (await client.get("/api/tickets", params={"after": answer.json()["after"]})).json()["items"] == []
        receipt = {"change": ticket["change"], "by": "desk119"}
        received = (await client.post(f"/api/tickets/{ticket['id']}/received", json=receipt)).json()
        assert (await client.get("/api/tickets", params={"pending": True})).json()["items"] == []
        problem(await client.post("/api/tickets/999/received", json=receipt), 404, "ticket-unknown")
    assert (ticket["caller"], ticket["place"], ticket["event"]) == ("13800138000", "幸福路12号", "起火")
    assert [route["target"] for route in ticket["routes"]] == ["phone:119", "phone:139****9000"]
    assert (ticket["state"], ticket["confirmed_by"]) == ("pending", "8001")
    assert ticket["connected"] == "2026-11-21T02:40:06+08:00"
    assert (received["state"], received["received_by"]) == ("received", "desk119")


async def test_the_order_tells_the_emergency_and_who_confirmed_it(database: Database, site: Site) -> None:
    async with site.client() as client:
        opened = (await client.post("/api/orders", json={"by": "8001", "why": "test"})).json()
        assert (opened["danger"], opened["emergency"]) == (False, [])
        handed = {"number": "119", "place": "幸福路12号", "event": "起火", "asked_by": "", "began": NOW}
        handed |= {"connected": NOW + 6, "confirmed_by": "8001", "confirmed": NOW + 30}
        async with database.begin() as connection:
            await connection.execute(update(orders).values(emergency=[handed], urgent=True))
        order = (await client.get(f"/api/orders/{opened['number']}")).json()
    assert (order["danger"], order["urgent"]) == (True, True)
    (told,) = order["emergency"]
    assert (told["number"], told["asked_by"], told["confirmed_by"]) == ("119", None, "8001")
    assert told["confirmed"] == "2026-11-21T02:40:30+08:00"


def test_the_command_lists_alarms(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hotline.db'}"

    async def prepare() -> None:
        database = Database(url)
        await database.migrate()
        await raised(database, (danger.FAILED, "119"))
        await database.dispose()

    asyncio.run(prepare())
    settings = tmp_path / "settings.toml"
    settings.write_text(f'city = "yichun"\ndatabase_url = "{url}"\n', "utf-8")
    shown = CliRunner().invoke(app, ["list", "--settings", str(settings)], terminal_width=200)
    assert shown.exit_code == 0, shown.output
    assert "No route to 119" in shown.output
    assert "open" in shown.output
    programs = CliRunner().invoke(app, ["list", "--open", "--json", "--settings", str(settings)])
    (alarm,) = json.loads(programs.stdout)["alarms"]
    assert (alarm["kind"], alarm["line"], alarm["acknowledged"]) == (danger.FAILED, "119", None)
