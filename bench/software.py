"""Parts measured without calls: the flow (`bench.flow`), the journal (`bench.journal`) and transfer tables
(`bench.tables_route`, `bench.tables_import`), put in the results' form.
"""

from bench import flow, journal, tables_import, tables_route
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


def route_measures() -> dict[str, Measure]:
    """Nanoseconds to resolve a dialled number, by the size of the table."""
    found = tables_route.route_ns()
    return {
        f"route_ns_{name}": measure(
            f"route_ns_{name}",
            found[f"route_{rows}"],
            "ns",
            baseline=found[f"lookup_{rows}"],
            detail=(
                f"{rows:,} rows: merged, dual, aliases, service hours, unknown numbers; a number's first call takes "
                f"{found[f'first_{rows}']:,.0f} ns; baseline: a bare look-up in a dict"
            ),
            limited_by="rows with service hours, judged anew each time, and with many rows by memory's latency",
        )
        for name, rows in (("1e2", 100), ("1e4", 10_000), ("1e6", 1_000_000))
    }


def import_measures() -> dict[str, Measure]:
    """Seconds and memory to read, check and write a table of 100,000 rows."""
    found = tables_import.import_100k()

    def pair(name: str, what: str, baseline: str | None, detail: str, limited_by: str = "") -> dict[str, Measure]:
        plain = {unit: found.get(f"{baseline}.{unit}") for unit in ("seconds", "mib")}
        return {
            f"{name}_s": measure(
                f"{name}_s",
                found[f"{what}.seconds"],
                "s",
                baseline=plain["seconds"],
                detail=detail,
                limited_by=limited_by,
            ),
            f"{name}_mib": measure(f"{name}_mib", found[f"{what}.mib"], "MiB", baseline=plain["mib"]),
        }

    return {
        **pair(
            "import_100k",
            "csv",
            "csv_plain",
            "CSV, from bytes to rows; baseline: csv.reader alone",
            "Python's checks of 14 cells in each of 100,000 rows",
        ),
        **pair(
            "import_100k_xlsx",
            "xlsx",
            "xlsx_plain",
            "XLSX, from bytes to rows; baseline: openpyxl alone",
            "openpyxl, which reads the sheet's XML cell by cell",
        ),
        **pair("import_100k_faulty", "csv_faulty", None, "CSV with a fault in every row, told as the first 100"),
        **pair("check_100k", "check", None, "all checks of the whole table"),
        **pair("export_100k_xlsx", "xlsx_write", None, "XLSX with drop-downs"),
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
