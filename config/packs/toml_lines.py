"""Finds the line on which each key of a TOML file stands, for error messages; the values are `tomllib`'s business.

Only for text that `tomllib` has accepted: a broken file gives positions that mean nothing. Keys inside inline tables
and elements of arrays are not told apart; they stand on the line of the key they belong to.
"""

import re

KeyPath = tuple[str, ...]

_KEY = re.compile(r'[ \t]*(?:"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|([A-Za-z0-9_-]+))[ \t]*')
_STRINGS = ('"""', "'''", '"', "'")
_OPEN, _CLOSE = "[{", "]}"


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of every table header and key, by path. In arrays of tables the first of a name counts."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    at, line = 0, 1
    while at < len(text):
        char = text[at]
        if char in " \t\r\n":
            line += char == "\n"
            at += 1
        elif char == "#":
            at = _line_end(text, at)
        elif char == "[":
            table, at = _path(text, at + (2 if text.startswith("[[", at) else 1))
            lines.setdefault(table, line)
            at = _line_end(text, at)
        else:
            key, at = _path(text, at)
            for length in range(1, len(key) + 1):
                lines.setdefault((*table, *key[:length]), line)
            end = _value_end(text, at + 1)
            line += text.count("\n", at, end)
            at = end
    return lines


def _path(text: str, at: int) -> tuple[KeyPath, int]:
    """A dotted key and where it ends."""
    parts: list[str] = []
    while match := _KEY.match(text, at):
        basic, literal, bare = match.groups()
        parts.append(next(part for part in (basic, literal, bare) if part is not None))
        at = match.end()
        if text[at : at + 1] != ".":
            break
        at += 1
    return tuple(parts), max(at, 1)


def _value_end(text: str, at: int) -> int:
    """Where a value ends: the newline after it, outside of strings, arrays and inline tables."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char == "\n" and depth == 0:
            return at
        if char == "#":
            at = _line_end(text, at)
            continue
        quote = next((quote for quote in _STRINGS if text.startswith(quote, at)), None)
        if quote is not None:
            at = _string_end(text, at + len(quote), quote)
            continue
        depth += (char in _OPEN) - (char in _CLOSE)
        at += 1
    return at


def _string_end(text: str, at: int, quote: str) -> int:
    while at < len(text):
        if text[at] == "\\" and quote[0] == '"':
            at += 2
        elif text.startswith(quote, at):
            at += len(quote)
            while len(quote) == 3 and text[at : at + 1] == quote[0]:  # up to two quotes may precede the closing ones
                at += 1
            return at
        else:
            at += 1
    return at


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
