"""How a city pack says what is wrong with it: every problem at once, each with file, line, field and reason.

Never decides what is right, and never repeats a person's name or number in a text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from config.errors import ConfigError


class PackErrors(ExceptionGroup[ConfigError]):
    """A city pack cannot be used; `exceptions` holds one `ConfigError` for each problem found."""

    def __new__(cls, message: str, problems: Sequence[ConfigError]) -> Self:
        return super().__new__(cls, message, problems)

    def derive(self, excs: Sequence[Exception]) -> ExceptionGroup[ConfigError]:  # type: ignore[override]
        """A part of this group, for ``except*`` (PEP 654)."""
        return PackErrors(self.message, excs)  # type: ignore[arg-type]

    @property
    def lines(self) -> tuple[str, ...]:
        """One sentence for each problem, in the order of the files."""
        return tuple(str(problem) for problem in self.exceptions)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something an admin should know about a pack that is used all the same."""

    file: str
    line: int | None
    field: str | None
    text: str

    def __str__(self) -> str:
        return str(ConfigError(self.file, self.line, self.field, self.text))


class Problems:
    """Gathers problems and notices while a pack is read."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []
        self.notices: list[Notice] = []

    def add(self, file: object, line: int | None, field: str | None, reason: str) -> None:
        self.errors.append(ConfigError(str(file), line, field, reason))

    def note(self, file: object, line: int | None, field: str | None, text: str) -> None:
        self.notices.append(Notice(str(file), line, field, text))

    def raise_any(self, city: str) -> None:
        """Raise `PackErrors` when anything was added."""
        if self.errors:
            ordered = sorted(self.errors, key=lambda error: (error.file, error.line or 0))
            raise PackErrors(f"the city pack {city} cannot be used", ordered)
