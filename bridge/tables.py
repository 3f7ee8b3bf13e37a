"""The tables of orders, transfers, alarms and incident tickets. Their migrations are in ``config/migrations/versions``:
``0002_orders.py``, ``0009_transfers.py`` and ``0010_alarms.py``.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from config.database import metadata

orders = Table(
    "orders",
    metadata,
    Column("number", Text, primary_key=True),
    Column("version", Integer, nullable=False),  # counts the changes by people, from 1
    Column("opened", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("status", Text, nullable=False),  # see `bridge.orders.Status`
    Column("reason", Text),  # why it is not accepted
    Column("category", Text),
    Column("content", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("call_back", Boolean, nullable=False),  # a task: the citizen waits to be called
    Column("caller", Text),  # whole; whoever shows it masks it
    # what the journal told of the call it came with; all None for an order without a call
    Column("call", Text, unique=True),
    Column("dialled", Text),
    Column("arrived", Double),
    Column("answered", Double),  # the first conversation's beginning
    Column("closed", Double),
    Column("outcome", Text),
    Column("talk_s", Double),
    Column("agents", JSON, nullable=False),  # ids of those who talked, in their order
    Column("transfers", JSON, nullable=False, server_default=text("'[]'")),  # see `bridge.transfers.transfers_of`
    Column("appeal", Boolean, nullable=False, server_default=text("false")),  # a restricted caller appealed
    # a danger to life: to which numbers the call was handed, see `bridge.model.OrderEmergency`; NULL when it is none
    Column("emergency", JSON(none_as_null=True)),
)
Index("ix_orders_opened", orders.c.opened, orders.c.number)
Index("ix_orders_status", orders.c.status, orders.c.opened)

# Append-only: triggers made by the migration refuse UPDATE and DELETE, whoever asks.
order_changes = Table(
    "order_changes",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("number", Text, ForeignKey("orders.number"), nullable=False),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("fields", JSON, nullable=False),  # {field: [before, after]}
)
Index("ix_order_changes_number", order_changes.c.number)

# The last place given on each day; a row's lock makes the places of concurrent transactions differ.
order_days = Table(
    "order_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("last", Integer, nullable=False),
)

# Every target rung for a citizen (转接记录), written when the call is over; `ivr.call.Attempt` says what they mean.
transfers = Table(
    "transfers",
    metadata,
    Column("call", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),  # its place in the call, from 1
    Column("line", Text, nullable=False),
    Column("address", Text, nullable=False),  # whole; whoever shows it masks it
    Column("kind", Text, nullable=False),
    Column("agent", Text, nullable=False),  # empty when the dialled number led there
    Column("began", Double, nullable=False),
    Column("answered", Double),
    Column("ended", Double),
    Column("result", Text),
)
Index("ix_transfers_began", transfers.c.began, transfers.c.call, transfers.c.seq)
Index("ix_transfers_line", transfers.c.line, transfers.c.began)

# What supervisors were alarmed by. The worker that raises an alarm writes it at once, and the journal's follower writes
# what such a write lost; ``nth`` (of its kind and line within the call, from 1) makes both mean the same row.
alarms = Table(
    "alarms",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("call", Text, nullable=False),
    Column("kind", Text, nullable=False),  # see `ivr.flow.danger`
    Column("line", Text, nullable=False),  # the emergency number
    Column("nth", Integer, nullable=False),
    Column("acknowledged", Double),  # when a supervisor took care of it; NULL while it is open
    Column("acknowledged_by", Text),
    Column("done", Text),  # what was done, in the supervisor's words
    UniqueConstraint("call", "kind", "line", "nth", name="uq_alarms_call"),
)
Index("ix_alarms_acknowledged", alarms.c.acknowledged, alarms.c.id)

# Incident tickets (警情单): one for each call and emergency number it is handed to, written while the call goes on.
emergency_tickets = Table(
    "emergency_tickets",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("change", BigInteger, nullable=False, unique=True),  # grows with every change of any ticket
    Column("call", Text, nullable=False),
    Column("number", Text, nullable=False),  # the emergency number
    Column("order_number", Text),
    Column("caller", Text),  # whole: the emergency desk has to call back
    Column("dialled", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("began", Double, nullable=False),  # when the first route was rung
    Column("asked_by", Text, nullable=False),  # agent or supervisor; empty when the citizen pressed the key
    Column("routes", JSON, nullable=False),  # see `bridge.emergencies.Route`
    Column("connected", Double),
    Column("confirmed", Double),  # when the agent left citizen and emergency desk to each other
    Column("confirmed_by", Text),
    Column("received", Double),  # when the emergency desk's system said it has the ticket; NULL while it is pending
    Column("received_by", Text),
    UniqueConstraint("call", "number", name="uq_emergency_tickets_call"),
)
