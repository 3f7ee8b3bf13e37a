"""What admins write is checked: refused at start with file, line, field and reason; a running service keeps the old."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.support import town
from tests.sandbox import Installation
from tests.sandbox.installation import CHECKOUT


def refused(hotline: Installation, **environment: str) -> tuple[int, str]:
    """Start what must not start: exit code and what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "hotline", "serve"],
        cwd=CHECKOUT,
        env=hotline.environment | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    assert not (hotline.state / "switch" / "asterisk.pid").exists(), "nothing may be left running"
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    ("more", "field", "line"),
    [
        ("[limits]\nring_s = 900", "limits.ring_s", 2),
        ('[limits]\nring_s = "soon"', "limits.ring_s", 2),
        ("[recording]\nkeep_min_years = 3", None, None),  # the table stands twice
        ("[unknown]\nx = 1", "unknown", 1),
    ],
)
def test_a_bad_city_pack_is_refused_at_start(tmp_path: Path, more: str, field: str | None, line: int | None) -> None:
    hotline = Installation(tmp_path, pack=more)
    status, said = refused(hotline)
    assert status == 2
    assert str(hotline.city_folder / "city.toml") in said
    if field is not None and line is not None:
        text = (hotline.city_folder / "city.toml").read_text("utf-8").splitlines()
        number = text.index(more.splitlines()[0]) + line
        assert f"city.toml:{number}: {field}" in said


def test_a_bad_roster_is_refused_at_start_and_names_no_person(tmp_path: Path) -> None:
    hotline = Installation(tmp_path)
    (hotline.city_folder / "agents.csv").write_text("id,name,skills,address\n8001,王小明,flying,desk:8001\n", "utf-8")
    status, said = refused(hotline)
    assert status == 2
    assert "agents.csv:2" in said
    assert "flying" in said
    assert "王小明" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [("HOTLINE_SIP__PORT", "99999"), ("HOTLINE_CITY", "atlantis"), ("HOTLINE_DATABASE_URL", "mysql://x")],
)
def test_a_bad_setting_is_refused_at_start(tmp_path: Path, name: str, value: str) -> None:
    status, said = refused(Installation(tmp_path), **{name: value})
    assert status == 2
    assert said.strip().splitlines()[-1].startswith("hotline: ")


@pytest.mark.switch
@pytest.mark.redis
async def test_given_a_bad_pack_at_a_reload_then_the_old_one_stays_and_calls_are_served(tmp_path: Path) -> None:
    async with town(tmp_path, pack="[limits]\nwrap_up_s = 0") as place:
        hotline = place.hotline
        await hotline.sign_in("8001")
        toml = hotline.city_folder / "city.toml"
        good = toml.read_text("utf-8")
        toml.write_text(good + "\nring_s = 900\n", "utf-8")
        os.kill(hotline.pid("supervisor"), signal.SIGHUP)
        await hotline.says("limits.ring_s")
        citizen, _ = await place.talk()
        await citizen.hang_up()
        toml.write_text(good + "\nring_s = 7\n", "utf-8")
        os.kill(hotline.pid("supervisor"), signal.SIGHUP)
        await hotline.says("city pack in force")
        citizen, _ = await place.talk()
        await citizen.hang_up()
