"""The one family of errors for everything an admin or an engineer writes: settings, city packs, tables."""


class ConfigError(ValueError):
    """Something in a file cannot be used. Says which file, which line, which field, and why.

    ``line`` counts from 1 and is None where the format does not tell; ``field`` is a dotted path or a column.
    """

    def __init__(self, file: str, line: int | None, field: str | None, reason: str) -> None:
        self.file, self.line, self.field, self.reason = file, line, field, reason
        where = file if line is None else f"{file}:{line}"
        super().__init__(f"{where}: {field}: {reason}" if field else f"{where}: {reason}")
