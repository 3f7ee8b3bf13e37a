"""A small client of the outside world's own Asterisk; its own, so that the product's client is not tested by itself.

Nothing here knows of phones: requests out, events in.
"""

import asyncio
import base64
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

Message = Mapping[str, Any]


class AriRefused(Exception):
    """The Asterisk of the outside world refused a request."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        self.status = status
        super().__init__(f"{method} {path}: {status} {body}")


class AriClient:
    """One application; `on_event` gets each event in order."""

    def __init__(self, base: str, user: str, password: str, app: str, on_event: Callable[[Message], None]) -> None:
        self.app = app
        self._base = base
        self._headers = {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
        self._on_event = on_event
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(headers=self._headers, connector=aiohttp.TCPConnector(limit=0))
        url = f"{self._base}/ari/events?app={self.app}&subscribeAll=false"
        self._socket = await self._session.ws_connect(url, max_msg_size=0)
        self._task = asyncio.create_task(self._listen(self._socket), name="world events")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()
        if self._session is not None:
            await self._session.close()

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str | int) -> Any:
        """The answer's JSON, or None when it has no body. Raises `AriRefused`."""
        assert self._session is not None
        params = {name: str(value) for name, value in query.items()}
        async with self._session.request(method, f"{self._base}/ari/{path}", params=params, json=body) as response:
            if response.status >= 400:
                raise AriRefused(method, path, response.status, await response.text())
            return await response.json() if response.status != 204 else None

    async def attempt(self, method: str, path: str, **query: Any) -> None:
        """A request whose refusal is all right: what it should end has ended already."""
        with contextlib.suppress(AriRefused, aiohttp.ClientError):
            await self.request(method, path, **query)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._on_event(message.json())
