"""Parts measured without calls: the flow (`bench.flow`) and the journal (`bench.journal`), put in the results' form."""

from bench import flow, journal
from bench.measures import Measure, measure

DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def flow_measures() -> dict[str, Measure]:
    """Events a second through the flow, in one core."""
    rates = flow.measure()
    return {
        "flow_events_per_s": measure(
            "flow_events_per_s",
            rates["flow"],
            baseline=rates["codec"],
            detail="baseline: the same events decoded from and encoded to the journal's JSON",
            limited_by="Python itself: it makes a new immutable state and its commands for each event, in one core",
        )
    }


def journal_measures(seconds: float) -> dict[str, Measure]:
    """Durable events a second on both databases; the slower one counts. ``seconds`` for each of the measurements."""
    found = journal.measure(seconds)
    slower = min(DATABASES, key=lambda name: found[f"{name}.events_per_s"])
    return {"journal_events_per_s": _throughput("journal_events_per_s", slower, found)} | {
        f"journal_{name}_{what}": figure for name in DATABASES for what, figure in _of_database(name, found).items()
    }


def _of_database(name: str, found: dict[str, float]) -> dict[str, Measure]:
    waits = f"p99 {found[f'{name}.p99_ms']:.1f} ms; beside two followers p99 {found[f'{name}.followed_p99_ms']:.1f} ms"
    return {
        "events_per_s": _throughput(f"journal_{name}_events_per_s", name, found),
        "append_p50_ms": measure(
            f"journal_{name}_append_p50_ms",
            found[f"{name}.p50_ms"],
            "ms",
            detail=f"one event, at {journal.RATE:g} events/s; {waits}",
            limited_by="the disk's flush",
        ),
        "spooled_per_s": measure(
            f"journal_{name}_spooled_per_s",
            found[f"{name}.spool_per_s"],
            "events/s",
            detail="while the database is away, to the spool file",
        ),
    }


def _throughput(measured: str, database: str, found: dict[str, float]) -> Measure:
    ceiling, each = found[f"{database}.ceiling_per_s"], found[f"{database}.commit_each_per_s"]
    return measure(
        measured,
        found[f"{database}.events_per_s"],
        "events/s",
        baseline=ceiling,
        detail=(
            f"{DATABASES[database]}, {journal.CALLS} calls at a time, each event flushed to the disk before its call "
            f"goes on; baseline: {journal.BATCH} rows a transaction straight on the driver; one row a transaction "
            f"makes {each:,.0f}/s"
        ),
        limited_by="one core of Python that encodes, batches and wakes the calls",
    )
