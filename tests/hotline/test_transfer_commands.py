"""`hotline transfer figures`, as people and programs call it."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.follower import OrderFollower
from config.database import Database
from config.settings import load_settings
from hotline.commands.transfers import app
from ivr.call import Attempt, TransferKind, TransferResult
from tests.bridge.test_follower import T0, told
from tests.bridge.test_transfers import closed

run = CliRunner().invoke


@pytest.fixture
def settings(tmp_path: Path) -> str:
    """An installation in which two targets were rung on 21 November 2026."""
    file = tmp_path / "hotline.toml"
    file.write_text(f'state = "{tmp_path}/state"\n', "utf-8")

    async def fill() -> None:
        found = load_settings(file)
        found.state_dir.mkdir()
        database = Database(found.database)
        await database.migrate()
        attempts = (
            Attempt("12366", "phone:13900139000", TransferKind.BLIND, "8001", T0, None, T0 + 9, TransferResult.BUSY),
            Attempt("12366", "phone:12366", TransferKind.BLIND, "8001", T0 + 9, T0 + 15, T0 + 15, CONNECTED),
        )
        async with database.begin() as connection:
            await OrderFollower("YC").handle(told(("c1", closed(*attempts))), connection)
        await database.dispose()

    asyncio.run(fill())
    return str(file)


CONNECTED = TransferResult.CONNECTED
DAY = ["--from", "2026-11-21", "--to", "2026-11-21"]


def test_people_see_a_table_without_anybodys_number(settings: str) -> None:
    shown = run(app, ["figures", *DAY, "--settings", settings])
    assert shown.exit_code == 0, shown.output
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert rows[1] == ["12366", "phone:12366", "1", "100.0%", "6.0", "6.0", "6.0", "connected", "1"]
    assert rows[2] == ["12366", "phone:139****9000", "1", "0.0%", "busy", "1"]


def test_programs_get_json(settings: str) -> None:
    shown = run(app, ["figures", *DAY, "--line", "12366", "--json", "--settings", settings])
    found = json.loads(shown.stdout)
    assert (found["from"], found["to"]) == ("2026-11-21", "2026-11-21")
    assert found["figures"][0]["answer_s"] == {"mean": 6.0, "p50": 6.0, "p95": 6.0}
    assert [figure["target"] for figure in found["figures"]] == ["phone:12366", "phone:139****9000"]


def test_days_without_transfers_are_said_to_have_none(settings: str) -> None:
    shown = run(app, ["figures", "--from", "2026-11-20", "--to", "2026-11-20", "--settings", settings])
    assert (shown.exit_code, shown.stdout) == (0, "No transfers from 2026-11-20 to 2026-11-20.\n")


def test_days_the_wrong_way_round_are_wrong_use(settings: str) -> None:
    shown = run(app, ["figures", "--from", "2026-11-22", "--to", "2026-11-21", "--settings", settings])
    assert shown.exit_code == 2
    assert "turn them round" in shown.output
