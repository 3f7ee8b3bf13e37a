"""The ledger's table. Its migration is ``config/migrations/versions/0003_recordings.py``."""

from sqlalchemy import BigInteger, Column, Date, Double, Index, Table, Text

from config.database import metadata

recordings = Table(
    "recordings",
    metadata,
    Column("name", Text, primary_key=True),  # under which the switch writes it
    Column("call", Text),  # None: an orphan, the journal knows no call for it
    Column("began", Double, nullable=False),  # the call's arrival; of an orphan, when its file was last written
    Column("ended", Double),  # the call's end; None while it lasts
    Column("state", Text, nullable=False),  # see `recordings.ledger.State`
    Column("reason", Text),  # of a gap, see `recordings.ledger.Gap`
    Column("expected_s", Double),  # how long the citizen was on the line, by the journal
    Column("path", Text),  # below the archive's folder; None while nothing is kept
    Column("sha256", Text),
    Column("bytes", BigInteger),
    Column("seconds", Double),
    Column("stored_at", Double),
    Column("keep_until", Date),  # the last day of the shortest time it must be kept
    Column("keep_source", Text),  # where that is written
)
Index("ix_recordings_call", recordings.c.call)
Index("ix_recordings_began", recordings.c.began, recordings.c.name)
_unsettled = recordings.c.state != "stored"
Index("ix_recordings_unsettled", recordings.c.state, sqlite_where=_unsettled, postgresql_where=_unsettled)
