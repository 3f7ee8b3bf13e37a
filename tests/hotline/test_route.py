"""`hotline route`: the simulator on the command line, with and without a database."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.database import Database
from config.packs import SHIPPED, load_pack
from config.workdays import Workdays
from hotline import cli
from routing.tables.pack_lines import PackFrame, table_of_pack
from routing.tables.versions import Versions

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command with settings of its own; gives exit code, output and errors."""
    settings = tmp_path / "hotline.toml"
    settings.write_text(f'city = "yichun"\nstate = "{tmp_path / "state"}"\n')
    monkeypatch.delenv("HOTLINE_DATABASE_URL", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["hotline", "route", *arguments, "--settings", str(settings)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def answered(ran: tuple[int, str, str]) -> dict[str, Any]:
    code, out, err = ran
    assert (code, err) == (0, "")
    told: dict[str, Any] = json.loads(out)
    return told


async def adopt(state: Path) -> None:
    """A database of the installation with the pack's lines as version 1, in force since 2020."""
    database = Database(f"sqlite:///{state / 'hotline.db'}")
    await database.migrate()
    pack = load_pack(SHIPPED, "yichun")
    versions = Versions(database, "yichun", frame=lambda: PackFrame(pack, Workdays()), clock=lambda: 1_600_000_000.0)
    await versions.adopt_pack(table_of_pack(pack, Workdays()))
    await database.dispose()


def test_another_city_needs_no_database_and_makes_none(run: Run, tmp_path: Path) -> None:
    told = answered(run("12331", "--city", "chenzhou", "--at", "2026-10-01 03:00", "--json"))
    assert (told["city"], told["reception"], told["final"], told["notice"]) == ("chenzhou", "alias", "12315", None)
    assert not (tmp_path / "state").exists()


def test_people_read_it_in_chinese(run: Run) -> None:
    code, out, err = run("12331", "--city", "chenzhou", "--at", "2026-10-01 03:00")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("拨打12331，时间是2026-10-01 03:00（星期四，节假日）")
    assert "第1步：" in out
    assert lines[-1].startswith("来电人先听到：您好，您拨打的12331已归并到12315")


def test_without_a_database_the_packs_lines_are_asked_and_it_is_said(run: Run, tmp_path: Path) -> None:
    told = answered(run("119", "--json"))
    assert told["table"].startswith("yichun-lines-")
    assert "城市包" in told["notice"]
    code, out, _ = run("119")
    assert (code, out.startswith("注意：")) == (0, True)
    assert not (tmp_path / "state").exists()


def test_a_database_that_was_never_used_has_no_tables(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "hotline.db").touch()
    assert "城市包" in answered(run("119", "--json"))["notice"]
    assert run("119", "--draft", "1")[0] == cli.NOT_FOUND


def test_a_database_that_cannot_be_reached_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")  # nothing listens on port 1
    assert "数据库" in answered(run("119", "--json"))["notice"]
    code, _, err = run("119", "--draft", "1")
    assert (code, err.count("\n")) == (cli.FAILED, 1)
    assert "database" in err


def test_the_version_in_force_is_asked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    asyncio.run(adopt(tmp_path / "state"))
    for arguments in ((), ("--draft", "1"), ("--city", "yichun")):
        told = answered(run("12320", "--json", *arguments))
        assert (told["table"], told["notice"], told["line"]["mode"]) == ("yichun-table-1", None, "dual")
    code, _, err = run("12320", "--draft", "9")
    assert (code, err.count("\n")) == (cli.NOT_FOUND, 1)
    before = answered(run("12320", "--json", "--at", "2019-01-01"))
    assert (before["table"].startswith("yichun-lines-"), bool(before["notice"])) == (True, True)


def test_all_rows_are_shown_with_their_first_steps(run: Run) -> None:
    told = answered(run("--all", "--city", "chenzhou", "--json"))
    assert told.keys() == {"at", "city", "table", "notice", "rows"}
    numbers = [each["line"]["number"] for each in told["rows"]]
    assert numbers == sorted(numbers)
    fire = next(each for each in told["rows"] if each["line"]["number"] == "119")
    assert fire["steps"][0] == {"kind": "phone", "to": "119", "ring_s": None, "tries": 1}
    assert (fire["emergency"], fire["in_force"]) == (True, True)
    code, out, _ = run("--all", "--city", "chenzhou")
    assert code == 0
    assert all(number in out for number in numbers)
    assert "外线 119" in out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("12345", "--all"),
        ("12345", "--city", "nowhere"),
        ("12345", "--at", "gestern"),
        ("12345", "--at", "2026-13-01 03:00"),
        ("12345", "--at", "0001-01-01"),
        ("12345", "--draft", "1", "--city", "chenzhou"),
        ("12345", "--draft", "one"),
    ],
)
def test_wrong_use_is_told(run: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (cli.MISUSED, "")
    assert err


def test_the_help_names_every_field_of_the_answer(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    fields = answered(run("119", "--json")).keys() | answered(run("--all", "--json"))["rows"][0].keys()
    assert all(f"`{field}`" in out for field in fields)
