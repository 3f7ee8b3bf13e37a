"""One installation of the hotline in a folder of its own, run as its users run it: `python -m hotline serve`.

For tests and for `hotline sandbox`. It may be killed and started again at will; at the end nothing is left running.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from config.packs import SHIPPED
from config.settings import Settings
from hotline.services import Service
from tests.sandbox.ports import free_ports

CHECKOUT = Path(__file__).resolve().parents[2]
READY_LIMIT_S = 60.0
STOP_LIMIT_S = 20.0
REQUEST_LIMIT = aiohttp.ClientTimeout(total=5)


class NotRunning(AssertionError):
    """The hotline did not start, or did not become ready; says what it wrote last."""


@dataclass(frozen=True)
class Desk:
    """An agent of the roster and the phone on the desk."""

    id: str
    name: str
    skills: tuple[str, ...] = ("general",)
    address: str = ""

    def row(self) -> str:
        return ",".join((self.id, self.name, ";".join(self.skills), self.address or f"desk:{self.id}"))


@dataclass
class Ports:
    """Where one installation and its outside world meet."""

    sip: int = field(default_factory=lambda: free_ports()[0])
    http: int = field(default_factory=lambda: free_ports()[0])
    api: int = field(default_factory=lambda: free_ports()[0])
    outside_sip: int = field(default_factory=lambda: free_ports()[0])
    rtp: int = field(default_factory=lambda: free_ports(400)[0])


class Installation:
    """`folder` holds everything of it. ``desks`` is the roster, ``duty_phones`` addresses (none: those of the city),
    ``pack`` further TOML that goes to the end of the city's ``city.toml``, ``environment`` further settings. ``packs``
    is the folder of city packs it takes its city from, ``lines`` the text of a ``lines.csv`` that stands in the place
    of all those there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        desks: Sequence[Desk] = (),
        duty_phones: Sequence[str] = (),
        city: str = "yichun",
        pack: str = "",
        environment: Mapping[str, str] | None = None,
        ports: Ports | None = None,
        packs: Path = SHIPPED,
        lines: str | None = None,
    ) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.city_folder = folder / "packs" / city
        self.ports = ports or Ports()
        self.log = folder / "hotline.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._environment = self._settings(city) | dict(environment or {})
        self._copy_packs(packs, lines)
        self._write_pack(desks, duty_phones, pack)

    def _settings(self, city: str) -> dict[str, str]:
        outside = f"127.0.0.1:{self.ports.outside_sip}"
        return {
            "HOTLINE_SETTINGS": str(self._no_settings()),
            "HOTLINE_CITY": city,
            "HOTLINE_PACKS": str(self.folder / "packs"),
            "HOTLINE_STATE": str(self.state),
            "HOTLINE_SIP__PORT": str(self.ports.sip),
            "HOTLINE_SIP__RTP_START": str(self.ports.rtp),
            "HOTLINE_SIP__RTP_END": str(self.ports.rtp + 399),
            "HOTLINE_SIP__TRUNK": outside,
            "HOTLINE_SIP__DESKS": outside,
            "HOTLINE_SIP__SOFTPHONE": "true",
            "HOTLINE_SWITCH__HTTP_PORT": str(self.ports.http),
            "HOTLINE_API__PORT": str(self.ports.api),
        }

    def _no_settings(self) -> Path:
        """An empty settings file: that of the checkout is another installation's."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "hotline.toml"
        file.touch()
        return file

    def _copy_packs(self, packs: Path, lines: str | None) -> None:
        copy = self.folder / "packs"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(packs, copy)
        if not (copy / "_default").is_dir():
            shutil.copytree(SHIPPED / "_default", copy / "_default")
        if lines is not None:
            (copy / "_default" / "lines.csv").unlink(missing_ok=True)
            (self.city_folder / "lines.csv").write_text(lines, "utf-8")

    def _write_pack(self, desks: Sequence[Desk], duty_phones: Sequence[str], more: str) -> None:
        """The city as it is, with this installation's roster and, if there are any, its duty phones."""
        roster = "\n".join(["id,name,skills,address", *(desk.row() for desk in desks)])
        (self.city_folder / "agents.csv").write_text(roster + "\n", "utf-8")
        with (self.city_folder / "city.toml").open("a", encoding="utf-8") as toml:
            if duty_phones:
                toml.write(f"\n[duty]\nphones = {json.dumps(list(duty_phones))}\n")
            toml.write(f"\n{more}\n")

    @property
    def url(self) -> str:
        """Where its HTTP API answers."""
        return f"http://127.0.0.1:{self.ports.api}"

    # ------------------------------------------------------------ life

    @property
    def environment(self) -> dict[str, str]:
        """What `hotline` commands need in order to look at this installation."""
        return {**_without_settings(os.environ), **self._environment}

    def start(self) -> None:
        """Start `hotline serve`; `ready` tells when it serves."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hotline", "serve"],
                cwd=CHECKOUT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def ready(self, within: float = READY_LIMIT_S) -> None:
        """Wait until a canary call comes back."""
        await self._until(self._is_ready, within, "did not become ready")

    async def stop(self) -> None:
        """Stop as Ctrl-C does; what would not stop is ended."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    await asyncio.to_thread(self.process.wait, STOP_LIMIT_S)
                if self.process.poll() is None:
                    self.process.kill()
                    self.process.wait()
            self.process = None
        for name, folder in (("asterisk", "switch"), ("redis", "redis")):
            await Service(name, [], self.state / folder, ready=_never).stop()

    def pid(self, role: str) -> int:
        """The pid of one of its processes: ``w1``, ``web``, ``backoffice``, ``supervisor``."""
        return int((self.state / "run" / f"{role}.pid").read_text("ascii"))

    def kill(self, role: str) -> int:
        """`kill -9` one of its processes; returns the pid it had."""
        pid = self.pid(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_all(self) -> None:
        """`kill -9` the hotline as a whole; switch and Redis go on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    # ------------------------------------------------------------ looking

    async def api(self, method: str, path: str, **arguments: Any) -> Any:
        """One request to the HTTP API; raises `aiohttp.ClientResponseError`."""
        token = (self.state / "secrets" / "api").read_text("ascii").strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession(headers=headers, timeout=REQUEST_LIMIT) as client,
            client.request(method, f"{self.url}{path}", raise_for_status=True, **arguments) as response,
        ):
            return await response.json() if response.content_type == "application/json" else await response.text()

    async def sign_in(self, *agents: str) -> None:
        """Agents sign in and are ready for calls."""
        for agent in agents:
            await self.api("PUT", f"/api/agents/{agent}/presence", json={"presence": "ready"})

    async def sign_out(self, *agents: str) -> None:
        """Agents sign out."""
        for agent in agents:
            await self.api("PUT", f"/api/agents/{agent}/presence", json={"presence": "off"})

    async def eventually(self, path: str, good: Callable[[Any], bool], within: float = 10.0) -> Any:
        """Ask the API until its answer is good; returns that answer."""
        last: Any = None

        async def look() -> bool:
            nonlocal last
            try:
                last = await self.api("GET", path)
            except (aiohttp.ClientError, TimeoutError) as error:
                last = error
                return False
            return good(last)

        await self._until(look, within, f"GET {path} never answered as expected", lambda: repr(last))
        return last

    async def says(self, text: str, within: float = 10.0) -> None:
        """Wait until the log of `hotline serve` has a text."""

        async def said() -> bool:
            return text in self.log.read_text("utf-8", errors="replace")

        await self._until(said, within, f"the log never said {text!r}")

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run a `hotline` command on this installation: exit code, output, errors."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hotline",
            *arguments,
            cwd=CHECKOUT,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        return process.returncode or 0, output.decode(), errors.decode()

    async def _is_ready(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise NotRunning(f"hotline serve ended with status {self.process.returncode}:\n{self.last_words()}")
        try:
            async with (
                aiohttp.ClientSession(timeout=REQUEST_LIMIT) as client,
                client.get(f"{self.url}/health/ready") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _until(
        self,
        condition: Callable[[], Any],
        within: float,
        complaint: str,
        more: Callable[[], str] = lambda: "",
    ) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while not await condition():
            if loop.time() > deadline:
                raise NotRunning(f"{complaint} within {within:g} s {more()}\n{self.last_words()}")
            await asyncio.sleep(0.05)

    def last_words(self, lines: int = 25) -> str:
        if not self.log.exists():
            return "(it wrote nothing)"
        return "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-lines:])


@contextlib.asynccontextmanager
async def installed(folder: Path, **arguments: Any) -> AsyncIterator[Installation]:
    """An installation that is ready, while the block lasts."""
    hotline = Installation(folder, **arguments)
    try:
        hotline.start()
        await hotline.ready()
        yield hotline
    finally:
        await hotline.stop()


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the settings of another installation: its database, its Redis, its switch."""
    names = {"REDIS_URL", *(f"HOTLINE_{field.upper()}" for field in Settings.model_fields)}
    return {name: value for name, value in environment.items() if name.upper().partition("__")[0] not in names}


async def _never() -> bool:
    return False
