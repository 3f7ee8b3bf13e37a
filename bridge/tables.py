"""The tables of orders and transfers. Their migrations are ``config/migrations/versions/0002_orders.py`` and
``0009_transfers.py``.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, Double, ForeignKey, Index, Integer, Table, Text, text

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
