"""Tells what this machine has of what the hotline needs, what is missing and how to mend it: one sentence each.

It only looks: it starts programs to ask their version, opens no calls, and changes nothing. It also runs without the
virtual environment, so that it can say that it is missing.
"""

from __future__ import annotations

import array
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hotline.runtime import mend, paths, postgres, versions, virtualenv
from hotline.runtime.errors import SetupError

if TYPE_CHECKING:
    from config.settings import Settings
    from hotline.emergency_routes import Reach

PYTHON_LEAST = (3, 11)
VOICE = "cmn-latn-pinyin"
DISK_LEAST, DISK_COMFORTABLE = 200e6, 2e9  # bytes
_LOUD_ENOUGH = 1000  # of 32767; espeak-ng speaks at about 20000


class State(StrEnum):
    """`missing`: the hotline does not run without it; `warning`: it does, but not for everything or not for long."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its name, its state, a sentence on what is there, and what to do about it, if anything."""

    name: str
    state: State
    sentence: str
    mend: str = ""


def diagnose() -> list[Finding]:
    """Look at everything; what cannot be looked at is a finding too, never an exception."""
    return [_looked_at(name, look) for name, look in _CHECKS.items()] + emergency_routes()


def main(as_json: bool = False) -> int:
    """Print the findings as a table (or as JSON); 0 if nothing is missing, else 1."""
    findings = diagnose()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a wrong encoding is among what is told here
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        _print_table(findings)
    return int(any(finding.state is State.MISSING for finding in findings))


def python() -> Finding:
    """The interpreter everything runs in."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_LEAST:
        return Finding("python", State.MISSING, f"Python is {version}.", "install Python 3.11 or newer")
    return Finding("python", State.OK, f"Python is {version}.")


def packages() -> Finding:
    """The virtual environment against the locked requirements."""
    layout, requirements = paths.layout(), paths.checkout() / "requirements"
    if virtualenv.in_step(layout, requirements, "dev"):
        return Finding("packages", State.OK, "The Python packages are as locked, those for tests included.")
    if virtualenv.in_step(layout, requirements, "run"):
        return Finding("packages", State.OK, "The Python packages are as locked.")
    sentence = "The Python packages in .runtime/venv are not as requirements/ has them."
    return Finding("packages", State.WARNING, sentence, paths.BUILD)


def asterisk() -> Finding:
    """The switch and its version."""
    installed = bool(os.environ.get("HOTLINE_ASTERISK", "").strip())
    how = paths.CORRECT_ASTERISK if installed else versions.REBUILD
    version = versions.asterisk(paths.asterisk(), how)
    origin = "installed on this machine" if installed else "of the runtime"
    return Finding("asterisk", State.OK, f"Asterisk {origin} is {version}.")


def rtp_restart() -> Finding:
    """Whether a caller is still heard after their RTP restarts with a lower sequence number."""
    found = mend.inspect(paths.asterisk_binary().read_bytes())
    if found.state in (mend.MendState.MENDED, mend.MendState.NOT_NEEDED):
        return Finding("rtp_restart", State.OK, found.sentence)
    return Finding("rtp_restart", State.WARNING, *_what_and_mend(found.sentence))


def modules() -> Finding:
    """The modules of Asterisk that its configuration loads."""
    folder = paths.asterisk_module_dir()
    from config.asterisk_config import MODULES

    wanted = [name for group in MODULES.values() for name in group]
    missing = [name for name in wanted if not (folder / f"{name}.so").exists()]
    if missing:
        return Finding("modules", State.MISSING, f"Asterisk lacks the modules {', '.join(missing)}.", paths.BUILD)
    return Finding("modules", State.OK, f"All {len(wanted)} modules of Asterisk that the hotline loads are there.")


def redis() -> Finding:
    """The Redis of the settings, reachable; or the runtime's own."""
    url = _settings().redis_url
    if not url:
        version = versions.told_by([*paths.redis_server(), "--version"], r"v=(\S+)", "redis-server")
        return Finding("redis", State.OK, f"Redis of the runtime is {version}.")
    import redis as client

    try:
        with client.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as server:
            version = str(server.info("server")["redis_version"])
    except (client.RedisError, ValueError, OSError) as error:
        sentence = f"The Redis of REDIS_URL does not answer ({type(error).__name__})."
        return Finding("redis", State.MISSING, sentence, "start it, correct REDIS_URL, or unset it")
    return Finding("redis", State.OK, f"Redis of REDIS_URL is {version}.")


def voice() -> Finding:
    """The Mandarin voice, by letting it speak."""
    command = [*paths.espeak(), "-v", VOICE, "--stdout", "ni3 hao3"]
    spoken = subprocess.run(command, capture_output=True, timeout=30, check=False)
    try:
        with wave.open(io.BytesIO(spoken.stdout)) as sound:
            samples = array.array("h", sound.readframes(1 << 20))
    except (wave.Error, EOFError, ValueError):
        samples = array.array("h")
    if max(map(abs, samples), default=0) < _LOUD_ENOUGH:
        sentence = f"espeak-ng makes no sound with the voice {VOICE}."
        return Finding("voice", State.MISSING, sentence, f"unset HOTLINE_ESPEAK, or {versions.REBUILD}")
    return Finding("voice", State.OK, f"espeak-ng speaks with the voice {VOICE}.")


def postgresql() -> Finding:
    """The PostgreSQL that tests and measurements start."""
    version = versions.told_by([str(postgres.programs() / "postgres"), "--version"], r"\) (\S+)", "PostgreSQL")
    return Finding("postgresql", State.OK, f"PostgreSQL for tests is {version}.")


def sipp() -> Finding:
    """The traffic generator of the measurements."""
    version = versions.told_by([*paths.sipp(), "-v"], r"SIPp v([\d.]+)", "SIPp")
    return Finding("sipp", State.OK, f"SIPp for measurements is {version}.")


def disk() -> Finding:
    """Room for recordings and the journal."""
    free = shutil.disk_usage(paths.checkout()).free
    sentence = f"The disk of the checkout has {free / 1e9:.1f} GB free."
    if free < DISK_COMFORTABLE:
        state = State.MISSING if free < DISK_LEAST else State.WARNING
        return Finding("disk", state, sentence, "free some space, or set HOTLINE_STATE to a folder on a larger disk")
    return Finding("disk", State.OK, sentence)


def ports() -> Finding:
    """The ports the hotline listens on."""
    settings = _settings()
    wanted = {
        "sip.port": (settings.sip.bind, settings.sip.port, socket.SOCK_DGRAM),
        "switch.http_port": (settings.switch.host, settings.switch.http_port, socket.SOCK_STREAM),
        "api.port": (settings.api.bind, settings.api.port, socket.SOCK_STREAM),
    }
    taken = [f"{address[1]} ({name})" for name, address in wanted.items() if not _can_bind(*address)]
    if taken:
        sentence = f"In use, maybe by a hotline that is running: port {', '.join(taken)}."
        return Finding("ports", State.WARNING, sentence, "stop what uses them, or set other ports in hotline.toml")
    return Finding("ports", State.OK, f"The ports {', '.join(str(port) for _, port, _ in wanted.values())} are free.")


def encoding() -> Finding:
    """Whether Chinese can be printed and named in files."""
    encodings = {sys.getfilesystemencoding(), getattr(sys.stdout, "encoding", None) or "utf-8"}
    wrong = sorted(name for name in encodings if name.lower().replace("-", "") != "utf8")
    if wrong:
        return Finding("encoding", State.WARNING, f"Text is encoded as {wrong[0]} here.", "set LANG=C.UTF-8")
    return Finding("encoding", State.OK, "Text is encoded as UTF-8.")


def emergency_routes() -> list[Finding]:
    """Each route that the running switch has for an emergency number, by what its trunk answers to OPTIONS. Nobody is
    dialled.
    """
    try:
        return [_route(reach) for reach in _reaches()]
    except FileNotFoundError:
        return [Finding("routes", State.OK, "The emergency routes can be asked for once the hotline runs.")]
    except ImportError:
        return []  # told by `packages`
    except (OSError, ValueError, SetupError) as problem:
        sentence = f"The switch cannot be asked for its emergency routes ({problem})."
        return [Finding("routes", State.WARNING, sentence, "see that `hotline serve` runs")]


def _reaches() -> list[Reach]:
    import asyncio

    from config.asterisk_emergency import ROUTES_FILE, read_routes
    from hotline.emergency_routes import reach_of
    from hotline.programs import SwitchControl
    from hotline.services import ServiceError

    settings = _settings()
    routes = read_routes((settings.state_dir / "switch" / "etc" / ROUTES_FILE).read_text("utf-8"))
    password = (settings.state_dir / "secrets" / "ari").read_text("ascii").strip()
    switch = SwitchControl.of(settings.switch, password)
    try:
        return asyncio.run(reach_of(routes, switch))
    except ServiceError as error:
        raise OSError(str(error)) from None


def _route(reach: Reach) -> Finding:
    name, route = (
        f"route {reach.number}.{reach.place}",
        f"Route {reach.place} to {reach.number}, over {reach.route.endpoint},",
    )
    match reach.state:
        case "online":
            return Finding(name, State.OK, f"{route} answers.")
        case "missing":
            how = "set sip.backup_trunk or sip.desks, or take the target out of the transfer table"
            return Finding(name, State.WARNING, f"{route} is not set up.", how)
    how = "ask the carrier, and see that the address in sip.trunk, sip.backup_trunk or sip.desks is right"
    return Finding(name, State.WARNING, f"{route} does not answer.", how)


_CHECKS: dict[str, Callable[[], Finding]] = {
    check.__name__: check
    for check in (
        python, packages, asterisk, rtp_restart, modules, redis, voice, postgresql, sipp, disk, ports, encoding
    )
}  # fmt: skip
_NOT_FOR_CALLS = ("postgresql", "sipp")


def _looked_at(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except (SetupError, ValueError) as problem:  # ValueError: a settings file that cannot be used
        state = State.WARNING if name in _NOT_FOR_CALLS else State.MISSING
        return Finding(name, state, *_what_and_mend(str(problem)))
    except ImportError as problem:
        return Finding(name, State.MISSING, f"The Python package {problem.name} is not installed.", paths.BUILD)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return Finding(name, State.MISSING, f"It cannot be looked at ({problem}).", paths.BUILD)


def _what_and_mend(sentence: str) -> tuple[str, str]:
    """Our sentences read `what is wrong: how to mend it.`"""
    what, colon, how = sentence.rpartition(": ")
    return (f"{what}.", how.rstrip(".")) if colon else (sentence, "")


def _settings() -> Settings:
    from config.settings import load_settings

    return load_settings()


def _can_bind(host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _print_table(findings: list[Finding]) -> None:
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        for finding in findings:
            print(f"{finding.state:8} {finding.name:12} {finding.sentence} {finding.mend}")
        return
    colours = {State.OK: "green", State.WARNING: "yellow", State.MISSING: "bold red"}
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        table.add_row(finding.name, Text(finding.state, colours[finding.state]), Text(finding.sentence))
        if finding.mend:
            table.add_row("", "", Text(f"→ {finding.mend}", "bold"))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main(as_json="--json" in sys.argv[1:]))
