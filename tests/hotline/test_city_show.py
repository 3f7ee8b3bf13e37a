"""What a city's rules are and where they come from, for people at the command and for programs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.database import Database
from config.packs import SHIPPED, load_pack
from config.workdays import Workdays
from hotline.accounts import Role
from hotline.cli import app
from hotline.commands.city_words import TITLES, in_words
from hotline.lookup import NotFoundError
from routing.tables.pack_lines import table_of_pack
from tests.config.packs_on_disk import CITY
from tests.hotline.api_site import Site, problem

run = CliRunner().invoke


@pytest.fixture
def backend() -> str:
    """Nothing here depends on the kind of database."""
    return "sqlite"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "hotline.toml"
    file.write_text(f'state = "{tmp_path}/state"\n', "utf-8")
    return file


def test_people_read_values_in_chinese_with_where_they_come_from(settings: Path) -> None:
    shown = run(app, ["city", "show", "yichun", "--settings", str(settings)])
    assert shown.exit_code == 0, shown.output
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert ["within", "1个工作日", "宜春", "§14"] in rows
    assert ["anchor", "dispatched", "默认"] in rows
    assert ["keep_min_years", "3", "宜春", "§13(9)"] in rows
    assert any(line.startswith("注意") and "duty.phones" in line for line in shown.stdout.splitlines())


def test_one_value_is_shown_alone(settings: Path) -> None:
    shown = run(app, ["city", "show", "zhuhai", "redo.within", "--json", "--settings", str(settings)])
    found = json.loads(shown.stdout)
    assert found["values"] == [{"field": "redo.within", "value": {"percent": 50}, "source": "珠海 §17"}]
    assert (found["id"], found["status"], found["valid_until"]) == ("zhuhai", "in_force", "2028-08-31")


def test_the_json_of_a_city_is_the_same_each_time_and_names_no_folder_of_the_machine(settings: Path) -> None:
    arguments = ["city", "show", "sichuan", "--json", "--settings", str(settings)]
    first, second = run(app, arguments).stdout, run(app, arguments).stdout
    assert first == second
    assert str(SHIPPED) not in first
    assert "sichuan/city.toml" in first


def test_a_value_that_is_not_there_is_not_found(settings: Path) -> None:
    shown = run(app, ["city", "show", "yichun", "nothing", "--settings", str(settings)])
    assert isinstance(shown.exception, NotFoundError)
    assert "hotline city show yichun" in str(shown.exception)


def test_the_list_has_every_city_and_marks_the_one_that_is_served(settings: Path) -> None:
    shown = run(app, ["city", "list", "--json", "--settings", str(settings)])
    lines = json.loads(shown.stdout)["cities"]
    assert [line["id"] for line in lines] == ["chenzhou", "shaoyang", "sichuan", "yichun", "zhuhai"]
    assert [line["id"] for line in lines if line["served"]] == ["yichun"]
    assert {line["id"] for line in lines if line["status"] == "draft"} == {"sichuan"}
    assert "* yichun" in " ".join(run(app, ["city", "list", "--settings", str(settings)]).stdout.split())


def test_a_duty_phone_is_shown_masked(settings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cities" / "trial"
    folder.mkdir(parents=True)
    (folder / "city.toml").write_text(CITY + '[duty]\nphones = ["desk:8099", "phone:13812345678"]\n', "utf-8")
    settings.write_text(f'packs = "{folder.parent}"\ncity = "trial"\n', "utf-8")
    shown = run(app, ["city", "show", "trial", "duty", "--settings", str(settings)]).stdout
    assert "desk:8099" in shown
    assert "13812345678" not in shown


def test_every_section_has_a_title() -> None:
    pack = load_pack(SHIPPED, "yichun")
    assert {field.partition(".")[0] for field in pack.sources} <= TITLES.keys()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "无"),
        (True, "是"),
        (20.0, "20"),
        ([], "无"),
        (["甲", "乙"], "甲、乙"),
        ({"amount": 0, "unit": "minutes"}, "即时"),
        ({"amount": 0, "unit": "calendar_days"}, "当日"),
        ({"amount": 3, "unit": "working_hours"}, "3个工作小时"),
        ({"percent": 50}, "原时限的50%"),
        ({"within": {"amount": 2, "unit": "working_days"}, "complex": None}, "办结 2个工作日"),
        ([{"id": "a", "text": "甲", "source": "§7(1)", "handling": "explain"}], "甲（§7(1)）"),
    ],
)
def test_values_are_read_in_words(value: object, words: str) -> None:
    assert in_words(value) == words  # type: ignore[arg-type]


@pytest.mark.parametrize("role", list(Role))
async def test_whoever_is_signed_in_reads_the_rules_in_force(database: Database, role: Role) -> None:
    site = Site(database)
    await site.account("somebody", role)
    async with site.client(await site.token_of("somebody")) as client:
        answer = await client.get("/api/city", params={"field": "recording.keep_min_years"})
    assert answer.status_code == 200
    assert answer.json()["values"] == [{"field": "recording.keep_min_years", "value": 3, "source": "宜春 §13(9)"}]


async def test_the_api_gives_the_pack_that_is_in_force_now(database: Database) -> None:
    site = Site(database)
    async with site.client() as client:
        before = (await client.get("/api/city")).json()
        site.pack = load_pack(SHIPPED, "zhuhai")
        after = (await client.get("/api/city")).json()
    assert (before["name"], after["name"]) == ("宜春市", "珠海市")
    assert before["version"] != after["version"]
    assert len(before["values"]) > 150


async def test_a_field_that_the_city_has_not_is_a_404(database: Database) -> None:
    async with Site(database).client() as client:
        problem(await client.get("/api/city", params={"field": "nothing"}), 404, "unknown-field")


# ---------------------------------------------------------------- the transfer table


def test_a_city_is_shown_with_how_many_rows_of_each_mode_its_table_has(settings: Path) -> None:
    shown = run(app, ["city", "show", "chenzhou", "--settings", str(settings)])
    rows = [line.split() for line in shown.stdout.splitlines()]
    lines = json.loads(run(app, ["city", "show", "chenzhou", "--json", "--settings", str(settings)]).stdout)["lines"]
    counties = [line for line in lines if line["mode"] == "county"]
    assert ["县区热线", str(len(counties))] in rows
    assert ["合计", str(len(lines))] == rows[-1][:2]
    assert len(counties) == 11
    assert "城市包中的转接表" in shown.stdout


def test_every_row_is_shown_whole_on_demand(settings: Path) -> None:
    shown = run(app, ["city", "show", "chenzhou", "--lines", "--settings", str(settings)])
    row = next(line.split() for line in shown.stdout.splitlines() if line.split()[:1] == ["12349"])
    assert row[:5] == ["12349", "全国统一民政服务电话", "整体并入", "市民政局", "暂停服务"]
    assert "（skill:general）" in row
    assert any(cell.startswith("郴州") for cell in row)
    both = run(app, ["city", "show", "chenzhou", "revisit", "--lines", "--settings", str(settings)])
    assert both.exit_code == 2


def test_one_value_comes_without_the_table(settings: Path) -> None:
    shown = run(app, ["city", "show", "yichun", "revisit", "--json", "--settings", str(settings)])
    assert "lines" not in json.loads(shown.stdout)


def test_the_installations_own_city_shows_the_table_in_force(settings: Path) -> None:
    arguments = ["city", "show", "yichun", "--settings", str(settings)]
    before = json.loads(run(app, [*arguments, "--json"]).stdout)
    assert (before["table"], before["table_notice"]) == (None, "本系统尚未启动过，数据库中没有转接表")
    made = run(app, ["table", "list", "--settings", str(settings)])  # makes version 1 of the pack's lines
    assert made.exit_code == 0, made.output
    after = json.loads(run(app, [*arguments, "--json"]).stdout)
    assert (after["table"]["number"], after["table"]["state"], after["table_notice"]) == (1, "effective", None)
    assert after["lines"] == before["lines"]
    assert "第1版，自" in run(app, arguments).stdout
    other = json.loads(run(app, ["city", "show", "chenzhou", "--json", "--settings", str(settings)]).stdout)
    assert (other["table"], other["table_notice"]) == (None, None)


def test_a_database_that_is_away_is_said_and_the_packs_lines_are_shown(settings: Path) -> None:
    settings.write_text('city = "yichun"\ndatabase_url = "postgresql://nobody@127.0.0.1:1/none"\n', "utf-8")
    shown = run(app, ["city", "show", "yichun", "--settings", str(settings)])
    assert shown.exit_code == 0, shown.output
    assert "城市包中的转接表（数据库现在无法连接）" in shown.stdout


async def test_the_api_counts_the_rows_in_force_and_says_where_they_are(database: Database) -> None:
    site = Site(database)
    tables = site.app.state.services.tables
    async with site.client() as client:
        before = (await client.get("/api/city")).json()["lines"]
        await tables.adopt_pack(table_of_pack(site.pack, Workdays()))
        after = (await client.get("/api/city")).json()["lines"]
        rows = (await client.get(after["path"], params={"limit": 200})).json()["items"]
        part = (await client.get("/api/city", params={"field": "revisit"})).json()
    assert (before["number"], before["path"]) == (None, None)
    assert after["number"] == 1
    assert (after["rows"], after["modes"]) == (before["rows"], before["modes"]) == (len(rows), after["modes"])
    assert sum(after["modes"].values()) == after["rows"]
    assert after["to_confirm"] == sum(row["confirm"] for row in rows)
    assert part["lines"] is None
