"""A thin typed client of ARI, the Asterisk REST Interface: requests over pooled connections, events by websocket.

Knows Asterisk's JSON and nothing of calls. Requests do not share a connection while one is under way, because ARI
over one websocket is serial: one slow request there would delay every call.
Source: https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/Asterisk_REST_Interface/
"""

import asyncio
import random
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec
import structlog
import websockets

log = structlog.get_logger(__name__)

REQUEST_LIMIT_S = 5.0
PING_EVERY_S = 5.0
CONNECT_LIMIT_S = 3.0
BACKOFF_S = (0.05, 2.0)  # first and longest wait between attempts to connect


class AriError(Exception):
    """Asterisk refused a request. ``status`` is the HTTP status."""

    def __init__(self, method: str, path: str, status: int, reason: str) -> None:
        self.status = status
        super().__init__(f"{method} {path}: {status} {reason}")


class AriUnreachable(Exception):
    """Asterisk did not answer."""


T = TypeVar("T")

# ---------------------------------------------------------------- resources


class CallerId(msgspec.Struct):
    name: str = ""
    number: str = ""


class Dialplan(msgspec.Struct):
    exten: str = ""
    app_name: str = ""
    app_data: str = ""


class Channel(msgspec.Struct):
    id: str
    name: str
    state: str  # Down, Ring, Ringing, Up, ...
    caller: CallerId
    dialplan: Dialplan


class Bridge(msgspec.Struct):
    id: str
    channels: list[str] = []


class Playback(msgspec.Struct):
    id: str
    state: str = ""  # queued, playing, continuing, done, failed


# ---------------------------------------------------------------- events


class _Event(msgspec.Struct, tag_field="type"):
    pass


class StasisStart(_Event, tag="StasisStart"):
    channel: Channel
    args: list[str] = []


class StasisEnd(_Event, tag="StasisEnd"):
    channel: Channel


class CallBroadcast(_Event, tag="CallBroadcast"):
    channel: Channel


class ChannelStateChange(_Event, tag="ChannelStateChange"):
    channel: Channel


class ChannelDestroyed(_Event, tag="ChannelDestroyed"):
    channel: Channel
    cause: int = 0


class ChannelDtmfReceived(_Event, tag="ChannelDtmfReceived"):
    channel: Channel
    digit: str


class PlaybackFinished(_Event, tag="PlaybackFinished"):
    playback: Playback


class ApplicationReplaced(_Event, tag="ApplicationReplaced"):
    pass


AriEvent: TypeAlias = (
    StasisStart
    | StasisEnd
    | CallBroadcast
    | ChannelStateChange
    | ChannelDestroyed
    | ChannelDtmfReceived
    | PlaybackFinished
    | ApplicationReplaced
)

EVENT_TYPES = (
    "StasisStart",
    "StasisEnd",
    "CallBroadcast",
    "ChannelStateChange",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "PlaybackFinished",
    "ApplicationReplaced",
)

_event_decoder: msgspec.json.Decoder[AriEvent] = msgspec.json.Decoder(AriEvent)
_KNOWN = tuple(f'"type":"{name}"'.encode() for name in EVENT_TYPES)


def read_event(raw: str | bytes) -> AriEvent | None:
    """An event as Asterisk sent it; None for the kinds we do not use. Raises `msgspec.ValidationError`."""
    data = raw.encode() if isinstance(raw, str) else raw
    head = data.replace(b'"type": "', b'"type":"', 1)
    if not any(known in head for known in _KNOWN):
        return None
    try:
        return _event_decoder.decode(data)
    except msgspec.ValidationError:
        if msgspec.json.decode(data).get("type") in EVENT_TYPES:
            raise
        return None


# ---------------------------------------------------------------- the client


class Ari:
    """One ARI application on one Asterisk.

    `on_event` gets each event in order and must not block; `on_connected` is awaited after each (re)connection,
    while events already flow.
    """

    def __init__(
        self,
        base: str,
        user: str,
        password: str,
        app: str,
        on_event: Callable[[AriEvent], None],
        on_connected: Callable[[], Awaitable[None]],
    ) -> None:
        self.base = base.rstrip("/")
        self.app = app
        self.connected = asyncio.Event()
        self._headers = {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}
        self._on_event = on_event
        self._on_connected = on_connected
        self._http: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._socket: websockets.ClientConnection | None = None

    async def start(self) -> None:
        """Begin to connect; returns at once, `connected` tells when."""
        self._http = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=20),
            timeout=aiohttp.ClientTimeout(total=REQUEST_LIMIT_S, connect=CONNECT_LIMIT_S),
        )
        self._task = asyncio.create_task(self._listen(), name="ari events")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    def drop_connection(self) -> None:
        """Give the events' connection up and make a new one, as when the network lost it."""
        if self._socket is not None:
            self._socket.transport.abort()

    # ------------------------------------------------------------ requests

    async def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str | int | None
    ) -> bytes:
        """One request; returns the body. Raises `AriError` or `AriUnreachable`."""
        assert self._http is not None, "start() first"
        params = {key: str(value) for key, value in query.items() if value is not None}
        try:
            async with self._http.request(method, f"{self.base}/ari/{path}", params=params, json=body) as response:
                data = await response.read()
                if response.status >= 400:
                    raise AriError(method, path, response.status, _reason(data) or response.reason or "")
                return data
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AriUnreachable(f"{method} {path}: {type(error).__name__} {error}") from None

    async def channels(self) -> list[Channel]:
        return msgspec.json.decode(await self.request("GET", "channels"), type=list[Channel])

    async def channel(self, channel: str) -> Channel | None:
        return await self._get(f"channels/{channel}", Channel)

    async def bridges(self) -> list[Bridge]:
        return msgspec.json.decode(await self.request("GET", "bridges"), type=list[Bridge])

    async def bridge(self, bridge: str) -> Bridge | None:
        return await self._get(f"bridges/{bridge}", Bridge)

    async def playback(self, playback: str) -> Playback | None:
        return await self._get(f"playbacks/{playback}", Playback)

    async def _get(self, path: str, kind: type[T]) -> T | None:
        try:
            return msgspec.json.decode(await self.request("GET", path), type=kind)
        except AriError as error:
            if error.status == 404:
                return None
            raise

    # ------------------------------------------------------------ events

    async def _listen(self) -> None:
        scheme = self.base.replace("http", "ws", 1)
        url = f"{scheme}/ari/events?{urlencode({'app': self.app, 'subscribeAll': 'false'})}"
        wait = BACKOFF_S[0]
        while True:
            try:
                async with websockets.connect(
                    url,
                    additional_headers=self._headers,
                    open_timeout=CONNECT_LIMIT_S,
                    ping_interval=PING_EVERY_S,
                    ping_timeout=PING_EVERY_S,
                    close_timeout=1.0,
                    max_queue=None,  # a burst of events must never stop the reading: Asterisk drops slow readers
                    max_size=None,
                    write_limit=64 * 1024,
                    compression=None,
                ) as socket:
                    wait = BACKOFF_S[0]
                    self._socket = socket
                    await self._follow(socket)
            except (OSError, TimeoutError, websockets.WebSocketException) as error:
                log.warning("ARI connection lost or refused", app=self.app, reason=f"{type(error).__name__}: {error}")
            finally:
                self.connected.clear()
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311 - spreads workers, protects nothing
            wait = min(wait * 2, BACKOFF_S[1])

    async def _follow(self, socket: websockets.ClientConnection) -> None:
        ready = asyncio.create_task(self._ready(socket), name="ari connected")
        try:
            async for raw in socket:
                try:
                    event = read_event(raw)
                except msgspec.ValidationError as error:
                    log.error("ARI event not understood", reason=str(error))
                    continue
                if isinstance(event, ApplicationReplaced):
                    log.error("another process took this ARI application", app=self.app)
                elif event is not None:
                    self._on_event(event)
        finally:
            ready.cancel()

    async def _ready(self, socket: websockets.ClientConnection) -> None:
        """Events flow; now take over what exists. If that fails, connect anew: half a takeover helps nobody."""
        try:
            allowed = {"allowed": [{"type": name} for name in EVENT_TYPES]}
            await self.request("PUT", f"applications/{self.app}/eventFilter", allowed)
            self.connected.set()
            await self._on_connected()
        except Exception:
            log.exception("taking calls over after connecting failed", app=self.app)
            await socket.close()


def _reason(data: bytes) -> str:
    try:
        message = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return ""
    return str(message.get("message") or message.get("error") or "") if isinstance(message, dict) else ""
