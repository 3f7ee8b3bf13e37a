"""How programs that must survive us live: started detached, adopted, never mistaken for others, stopped for sure."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from hotline.services import Service, ServiceError, keep

SLEEPER = "echo up > ready; exec sleep 1000"
STUBBORN = "trap '' TERM; echo up > ready; while true; do sleep 0.05; done"


def service(folder: Path, script: str = SLEEPER, **options: float) -> Service:
    async def ready() -> bool:
        return (folder / "ready").exists()

    return Service("thing", ["/bin/sh", "-c", script], folder, ready=ready, **options)  # type: ignore[arg-type]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


async def until(condition, within: float = 5.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)


@pytest.fixture
def folder(tmp_path: Path):
    yield tmp_path
    for pidfile in tmp_path.glob("*.pid"):
        pid = int(pidfile.read_text().split()[0])
        if pid != os.getpid() and is_alive(pid):
            os.kill(pid, signal.SIGKILL)


async def test_it_starts_once_and_a_second_start_adopts_it(folder: Path) -> None:
    first, second = service(folder), service(folder)
    assert await first.start() is True
    assert await second.start() is False
    assert second.pid() == first.pid() is not None


async def test_when_two_start_at_the_same_time_there_is_one_program(folder: Path) -> None:
    services = [service(folder, "echo x >> starts; echo up > ready; exec sleep 1000") for _ in range(5)]
    assert sorted(await asyncio.gather(*(each.start() for each in services))) == [False] * 4 + [True]
    assert (folder / "starts").read_text() == "x\n"


async def test_when_our_process_is_killed_the_program_lives_and_the_next_start_adopts_it(folder: Path) -> None:
    ours = _in_a_process_of_ours(folder, mortal=False)
    await until(lambda: (folder / "ready").exists() and service(folder).pid() is not None)
    pid = service(folder).pid()
    ours.kill()
    ours.wait()

    heir = service(folder)
    assert await heir.start() is False
    assert heir.pid() == pid
    await heir.stop()
    assert pid is not None
    assert not is_alive(pid)


async def test_a_mortal_program_dies_with_the_process_that_started_it(folder: Path) -> None:
    ours = _in_a_process_of_ours(folder, mortal=True)
    await until(lambda: (folder / "ready").exists() and service(folder).pid() is not None)
    ours.kill()
    ours.wait()
    await until(lambda: service(folder).pid() is None)


async def test_a_recycled_pid_is_neither_adopted_nor_touched(folder: Path) -> None:
    """The pid file names a living process that was started at another time: somebody else's."""
    thing = service(folder)
    await thing.start()
    recorded = thing.pidfile.read_text().splitlines()
    await thing.stop()

    stranger = _stranger()
    try:
        stat = recorded[0].split(" ", 1)[1]
        thing.pidfile.write_text(f"{stranger.pid} {stat}\n{recorded[1]}\n")
        assert thing.pid() is None
        await thing.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_pid_file_from_before_a_reboot_means_nothing(folder: Path) -> None:
    thing = service(folder)
    await thing.start()
    whole = thing.pidfile.read_text()
    stat = whole.splitlines()[0]
    thing.pidfile.write_text(f"{stat}\n00000000-0000-0000-0000-000000000000\n")
    assert thing.pid() is None
    thing.pidfile.write_text(whole)
    assert thing.pid() is not None


@pytest.mark.parametrize("rubbish", ["", "12", "x y z\nq\n", "\0\0"])
async def test_a_damaged_pid_file_means_that_nothing_runs(folder: Path, rubbish: str) -> None:
    thing = service(folder)
    thing.pidfile.write_text(rubbish)
    assert thing.pid() is None
    assert await thing.start() is True


async def test_a_program_that_ignores_its_stop_signal_is_killed(folder: Path) -> None:
    thing = service(folder, STUBBORN, stop_limit_s=0.2)
    await thing.start()
    pid = thing.pid()
    await thing.stop()
    assert pid is not None
    assert not is_alive(pid)
    assert not thing.pidfile.exists()


async def test_stopping_what_does_not_run_is_no_error(folder: Path) -> None:
    await service(folder).stop()


async def test_a_program_that_ends_while_starting_is_reported_with_its_last_words(folder: Path) -> None:
    with pytest.raises(ServiceError, match=r"thing ended while starting: no such port \(see .*thing\.out\)"):
        await service(folder, "echo 'no such port' >&2; exit 3").start()


async def test_a_program_that_never_gets_ready_is_reported_with_its_limit(folder: Path) -> None:
    with pytest.raises(ServiceError, match=r"did not become ready in 0\.2 s"):
        await service(folder, "exec sleep 1000", ready_limit_s=0.2).start()


async def test_a_killed_program_is_known_to_be_gone_and_its_end_is_told(folder: Path) -> None:
    thing = service(folder)
    await thing.start()
    pid = thing.pid()
    assert pid is not None
    ended = asyncio.create_task(thing.ended())
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    await asyncio.wait_for(ended, 5)
    assert thing.pid() is None


async def test_keep_starts_it_again_whenever_it_ends_and_lets_it_live_when_cancelled(folder: Path) -> None:
    thing = service(folder)
    keeper = asyncio.create_task(keep(thing))
    pids = []
    for _ in range(2):
        await until(lambda: thing.pid() not in (None, *pids))
        pid = thing.pid()
        assert pid is not None
        pids.append(pid)
        os.kill(pid, signal.SIGKILL)
    await until(lambda: thing.pid() not in (None, *pids))
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    assert thing.pid() is not None


async def test_what_it_writes_is_private_and_it_may_open_many_files(folder: Path) -> None:
    thing = service(folder, "ulimit -n > limit; echo up > ready; exec sleep 1000")
    await thing.start()
    assert (folder / "ready").stat().st_mode & 0o077 == 0
    assert int((folder / "limit").read_text()) >= 4096


def _stranger() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "1000"])


def _in_a_process_of_ours(folder: Path, *, mortal: bool) -> subprocess.Popen[bytes]:
    program = textwrap.dedent(f"""
        import asyncio, sys
        from pathlib import Path
        from tests.hotline.test_services import service

        async def main():
            thing = service(Path({str(folder)!r}))
            thing.mortal = {mortal}
            await thing.start()
            await asyncio.sleep(1000)

        asyncio.run(main())
    """)
    return subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
