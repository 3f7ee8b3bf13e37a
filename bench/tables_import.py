"""How long a transfer table of 100,000 rows takes to be read from a file and checked, and how much memory it needs.

Baseline in the same run: the same bytes through `csv.reader` or openpyxl alone, into texts nobody has looked at. Each
is measured in a process of its own, because memory once taken is not given back.
"""

import csv
import io
import multiprocessing
import resource
import time
from collections.abc import Callable
from datetime import date

import openpyxl

from config.workdays import Workdays
from routing.tables import Line, LineMode
from routing.tables.checks import Context, check
from routing.tables.files import read_file, write_csv, write_xlsx
from routing.tables.hours import parse_hours
from routing.tables.model import Target, TargetKind
from routing.tables.resolve import EMERGENCY_LINES

ROWS = 100_000
_EVERY = 10  # so many rows have one that is an alias of the row before
_CONTEXT = Context(
    skills={"general": "综合受理"},
    general_skill="general",
    area_code="0795",
    numbers=("12345",),
    today=date(2026, 10, 8),
    workdays=Workdays({2026: {}}),
)


def import_100k() -> dict[str, float]:
    """Figures by ``<what>.seconds`` and ``<what>.mib`` (what the process grew by, at its peak).

    ``csv`` and ``xlsx`` are a whole import, from bytes to lines; ``csv_plain`` and ``xlsx_plain`` their baselines;
    ``csv_faulty`` a file with a fault in every row; ``check`` the check of all rows; ``csv_write`` and ``xlsx_write``
    the export.
    """
    lines = _lines()
    as_csv, as_xlsx = write_csv(lines), write_xlsx(lines)
    jobs: dict[str, Callable[[], int]] = {
        "csv_plain": lambda: _plain_csv(as_csv),
        "csv": lambda: len(read_file("table.csv", as_csv).rows),
        "csv_faulty": lambda: read_file("table.csv", as_csv.replace("正常".encode(), "在用".encode())).more + 100,
        "xlsx_plain": lambda: _plain_xlsx(as_xlsx),
        "xlsx": lambda: len(read_file("table.xlsx", as_xlsx).rows),
        "check": lambda: _checked(lines),
        "csv_write": lambda: ROWS if write_csv(lines) else 0,
        "xlsx_write": lambda: ROWS if write_xlsx(lines) else 0,
    }
    figures: dict[str, float] = {}
    for what, job in jobs.items():
        seconds, mib, rows = _apart(job)
        if rows != ROWS:
            raise RuntimeError(f"{what} came to {rows} rows instead of {ROWS}")
        figures |= {f"{what}.seconds": seconds, f"{what}.mib": mib}
    return figures


def _lines() -> list[Line]:
    hours = parse_hours("工作日 08:30-12:00 14:00-17:30")
    phone = (Target(TargetKind.PHONE, "12366", 20.0, 2), Target(TargetKind.SKILL, "general"))
    lines = list(EMERGENCY_LINES.values())
    for number in range(2_000_000, 2_000_000 + ROWS - len(lines)):
        alias = number % _EVERY == 1
        lines.append(
            Line(
                number=str(number),
                name=f"某某热线{number}",
                mode=LineMode.ALIAS if alias else LineMode.DUAL,
                unit=f"市某某局{number % 50}",
                targets=(Target(TargetKind.LINE, str(number - 1)),) if alias else phone,
                hours=() if alias else hours,
                source="宜春 §18",
            )
        )
    return lines


def _plain_csv(data: bytes) -> int:
    return len(list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))) - 1


def _plain_xlsx(data: bytes) -> int:
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    return len(list(book.worksheets[0].iter_rows(values_only=True))) - 1


def _checked(lines: list[Line]) -> int:
    findings = check(list(enumerate(lines, 2)), _CONTEXT)
    return ROWS if findings.accepted else 0


def _apart(job: Callable[[], int]) -> tuple[float, float, int]:
    """Seconds, MiB and result of a job in a fork of this process."""
    ours, theirs = multiprocessing.get_context("fork").Pipe()

    def run() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        rows = job()
        seconds = time.perf_counter() - began
        theirs.send((seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, rows))

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    theirs.close()
    try:
        seconds, mib, rows = ours.recv()
    except EOFError:
        raise RuntimeError("a measurement ended without a result; its reason stands above") from None
    finally:
        process.join()
    return seconds, mib, rows


if __name__ == "__main__":
    print(f"{ROWS} rows")
    for name, value in import_100k().items():
        print(f"{name:22} {value:10.2f}")
