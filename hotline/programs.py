"""The programs of one installation as services: the switch (Asterisk) and the private Redis server.

Knows their command lines, folders and readiness checks; how a service lives is in `hotline.services`.
"""

import asyncio
import base64
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import aiohttp
import structlog

from config.asterisk_config import ARI_USER, Configuration, Instance, render
from config.asterisk_emergency import ROUTES_FILE, Emergency
from config.settings import Settings, SwitchSettings
from hotline.runtime import paths
from hotline.services import Service, ServiceError

log = structlog.get_logger(__name__)

SOCKET_PATH_LIMIT = 104
"""Bytes that the path of a unix socket may surely have: `sun_path` holds 108 on Linux, see unix(7)."""

# What a running Asterisk takes over without a restart, and the module to reload for it.
RELOADS = {
    "extensions.conf": "pbx_config.so",
    ROUTES_FILE: "pbx_config.so",
    "pjsip.conf": "res_pjsip.so",
    "musiconhold.conf": "res_musiconhold.so",
}
CONTROL_FILES = frozenset({"http.conf", "ari.conf"})
REQUEST_LIMIT_S = 5.0


class SwitchControl:
    """A switch's ARI for those who look after it: a request now and then, no events. Knows nothing of calls."""

    def __init__(self, base_url: str, user: str, password: str) -> None:
        self._base_url = base_url
        credentials = f"{user}:{password}".encode()
        self._headers = {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}

    @classmethod
    def of(cls, switch: SwitchSettings, password: str) -> "SwitchControl":
        """The installation's switch."""
        return cls(f"http://{switch.host}:{switch.http_port}", ARI_USER, password)

    async def request(self, method: str, path: str) -> bytes:
        """The answer's body. Raises `aiohttp.ClientError` or `TimeoutError`."""
        limit = aiohttp.ClientTimeout(total=REQUEST_LIMIT_S)
        async with (
            aiohttp.ClientSession(headers=self._headers, timeout=limit, raise_for_status=True) as session,
            session.request(method, f"{self._base_url}/ari/{path}") as response,
        ):
            return await response.read()

    async def endpoint_state(self, name: str) -> str:
        """Whether a trunk or gateway answers OPTIONS (RFC 3261 §11): ``online``, ``offline`` or ``unknown``;
        ``missing`` when it is not configured. Nothing is dialled. Raises `ServiceError` when the switch is silent.
        """
        try:
            state = json.loads(await self.request("GET", f"endpoints/PJSIP/{name}"))["state"]
        except aiohttp.ClientResponseError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return "missing"
            raise ServiceError(f"the switch does not tell of {name}: {error.status}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServiceError(f"the switch does not answer: {type(error).__name__}") from None
        return str(state)


class AsteriskService(Service):
    """One Asterisk with a generated configuration. `base_url` is where its ARI answers (add ``/ari/…``)."""

    def __init__(self, name: str, configuration: Configuration) -> None:
        self.configuration = configuration
        instance = configuration.instance
        self.base_url = f"http://{instance.http_host}:{instance.http_port}"
        self.control = SwitchControl(self.base_url, instance.ari_user, instance.ari_password)
        self._program = [*paths.asterisk(), "-C", str(instance.config)]
        super().__init__(name, [*self._program, "-f"], instance.target, ready=self._booted)

    async def start(self) -> bool:
        """See `Service.start`. An adopted Asterisk takes over what changed in its configuration, as far as it can."""
        changed = self.configuration.changed()
        running = self.pid() is not None
        if running and (hidden := changed & CONTROL_FILES):
            raise ServiceError(
                f"{self.name} (pid {self.pid()}) runs with other settings ({', '.join(sorted(hidden))}) and cannot be"
                " reached with these; set them back, or stop it first"
            )
        self.configuration.save()
        fresh = await super().start()
        if not fresh and changed:
            await self._reload(changed)
        return fresh

    async def change(self, name: str, text: str) -> None:
        """Give the running switch another text for one of its generated files; no call notices. Raises `ServiceError`
        when it does not take it over, and the old file then stands where it stood.
        """
        before = self.configuration
        self.configuration = before.with_file(name, text)
        self.configuration.save()
        try:
            await self._reload(frozenset({name}))
        except ServiceError:
            self.configuration = before
            before.save()
            raise

    async def stop(self) -> None:
        """Stop Asterisk; calls that it still carries end."""
        await super().stop()
        remove_socket_dir(self.folder / "run")

    async def command(self, line: str) -> str:
        """The output of one command of Asterisk's command line."""
        process = await asyncio.create_subprocess_exec(
            *self._program, "-rx", line, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return output.decode("utf-8", "replace")

    async def _booted(self) -> bool:
        try:
            await self.control.request("GET", "asterisk/ping")
        except (aiohttp.ClientError, TimeoutError):
            return False
        return "fully booted" in await self.command("core waitfullybooted")

    async def _reload(self, changed: frozenset[str]) -> None:
        for name in sorted(changed & RELOADS.keys()):
            try:
                await self.control.request("PUT", f"asterisk/modules/{RELOADS[name]}")
            except (aiohttp.ClientError, TimeoutError) as error:
                raise ServiceError(f"{self.name} did not take over {name}: {error}") from None
        if later := changed - RELOADS.keys():
            log.warning("takes effect when the switch is started anew", service=self.name, files=sorted(later))


def asterisk_service(
    settings: Settings,
    *,
    ari_password: str,
    duty_phones: Sequence[str],
    hello: Path | None = None,
    notice: Path | None,
    sorry: Path | None,
    moh_dir: Path,
    ring_s: int = 25,
    emergency: Emergency | None = None,
    table: str = "",
    system_name: str = "hotline",
) -> AsteriskService:
    """The switch of this installation; see `config.asterisk_config.render` for the arguments.

    ``system_name`` begins the ids of all calls: give each node of a cluster its own. Raises `ConfigError`.
    """
    target = settings.state_dir / "switch"
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    instance = Instance(
        target=target,
        run_dir=socket_dir(target / "run", "asterisk.ctl"),
        modules_dir=paths.asterisk_module_dir(),
        data_dir=paths.asterisk_data_dir(),
        system_name=system_name,
        http_host=settings.switch.host,
        http_port=settings.switch.http_port,
        rtp_start=settings.sip.rtp_start,
        rtp_end=settings.sip.rtp_end,
        ari_user=ARI_USER,
        ari_password=ari_password,
    )
    settings.recording_spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = render(
        settings,
        instance,
        duty_phones=duty_phones,
        hello=hello,
        notice=notice,
        sorry=sorry,
        moh_dir=moh_dir,
        ring_s=ring_s,
        emergency=emergency,
        table=table,
    )
    return AsteriskService("asterisk", configuration)


# ---------------------------------------------------------------- Redis

REDIS_OPTIONS: Mapping[str, str] = {
    "port": "0",  # a socket in a private folder and nothing on the network
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
}


class RedisService(Service):
    """A Redis server of our own. `url` is what redis-py takes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = folder / "data"
        data.mkdir(exist_ok=True, mode=0o700)
        self._socket = socket_dir(folder / "run", "redis.sock") / "redis.sock"
        self.url = f"unix://{quote(str(self._socket))}?db=0"
        options = {**REDIS_OPTIONS, "dir": str(data), "unixsocket": str(self._socket)}
        argv = [part for name, value in options.items() for part in (f"--{name}", value)]
        super().__init__("redis", [*paths.redis_server(), *argv], folder, ready=self._answers)

    async def stop(self) -> None:
        """Stop Redis; it writes out what it holds."""
        await super().stop()
        remove_socket_dir(self.folder / "run")

    async def _answers(self) -> bool:
        """Pong, and not "loading the dataset"."""
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        finally:
            writer.close()


def redis_service(settings: Settings) -> RedisService:
    """The private Redis server of this installation."""
    return RedisService(settings.state_dir / "redis")


# ---------------------------------------------------------------- folders for sockets


def socket_dir(wanted: Path, name: str) -> Path:
    """A private folder in which a socket called ``name`` may be made.

    That is ``wanted``; where its path would be too long for a socket, ``wanted`` becomes a link to a short folder
    below the system's temporary one, which `remove_socket_dir` takes away.
    """
    if len(os.fsencode(wanted / name)) <= SOCKET_PATH_LIMIT and not wanted.is_symlink():
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
        return wanted
    if wanted.is_symlink() and _is_private(target := wanted.readlink()):
        return target
    wanted.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted.unlink(missing_ok=True)
    base = min(tempfile.gettempdir(), "/tmp", key=len)  # noqa: S108 - mkdtemp makes it private
    target = Path(tempfile.mkdtemp(prefix="hotline-", dir=base))
    wanted.symlink_to(target)
    return target


def remove_socket_dir(wanted: Path) -> None:
    """Undo `socket_dir` where it went outside; what it made in place stays with the rest of the state."""
    if wanted.is_symlink():
        target = wanted.readlink()
        if _is_private(target) and target.name.startswith("hotline-"):
            shutil.rmtree(target)
        wanted.unlink()


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
