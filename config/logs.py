"""Logging for every process: structured lines on stderr, the call's id on each, no citizen's number in any.

It masks what looks like a telephone number, wherever it stands in a line; it keeps, rotates and ships nothing.
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

WITHHELD = "withheld"

_PERSONAL_KEYS = frozenset({"caller", "number", "phone", "address"})
# Mobiles have 11 digits and begin with 1 (13–19); land lines an area code (010, 02x, 0xxx) and 7 or 8 digits
# (YD/T 1138, the national numbering plan). People write both with blanks or hyphens, carriers with +86.
_EDGE = r"(?<![0-9A-Za-z.])", r"(?![0-9A-Za-z])"
_COUNTRY = r"(?:(?:\+|00)?86[ -]?)?"
_TELEPHONE = re.compile(
    rf"{_EDGE[0]}{_COUNTRY}(?:1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}}|0(?:10|2\d|[3-9]\d\d)[ -]?\d{{7,8}}){_EDGE[1]}", re.ASCII
)
_BARE = re.compile(r"\+?[0-9*#() -]+", re.ASCII)
_SHORT = 6  # service numbers (12345, 110) and extensions are nobody's own


def mask_number(number: str | None) -> str:
    """A telephone number as lists and logs show it: ``138****8000``, ``+86138****8000``; None is ``withheld``.

    Numbers of up to six digits are services and extensions and stay. A leading ``phone:`` or ``+86`` stays readable.
    What is no bare number (``desk:8001``, ``127.0.0.1:5060``, a SIP URI) is treated as `mask_text` does.
    """
    if number is None:
        return WITHHELD
    kept, digits = _country_apart(number)
    if not _BARE.fullmatch(digits):
        return mask_text(number)
    if sum(character.isdigit() for character in digits) <= _SHORT:
        return number
    head = 3 if len(digits) >= 11 else 2
    tail = 4 if len(digits) >= 11 else 2
    return f"{kept}{digits[:head]}{'*' * (len(digits) - head - tail)}{digits[-tail:]}"


def mask_text(text: str) -> str:
    """``text`` with every telephone number in it masked."""
    return _TELEPHONE.sub(lambda found: mask_number(found[0]), text)


def mask_personal(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: masks the fields caller, number, phone and address, and telephone numbers in all others."""
    for key, value in line.items():
        line[key] = _masked(key, value)
    return line


@contextmanager
def call_logged(call: str) -> Iterator[None]:
    """Every line logged inside the block, and by tasks started in it, carries the call's id."""
    with structlog.contextvars.bound_contextvars(call=call):
        yield


def configure(level: str = "info", *, json: bool | None = None, stream: TextIO | None = None) -> None:
    """Send all logging, the libraries' included, as one stream of lines to ``stream`` (default: stderr).

    ``level`` is debug, info, warning or error. ``json`` False writes for people; None does so on a terminal only.
    """
    out = stream if stream is not None else sys.stderr
    as_json = not out.isatty() if json is None else json
    prepare: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: Processor = structlog.dev.ConsoleRenderer(colors=out.isatty())
    if as_json:
        render = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    finish: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,  # the traceback becomes text, so that it is masked like everything else
        mask_personal,
        render,
    ]
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=finish, foreign_pre_chain=prepare))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("alembic", "httpx", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *prepare,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _country_apart(number: str) -> tuple[str, str]:
    kept, digits = "", number
    if digits.startswith("phone:"):
        kept, digits = "phone:", digits.removeprefix("phone:")
    country = re.match(r"(?:\+|00)86[ -]?|86[ -]?(?=1[3-9]\d{9}$)", digits)
    if country:
        kept, digits = kept + country[0], digits[country.end() :]
    return kept, digits


def _masked(key: str, value: Any) -> Any:
    if key in _PERSONAL_KEYS and isinstance(value, str | int) and not isinstance(value, bool):
        return mask_number(str(value))
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {inner: _masked(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked("", each) for each in value]
    if isinstance(value, bool | int | float | None):
        return value if not isinstance(value, int) or len(str(value)) < 11 else _masked_int(value)
    return mask_text(str(value))


def _masked_int(value: int) -> int | str:
    text = str(value)
    masked = mask_text(text)
    return masked if masked != text else value
