"""Supervising over HTTP: who may, whose phone rings, what is written down, and what the call's answer becomes."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from config import audit
from config.database import Database
from config.packs.model import Agent
from hotline.accounts import Role
from hotline.api.supervision import REFUSALS
from hotline.questions import NoAnswer, NotTaken, Questions
from ivr.call import (
    Asked,
    CallArrived,
    CallClosed,
    JoinAsked,
    LeaveAsked,
    ListenAsked,
    Outcome,
    SupervisionAsked,
    TakeOverAsked,
    WhisperAsked,
)
from ivr.journal import Entry, Journal
from routing.errors import AcdUnavailable
from tests.hotline.api_site import NOW, Site, problem

Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
LIVE = "/api/calls/live/supervision"
ROUTES = [("POST", LIVE), ("POST", f"{LIVE}/take-over"), ("DELETE", LIVE)]
ALL = ListenAsked | WhisperAsked | JoinAsked | TakeOverAsked | LeaveAsked


class Worker(Questions):
    """Answers as the test says, in place of a worker behind Redis."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, SupervisionAsked]] = []
        self.answer: str | Exception = ""

    async def ask(self, worker: str, call: str, event: Asked | SupervisionAsked) -> str:
        assert isinstance(event, ALL)
        self.asked.append((worker, call, event))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest_asyncio.fixture
async def site(database: Database, worker: Worker, tmp_path: Path) -> Site:
    """``live`` goes on at worker w2, ``over`` has ended; 8009 has a desk."""
    journal = Journal(database, tmp_path / "spool", "w2")
    await journal.start()
    for call in ("live", "over"):
        arrived = CallArrived(at=NOW - 60, call=call, dialled="12345", caller=None, carrier="test", rules="v1")
        await journal.append(Entry(call, 1, arrived))
    await journal.append(Entry("over", 2, CallClosed(at=NOW, outcome=Outcome.ABANDONED)))
    await journal.stop()
    site = Site(database, questions=worker)
    site.pack = replace(site.pack, agents=(Agent("8009", "班长", ("general",), "phone:13900139000"),))
    return site


@pytest.fixture
def signed_in(site: Site) -> Client:
    @asynccontextmanager
    async def client(*roles: Role, agent: str | None = "8009") -> AsyncIterator[httpx.AsyncClient]:
        await site.account("li.na", *roles, agent=agent)
        async with site.client(await site.token_of("li.na")) as client:
            yield client

    return client


def body(method: str, path: str) -> dict[str, str] | None:
    return {"mode": "listen"} if (method, path) == ("POST", LIVE) else None


@pytest.mark.parametrize(
    ("path", "sent", "kind", "mode"),
    [
        (LIVE, {"mode": "listen"}, ListenAsked, "listen"),
        (LIVE, {"mode": "whisper"}, WhisperAsked, "whisper"),
        (LIVE, {"mode": "join"}, JoinAsked, "join"),
        (f"{LIVE}/take-over", None, TakeOverAsked, "take_over"),
    ],
)
async def test_a_supervisors_own_phone_is_rung(
    worker: Worker, signed_in: Client, path: str, sent: dict[str, str] | None, kind: type, mode: str
) -> None:
    async with signed_in(Role.SUPERVISOR) as client:
        answer = await client.post(path, json=sent)
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"call": "live", "supervisor": "8009", "mode": mode}
    ((name, call, event),) = worker.asked
    assert (name, call, type(event)) == ("w2", "live", kind)
    assert isinstance(event, ListenAsked | WhisperAsked | JoinAsked | TakeOverAsked)
    assert (event.supervisor, event.address, event.at) == ("8009", "phone:13900139000", NOW)


async def test_a_supervisor_leaves(worker: Worker, signed_in: Client) -> None:
    async with signed_in(Role.SUPERVISOR) as client:
        answer = await client.delete(LIVE)
    assert (answer.status_code, answer.content) == (204, b"")
    ((_, _, event),) = worker.asked
    assert isinstance(event, LeaveAsked)
    assert event.supervisor == "8009"


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_who_listened_to_which_call_is_in_the_audit_log_also_when_the_call_refused(
    worker: Worker, signed_in: Client, database: Database, method: str, path: str
) -> None:
    worker.answer = "not_talking"
    async with signed_in(Role.SUPERVISOR) as client:
        problem(await client.request(method, path, json=body(method, path)), 409, "supervision-not-talking")
    (entry,) = await audit.page(database, audit.Filter(action="call."), limit=9)
    ((_, _, event),) = worker.asked
    assert (entry.who, entry.subject) == ("li.na", "call:live")
    assert entry.action == f"call.{event.__struct_config__.tag}"
    assert entry.detail == {"supervisor": "8009"}, "no phone's number"


async def test_given_the_audit_log_cannot_be_written_then_nobody_listens(
    worker: Worker, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("disk")

    async with signed_in(Role.SUPERVISOR) as client:
        monkeypatch.setattr(audit, "record", broken)
        answer = await client.post(LIVE, json={"mode": "listen"})
    assert answer.status_code == 500
    assert worker.asked == []


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_phone_of_the_roster_it_is_said_how_to_get_one(
    worker: Worker, site: Site, signed_in: Client, method: str, path: str
) -> None:
    async with signed_in(Role.SUPERVISOR, agent=None) as client:
        told = problem(await client.request(method, path, json=body(method, path)), 422, "no-phone")
        assert "an admin can bind one" in told["detail"]
    await site.account("left", Role.SUPERVISOR, agent="8008")
    async with site.client(await site.token_of("left")) as client:
        told = problem(await client.request(method, path, json=body(method, path)), 422, "no-phone")
        assert "not in the roster" in told["detail"]
    async with site.client() as client:  # the installation's token is nobody's, so it has no phone
        problem(await client.request(method, path, json=body(method, path)), 422, "no-phone")
    assert worker.asked == []


@pytest.mark.parametrize("mode", ["take_over", "spy", "", None])
async def test_a_mode_that_there_is_not_is_refused(worker: Worker, signed_in: Client, mode: str | None) -> None:
    async with signed_in(Role.SUPERVISOR) as client:
        told = problem(await client.post(LIVE, json={"mode": mode}), 422, "request-invalid")
    assert told["faults"][0]["field"] == "body.mode"
    assert worker.asked == []


@pytest.mark.parametrize("word", [*REFUSALS, "a_word_of_another_release"])
async def test_what_the_call_refuses_is_said_in_a_sentence(worker: Worker, signed_in: Client, word: str) -> None:
    worker.answer = word
    async with signed_in(Role.SUPERVISOR) as client:
        told = problem(await client.post(LIVE, json={"mode": "join"}), 409, f"supervision-{word.replace('_', '-')}")
    assert told["detail"] == REFUSALS.get(word, "the call refused it; see its story")


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_call_that_is_over_or_unknown_cannot_be_supervised(
    worker: Worker, signed_in: Client, method: str, path: str
) -> None:
    async with signed_in(Role.SUPERVISOR) as client:
        for call, status, kind in (("over", 409, "supervision-over"), ("nowhere", 404, "call-unknown")):
            where = path.replace("live", call)
            problem(await client.request(method, where, json=body(method, path)), status, kind)
    assert worker.asked == []


@pytest.mark.parametrize(
    ("trouble", "status", "kind"),
    [
        (NotTaken("worker w2 did not take it: nothing was done"), 503, "worker-away"),
        (NoAnswer("no answer: see what became of the call"), 504, "worker-silent"),
        (AcdUnavailable("redis"), 503, "queue-unreachable"),
    ],
)
async def test_when_the_worker_cannot_be_asked_that_is_said(
    worker: Worker, signed_in: Client, trouble: Exception, status: int, kind: str
) -> None:
    worker.answer = trouble
    async with signed_in(Role.SUPERVISOR) as client:
        problem(await client.post(LIVE, json={"mode": "listen"}), status, kind)
