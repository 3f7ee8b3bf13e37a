"""The hotline under test: an installation as its users run it (`python -m hotline serve`), with many agents signed in.

Everything is as shipped but: a recorded greeting (a tone that is audible from its first sample: the switch's first
word and what the flow says after it), no time after a call before the agent's next one, whose trunks and desk phones
they are, and what of the transfer table leads there.
"""

import asyncio
import csv
import io
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from bench import processes
from bench.desks import Desks
from bench.raw import check_pair
from bench.subject import DUTY, Ports, Recorded
from config.packs import SHIPPED
from hotline.runtime import paths
from hotline.services import Service
from tests.sandbox import Desk, Installation
from tests.sandbox import Ports as SandboxPorts

_AWAY, _CROWDED_SKILL = "7001", "l12315"
"""One agent is signed in for this skill and never takes a call, so that whoever is in its queue waits."""

_TARGETS = {"119": "backup:119 10s", "12366": "backup:12366", "12315": f"skill:{_CROWDED_SKILL} 300s; skill:general"}
"""What the lines' rows say instead: operators and experts are on the second trunk."""

_SIGN_INS_AT_A_TIME = 20
_STORE_LIMIT_S = 10.0
_LEFTOVER_LIMIT_S = 20.0


class Hotline:
    """Implements `bench.subject.Subject`."""

    name = "hotline"

    def __init__(self, folder: Path, ports: Ports, hello: Path, greeting: Path, agents: Sequence[str]) -> None:
        self.folder = folder
        self._agents = agents
        self.ports = ports
        self.desks = Desks(folder, ports.desks, ports.desk_audio)
        self.installation = Installation(
            folder,
            desks=[*(Desk(number, f"座席{number}") for number in agents), Desk(_AWAY, "暂离座席", (_CROWDED_SKILL,))],
            duty_phones=[f"desk:{DUTY}"],
            pack="[limits]\nwrap_up_s = 0.0\n",
            environment={
                "HOTLINE_SIP__TRUNK": f"127.0.0.1:{ports.trunk}",
                "HOTLINE_SIP__BACKUP_TRUNK": f"127.0.0.1:{ports.second_trunk}",
                "HOTLINE_SIP__DESKS": f"127.0.0.1:{ports.desks}",
                "HOTLINE_SIP__SOFTPHONE": "false",
                "HOTLINE_SIP__RTP_START": str(ports.rtp_first),
                "HOTLINE_SIP__RTP_END": str(ports.rtp_last),
            },
            ports=SandboxPorts(ports.sip, ports.http, ports.api, ports.trunk, ports.rtp_first),
            lines=_lines(),
        )
        prompts = self.installation.city_folder / "prompts"
        prompts.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(hello, prompts / "switch_hello.wav")
        shutil.copyfile(greeting, prompts / "greeting.wav")
        self._judged = 0.0  # arrivals up to here have been looked at

    # ------------------------------------------------------------ life

    def start(self) -> None:
        self.desks.start()
        asyncio.run(self._start())
        self._judged = time.time()

    async def _start(self) -> None:
        self.installation.start()
        await self.installation.ready()
        for first in range(0, len(self._agents), _SIGN_INS_AT_A_TIME):
            await asyncio.gather(*map(self.installation.sign_in, self._agents[first : first + _SIGN_INS_AT_A_TIME]))
        await self.installation.api("PUT", f"/api/agents/{_AWAY}/presence", json={"presence": "paused"})

    def stop(self) -> None:
        asyncio.run(self.installation.stop())
        self.desks.stop()

    # ------------------------------------------------------------ processes

    def roles(self) -> Mapping[int, str]:
        """The hotline's own processes by their names, what it started by program; "encoder" is the archiver's."""
        state = self.installation.state
        named = {_pid(path): path.stem for path in (state / "run").glob("*.pid")}
        named |= {_pid(state / "switch/asterisk.pid"): "asterisk", _pid(state / "redis/redis.pid"): "redis"}
        named.pop(0, None)
        supervisor = next((pid for pid, role in named.items() if role == "supervisor"), None)
        if supervisor is not None:
            for pid in processes.descendants(supervisor):
                named.setdefault(pid, "encoder")
        return {pid: "worker" if role[1:].isdigit() else role for pid, role in named.items()}

    def kill_worker(self) -> float:
        """`kill -9` of the process that runs the calls. Returns the UNIX time of it."""
        at = time.time()
        self.installation.kill("w1")
        return at

    # ------------------------------------------------------------ what its database says

    def idle(self) -> bool:
        return not self.open_calls() and not self._channels()

    def unarchived(self) -> int:
        return int(self._rows("SELECT count(*) FROM recordings WHERE state = 'expected'")[0][0])

    def open_calls(self) -> set[str]:
        """The calls that have begun and not ended, by the journal."""
        return {call for (call,) in self._rows("SELECT call FROM calls WHERE closed IS NULL")}

    def events(self, kind: str, since: float) -> set[str]:
        """The calls with an event of a kind in the journal from ``since`` (UNIX seconds) on."""
        rows = self._rows("SELECT call FROM journal WHERE kind = ? AND at >= ?", kind, since)
        return {call for (call,) in rows}

    def recorded(self, expected: int, least_s: float) -> Recorded:
        """From the ledger what is archived, from the raw files what is not yet."""
        since, self._judged = self._judged, time.time()
        deadline = time.monotonic() + _STORE_LIMIT_S
        while True:  # the ledger follows the journal a moment later; the archiver may be just moving a file
            rows = self._rows("SELECT name, state, reason, seconds FROM recordings WHERE began >= ?", since)
            good = sum(self._is_good(row, least_s) for row in rows)
            if good >= expected or time.monotonic() > deadline:
                return Recorded(good, max(expected, len(rows)) - good)
            time.sleep(0.5)

    def _is_good(self, row: tuple[Any, ...], least_s: float) -> bool:
        name, state, reason, seconds = row
        if state == "stored":
            return reason is None and (seconds or 0.0) >= least_s
        spool = self.installation.state / "switch/spool/monitor"
        return check_pair(spool / f"{name}-c.sln", spool / f"{name}-o.sln", least_s)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.installation.state}/hotline.db?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    def _channels(self) -> bool:
        """Whether the switch has a citizen's or an agent's channel."""
        config = self.installation.state / "switch/etc/asterisk.conf"
        said = processes.output([*paths.asterisk(), "-C", str(config), "-rx", "core show channels concise"])
        return any(line.startswith("PJSIP/") for line in said.splitlines())


def _lines() -> str:
    """The city's lines, with the targets of the bench's."""
    with (SHIPPED / "yichun" / "lines.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["targets"] = _TARGETS.get(row["number"], row["targets"])
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def end_leftover(folder: Path) -> None:
    """End the hotline that a killed run left in ``folder``: its supervisor, which stops the rest, then what is left."""
    state = folder / "state"
    pid = _pid(state / "run/supervisor.pid")
    if pid and b"hotline\0serve" in processes.command_line(pid):
        os.kill(pid, signal.SIGTERM)
        processes.wait_until_gone(pid, _LEFTOVER_LIMIT_S)
    for name, home in (("asterisk", state / "switch"), ("redis", state / "redis")):
        asyncio.run(Service(name, [], home, ready=_never).stop())


async def _never() -> bool:
    return False


def _pid(path: Path) -> int:
    try:
        return int(path.read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0
