"""Transfers over HTTP: who may ask for one, what the call's answer becomes, and what is told of them afterwards."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import get_args

import httpx
import pytest
import pytest_asyncio

from bridge.follower import OrderFollower
from config import audit
from config.database import Database, DatabaseUnreachable
from hotline.accounts import Role
from hotline.api.call_transfers import REFUSALS
from hotline.questions import NoAnswer, NotTaken, QuestionBox, Questions
from ivr.call import (
    AnyEvent,
    Asked,
    Attempt,
    CallArrived,
    CallClosed,
    DropAsked,
    EmergencyAsked,
    HandOverAsked,
    MergeAsked,
    Outcome,
    SupervisionAsked,
    SwapAsked,
    TakeBackAsked,
    TransferAsked,
    TransferKind,
    TransferResult,
    event_encoder,
)
from ivr.flow import consulting, danger
from ivr.flow import transfer as flow
from ivr.flow.turn import Turn
from ivr.journal import Entry, Journal, Positioned
from routing.connection import open_redis
from routing.errors import AcdUnavailable
from tests.hotline.api_site import NOW, Site, problem
from tests.support.calls import RULES, Story

BLIND = {"number": "12366", "kind": "blind"}
CALLER, MOBILE = "13800138000", "phone:13900139000"


class Worker(Questions):
    """Answers as the test says, in place of a worker behind Redis."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Asked]] = []
        self.answer: str | Exception = ""

    async def ask(self, worker: str, call: str, event: Asked | SupervisionAsked) -> str:
        assert isinstance(event, Asked)
        self.asked.append((worker, call, event))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest_asyncio.fixture
async def site(database: Database, worker: Worker, tmp_path: Path) -> Site:
    """``live`` goes on at worker w2, ``over`` has ended."""
    journal = Journal(database, tmp_path / "spool", "w2")
    await journal.start()
    for call in ("live", "over"):
        arrived = CallArrived(at=NOW - 60, call=call, dialled="12345", caller=CALLER, carrier="test", rules="v1")
        await journal.append(Entry(call, 1, arrived))
    await journal.append(Entry("over", 2, CallClosed(at=NOW, outcome=Outcome.ABANDONED)))
    await journal.stop()
    return Site(database, questions=worker)


@pytest.fixture
def signed_in(site: Site) -> Client:
    @asynccontextmanager
    async def client(*roles: Role, agent: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        await site.account("li.na", *roles, agent=agent)
        async with site.client(await site.token_of("li.na")) as client:
            yield client

    return client


# ---------------------------------------------------------------- asking


async def test_an_agent_transfers_the_call_that_is_their_own(worker: Worker, signed_in: Client) -> None:
    async with signed_in(Role.AGENT, agent="8001") as client:
        answer = await client.post("/api/calls/live/transfer", json={"number": " 0795-12366 ", "kind": "warm"})
    assert answer.status_code == 202, answer.text
    assert answer.json() == {
        "call": "live",
        "agent": "8001",
        "doing": "transfer",
        "number": "0795-12366",
        "kind": "warm",
    }
    ((name, call, event),) = worker.asked
    assert (name, call) == ("w2", "live")
    assert isinstance(event, TransferAsked)
    assert (event.agent, event.number, event.transfer) == ("8001", "0795-12366", TransferKind.WARM)


@pytest.mark.parametrize(
    ("path", "kind", "doing"),
    [
        ("hand-over", HandOverAsked, "hand_over"),
        ("take-back", TakeBackAsked, "take_back"),
        ("swap", SwapAsked, "swap"),
        ("drop", DropAsked, "drop"),
    ],
)
async def test_an_agent_hands_over_takes_back_swaps_and_drops(
    worker: Worker, signed_in: Client, path: str, kind: type, doing: str
) -> None:
    async with signed_in(Role.AGENT, agent="8001") as client:
        bare = await client.post(f"/api/calls/live/transfer/{path}")
        with_body = await client.post(f"/api/calls/live/transfer/{path}", json={"agent": "8001"})
    assert [answer.status_code for answer in (bare, with_body)] == [200, 200]
    assert (bare.json()["doing"], bare.json()["agent"], bare.json()["number"]) == (doing, "8001", None)
    assert [type(event) for _, _, event in worker.asked] == [kind, kind]
    requests = {event.request for _, _, event in worker.asked}
    assert len(requests) == 2


async def test_agents_ask_only_for_themselves(worker: Worker, signed_in: Client, site: Site) -> None:
    async with signed_in(Role.AGENT, agent="8001") as client:
        problem(await client.post("/api/calls/live/transfer", json=BLIND | {"agent": "8002"}), 403, "forbidden")
        problem(await client.post("/api/calls/live/transfer/take-back", json={"agent": "8002"}), 403, "forbidden")
    await site.account("no.phone", Role.AGENT)
    async with site.client(await site.token_of("no.phone")) as client:
        told = problem(await client.post("/api/calls/live/transfer", json=BLIND), 403, "forbidden")
        assert "no agent of the roster" in told["detail"]
    assert worker.asked == []


async def test_a_supervisor_says_whose_call_it_is_and_the_audit_log_says_who_did_it(
    worker: Worker, signed_in: Client, database: Database
) -> None:
    async with signed_in(Role.SUPERVISOR) as client:
        told = problem(await client.post("/api/calls/live/transfer", json=BLIND), 422, "request-invalid")
        assert told["faults"][0]["field"] == "body.agent"
        answer = await client.post("/api/calls/live/transfer", json=BLIND | {"agent": "8001"})
    assert answer.status_code == 202
    assert [event.agent for _, _, event in worker.asked] == ["8001"]
    (entry,) = await audit.page(database, audit.Filter(action="call."), limit=9)
    assert (entry.who, entry.action, entry.subject) == ("li.na", "call.transfer_asked", "call:live")
    assert entry.detail == {"agent": "8001", "number": "12366", "kind": "blind"}


async def test_a_supervisor_who_takes_calls_need_not_say_whose_it_is(
    worker: Worker, signed_in: Client, database: Database
) -> None:
    async with signed_in(Role.SUPERVISOR, agent="8009") as client:
        assert (await client.post("/api/calls/live/transfer", json=BLIND)).status_code == 202
    assert [event.agent for _, _, event in worker.asked] == ["8009"]
    assert await audit.page(database, audit.Filter(action="call."), limit=9) == []  # the journal tells it


async def test_a_call_that_is_unknown_or_over_is_told_without_asking_anybody(worker: Worker, site: Site) -> None:
    async with site.client() as client:
        for name in ("c9", "%00"):
            problem(
                await client.post(f"/api/calls/{name}/transfer", json=BLIND | {"agent": "8001"}), 404, "call-unknown"
            )
        answer = await client.post("/api/calls/over/transfer", json=BLIND | {"agent": "8001"})
        told = problem(answer, 409, "transfer-not-talking")
    assert told["detail"] == "the call is over"
    assert worker.asked == []


@pytest.mark.parametrize("word", sorted(REFUSALS))
async def test_each_refusal_is_a_conflict_with_a_sentence_of_its_own(worker: Worker, site: Site, word: str) -> None:
    worker.answer = word
    async with site.client() as client:
        answer = await client.post("/api/calls/live/transfer", json=BLIND | {"agent": "8001"})
    told = problem(answer, 409, f"transfer-{word.replace('_', '-')}")
    assert told["detail"] == REFUSALS[word]


def test_every_word_with_which_a_call_refuses_has_a_sentence() -> None:
    words = {flow.NOT_TALKING, flow.NOT_YOURS, flow.NO_TRANSFER, flow.UNKNOWN_NUMBER, flow.QUEUE}
    words |= {flow.CONFERENCE, flow.FULL, consulting.NO_CONSENT}
    story = Story()
    story.arrive()
    turn = Turn(story.call, RULES, story.call.arrived_at)
    words |= {danger.refused(turn, "12366")}
    assert set(REFUSALS) == words | set(flow.REFUSED_BY.values())
    assert len(set(REFUSALS.values())) == len(REFUSALS)


@pytest.mark.parametrize(
    ("trouble", "status", "kind", "honest"),
    [
        (NotTaken("worker w2 did not take it: nothing was done"), 503, "worker-away", "nothing was done"),
        (NoAnswer("no answer: see what became of the call"), 504, "worker-silent", "see what became of the call"),
        (AcdUnavailable("redis"), 503, "queue-unreachable", "see what became of the call"),
    ],
)
async def test_when_nobody_answers_the_client_is_told_what_may_have_happened(
    worker: Worker, site: Site, trouble: Exception, status: int, kind: str, honest: str
) -> None:
    worker.answer = trouble
    async with site.client() as client:
        answer = await client.post("/api/calls/live/transfer", json=BLIND | {"agent": "8001"})
    assert honest in problem(answer, status, kind)["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "warm"}, "body.number"),
        ({"number": "call me", "kind": "warm"}, "body.number"),
        ({"number": "1" * 30, "kind": "warm"}, "body.number"),
        ({"number": "12366", "kind": "forward"}, "body.kind"),
        ({"number": "12366", "kind": "warm", "agent": "甲"}, "body.agent"),
        ({"number": "12366", "kind": "warm", "now": True}, "body.now"),
    ],
)
async def test_a_wish_that_cannot_be_understood_is_refused_by_its_field(
    worker: Worker, site: Site, body: dict[str, object], field: str
) -> None:
    async with site.client() as client:
        answer = await client.post("/api/calls/live/transfer", json={"agent": "8001"} | body)
    assert problem(answer, 422, "request-invalid")["faults"][0]["field"] == field
    assert worker.asked == []


@pytest.mark.redis
async def test_through_redis_to_the_worker_and_back(
    database: Database, site: Site, redis_url: str, redis_prefix: str
) -> None:
    redis = open_redis(redis_url)
    box = QuestionBox(redis, "w2", prefix=redis_prefix)

    class Call:
        """Only agent 8001 talks on it."""

        def __init__(self) -> None:
            self.tasks: list[asyncio.Task[None]] = []

        def post(self, call: str, event: AnyEvent) -> None:
            assert isinstance(event, get_args(Asked))
            refusal = "" if (call, event.agent) == ("live", "8001") else "not_yours"
            self.tasks.append(asyncio.create_task(box.reply(event.request, refusal)))

    await box.start(Call())
    through = Site(database, questions=Questions(redis, prefix=redis_prefix))
    async with through.client() as client:
        mine = await client.post("/api/calls/live/transfer", json=BLIND | {"agent": "8001"})
        other = await client.post("/api/calls/live/transfer/hand-over", json={"agent": "8002"})
    assert mine.status_code == 202
    problem(other, 409, "transfer-not-yours")
    await box.stop()
    await redis.aclose()


# ---------------------------------------------------------------- all together, and danger to life


async def test_a_conference_needs_the_citizens_consent_to_be_said(worker: Worker, signed_in: Client) -> None:
    async with signed_in(Role.AGENT, agent="8001") as client:
        path = "/api/calls/live/transfer/merge"
        for body in ({}, {"consent": None}, {"consent": "yes"}, {"consent": 1}):
            told = problem(await client.post(path, json=body), 422, "request-invalid")
            assert told["faults"][0]["field"] == "body.consent"
        assert worker.asked == []
        assert (await client.post(path, json={"consent": True})).json()["doing"] == "merge"
        worker.answer = consulting.NO_CONSENT
        problem(await client.post(path, json={"consent": False}), 409, "transfer-no-consent")
    events = [event for _, _, event in worker.asked]
    assert [event.consent for event in events if isinstance(event, MergeAsked)] == [True, False]


HELP = {"number": "119", "place": " 幸福路12号 ", "event": "起火"}


async def test_an_agent_puts_the_citizen_through_with_one_action(worker: Worker, signed_in: Client) -> None:
    async with signed_in(Role.AGENT, agent="8001") as client:
        answer = await client.post("/api/calls/live/emergency", json=HELP)
    assert answer.status_code == 202, answer.text
    assert (answer.json()["doing"], answer.json()["number"], answer.json()["agent"]) == ("emergency", "119", "8001")
    ((_, call, event),) = worker.asked
    assert call == "live"
    assert isinstance(event, EmergencyAsked)
    assert (event.agent, event.number, event.supervisor) == ("8001", "119", False)
    assert (event.place, event.event) == ("幸福路12号", "起火")


async def test_a_supervisor_puts_a_citizen_through_who_has_no_agent_and_the_audit_log_says_so(
    worker: Worker, signed_in: Client, database: Database
) -> None:
    async with signed_in(Role.SUPERVISOR) as client:
        assert (await client.post("/api/calls/live/emergency", json=HELP)).status_code == 202
        assert (await client.post("/api/calls/live/emergency", json=HELP | {"agent": "8001"})).status_code == 202
    events = [event for _, _, event in worker.asked]
    assert [(e.agent, e.supervisor) for e in events if isinstance(e, EmergencyAsked)] == [
        ("li.na", True),
        ("8001", False),
    ]
    second, first = await audit.page(database, audit.Filter(action="call."), limit=9)
    assert (first.who, first.action, first.subject) == ("li.na", "call.emergency_asked", "call:live")
    assert first.detail == {"agent": "li.na", "number": "119", "supervisor": True}
    assert second.detail == {"agent": "8001", "number": "119", "supervisor": False}
    assert "幸福路" not in str(first.detail)


async def test_agents_put_through_only_their_own_citizen(worker: Worker, signed_in: Client) -> None:
    async with signed_in(Role.AGENT, agent="8001") as client:
        problem(await client.post("/api/calls/live/emergency", json=HELP | {"agent": "8002"}), 403, "forbidden")
    assert worker.asked == []


async def test_an_audit_log_out_of_reach_is_no_obstacle_to_an_emergency(
    worker: Worker, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(connection: object, entry: audit.Entry) -> None:
        raise DatabaseUnreachable("no answer")

    monkeypatch.setattr(audit, "record", away)
    async with site.client() as client:
        answer = await client.post("/api/calls/live/emergency", json=HELP)
        assert answer.status_code == 202, answer.text
        transferred = await client.post("/api/calls/live/transfer", json=BLIND | {"agent": "8001"})
    problem(transferred, 503, "database-unreachable")
    assert [type(event) for _, _, event in worker.asked] == [EmergencyAsked]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"number": "12366"}, "body.number"),
        ({"number": 119}, "body.number"),
        ({}, "body.number"),
        ({"number": "119", "place": "路" * 501}, "body.place"),
        ({"number": "119", "event": "\x00"}, "body.event"),
        ({"number": "119", "where": "here"}, "body.where"),
    ],
)
async def test_an_emergency_that_cannot_be_understood_is_refused_by_its_field(
    worker: Worker, site: Site, body: dict[str, object], field: str
) -> None:
    async with site.client() as client:
        answer = await client.post("/api/calls/live/emergency", json=body)
    assert problem(answer, 422, "request-invalid")["faults"][0]["field"] == field
    assert worker.asked == []


# ---------------------------------------------------------------- what they came to


def attempt(began: float, result: TransferResult, *, address: str = "phone:12366", line: str = "12366") -> Attempt:
    answered = began + 4.0 if result is TransferResult.CONNECTED else None
    return Attempt(line, address, TransferKind.WARM, "8001", began, answered, began + 30, result)


async def happened(database: Database, call: str, *attempts: Attempt, appeal: bool = False) -> None:
    arrived = CallArrived(at=NOW - 60, call=call, dialled="12345", caller=CALLER, carrier="test", rules="v1")
    closed = CallClosed(at=NOW, outcome=Outcome.ABANDONED, attempts=attempts, appeal=appeal)
    entries = [
        Positioned(place, call, place, event.at, str(event.__struct_config__.tag), event_encoder.encode(event).decode())
        for place, event in enumerate((arrived, closed), 1)
    ]
    async with database.begin() as connection:
        await OrderFollower("YC").handle(entries, connection)


async def test_the_order_tells_its_transfers_and_that_the_last_one_failed(database: Database, site: Site) -> None:
    busy, connected = TransferResult.BUSY, TransferResult.CONNECTED
    await happened(database, "c1", attempt(NOW - 50, connected), attempt(NOW - 20, busy, address=MOBILE))
    await happened(database, "c2", appeal=True)
    async with site.client() as client:
        lines = {line["call"]: line for line in (await client.get("/api/orders")).json()["items"]}
        answer = await client.get(f"/api/orders/{lines['c1']['number']}")
    assert [
        (lines[call]["transfer_failed"], lines[call]["appeal"], lines[call]["call_back"]) for call in ("c1", "c2")
    ] == [
        (True, False, False),
        (False, True, True),
    ]
    first, second = answer.json()["transfers"]
    assert first == {
        "line": "12366",
        "target": "phone:12366",
        "kind": "warm",
        "agent": "8001",
        "began": "2026-11-21T02:39:10+08:00",
        "answered_s": 4.0,
        "result": "connected",
    }
    assert (second["target"], second["answered_s"], second["result"]) == ("phone:139****9000", None, "busy")
    assert "13900139000" not in answer.text


async def test_the_list_of_transfers_comes_in_pages_and_by_line_and_day(database: Database, site: Site) -> None:
    busy = TransferResult.BUSY
    await happened(
        database, "c1", *(attempt(NOW - 50, busy) for _ in range(3)), attempt(NOW - 40, busy, address=MOBILE)
    )
    await happened(database, "c2", attempt(NOW - 86_400, busy, line="96110"))
    async with site.client() as client:
        page = (await client.get("/api/transfers", params={"limit": 2})).json()
        rest = (await client.get("/api/transfers", params={"limit": 9, "cursor": page["next"]})).json()
        today = (await client.get("/api/transfers", params={"from": "2026-11-21", "to": "2026-11-21"})).json()
        line = (await client.get("/api/transfers", params={"line": "96110"})).json()
    assert [(each["call"], each["seq"]) for each in page["items"] + rest["items"]] == [
        ("c1", 4),
        ("c1", 3),
        ("c1", 2),
        ("c1", 1),
        ("c2", 1),
    ]
    assert rest["next"] is None
    assert page["items"][0]["target"] == "phone:139****9000"
    assert {each["call"] for each in today["items"]} == {"c1"}
    assert [each["call"] for each in line["items"]] == ["c2"]


async def test_the_figures_are_of_whole_days_in_china_both_included(database: Database, site: Site) -> None:
    midnight = 1_795_190_400.0  # 21 November begins
    connected, busy = TransferResult.CONNECTED, TransferResult.BUSY
    await happened(database, "c1", attempt(midnight - 1, busy), attempt(midnight, connected))
    await happened(database, "c2", attempt(midnight + 86_399, busy), attempt(midnight + 86_400, busy))
    async with site.client() as client:
        answer = await client.get("/api/transfers/figures", params={"from": "2026-11-21", "to": "2026-11-21"})
        usual = (await client.get("/api/transfers/figures")).json()
    assert answer.json() == {
        "from": "2026-11-21",
        "to": "2026-11-21",
        "items": [
            {
                "line": "12366",
                "target": "phone:12366",
                "attempts": 2,
                "connected": 1,
                "success": 0.5,
                "results": {"busy": 1, "connected": 1},
                "answer_s": {"mean": 4.0, "p50": 4.0, "p95": 4.0},
            }
        ],
    }
    assert (usual["from"], usual["to"], usual["items"][0]["attempts"]) == ("2026-10-23", "2026-11-21", 3)


async def test_spreadsheets_get_chinese_headings_and_no_persons_number(database: Database, site: Site) -> None:
    connected, busy = TransferResult.CONNECTED, TransferResult.BUSY
    await happened(database, "c1", attempt(NOW - 50, busy, address=MOBILE), attempt(NOW - 20, connected))
    async with site.client() as client:
        figures = await client.get("/api/transfers/figures", params={"format": "csv"})
        every = await client.get("/api/transfers", params={"format": "csv", "limit": 1})
    for answer in (figures, every):
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert "attachment" in answer.headers["content-disposition"]
        assert answer.content.startswith(b"\xef\xbb\xbf")
        assert "13900139000" not in answer.text
    of_target = {row["转接目标"]: row for row in rows(figures)}
    assert of_target["phone:12366"]["接通率"] == "100.0%"
    assert of_target["phone:12366"]["应答用时中位数(秒)"] == "4.0"
    assert (of_target["phone:139****9000"]["占线次数"], of_target["phone:139****9000"]["平均应答用时(秒)"]) == ("1", "")
    assert [(row["结果"], row["转接方式"], row["开始时间"]) for row in rows(every)] == [
        ("接通", "咨询转接", "2026-11-21 02:39:40"),
        ("占线", "咨询转接", "2026-11-21 02:39:10"),
    ]


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("figures", {"from": "2026-11-22", "to": "2026-11-21"}, "query.from"),
        ("figures", {"from": "2024-01-01", "to": "2026-11-21"}, "query.from"),
        ("figures", {"from": "0001-01-01"}, "query.from"),
        ("figures", {"to": "9999-12-31"}, "query.to"),
        ("figures", {"line": "12 OR 1"}, "query.line"),
        ("figures", {"format": "xml"}, "query.format"),
        ("", {"from": "2026-11-22", "to": "2026-11-21"}, "query.from"),
        ("", {"cursor": "WzEuMCwgIngiXQ"}, "query.cursor"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused_by_its_field(
    site: Site, path: str, params: dict[str, str], field: str
) -> None:
    async with site.client() as client:
        answer = await client.get(f"/api/transfers/{path}".rstrip("/"), params=params)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["field"] == field
