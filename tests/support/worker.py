"""A worker of a few lines of ARI, for tests of what the dialplan offers and hands over: what ours must rely on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from tests.sandbox.ari import AriClient, AriRefused, Message
from tests.sandbox.leg import until
from tests.support.switch import Switch


class Worker:
    """Claims what it is offered after ``wait_s``; None: it hangs and never claims."""

    def __init__(self, switch: Switch, app: str, wait_s: float | None) -> None:
        self.ari = AriClient(switch.base_url, switch.ari_user, switch.ari_password, app, self._on_event)
        self.offers: list[str] = []  # channels offered
        self.calls: list[Message] = []  # StasisStart events
        self.answers: list[int] = []  # HTTP status of each claim
        self._wait_s = wait_s
        self._tasks: list[asyncio.Task[None]] = []

    def _on_event(self, event: Message) -> None:
        if event["type"] == "CallBroadcast":
            self.offers.append(event["channel"]["id"])
            if self._wait_s is not None:
                self._tasks.append(asyncio.create_task(self._claim(event["channel"]["id"], self._wait_s)))
        elif event["type"] == "StasisStart":
            self.calls.append(event)

    async def _claim(self, channel: str, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        try:
            await self.ari.request("POST", "events/claim", channelId=channel, application=self.ari.app)
            self.answers.append(204)
        except AriRefused as refused:
            self.answers.append(refused.status)

    async def call(self, within: float = 5.0) -> Message:
        await until(lambda: bool(self.calls), within, lambda: f"{self.ari.app} got no call")
        return self.calls[-1]


StartWorker = Callable[..., Awaitable[Worker]]


@pytest_asyncio.fixture
async def start_worker() -> AsyncIterator[StartWorker]:
    workers: list[Worker] = []

    async def start(switch: Switch, app: str = "hotline-w0", wait_s: float | None = 0.0) -> Worker:
        worker = Worker(switch, app, wait_s)
        workers.append(worker)
        await worker.ari.start()
        return worker

    yield start
    for worker in workers:
        await worker.ari.stop()
