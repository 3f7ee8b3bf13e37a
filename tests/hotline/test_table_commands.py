"""`hotline table` as the people of an installation type it: files in and out, two persons, and every refusal with its
way out.
"""

import asyncio
import errno
import re
from pathlib import Path

import pytest

from config import audit
from config.database import Database
from config.packs import SHIPPED, load_pack
from config.workdays import Workdays
from hotline.commands import who
from routing.tables.files import read_file, write_csv
from routing.tables.model import Line
from routing.tables.pack_lines import table_of_pack
from tests.hotline.table_desk import Desk, open_desk

FAILED, MISUSED, NOT_FOUND = 1, 2, 3
MOST_LINES = 220  # of any answer, however wrong a file is


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return open_desk(tmp_path, capsys, monkeypatch)


# ---------------------------------------------------------------- the way of a change


@pytest.mark.parametrize("name", ["表.csv", "表.xlsx"])
def test_a_change_goes_from_export_to_effect_and_back(desk: Desk, name: str) -> None:
    file = desk.file(name, unit="市税务局")
    assert "第1版（生效中）比较" in desk.done("check", str(file)).out
    made = desk.done("import", str(file), "--why", "来函")
    assert "修改1行" in made.out
    assert "hotline table check-draft 2" in made.out
    assert "approve 2" in desk.done("check-draft", "2").out
    assert desk.done("approve", "2", "--why", "同意", by="cli:wang").out == "第2版已批准，立即生效\n"
    assert desk.done("diff", "1", "2", "--json").json["changed"] == [
        {"number": "12366", "from": None, "cells": {"unit": ["", "市税务局"]}}
    ]
    assert ["修改", "12366", "责任单位", "市税务局"] in [
        line.split() for line in desk.done("diff", "1", "2").out.splitlines()
    ]
    assert desk.done("rollback", "--why", "写错").out == "第3版已生效，内容与第1版相同\n"
    states = {each["number"]: each["state"] for each in desk.done("list", "--json").json["tables"]}
    assert states == {1: "superseded", 2: "superseded", 3: "effective"}
    deeds = [(each["who"], each["action"], each["why"]) for each in desk.done("history", "2", "--json").json["log"]]
    assert deeds == [
        ("cli:li", "table.import", "来函"),
        ("cli:li", "table.check", ""),
        ("cli:wang", "table.approve", "同意"),
    ]


def test_who_made_a_draft_is_told_that_another_person_has_to_approve_it(desk: Desk) -> None:
    number = desk.draft(unit="市税务局")
    refused = desk("approve", str(number), "--why", "同意")
    assert refused.code == FAILED
    assert "cli:li修改过第2版" in refused.err
    assert "请另一人" in refused.err
    assert desk.done("show", "2", "--json").json["table"]["state"] == "checked"


def test_a_version_takes_effect_at_its_time_and_can_be_withdrawn_before(desk: Desk) -> None:
    number = str(desk.draft(unit="市税务局"))
    wang = {"by": "cli:wang"}
    past = desk("approve", number, "--why", "同意", "--at", "2020-01-01 00:00", **wang)
    assert (past.code, "已经过去" in past.err) == (FAILED, True)
    told = desk.done("approve", number, "--why", "同意", "--at", "2098-12-01 00:00", **wang).out
    assert told == "第2版已批准，将于2098-12-01 00:00:00生效\n"
    effective = desk.done("show", number, "--json").json["table"]["effective"]
    assert effective == "2098-12-01T00:00:00+08:00"
    assert "withdraw 2" in desk("discard", number, "--why", "不要").err
    desk.done("withdraw", number, "--why", "再看看", **wang)
    again = desk("withdraw", number, "--why", "再看看")
    assert (again.code, "只有“待生效”的版本可以撤回" in again.err) == (FAILED, True)
    desk.done("discard", number, "--why", "不要")
    assert desk.done("show", number, "--json").json["table"]["state"] == "discarded"


def test_a_changed_emergency_row_needs_a_supervisors_word_first(desk: Desk) -> None:
    file = desk.file()
    file.write_text(file.read_text("utf-8-sig").replace("119,火警,", "119,消防,"), "utf-8-sig")
    desk.done("import", str(file), "--why", "改名")
    assert "hotline table confirm-emergency 2" in desk.done("check-draft", "2").out
    early = desk("approve", "2", "--why", "同意", by="cli:wang")
    assert (early.code, "confirm-emergency 2" in early.err, "119" in early.err) == (FAILED, True, True)
    assert "请另一人" in desk("confirm-emergency", "2", "--why", "核实").err
    desk.done("confirm-emergency", "2", "--why", "核实", by="cli:chen")
    desk.done("approve", "2", "--why", "同意", by="cli:chen")


def test_two_people_at_once_are_brought_together_and_asked_about_what_both_changed(desk: Desk) -> None:
    desk.draft(unit="市税务局")
    desk.done("import", str(desk.file(unit="税务局", note="备注")), "--why", "另一来函", by="cli:zhang")
    desk.done("check-draft", "3", by="cli:zhang")
    desk.done("approve", "2", "--why", "同意", by="cli:wang")
    stale = desk("approve", "3", "--why", "同意", by="cli:wang")
    assert (stale.code, "hotline table rebase 3" in stale.err) == (FAILED, True)
    conflict = desk("rebase", "3", "--why", "合并", by="cli:zhang")
    assert conflict.code == FAILED
    assert "12366：“责任单位”本草稿是“税务局”，第2版是“市税务局”" in conflict.err
    assert desk("rebase", "3", "--mine", "12366", "--theirs", "12366", "--why", "x").code == MISUSED
    desk.done("rebase", "3", "--mine", "12366", "--why", "合并", by="cli:zhang")
    assert desk.done("check-draft", "3", by="cli:zhang").code == 0
    desk.done("approve", "3", "--why", "同意", by="cli:wang")
    changed = desk.done("diff", "2", "3", "--json").json["changed"]
    assert changed == [
        {"number": "12366", "from": None, "cells": {"unit": ["市税务局", "税务局"], "note": ["", "备注"]}}
    ]


def test_a_revision_that_was_not_seen_is_not_approved(desk: Desk) -> None:
    desk.draft(unit="市税务局")
    desk.done("import", str(desk.file(unit="税务局")), "--into", "2", "--why", "更正")
    desk.done("check-draft", "2")
    refused = desk("approve", "2", "--revision", "1", "--why", "同意", by="cli:wang")
    assert (refused.code, "您看到的是第1次" in refused.err) == (FAILED, True)
    assert desk("import", str(desk.file()), "--revision", "2", "--why", "x").code == MISUSED


# ---------------------------------------------------------------- files


def test_a_wrong_cell_is_told_by_row_and_column_and_nothing_is_made(desk: Desk) -> None:
    file = desk.file(status="正长")
    row = next(n for n, text in enumerate(file.read_text("utf-8-sig").splitlines(), 1) if text.startswith("12366,"))
    expected = f"错误：第{row}行“状态”：“正长”无法识别；请填写：正常、暂停服务、停用"
    checked = desk("check", str(file))
    assert (checked.code, checked.err) == (FAILED, "")
    assert expected in checked.out.splitlines()
    refused = desk("import", str(file), "--why", "来函")
    assert (refused.code, expected in refused.out.splitlines()) == (FAILED, True)
    assert "什么也没有导入" in refused.err
    assert len(desk.done("list", "--json").json["tables"]) == 1


def test_errors_of_the_whole_table_are_told_too_and_for_programs(desk: Desk) -> None:
    report = desk("check", str(desk.file(targets="skill:tax")), "--json")
    assert report.code == FAILED
    (finding,) = [each for each in report.json["findings"]["items"] if each["severity"] == "error"]
    assert (report.json["accepted"], report.json["against"], finding["column"]) == (False, 1, "targets")
    assert "技能“tax”不存在" in finding["text"]
    refused = desk("import", str(desk.file(targets="skill:tax")), "--why", "来函", "--json")
    assert (refused.code, refused.json["table"]) == (FAILED, None)


def test_a_file_with_countless_errors_is_told_in_bounded_lines(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "坏.csv"
    file.write_text("号码,名称,方式,责任单位,状态,依据\n" + "x\ny,,,,,\n" * 2000, "utf-8")
    told = desk("check", str(file))
    assert told.code == FAILED
    assert len(told.out.splitlines()) < MOST_LINES
    assert re.search(r"另有[0-9]+条没有列出", told.out)


def test_a_file_is_checked_without_a_database_and_none_is_made(desk: Desk, tmp_path: Path) -> None:
    pack = load_pack(SHIPPED, "yichun")
    file = tmp_path / "表.csv"
    file.write_bytes(write_csv(list(table_of_pack(pack, Workdays()).rows())))
    told = desk.done("check", str(file))
    assert "注意：本系统尚未启动过" in told.out
    assert "新增0行、删除0行、修改0行" in told.out
    assert not (tmp_path / "state").exists()
    settings = tmp_path / "hotline.toml"
    settings.write_text('city = "yichun"\ndatabase_url = "postgresql://nobody@127.0.0.1:1/none"\n', "utf-8")
    away = desk.done("check", str(file), "--json").json
    assert (away["accepted"], away["against"], away["notice"]) == (True, None, "数据库现在无法连接")
    listed = desk("list")
    assert (listed.code, listed.err.count("\n")) == (FAILED, 1)


def test_an_export_reads_back_the_same_in_every_form(desk: Desk, tmp_path: Path) -> None:
    def read_back(name: str, *options: str) -> list[Line]:
        path = tmp_path / name
        desk.done("export", "1", str(path), *options)
        found = read_file(name, path.read_bytes())
        assert not found.problems
        return [line for _, line in found.rows]

    first = read_back("a.csv")
    assert len(first) > 40
    assert read_back("b.csv", "--gbk") == first
    assert read_back("c.csv", "--english") == first
    assert read_back("d.xlsx") == first
    assert (tmp_path / "b.csv").read_bytes().decode("gb18030").startswith("号码,")
    assert (tmp_path / "c.csv").read_text("utf-8-sig").startswith("number,")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_an_export_overwrites_nothing_and_knows_two_endings(desk: Desk, tmp_path: Path) -> None:
    kept = tmp_path / "mine.csv"
    kept.write_text("edited", "utf-8")
    assert desk("export", "1", str(kept)).code == MISUSED
    assert kept.read_text("utf-8") == "edited"
    assert desk("export", "1", str(tmp_path / "a.xls")).code == MISUSED
    assert desk("export", "1", str(tmp_path / "a.xlsx"), "--gbk").code == MISUSED
    assert desk("export", "1", str(tmp_path / "none" / "a.csv")).code == MISUSED
    assert desk("export", "7", str(tmp_path / "a.csv")).code == NOT_FOUND
    assert not (tmp_path / "a.csv").exists()


def test_an_export_that_cannot_be_written_leaves_nothing_behind(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    told = desk("export", "1", str(tmp_path / "a.csv"))
    assert (told.code, "无法写入" in told.err) == (FAILED, True)
    assert not list(tmp_path.glob("*a.csv*"))


def test_rows_that_the_file_has_not_go_only_when_it_is_the_whole_table(desk: Desk) -> None:
    file = desk.file()
    lines = file.read_text("utf-8-sig").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("12338,")), "utf-8-sig")
    assert "没有需要导入的内容" in desk.done("import", str(file), "--why", "来函").out
    made = desk.done("import", str(file), "--replace", "--why", "来函", "--json").json
    assert made["changes"] == {"added": 0, "removed": 1, "changed": 0}


def test_a_file_that_is_far_too_large_is_not_read(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "大.csv"
    with file.open("wb") as stream:
        stream.truncate(40 * 2**20)
    told = desk("check", str(file))
    assert (told.code, "40.0 MiB，最大16 MiB" in told.err) == (FAILED, True)


# ---------------------------------------------------------------- looking and misuse


def test_rows_are_shown_whole_with_the_targets_their_mode_implies(desk: Desk) -> None:
    note = "很长的备注" * 80
    number = desk.draft(note=note)
    shown = desk.done("show", str(number), "--lines").out
    row = next(line for line in shown.splitlines() if line.split()[:1] == ["12366"])
    assert note in row
    merged = next(line for line in shown.splitlines() if line.split()[:1] == ["12396"])
    assert "（skill:general）" in merged
    summary = [line.split() for line in desk.done("show", "1").out.splitlines()]
    assert ["紧急", "4"] in summary
    assert len(desk.done("show", "1", "--json").json["lines"]) == int(summary[-1][1])


@pytest.mark.parametrize("command", ["show", "history", "check-draft"])
def test_a_version_that_is_not_there_is_not_found(desk: Desk, command: str) -> None:
    told = desk(command, "9")
    assert (told.code, told.err) == (
        NOT_FOUND,
        "hotline: 没有这一版转接表；请运行 hotline table list 查看有哪些版本\n",
    )


def test_a_change_needs_a_reason(desk: Desk) -> None:
    assert desk("discard", "1").code == MISUSED
    assert desk("discard", "1", "--why", " ").code == MISUSED
    assert desk("discard", "1", "--why", "一\n二").code == MISUSED
    assert desk("approve", "1", "--why", "x", "--at", "明天").code == MISUSED


def test_the_first_table_cannot_be_rolled_back(desk: Desk) -> None:
    told = desk("rollback", "--why", "试")
    assert (told.code, "无法回退" in told.err) == (FAILED, True)


def test_what_is_done_here_stands_in_the_audit_log(desk: Desk, tmp_path: Path) -> None:
    desk.done("discard", str(desk.draft(unit="市税务局")), "--why", "不要了")

    async def last() -> audit.Kept:
        database = Database(f"sqlite:///{tmp_path / 'state' / 'hotline.db'}")
        (entry,) = await audit.page(database, audit.Filter(), limit=1)
        await database.dispose()
        return entry

    entry = asyncio.run(last())
    assert (entry.who, entry.action, entry.subject, entry.why) == (
        "cli:li",
        "table.discard",
        "table:yichun/2",
        "不要了",
    )


def test_the_acting_person_is_the_user_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setattr("os.getuid", lambda: 0)
    assert who() == "cli:root"
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_001)
    assert who() == "cli:4000000001"
