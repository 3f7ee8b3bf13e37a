"""Transfer tables over HTTP: the life of one, files in and out, and every conflict told with what explains it."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from openpyxl import Workbook, load_workbook

from config.chinatime import china_time
from config.database import Database
from hotline.accounts import Role
from hotline.api import table_files
from routing.tables.columns import COLUMNS, HEADINGS
from routing.tables.model import Line, LineMode, by_number
from routing.tables.pack_lines import PackFrame
from tests.hotline.api_site import NOW, Site, problem

EMERGENCIES = [
    Line(number=number, name=name, mode=LineMode.EMERGENCY, source="t")
    for number, name in (("110", "报警"), ("119", "消防"), ("120", "急救"), ("122", "交通事故"))
]
WATER = Line(number="96166", name="供水热线", mode=LineMode.UTILITY, unit="供水公司", source="t")
TAX = Line(number="12366", name="税务热线", mode=LineMode.DUAL, unit="税务局", source="t")
GAS = {"name": "燃气热线", "mode": "utility", "unit": "燃气公司", "source": "t", "why": "new line"}
WHY = {"why": "because"}


class Desk:
    """The site with its people signed in."""

    def __init__(self, site: Site, people: Mapping[str, httpx.AsyncClient]) -> None:
        self.site = site
        self.admin, self.second, self.chief = people["li.na"], people["wang.wei"], people["chen.jie"]
        self.auditor = people["zhao.min"]

    async def draft(self) -> str:
        answer = await self.admin.post("/api/tables", json=WHY)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["location"])

    async def put(
        self, path: str, revision: int, line: str = "96177", by: httpx.AsyncClient | None = None, **row: Any
    ) -> httpx.Response:
        client = by or self.admin
        return await client.put(f"{path}/rows/{line}", json=GAS | row, headers=match(revision))

    async def checked(self, **row: Any) -> str:
        """A checked draft at revision 2."""
        path = await self.draft()
        assert (await self.put(path, 1, **row)).status_code == 200
        answer = await self.admin.post(f"{path}/check", headers=match(2))
        assert answer.json()["table"]["state"] == "checked", answer.text
        return path

    async def approve(self, path: str, revision: int = 2, **body: Any) -> httpx.Response:
        return await self.second.post(f"{path}/approve", json=WHY | body, headers=match(revision))

    async def rows(self, path: str) -> dict[str, dict[str, Any]]:
        items = (await self.admin.get(f"{path}/rows", params={"limit": 200})).json()["items"]
        return {row["number"]: row for row in items}

    async def effective(self) -> int:
        found: int = (await self.auditor.get("/api/tables/effective")).json()["number"]
        return found


def match(revision: int) -> dict[str, str]:
    return {"If-Match": f'"{revision}"'}


@pytest_asyncio.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    site = Site(database)
    services = site.app.state.services
    lines = by_number([*EMERGENCIES, WATER, TAX])
    frame = PackFrame(site.pack, services.tables.frame().workdays)
    await services.tables.adopt_pack(frame.table("pack-1", (line for rows in lines.values() for line in rows)))
    roles = {
        "li.na": [Role.ADMIN],
        "wang.wei": [Role.ADMIN],
        "chen.jie": [Role.SUPERVISOR],
        "zhao.min": [Role.AUDITOR],
    }
    async with AsyncExitStack() as stack:
        people = {}
        for name, held in roles.items():
            await site.account(name, *held)
            people[name] = await stack.enter_async_context(site.client(await site.token_of(name)))
        yield Desk(site, people)


def csv_of(*rows: Mapping[str, str], encoding: str = "utf-8-sig", chinese: bool = True) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([HEADINGS[column] if chinese else column for column in COLUMNS])
    for row in rows:
        writer.writerow([row.get(column, "") for column in COLUMNS])
    return text.getvalue().encode(encoding)


def xlsx_of(*rows: Mapping[str, str]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append([HEADINGS[column] for column in COLUMNS])
    for row in rows:
        sheet.append([row.get(column, "") for column in COLUMNS])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


NEW_ROW = {
    "number": "96177",
    "name": "燃气热线",
    "mode": "公共事业",
    "unit": "燃气公司",
    "status": "正常",
    "source": "t",
}


def form(data: bytes, name: str = "转接表.csv") -> dict[str, Any]:
    return {"files": {"file": (name, data)}}


# ---------------------------------------------------------------- the life


async def test_a_table_is_drafted_checked_approved_and_taken_back(desk: Desk) -> None:
    path = await desk.draft()
    answer = await desk.put(path, 1)
    assert (answer.status_code, answer.headers["etag"], answer.json()["state"]) == (200, '"2"', "draft")
    problem(await desk.approve(path), 409, "table-state")
    checked = await desk.admin.post(f"{path}/check", headers=match(2))
    assert checked.json()["findings"]["errors"] == 0
    assert (await desk.auditor.get(f"{path}/findings")).json() == checked.json()["findings"]
    own = await desk.admin.post(f"{path}/approve", json=WHY, headers=match(2))
    problem(own, 403, "table-second-person")
    assert await desk.effective() == 1
    approved = await desk.approve(path)
    assert (approved.status_code, approved.json()["state"], approved.json()["approved_by"]) == (
        200,
        "effective",
        "wang.wei",
    )
    assert await desk.effective() == 2
    read = (await desk.auditor.get(path)).json()
    assert [(each["action"], each["who"]) for each in read["history"]] == [("draft", "li.na"), ("put", "li.na")]
    back = await desk.chief.post(f"{path}/rollback", json=WHY)
    assert (back.status_code, back.headers["location"], back.json()["restores"]) == (201, "/api/tables/3", 1)
    assert await desk.effective() == 3
    again = problem(await desk.chief.post(f"{path}/rollback", json=WHY), 409, "table-order")
    assert again["extra"] == {"present": 3}
    listed = (await desk.auditor.get("/api/tables")).json()["items"]
    assert [(each["number"], each["state"]) for each in listed] == [
        (3, "effective"),
        (2, "superseded"),
        (1, "superseded"),
    ]


async def test_a_table_is_scheduled_in_chinas_time_and_withdrawn(desk: Desk) -> None:
    path = await desk.checked()
    at = china_time(NOW + 3600)
    problem(await desk.approve(path, at=china_time(NOW - 1).isoformat()), 422, "table-refused")
    problem(await desk.approve(path, at="2027-01-01T00:00:00"), 422, "request-invalid")
    answer = await desk.approve(path, at=at.isoformat())
    assert (answer.json()["state"], answer.json()["effective"]) == ("scheduled", at.isoformat())
    assert await desk.effective() == 1
    assert (await desk.chief.post(f"{path}/withdraw", json=WHY)).json()["state"] == "draft"
    await desk.admin.post(f"{path}/check", headers=match(2))
    await desk.approve(path, at=at.isoformat())
    desk.site.now = NOW + 3600
    assert await desk.effective() == 2


async def test_changed_emergency_rows_wait_for_a_supervisor(desk: Desk) -> None:
    path = await desk.draft()
    fire = {"name": "消防", "mode": "emergency", "targets": "phone:119 30s", "source": "t", "why": "longer"}
    await desk.admin.put(f"{path}/rows/119", json=fire, headers=match(1))
    checked = (await desk.admin.post(f"{path}/check", headers=match(2))).json()
    assert any(each["emergency"] for each in checked["findings"]["items"])
    told = problem(await desk.approve(path), 409, "table-unconfirmed")
    assert told["extra"]["rows"] == [{"number": "119", "from": None}]
    problem(await desk.second.post(f"{path}/confirm-emergency", json=WHY, headers=match(2)), 403, "forbidden")
    confirmed = await desk.chief.post(f"{path}/confirm-emergency", json=WHY, headers=match(2))
    assert confirmed.json()["confirmed_by"] == "chen.jie"
    assert (await desk.approve(path)).json()["state"] == "effective"


async def test_errors_keep_a_table_from_approval(desk: Desk) -> None:
    path = await desk.draft()
    await desk.put(path, 1, targets="skill:nobody")
    checked = (await desk.admin.post(f"{path}/check", headers=match(2))).json()
    (error,) = [each for each in checked["findings"]["items"] if each["severity"] == "error"]
    assert (error["row"], error["column"]) == (8, "targets")
    assert "nobody" in error["text"]
    problem(await desk.approve(path), 409, "table-state")
    rows = await desk.rows(path)
    assert rows["96177"]["row"] == 8  # the finding's row is the listing's


# ---------------------------------------------------------------- conflicts


async def test_a_row_for_an_older_revision_is_refused_with_the_difference_and_can_be_sent_again(desk: Desk) -> None:
    path = await desk.draft()
    assert (await desk.put(path, 1)).status_code == 200
    other: dict[str, Any] = {"by": desk.second, "line": "12366", "name": "税务服务热线", "mode": "dual"}
    told = problem(await desk.put(path, 1, **other), 412, "table-changed")
    assert told["extra"]["present"] == 2
    assert told["extra"]["diff"]["counts"] == {"added": 1, "removed": 0, "changed": 0}
    assert told["extra"]["diff"]["added"][0]["number"] == "96177"
    assert (await desk.put(path, 2, **other)).headers["etag"] == '"3"'
    rows = await desk.rows(path)
    assert (rows["96177"]["name"], rows["12366"]["name"]) == ("燃气热线", "税务服务热线")


async def test_of_changes_at_once_none_is_lost(desk: Desk) -> None:
    path = await desk.draft()

    async def put(line: str) -> None:
        revision = 1
        for _ in range(10):
            answer = await desk.put(path, revision, line)
            if answer.status_code == 200:
                return
            revision = problem(answer, 412, "table-changed")["extra"]["present"]
        raise AssertionError("never accepted")

    lines = [f"9620{n}" for n in range(4)]
    await asyncio.gather(*(put(line) for line in lines))
    assert set(lines) <= set(await desk.rows(path))
    history = (await desk.admin.get(path)).json()["history"]
    assert [each["revision"] for each in history] == [1, 2, 3, 4, 5]


async def test_a_change_says_which_revision_it_is_for(desk: Desk) -> None:
    path = await desk.draft()
    for headers in ({}, {"If-Match": "*"}):
        problem(await desk.admin.put(f"{path}/rows/96177", json=GAS, headers=headers), 428, "if-match")
        problem(await desk.admin.post(f"{path}/check", headers=headers), 428, "if-match")
    problem(await desk.put(path, 7), 422, "table-refused")
    problem(await desk.put("/api/tables/1", 1), 409, "table-state")
    problem(await desk.put("/api/tables/99", 1), 404, "table-unknown")


async def test_a_draft_that_others_overtook_is_refused_with_the_difference_and_rebased(desk: Desk) -> None:
    mine = await desk.checked(line="12366", name="我的", mode="dual")
    theirs = await desk.checked(line="12366", name="他们的", mode="dual")
    assert (await desk.approve(theirs)).status_code == 200
    told = problem(await desk.approve(mine), 409, "table-stale")
    (changed,) = told["extra"]["diff"]["changed"]
    assert changed["cells"]["name"] == ["税务热线", "他们的"]
    asked = await desk.admin.post(f"{mine}/rebase", json=WHY, headers=match(2))
    (conflict,) = problem(asked, 409, "table-conflict")["extra"]["conflicts"]
    assert [conflict[side]["name"] for side in ("base", "mine", "theirs")] == ["税务热线", "我的", "他们的"]
    assert (await desk.rows(mine))["12366"]["name"] == "我的"
    choice = {"choices": [{"number": "12366", "from": None, "keep": "mine"}]}
    rebased = await desk.admin.post(f"{mine}/rebase", json=WHY | choice, headers=match(2))
    assert (rebased.status_code, rebased.json()["base"], rebased.headers["etag"]) == (200, 3, '"3"')
    assert (await desk.admin.post(f"{mine}/check", headers=match(3))).status_code == 200
    assert (await desk.approve(mine, 3)).json()["state"] == "effective"


async def test_of_two_approvals_at_once_one_wins_and_the_other_hears_why(desk: Desk) -> None:
    first, second = await desk.checked(), await desk.checked(line="96188")
    answers = await asyncio.gather(desk.approve(first), desk.approve(second))
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert won.json()["state"] == "effective"
    told = problem(lost, 409, "table-stale")
    assert told["extra"]["present"] == won.json()["number"] == await desk.effective()


# ---------------------------------------------------------------- rows


async def test_rows_are_found_by_text_mode_and_status_and_paged(desk: Desk) -> None:
    async def found(**wanted: str) -> list[str]:
        answer = await desk.auditor.get("/api/tables/1/rows", params=wanted)
        return [row["number"] for row in answer.json()["items"]]

    assert await found() == ["110", "119", "120", "122", "12366", "96166"]
    assert await found(text="税务") == ["12366"]
    assert await found(text="供水公司") == ["96166"]
    assert await found(mode="emergency") == ["110", "119", "120", "122"]
    assert await found(status="retired") == []


async def test_pages_of_rows_are_of_one_revision_whatever_is_changed_meanwhile(desk: Desk) -> None:
    path = await desk.draft()
    first = (await desk.admin.get(f"{path}/rows", params={"limit": 3})).json()
    await desk.put(path, 1, line="11185")
    second = (await desk.admin.get(f"{path}/rows", params={"limit": 3, "cursor": first["next"]})).json()
    numbers = [row["number"] for page in (first, second) for row in page["items"]]
    assert numbers == ["110", "119", "120", "122", "12366", "96166"]
    assert [row["row"] for row in second["items"]] == [5, 6, 7]
    assert second["next"] is None


async def test_a_row_is_moved_to_another_day_and_taken_out(desk: Desk) -> None:
    path = await desk.draft()
    moved: dict[str, Any] = {"from": "2027-01-01", "to": "2027-12-31", "mode": "dual", "name": "税务热线"}
    await desk.put(path, 1, line="12366", **moved)
    row = (await desk.rows(path))["12366"]
    assert (row["from"], row["to"]) == ("2027-01-01", "2027-12-31")
    wrong = await desk.admin.delete(f"{path}/rows/12366", params={"why": "gone"}, headers=match(2))
    problem(wrong, 404, "table-unknown")
    right = {"why": "gone", "from": "2027-01-01"}
    gone = await desk.admin.delete(f"{path}/rows/12366", params=right, headers=match(2))
    assert (gone.status_code, gone.headers["etag"]) == (200, '"3"')
    assert "12366" not in await desk.rows(path)
    difference = (await desk.auditor.get(f"{path}/diff")).json()
    assert difference["counts"] == {"added": 0, "removed": 1, "changed": 0}


async def test_a_row_that_cannot_be_used_is_told_column_by_column(desk: Desk) -> None:
    path = await desk.draft()
    told = problem(await desk.put(path, 1, targets="somewhere", hours="always"), 422, "table-row")
    assert [each["field"] for each in told["faults"]] == ["body.targets", "body.hours"]
    assert (await desk.admin.get(path)).json()["revision"] == 1


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
async def test_a_csv_file_becomes_a_draft_in_whatever_encoding(desk: Desk, encoding: str) -> None:
    upload = form(csv_of(NEW_ROW, encoding=encoding))
    answer = await desk.admin.post("/api/tables/import", data=WHY, **upload)
    assert answer.status_code == 201, answer.text
    report = answer.json()
    assert (report["rows"], report["changes"]) == (1, {"added": 1, "removed": 0, "changed": 0})
    assert answer.headers["location"] == f"/api/tables/{report['table']['number']}"
    assert (await desk.rows(answer.headers["location"]))["96177"]["name"] == "燃气热线"
    assert await desk.effective() == 1


async def test_an_xlsx_file_replaces_a_whole_draft(desk: Desk) -> None:
    path = await desk.draft()
    rows = [
        {"number": line.number, "name": line.name, "mode": "紧急", "status": "正常", "source": "t"}
        for line in EMERGENCIES
    ]
    for row in rows:
        row["unit"] = "市局"
    answer = await desk.admin.post(
        f"{path}/import",
        data=WHY | {"mode": "replace"},
        headers=match(1),
        **form(xlsx_of(*rows, NEW_ROW), "转接表.xlsx"),
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2"'
    assert set(await desk.rows(path)) == {"110", "119", "120", "122", "96177"}
    late = await desk.admin.post(f"{path}/import", data=WHY, headers=match(1), **form(csv_of(NEW_ROW)))
    problem(late, 412, "table-changed")


async def test_a_dry_run_tells_everything_and_makes_nothing(desk: Desk) -> None:
    broken = NEW_ROW | {"targets": "skill:nobody"}
    answer = await desk.admin.post(
        "/api/tables/import", data=WHY | {"dry_run": "true"}, **form(csv_of(NEW_ROW, broken | {"number": "96188"}))
    )
    assert answer.status_code == 200
    report = answer.json()
    assert (report["table"], report["rows"], report["changes"]["added"]) == (None, 2, 2)
    (error,) = [each for each in report["findings"]["items"] if each["severity"] == "error"]
    assert (error["row"], error["column"]) == (3, "targets")
    assert len((await desk.admin.get("/api/tables")).json()["items"]) == 1


@pytest.mark.parametrize("data", [{}, {"dry_run": "true"}])
@pytest.mark.parametrize("pack", [csv_of, xlsx_of])
async def test_a_file_with_errors_is_refused_whole_with_each_row_and_column(
    desk: Desk, data: dict[str, str], pack: Any
) -> None:
    bad = pack(NEW_ROW, NEW_ROW | {"number": "12x"}, NEW_ROW | {"number": "96199", "mode": "随便", "from": "明天"})
    answer = await desk.admin.post("/api/tables/import", data=WHY | data, **form(bad))
    told = problem(answer, 422, "table-file")
    places = [(each["row"], each["column"]) for each in told["extra"]["findings"]]
    assert places == [(3, "number"), (4, "mode"), (4, "from")]
    assert "另有2处" in told["detail"]
    assert told["faults"][0]["field"] == "body.file.3.number"
    assert len((await desk.admin.get("/api/tables")).json()["items"]) == 1
    assert await desk.effective() == 1
    assert len(await desk.rows("/api/tables/1")) == 6


async def test_rows_that_nothing_tells_apart_are_refused(desk: Desk) -> None:
    answer = await desk.admin.post("/api/tables/import", data=WHY, **form(csv_of(NEW_ROW, NEW_ROW)))
    told = problem(answer, 422, "table-file")
    assert [each["row"] for each in told["extra"]["findings"]] == [3]
    assert len((await desk.admin.get("/api/tables")).json()["items"]) == 1


async def test_what_is_no_table_is_refused(desk: Desk) -> None:
    async def refused(kind: str, data: Mapping[str, str] = WHY, **upload: Any) -> dict[str, Any]:
        return problem(await desk.admin.post("/api/tables/import", data=data, **upload), 422, kind)

    await refused("table-file", **form(b"%PDF-1.7 ..."))
    await refused("table-file", **form(b""))
    assert (await refused("request-invalid"))["faults"][0]["field"] == "body.file"
    assert (await refused("request-invalid", {}, **form(b"x")))["faults"][0]["field"] == "body.why"
    assert (await refused("request-invalid", WHY | {"mode": "all"}, **form(b"x")))["faults"][0]["field"] == "body.mode"


async def test_an_upload_that_is_too_large_is_not_read_to_its_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_files, "MAX_BYTES", 1000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        while sent < 100:
            sent += 1
            yield b"0" * 65_536

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = await desk.admin.post("/api/tables/import", content=endless(), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert "文件太大" in answer.json()["detail"]
    assert sent < 5


async def test_nobody_s_file_is_read_before_it_is_known_who_sends_it(desk: Desk) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b""
        raise AssertionError("read")

    headers = {"content-type": "multipart/form-data; boundary=x"}
    async with desk.site.client(None) as stranger:
        problem(await stranger.post("/api/tables/import", content=never(), headers=headers), 401, "token")
    problem(await desk.auditor.post("/api/tables/import", content=never(), headers=headers), 403, "forbidden")


async def test_a_table_given_out_is_read_back_without_a_difference(desk: Desk) -> None:
    for kind, name in (("csv", "转接表-1.csv"), ("csv-gbk", "转接表-1.csv"), ("xlsx", "转接表-1.xlsx")):
        answer = await desk.auditor.get("/api/tables/1/export", params={"format": kind})
        assert answer.status_code == 200
        disposition = answer.headers["content-disposition"]
        assert disposition.startswith("attachment; ")
        assert disposition.endswith(f"filename*=UTF-8''{quote(desk.site.pack.city.name + name)}")
        assert disposition.isascii()
        data = WHY | {"mode": "replace", "dry_run": "true"}
        report = (await desk.admin.post("/api/tables/import", data=data, **form(answer.content))).json()
        assert report["changes"] == {"added": 0, "removed": 0, "changed": 0}, report


async def test_files_have_chinese_headings_and_old_programs_get_their_encoding(desk: Desk) -> None:
    gbk = (await desk.auditor.get("/api/tables/1/export", params={"format": "csv-gbk"})).content
    assert gbk.decode("gbk").startswith("号码,名称,方式")
    xlsx = (await desk.auditor.get("/api/tables/1/export", params={"format": "xlsx"})).content
    sheet = load_workbook(io.BytesIO(xlsx)).active
    assert sheet is not None
    assert [cell.value for cell in next(iter(sheet.rows))] == list(HEADINGS.values())


async def test_work_on_a_whole_table_has_more_time_than_other_requests(desk: Desk) -> None:
    desk.site.app.state.limit_s = 1e-9
    problem(await desk.admin.get("/api/tables"), 503, "database-unreachable")
    answer = await desk.admin.post("/api/tables/import", data=WHY, **form(csv_of(NEW_ROW)))
    assert answer.status_code == 201
    assert (await desk.admin.get("/api/tables/1/export")).status_code == 200


# ---------------------------------------------------------------- without a table


async def test_before_the_first_table_there_is_nothing_to_read(database: Database) -> None:
    async with Site(database).client() as client:
        assert (await client.get("/api/tables")).json() == {"items": [], "next": None}
        problem(await client.get("/api/tables/effective"), 404, "table-unknown")
        problem(await client.post("/api/tables", json=WHY), 404, "table-unknown")
        problem(await client.get("/api/tables/1/rows"), 404, "table-unknown")


async def test_versions_are_paged_and_found_by_state(desk: Desk) -> None:
    for _ in range(3):
        await desk.draft()
    first = (await desk.auditor.get("/api/tables", params={"limit": 2})).json()
    second = (await desk.auditor.get("/api/tables", params={"limit": 2, "cursor": first["next"]})).json()
    assert [each["number"] for page in (first, second) for each in page["items"]] == [4, 3, 2, 1]
    assert second["next"] is None
    drafts = (await desk.auditor.get("/api/tables", params={"state": "draft"})).json()["items"]
    assert [each["number"] for each in drafts] == [4, 3, 2]


async def test_every_change_is_in_the_audit_log(desk: Desk) -> None:
    path = await desk.checked()
    await desk.approve(path)
    entries = (await desk.auditor.get("/api/audit", params={"action": "table."})).json()["items"]
    assert [(each["who"], each["action"]) for each in entries][::-1] == [
        ("pack", "table.adopt"),
        ("li.na", "table.draft"),
        ("li.na", "table.put"),
        ("li.na", "table.check"),
        ("wang.wei", "table.approve"),
    ]
