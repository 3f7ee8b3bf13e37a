"""Finds the Debian archive to take packages from: the machine's own apt sources, or `HOTLINE_DEBIAN_MIRROR`.

It reads apt's files and never changes them; no mirror's address is known here. Formats: sources.list(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from hotline.runtime.errors import SetupError

SUITE = "sid"  # the only suite of Debian that carries Asterisk 22

_RELEASES = frozenset(
    ("sid", "unstable", "testing", "stable", "oldstable", "bullseye", "bookworm", "trixie", "forky", "duke")
)
_FILE_NAME = re.compile(r"[A-Za-z0-9_.-]+\.(list|sources)")  # apt ignores all others
_ONE_LINE = re.compile(r"(?P<type>deb|deb-src)\s+(?:\[(?P<options>[^]]*)]\s+)?(?P<uri>\S+)\s+(?P<rest>\S.*)")
_DEBIAN_PATH = re.compile(r"(^|[/._-])debian([/._]|$)")


@dataclass(frozen=True)
class Source:
    """One entry of the machine's apt sources, the two formats alike; `signed_by` is a path or a whole key."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


@dataclass(frozen=True)
class Archive:
    """What to take packages from: an archive's URI, a suite, and the key to check it with (None: still to be got)."""

    uri: str = field(repr=False)  # may hold credentials
    suite: str
    keyring: Path | None = None
    inline_key: str = ""


def machine_sources(etc: Path = Path("/etc/apt")) -> list[Source]:
    """All enabled binary entries of the machine's apt sources, in apt's order."""
    folder = etc / "sources.list.d"
    listed = sorted(folder.iterdir()) if folder.is_dir() else []
    files = [etc / "sources.list", *(path for path in listed if _FILE_NAME.fullmatch(path.name))]
    return [source for path in files if path.is_file() for source in _parse_file(path)]


def _parse_file(path: Path) -> list[Source]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []  # what this user may not read is no source for them
    return list((parse_deb822 if path.suffix == ".sources" else parse_one_line)(text))


def parse_one_line(text: str) -> Iterator[Source]:
    """Entries of the one-line format, `deb [options] uri suite component...`."""
    for line in text.splitlines():
        found = _ONE_LINE.fullmatch(line.partition("#")[0].strip())
        if found is None or found["type"] != "deb":
            continue
        suite, *components = found["rest"].split()
        options = dict(option.partition("=")[::2] for option in (found["options"] or "").split())
        yield Source(found["uri"], (suite,), tuple(components), options.get("signed-by", ""))


def parse_deb822(text: str) -> Iterator[Source]:
    """Entries of the deb822 format: stanzas of `Field: value`, continued by indented lines."""
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").strip().lower() in (
            "no",
            "false",
        ):
            continue
        for uri in fields.get("uris", "").split():
            suites, components = fields.get("suites", ""), fields.get("components", "")
            yield Source(uri, tuple(suites.split()), tuple(components.split()), fields.get("signed-by", "").strip())


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t"):
            # a lone dot stands for an empty line, as keys given in place have one
            fields[name] = fields.get(name, "") + "\n" + ("" if line.strip() == "." else line.strip())
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def is_debian_main(source: Source) -> bool:
    """Whether this is Debian's main archive: not its security archive, nor another's with the same suite names."""
    address = urlsplit(source.uri)
    releases = any(suite.rstrip("/") in _RELEASES for suite in source.suites)
    security = "security" in address.path or any("security" in suite for suite in source.suites)
    if source.signed_by and "BEGIN PGP" not in source.signed_by:
        debian = "debian-archive" in source.signed_by
    else:
        debian = bool(_DEBIAN_PATH.search(address.path))
    return "main" in source.components and releases and not security and debian


def find_archive(
    environment: Mapping[str, str], etc: Path = Path("/etc/apt"), keyrings: Path = Path("/usr/share/keyrings")
) -> Archive:
    """The archive to build the runtime from.

    Raises SetupError with the setting to make when the machine's sources name none (Ubuntu, for one).
    """
    suite = environment.get("HOTLINE_DEBIAN_SUITE", "").strip() or SUITE
    mirror = environment.get("HOTLINE_DEBIAN_MIRROR", "").strip()
    if mirror:
        if not urlsplit(mirror).scheme:
            raise SetupError(
                "HOTLINE_DEBIAN_MIRROR is no URI: give the whole address of a Debian mirror, scheme and path."
            )
        return Archive(mirror, suite, _machine_keyring(keyrings))
    for source in machine_sources(etc):
        if is_debian_main(source):
            return _archive(source, suite, keyrings)
    raise SetupError(
        "This machine's apt sources name no Debian archive to take Asterisk 22 from: "
        "set HOTLINE_DEBIAN_MIRROR to the URI of a Debian mirror and run the command again."
    )


def _archive(source: Source, suite: str, keyrings: Path) -> Archive:
    if "BEGIN PGP" in source.signed_by:
        return Archive(source.uri, suite, inline_key=source.signed_by)
    named = [Path(name) for name in re.split(r"[,\s]+", source.signed_by) if name.startswith("/")]
    present = (path for path in named if path.is_file())
    return Archive(source.uri, suite, next(present, None) or _machine_keyring(keyrings))


def _machine_keyring(keyrings: Path) -> Path | None:
    present = (keyrings / f"debian-archive-keyring.{suffix}" for suffix in ("gpg", "pgp"))
    return next((path for path in present if path.is_file()), None)
