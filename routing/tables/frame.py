"""What stands around a table's rows when they are checked and when calls are routed by them."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from routing.tables.findings import Findings
from routing.tables.model import Line, Table


class Frame(Protocol):
    """The city's pack and the working calendar, as they are now; see `pack_lines.PackFrame`."""

    def table(self, version: str, lines: Iterable[Line]) -> Table:
        """The table that these rows make."""
        ...

    def check(self, lines: Sequence[tuple[int, Line]], before: Sequence[Line] | None, at: float) -> Findings:
        """What is wrong with numbered rows that are to follow the table ``before``, at a UNIX time."""
        ...
