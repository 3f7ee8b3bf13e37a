"""The supervisor: real processes, killed, hung, stopped."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

# a supervisor with one process that beats, one that can be told to stop beating, and one that ends at once
PROGRAM = """
import asyncio, os, signal, sys, time
from pathlib import Path
from hotline import supervisor
from hotline.heartbeat import run_process
supervisor.HUNG_AFTER_S = 1.5
folder = Path(sys.argv[1])

def note(name, text):
    with (folder / name).open("a") as file:
        file.write(text + "\\n")

async def live(stop):
    note("lives", str(os.getpid()))
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: note("reloads", "1"))
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: time.sleep(60))
    await stop.wait()
    note("stops", str(os.getpid()))

def crash(pipe):
    note("crashes", str(time.monotonic()))
    raise SystemExit(3)

roles = {"live": lambda pipe: run_process(pipe, live)}
if "crash" in sys.argv:
    roles["crash"] = crash
supervisor.Supervisor(roles, folder, on_end=lambda pid: note("ends", str(pid))).run()
"""


class Running:
    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder), *more], cwd=CHECKOUT)

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def until(self, condition: Callable[[], bool], within: float = 15.0) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, "did not happen in time"
            time.sleep(0.02)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*more: str) -> Running:
        started.append(Running(tmp_path, *more))
        started[-1].until(lambda: len(started[-1].lines("lives")) == 1)
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_process_is_started_again_and_its_pid_is_kept_in_a_file(running: Callable[..., Running]) -> None:
    supervised = running()
    first = int(supervised.lines("lives")[0])
    assert int((supervised.folder / "live.pid").read_text()) == first
    os.kill(first, signal.SIGKILL)
    supervised.until(lambda: len(supervised.lines("lives")) == 2)
    second = int(supervised.lines("lives")[1])
    assert second != first
    supervised.until(lambda: int((supervised.folder / "live.pid").read_text()) == second)
    assert supervised.lines("ends") == [str(first)]


def test_a_process_whose_event_loop_is_stuck_is_ended_and_started_again(running: Callable[..., Running]) -> None:
    supervised = running()
    os.kill(int(supervised.lines("lives")[0]), signal.SIGUSR1)
    supervised.until(lambda: len(supervised.lines("lives")) == 2)


def test_sigterm_stops_the_processes_in_good_order(running: Callable[..., Running]) -> None:
    supervised = running()
    supervised.process.terminate()
    assert supervised.process.wait(15) == 0
    assert supervised.lines("stops") == supervised.lines("lives")


def test_given_the_supervisor_killed_then_no_process_outlives_it(running: Callable[..., Running]) -> None:
    supervised = running()
    supervised.process.kill()
    supervised.process.wait()
    supervised.until(lambda: not is_alive(int(supervised.lines("lives")[0])))


def test_sighup_reaches_every_process(running: Callable[..., Running]) -> None:
    supervised = running()
    supervised.process.send_signal(signal.SIGHUP)
    supervised.until(lambda: supervised.lines("reloads") == ["1"])


def test_a_process_that_ends_at_once_is_started_again_ever_more_slowly_and_disturbs_no_other(
    running: Callable[..., Running],
) -> None:
    supervised = running("crash")
    supervised.until(lambda: len(supervised.lines("crashes")) >= 5)
    at = [float(line) for line in supervised.lines("crashes")[:5]]
    pauses = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert pauses[0] < pauses[-1]
    assert len(supervised.lines("lives")) == 1
