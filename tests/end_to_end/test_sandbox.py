"""The command a newcomer tries first: it tells the story of a call, and leaves nothing running."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from hotline.runtime import paths
from tests.sandbox.installation import CHECKOUT

pytestmark = [pytest.mark.switch, pytest.mark.redis, pytest.mark.timeout(400)]


async def sandbox(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hotline", "sandbox", *arguments),
        cwd=CHECKOUT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def left_running() -> list[str]:
    """Command lines of processes that work in the sandbox's folder."""
    folder = str(paths.layout().root / "state" / "sandbox")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in command:
            found.append(command)
    return found


async def test_the_story_is_told_once_and_nothing_is_left_running() -> None:
    process = await sandbox("--once", "--json")
    output, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    story = json.loads(output)
    assert story["missed"] == ""
    assert len(story["seen"]) == 7
    assert story["recording"]["keep_source"] == "宜春 §13(9)"
    assert story["order"]["call"] == story["call"]["call"]
    assert "Traceback" not in said.decode()
    assert left_running() == []


async def test_ctrl_c_stops_everything_at_any_time_and_a_second_sandbox_is_refused_meanwhile() -> None:
    process = await sandbox()
    assert process.stderr is not None
    async with asyncio.timeout(120):
        while b"It is up" not in await process.stderr.readline():
            assert process.returncode is None
    second = await sandbox("--once")
    _, said = await second.communicate()
    assert second.returncode == 1
    assert "another sandbox" in said.decode()
    process.send_signal(signal.SIGINT)
    _, said = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode in (0, 130)
    assert "Traceback" not in said.decode()
    assert left_running() == []
