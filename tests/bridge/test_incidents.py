"""A danger to life, as the journal tells it: the order is urgent, the ticket is there while the call goes on, nothing
is written twice, and no alarm is lost.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from bridge.alarms import AlarmBook, insert_alarms
from bridge.emergencies import Raised, incident_of
from bridge.follower import OrderFollower
from bridge.model import Order
from bridge.orders import Orders
from bridge.tickets import Ticket, Tickets, UnknownTicket
from config import audit
from config.database import Database
from ivr.call import (
    AgentOffered,
    AnyEvent,
    Attempt,
    CallArrived,
    CallClosed,
    DigitPressed,
    EmergencyAsked,
    EndCause,
    HandOverAsked,
    LegAnswered,
    LegEnded,
    Outcome,
    Queued,
    TransferKind,
    TransferResult,
)
from ivr.journal import Entry, Journal, Positioned
from ivr.journal.tables import journal as journal_table
from tests.support.calls import CALL, RULES, T0, arrived, later

AGENT = f"{CALL}-a1"
FIRST, SECOND = f"{CALL}-t1", f"{CALL}-t2"
CALLER = "13800138000"

BY_KEY: list[AnyEvent] = [
    arrived(),
    DigitPressed(at=later(2), leg=CALL, digit="9"),
    DigitPressed(at=later(4), leg=CALL, digit="2"),
]
TALKING: list[AnyEvent] = [
    arrived(),
    DigitPressed(at=later(1), leg=CALL, digit="0"),
    Queued(at=later(2), skill="general", position=1, on_shift=1),
    AgentOffered(at=later(3), leg=AGENT, agent="8001", address="desk:8001", ring_s=20),
    LegAnswered(at=later(5), leg=AGENT),
]
ASKED = EmergencyAsked(at=later(20), request="q", agent="8001", number="119", place="幸福路12号", event="起火")
BUSY = LegEnded(at=later(22), leg=FIRST, cause=EndCause.BUSY)
ANSWERED = LegAnswered(at=later(26), leg=SECOND)
ASSISTED: list[AnyEvent] = [*TALKING, ASKED, BUSY, ANSWERED]


# ---------------------------------------------------------------- what the journal tells


def test_given_the_citizen_pressed_the_keys_then_a_route_rings_and_nobody_confirmed_anything() -> None:
    incident = incident_of(CALL, BY_KEY, RULES)
    (handoff,) = incident.handoffs
    assert (incident.since, incident.caller, incident.dialled) == (later(2), CALLER, "12345")
    assert (handoff.number, handoff.asked_by, handoff.began, handoff.connected) == ("119", "", later(4), None)
    assert [(route.address, route.result) for route in handoff.routes] == [("phone:119", None)]
    assert incident.alarms == (Raised(later(4), CALL, "emergency", "119", 1),)


def test_given_an_ordinary_call_then_there_is_no_incident() -> None:
    incident = incident_of(CALL, TALKING, RULES)
    assert (incident.since, incident.handoffs, incident.alarms) == (None, (), ())


def test_given_an_agents_action_then_every_route_is_told_and_what_was_handed_along() -> None:
    (handoff,) = incident_of(CALL, ASSISTED, RULES).handoffs
    assert (handoff.asked_by, handoff.place, handoff.event) == ("8001", "幸福路12号", "起火")
    assert [(route.address, route.began, route.result) for route in handoff.routes] == [
        ("phone:119", later(20), "busy"),
        ("phone:0795119", later(22), "connected"),
    ]
    assert (handoff.connected, handoff.confirmed_by) == (later(26), None)


@pytest.mark.parametrize(
    ("leaving", "by"),
    [
        (HandOverAsked(at=later(40), request="h", agent="8001"), "8001"),
        (LegEnded(at=later(40), leg=AGENT, cause=EndCause.HANGUP), "8001"),
        (LegEnded(at=later(40), leg=AGENT, cause=EndCause.LOST), None),
        (HandOverAsked(at=later(40), request="h", agent="8002"), None),
        (LegEnded(at=later(40), leg=CALL, cause=EndCause.HANGUP), None),
    ],
)
def test_only_an_agent_who_leaves_the_two_to_each_other_confirms_the_hand_over(
    leaving: AnyEvent, by: str | None
) -> None:
    (handoff,) = incident_of(CALL, [*ASSISTED, leaving], RULES).handoffs
    assert (handoff.confirmed_by, handoff.confirmed) == (by, None if by is None else later(40))


def test_given_the_call_refused_then_nobody_asked_for_anything() -> None:
    refused = EmergencyAsked(at=later(20), request="q", agent="8002", number="119", place="秀江桥")
    assert incident_of(CALL, [*TALKING, refused], RULES).since is None


def test_given_all_routes_fail_twice_then_each_failure_is_an_alarm_of_its_own() -> None:
    fails = [BUSY, LegEnded(at=later(24), leg=SECOND, cause=EndCause.NO_ANSWER)]
    again = EmergencyAsked(at=later(30), request="q2", agent="8001", number="119", event="火势变大")
    more = [LegEnded(at=later(31 + n), leg=f"{CALL}-t{n}", cause=EndCause.BUSY) for n in (3, 4)]
    incident = incident_of(CALL, [*TALKING, ASKED, *fails, again, *more], RULES)
    assert [(each.kind, each.nth) for each in incident.alarms] == [("emergency_failed", 1), ("emergency_failed", 2)]
    (handoff,) = incident.handoffs
    assert (handoff.place, handoff.event, len(handoff.routes)) == ("幸福路12号", "火势变大", 4)


def test_given_the_switch_served_an_emergency_alone_then_its_slip_tells_the_routes() -> None:
    attempt = Attempt("119", "phone:119", TransferKind.EMERGENCY, "", T0, T0 + 5, T0 + 5, TransferResult.CONNECTED)
    over = CallClosed(at=later(60), outcome=Outcome.ANSWERED, attempts=(attempt,))
    incident = incident_of(CALL, [arrived(), over], RULES)
    assert [(handoff.number, handoff.connected) for handoff in incident.handoffs] == [("119", T0 + 5)]
    assert incident.since == later(60)


# ---------------------------------------------------------------- what becomes of it


async def follow(database: Database, tmp_path: Path, events: Sequence[AnyEvent], *, batches: bool = False) -> None:
    """Journal the events, then give them to the follower: at once, or one by one."""
    journal = Journal(database, tmp_path / "spool", "w1")
    await journal.start()
    await journal.keep_rules(RULES.version, msgspec.json.encode(RULES))
    await journal.append(*(Entry(CALL, seq, event) for seq, event in enumerate(events, 1)))
    await journal.stop()
    await handle(database, batches=batches)


async def handle(database: Database, *, batches: bool = False) -> None:
    entries, follower = await _entries(database), OrderFollower("YC")
    for batch in [[entry] for entry in entries] if batches else [entries]:
        async with database.begin() as connection:
            await follower.handle(batch, connection)


async def order_of(database: Database) -> Order:
    (found,) = await Orders(database, "YC").page(limit=10, call=CALL)
    return found


async def ticket_of(database: Database) -> Ticket:
    (found,) = await Tickets(database).after(0, limit=10)
    return found


@pytest.mark.parametrize("batches", [True, False])
async def test_the_ticket_is_there_while_the_call_goes_on(database: Database, tmp_path: Path, batches: bool) -> None:
    await follow(database, tmp_path, [*TALKING, ASKED], batches=batches)
    ticket, order = await ticket_of(database), await order_of(database)
    assert (ticket.call, ticket.number, ticket.order_number, ticket.caller) == (CALL, "119", order.number, CALLER)
    assert (ticket.place, ticket.event, ticket.asked_by, ticket.began) == ("幸福路12号", "起火", "8001", later(20))
    assert [(route.address, route.result) for route in ticket.routes] == [("phone:119", None)]
    assert (ticket.connected, ticket.confirmed_by, ticket.received) == (None, None, None)
    assert order.urgent
    assert order.closed is None


async def test_the_order_tells_who_confirmed_and_is_urgent_only_once(database: Database, tmp_path: Path) -> None:
    await follow(database, tmp_path, ASSISTED, batches=True)
    number = (await order_of(database)).number
    book = Orders(database, "YC")
    await book.change(number, who="8001", why="it was a drill", edit={"urgent": False})
    leaving = HandOverAsked(at=later(40), request="h", agent="8001")
    await follow(database, tmp_path, [*ASSISTED, leaving], batches=True)
    order = await order_of(database)
    assert not order.urgent, "people decided otherwise"
    assert order.emergency is not None
    (handed,) = order.emergency
    assert (handed.number, handed.asked_by, handed.place) == ("119", "8001", "幸福路12号")
    assert (handed.connected, handed.confirmed_by, handed.confirmed) == (later(26), "8001", later(40))
    whys = [change.why for change in await book.history(number)]
    assert whys == ["the call arrived", "danger to life", "it was a drill"]


async def test_what_is_told_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    await follow(database, tmp_path, ASSISTED)
    before = await ticket_of(database), await order_of(database), await AlarmBook(database).page(limit=9)
    await handle(database, batches=True)
    assert (await ticket_of(database), await order_of(database), await AlarmBook(database).page(limit=9)) == before


async def test_an_ordinary_call_makes_neither_ticket_nor_urgency(database: Database, tmp_path: Path) -> None:
    await follow(database, tmp_path, TALKING)
    order = await order_of(database)
    assert (order.urgent, order.emergency) == (False, None)
    assert await Tickets(database).after(0, limit=9) == []


async def test_an_alarm_that_its_worker_wrote_is_not_written_again_and_one_that_it_lost_is(
    database: Database, tmp_path: Path
) -> None:
    fails = [LegEnded(at=later(6 + n), leg=f"{CALL}-t{n}", cause=EndCause.BUSY) for n in (1, 2)]
    async with database.begin() as connection:
        await insert_alarms(connection, [Raised(later(4.1), CALL, "emergency", "119", 1)])
    await follow(database, tmp_path, [*BY_KEY, *fails])
    found = [(alarm.kind, alarm.line, alarm.at) for alarm in await AlarmBook(database).page(limit=9)]
    assert found == [("emergency_failed", "119", later(8)), ("emergency", "119", later(4.1))]


async def test_a_system_reads_on_and_says_what_it_has(database: Database, tmp_path: Path) -> None:
    await follow(database, tmp_path, [*TALKING, ASKED])
    tickets = Tickets(database, clock=lambda: later(30))
    first = await ticket_of(database)
    assert await tickets.after(first.change, limit=9) == []
    assert (await tickets.receive(first.id, who="desk119", change=first.change)).received == later(30)
    await follow(database, tmp_path, [*TALKING, ASKED, BUSY])
    (changed,) = await tickets.after(first.change, limit=9, pending_only=True)
    assert (changed.id, [route.result for route in changed.routes]) == (first.id, ["busy", None])
    stale = await tickets.receive(first.id, who="desk119", change=first.change)
    assert stale.received is None, "what it has is not what there is"
    with pytest.raises(UnknownTicket):
        await tickets.receive(999, who="desk119", change=1)
    entries = await audit.page(database, audit.Filter(action="ticket."), limit=9)
    assert [(entry.who, entry.subject) for entry in entries] == [("desk119", f"ticket:{first.id}")]


@pytest.fixture
def stranger() -> CallArrived:
    return CallArrived(at=T0, call=CALL, dialled="12345", caller=CALLER, carrier="test", rules="nobody-kept-these")


async def test_given_rules_that_nobody_kept_then_those_in_force_stand_in_and_no_order_is_held_up(
    database: Database, tmp_path: Path, stranger: CallArrived
) -> None:
    await follow(database, tmp_path, [stranger, *BY_KEY[1:]])
    assert (await order_of(database)).emergency is None
    entries = await _entries(database)
    async with database.begin() as connection:
        await OrderFollower("YC", lambda: RULES).handle(entries, connection)
    assert (await ticket_of(database)).number == "119"


async def _entries(database: Database) -> list[Positioned]:
    columns = journal_table.c
    query: Any = select(columns.position, columns.call, columns.seq, columns.at, columns.kind, columns.payload)
    async with database.connect() as connection:
        return [Positioned(*row) for row in await connection.execute(query.order_by(columns.position))]
