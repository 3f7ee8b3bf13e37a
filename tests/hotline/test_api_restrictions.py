"""Restrictions over HTTP: two people who signed in, never a token; and nobody's number in any answer."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from config.database import Database
from config.packs import SHIPPED, load_pack
from hotline.accounts import Role
from hotline.restrictions import AppealFollower
from ivr.call import AnyEvent, CallArrived, CallClosed, Outcome, event_encoder
from ivr.journal import FollowerRunner, Positioned
from ivr.journal.entries import Entry
from ivr.journal.journal import Journal
from tests.hotline.api_site import NOW, TOKEN, Site, problem
from tests.support.database import eventually

ABUSER, OTHER = "13800138000", "079512345678"
ZHUHAI, SICHUAN, YICHUN = (load_pack(SHIPPED, city) for city in ("zhuhai", "sichuan", "yichun"))
PEOPLE = {
    "an.ning": (Role.AGENT,),
    "li.na": (Role.SUPERVISOR,),
    "wang.wei": (Role.SUPERVISOR,),
    "zhao.min": (Role.SUPERVISOR,),
    "audit.chen": (Role.AUDITOR,),
    "admin.wu": (Role.ADMIN,),
}
WHY = {"why": "听过录音"}


class Hotline(Site):
    """A site whose city restricts callers; each person of `PEOPLE` has a client."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__(database)
        self.pack = ZHUHAI
        self.database = database
        self.journal = Journal(database, folder / "spool", "w1")
        self.people: dict[str, httpx.AsyncClient] = {}

    async def call(self, call: str, caller: str | None = ABUSER, *, appeal: bool = False) -> str:
        """A call that arrived and was closed now."""
        events: tuple[AnyEvent, ...] = (
            CallArrived(at=self.now, call=call, dialled="12345", caller=caller, carrier="t", rules="v1"),
            CallClosed(at=self.now + 30, outcome=Outcome.MESSAGE, appeal=appeal),
        )
        await self.journal.append(*(Entry(call, seq, event) for seq, event in enumerate(events, 1)))
        return call

    async def post(self, who: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.people[who].post(f"/api/restrictions{path}", json=body)

    async def get(self, who: str, path: str = "", **wanted: Any) -> Any:
        answer = await self.people[who].get(f"/api/restrictions{path}", params=wanted)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def proposed(self, *calls: str, by: str = "an.ning") -> int:
        answer = await self.post(by, "", proposal(*calls))
        assert answer.status_code == 201, answer.text
        found: int = answer.json()["id"]
        return found


def proposal(*calls: str, ends: str = "2026-12-20", **more: Any) -> dict[str, Any]:
    return {"calls": list(calls), "reason": "三天内十二次辱骂话务员", "ends": ends} | more


@pytest_asyncio.fixture
async def hotline(database: Database, tmp_path: Path) -> AsyncIterator[Hotline]:
    hotline = Hotline(database, tmp_path)
    await hotline.journal.start()
    async with AsyncExitStack() as clients:
        for name, roles in PEOPLE.items():
            await hotline.account(name, *roles)
            token = await hotline.token_of(name)
            hotline.people[name] = await clients.enter_async_context(hotline.client(token))
        yield hotline
    await hotline.journal.stop()


async def test_an_agent_proposes_a_supervisor_confirms_and_everything_is_told(hotline: Hotline) -> None:
    calls = [await hotline.call("c1"), await hotline.call("c2", f"+86{ABUSER}")]
    answer = await hotline.post("an.ning", "", proposal(*calls))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/api/restrictions/{made['id']}"
    assert (made["state"], made["caller"], made["calls"]) == ("proposed", "138****8000", calls)
    assert (made["begins"], made["ends"]) == ("2026-11-21", "2026-12-20")
    assert made["proposed_at"] == "2026-11-21T02:40:00+08:00"

    confirmed = await hotline.post("li.na", f"/{made['id']}/confirm", WHY)
    assert confirmed.status_code == 200, confirmed.text
    assert (confirmed.json()["state"], confirmed.json()["decided_by"]) == ("active", "li.na")
    told = await hotline.get("audit.chen", f"/{made['id']}")
    assert told == confirmed.json()
    assert [(step["action"], step["who"], step["why"]) for step in told["history"]] == [
        ("restriction.propose", "an.ning", made["reason"]),
        ("restriction.confirm", "li.na", WHY["why"]),
    ]
    problem(await hotline.post("wang.wei", f"/{made['id']}/confirm"), 409, "restriction-conflict")


async def test_the_proposer_cannot_confirm(hotline: Hotline) -> None:
    made = await hotline.proposed(await hotline.call("c1"), by="li.na")
    told = problem(await hotline.post("li.na", f"/{made}/confirm"), 403, "another-person")
    assert "another supervisor" in told["detail"]
    assert (await hotline.post("wang.wei", f"/{made}/confirm")).status_code == 200


async def test_no_token_takes_part_not_even_the_installations(hotline: Hotline) -> None:
    """PIPL §24: neither proposed nor confirmed by a program."""
    call = await hotline.call("c1")
    made = await hotline.proposed(call, by="li.na")
    tokens = hotline.app.state.services.tokens
    issued, _ = await tokens.issue("wang.wei", "desktop", [Role.SUPERVISOR], expires=NOW + 86400, who="admin.wu")
    for token in (TOKEN, issued):
        async with hotline.client(token) as client:
            for path, body in (
                ("", proposal(call)),
                (f"/{made}/confirm", None),
                (f"/{made}/refuse", WHY),
                (f"/{made}/lift", WHY),
                (f"/{made}/appeals", {"note": "x"}),
                ("/warnings", {"call": call, "note": "x"}),
                ("/appeals/1/decision", {"outcome": "lifted", "why": "x"}),
            ):
                told = problem(await client.post(f"/api/restrictions{path}", json=body), 403, "forbidden")
                assert "person" in told["detail"], path
    assert (await hotline.get("li.na", f"/{made}"))["state"] == "proposed"


async def test_roles_agents_tell_supervisors_decide_auditors_read(hotline: Hotline) -> None:
    call = await hotline.call("c1")
    made = await hotline.proposed(call)
    for who in ("an.ning", "audit.chen", "admin.wu"):
        for decision in ("confirm", "refuse", "lift"):
            problem(await hotline.post(who, f"/{made}/{decision}", WHY), 403, "forbidden")
    for who in ("audit.chen", "admin.wu"):
        problem(await hotline.post(who, "", proposal(call)), 403, "forbidden")
    for path in ("", "/policy", "/warnings", "/appeals", f"/{made}"):
        for who in ("an.ning", "li.na", "audit.chen"):
            await hotline.get(who, path)
        problem(await hotline.people["admin.wu"].get(f"/api/restrictions{path}"), 403, "forbidden")


async def test_a_city_without_such_a_rule_says_where_that_stands(hotline: Hotline) -> None:
    hotline.pack = YICHUN
    call = await hotline.call("c1")
    told = problem(await hotline.post("an.ning", "", proposal(call)), 409, "restrictions-unknown")
    assert told["detail"] == "the city's rules know no restriction of callers (source: default)"
    problem(await hotline.post("an.ning", "/warnings", {"call": call, "note": "x"}), 409, "restrictions-unknown")


async def test_the_citys_rules_are_told_with_their_sources(hotline: Hotline) -> None:
    told = await hotline.get("an.ning", "/policy")
    assert (told["enabled"], told["max_days"], told["warn_first"]) == (True, 30, False)
    assert "骚扰、侮辱、威胁工作人员" in told["grounds"]
    assert told["sources"]["max_days"] == "珠海 §9"


async def test_where_the_rules_ask_for_a_warning_it_comes_first(hotline: Hotline) -> None:
    hotline.pack = SICHUAN
    first = await hotline.call("c1")
    told = problem(await hotline.post("an.ning", "", proposal(first)), 422, "restriction-refused")
    assert "四川 §21" in told["detail"]
    assert told["faults"][0]["field"] == "body.calls"
    warned = await hotline.post("an.ning", "/warnings", {"call": first, "note": "已提醒"})
    assert warned.status_code == 201
    assert (warned.json()["caller"], warned.json()["by"]) == ("138****8000", "an.ning")
    hotline.now += 60
    await hotline.proposed(first, await hotline.call("c2"))
    await hotline.post("an.ning", "/warnings", {"call": await hotline.call("c3", OTHER), "note": "已提醒"})
    assert [each["call"] for each in (await hotline.get("li.na", "/warnings", call="c2"))["items"]] == ["c1"]
    assert [each["call"] for each in (await hotline.get("li.na", "/warnings"))["items"]] == ["c3", "c1"]


async def test_a_key_pressed_in_a_call_becomes_an_appeal_that_somebody_else_decides(hotline: Hotline) -> None:
    made = await hotline.proposed(await hotline.call("c1"))
    await hotline.post("li.na", f"/{made}/confirm")
    await hotline.call("c2", f"0086{ABUSER}", appeal=True)
    await hotline.call("c3", OTHER, appeal=True)
    await hotline.call("c4", ABUSER)
    follower = AppealFollower(hotline.app.state.services.appeals)
    runner = FollowerRunner(hotline.database, [follower], poll_s=0.01)
    await runner.start()

    async def recorded() -> bool:
        return bool((await hotline.get("li.na", "/appeals"))["items"])

    await eventually(recorded)
    await runner.stop()
    (appeal,) = (await hotline.get("audit.chen", "/appeals", undecided=True))["items"]
    assert (appeal["restriction"], appeal["call"], appeal["by"], appeal["outcome"]) == (made, "c2", "hotline", None)
    path = f"/appeals/{appeal['id']}/decision"
    lifted = {"outcome": "lifted", "why": "非本人所为"}
    problem(await hotline.post("li.na", path, lifted), 403, "another-person")
    decided = await hotline.post("wang.wei", path, lifted)
    assert (decided.status_code, decided.json()["outcome"]) == (200, "lifted")
    problem(await hotline.post("zhao.min", path, lifted), 409, "restriction-conflict")
    told = await hotline.get("li.na", f"/{made}")
    assert (told["state"], told["lifted_by"]) == ("lifted", "wang.wei")
    assert [each["id"] for each in told["appeals"]] == [appeal["id"]]


async def test_the_same_call_told_twice_is_one_appeal(hotline: Hotline) -> None:
    made = await hotline.proposed(await hotline.call("c1"))
    await hotline.post("li.na", f"/{made}/confirm")
    await hotline.call("c2", appeal=True)
    follower = AppealFollower(hotline.app.state.services.appeals)
    closed = CallClosed(at=NOW, outcome=Outcome.MESSAGE, appeal=True)
    entry = Positioned(4, "c2", 2, NOW, "call_closed", event_encoder.encode(closed).decode())
    for _ in range(2):
        async with hotline.database.begin() as connection:
            await follower.handle([entry], connection)
    assert len((await hotline.get("li.na", "/appeals"))["items"]) == 1


async def test_an_appeal_on_paper_is_recorded_by_a_person(hotline: Hotline) -> None:
    made = await hotline.proposed(await hotline.call("c1"))
    problem(await hotline.post("an.ning", f"/{made}/appeals", {"note": "来信"}), 409, "restriction-conflict")
    await hotline.post("li.na", f"/{made}/confirm")
    answer = await hotline.post("an.ning", f"/{made}/appeals", {"note": "来信称号码被他人使用"})
    assert (answer.status_code, answer.json()["by"], answer.json()["call"]) == (201, "an.ning", None)
    other = await hotline.call("c2", OTHER)
    told = problem(
        await hotline.post("an.ning", f"/{made}/appeals", {"note": "x", "call": other}), 422, "restriction-refused"
    )
    assert told["faults"][0]["field"] == "body.call"


async def test_lists_are_pages_by_state(hotline: Hotline) -> None:
    numbers = [await hotline.proposed(await hotline.call(f"c{n}", f"1390000000{n}")) for n in range(5)]
    await hotline.post("li.na", f"/{numbers[1]}/confirm")
    assert [each["id"] for each in (await hotline.get("li.na", state="active"))["items"]] == [numbers[1]]
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = await hotline.get("li.na", limit=2, **cursor)
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == numbers[::-1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.calls"),
        (proposal(), "body.calls"),
        (proposal("c1", reason="  "), "body.reason"),
        (proposal("c1", ends="soon"), "body.ends"),
        (proposal("c1", ends="2026-12-21"), "body.ends"),
        (proposal("c1", ends="2026-11-20"), "body.ends"),
        (proposal("c1", begins="2026-11-20"), "body.begins"),
        (proposal("c1", caller=ABUSER), "body.caller"),
        (proposal("c9"), "body.calls"),
        (proposal("c1", "hidden"), "body.calls"),
        (proposal("c1", "other"), "body.calls"),
    ],
)
async def test_what_cannot_be_used_is_refused_with_its_field(
    hotline: Hotline, body: dict[str, Any], field: str
) -> None:
    for call, caller in (("c1", ABUSER), ("hidden", None), ("other", OTHER)):
        await hotline.call(call, caller)
    answer = await hotline.post("an.ning", "", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["faults"][0]["field"] == field
    assert ABUSER not in answer.text
    assert (await hotline.get("li.na"))["items"] == []


async def test_what_is_not_there_is_told(hotline: Hotline) -> None:
    decision = {"outcome": "upheld", "why": "x"}
    for path, body in (("/7/confirm", None), ("/7/lift", WHY), ("/appeals/7/decision", decision)):
        problem(await hotline.post("li.na", path, body), 404, "restriction-unknown")
    problem(await hotline.people["li.na"].get("/api/restrictions/7"), 404, "restriction-unknown")
    problem(await hotline.people["li.na"].get(f"/api/restrictions/{10**30}"), 422, "request-invalid")


async def test_no_answer_and_no_table_but_the_journal_holds_the_number(
    hotline: Hotline, caplog: pytest.LogCaptureFixture
) -> None:
    made = await hotline.proposed(await hotline.call("c1"))
    await hotline.post("li.na", f"/{made}/confirm", {"why": f"机主 {ABUSER}"})
    await hotline.post("an.ning", f"/{made}/appeals", {"note": f"回电 {ABUSER}"})
    shown = str([await hotline.get("li.na", path) for path in ("", f"/{made}", "/appeals")])
    assert ABUSER not in shown
    assert "138****8000" in shown
    async with hotline.database.connect() as connection:
        audited = str((await connection.execute(text("SELECT * FROM audit_log"))).all())
    assert ABUSER not in audited
    assert ABUSER not in caplog.text
