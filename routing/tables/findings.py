"""What is wrong with a table, or worth knowing: where, what, and how to mend it, in the words of its admins.

Rows count as a spreadsheet counts them: the headings stand in row 1.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from routing.tables.columns import HEADINGS

SHOWN = 100  # of each severity: nobody mends more before trying again


class Severity(StrEnum):
    ERROR = "error"  # the table cannot be used
    WARNING = "warning"  # it can, and somebody should look


class Finding(msgspec.Struct, frozen=True):
    """One thing found. `emergency`: it touches 110, 119, 120 or 122, and a supervisor has to confirm it."""

    severity: Severity
    row: int | None
    column: str | None  # a name of `HEADINGS`
    text: str
    emergency: bool = False

    def __str__(self) -> str:
        """``第12行“方式”：……``."""
        row = "" if self.row is None else f"第{self.row}行"
        column = "" if self.column is None else f"“{HEADINGS.get(self.column, self.column)}”"
        return f"{row}{column}：{self.text}" if row or column else self.text


class Findings(msgspec.Struct, frozen=True):
    """All that was found: errors, then warnings, each by row, no more than `SHOWN` of a kind; the totals are true."""

    items: tuple[Finding, ...] = ()
    errors: int = 0
    warnings: int = 0

    @property
    def accepted(self) -> bool:
        """Whether the table can be used."""
        return self.errors == 0

    @property
    def emergencies(self) -> tuple[Finding, ...]:
        """What a supervisor has to confirm."""
        return tuple(item for item in self.items if item.emergency)

    @property
    def more(self) -> int:
        """How many findings are not among the items."""
        return self.errors + self.warnings - len(self.items)


class Gathered:
    """Gathers findings, and keeps memory small however many there are."""

    def __init__(self) -> None:
        self._kept: dict[Severity, list[Finding]] = {severity: [] for severity in Severity}
        self._emergencies: list[Finding] = []
        self._total = dict.fromkeys(Severity, 0)

    def error(self, row: int | None, column: str | None, text: str) -> None:
        self.add(Finding(Severity.ERROR, row, column, text))

    def warn(self, row: int | None, column: str | None, text: str) -> None:
        self.add(Finding(Severity.WARNING, row, column, text))

    def emergency(self, row: int | None, column: str | None, text: str) -> None:
        """A warning that a supervisor has to confirm; it does not drown in other warnings."""
        self._total[Severity.WARNING] += 1
        if len(self._emergencies) < SHOWN:
            self._emergencies.append(Finding(Severity.WARNING, row, column, text, emergency=True))

    def add(self, finding: Finding) -> None:
        self._total[finding.severity] += 1
        kept = self._kept[finding.severity]
        if len(kept) < SHOWN:
            kept.append(finding)

    def extend(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding)

    def __bool__(self) -> bool:
        return any(self._total.values())

    def all(self) -> Findings:
        errors, warnings = self._kept[Severity.ERROR], self._emergencies + self._kept[Severity.WARNING]
        return Findings(
            (*sorted(errors, key=_by_row), *sorted(warnings, key=_by_row)),
            self._total[Severity.ERROR],
            self._total[Severity.WARNING],
        )


def _by_row(finding: Finding) -> int:
    return finding.row or 0
