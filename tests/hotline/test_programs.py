"""The private Redis and the switch as services: private, durable, adopted, wherever their folder is."""

import stat
from pathlib import Path

import pytest
import redis.asyncio

from config.settings import Settings
from hotline.programs import RedisService, redis_service, remove_socket_dir, socket_dir
from tests.sandbox import World
from tests.support.switch import StartSwitch, hotline_port, start_switch, switch_settings, world

__all__ = ["hotline_port", "start_switch", "switch_settings", "world"]

LONG = "a-folder-with-a-name-so-long-that-no-socket-fits-into-it-" * 2


async def _redis(folder: Path) -> RedisService:
    service = redis_service(Settings(state=folder))
    service.mortal = True
    await service.start()
    return service


def _socket(service: RedisService) -> Path:
    return Path(service.url.removeprefix("unix://").partition("?")[0])


def _mode(path: Path) -> int | None:
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else None


@pytest.mark.redis
@pytest.mark.parametrize("folder", ["state", LONG], ids=["short path", "long path"])
async def test_redis_answers_on_a_private_socket_and_keeps_what_it_was_told_over_a_restart(
    tmp_path: Path, folder: str
) -> None:
    first = await _redis(tmp_path / folder)
    async with redis.asyncio.from_url(first.url) as client:
        await client.set("kept", "yes")
        assert (await client.config_get("port"))["port"] == "0"
    assert _mode(_socket(first).parent) == 0o700
    await first.stop()

    second = await _redis(tmp_path / folder)
    async with redis.asyncio.from_url(second.url) as client:
        assert await client.get("kept") == b"yes"
    await second.stop()
    assert _mode(_socket(second)) is None


@pytest.mark.redis
async def test_a_running_redis_is_adopted(tmp_path: Path) -> None:
    first = await _redis(tmp_path)
    second = redis_service(Settings(state=tmp_path))
    assert await second.start() is False
    assert (second.pid(), second.url) == (first.pid(), first.url)
    await second.stop()


def test_a_socket_folder_goes_elsewhere_only_when_it_must_and_is_found_again(tmp_path: Path) -> None:
    near = socket_dir(tmp_path / "run", "x.sock")
    assert near == tmp_path / "run"

    far = socket_dir(tmp_path / LONG / "run", "x.sock")
    assert len(str(far / "x.sock")) < 104
    assert stat.S_IMODE(far.stat().st_mode) == 0o700
    assert socket_dir(tmp_path / LONG / "run", "x.sock") == far

    remove_socket_dir(tmp_path / LONG / "run")
    assert not far.exists()
    assert not (tmp_path / LONG / "run").is_symlink()


def test_a_socket_folder_that_others_could_write_to_is_not_used_again(tmp_path: Path) -> None:
    wanted = tmp_path / LONG / "run"
    first = socket_dir(wanted, "x.sock")
    first.chmod(0o777)
    second = socket_dir(wanted, "x.sock")
    assert second != first
    first.rmdir()
    remove_socket_dir(wanted)


@pytest.mark.switch
@pytest.mark.parametrize("folder", [LONG, "热线 state"], ids=["long path", "Chinese with a space"])
async def test_the_switch_starts_and_obeys_wherever_its_folder_is(
    start_switch: StartSwitch, switch_settings: Settings, tmp_path: Path, folder: str
) -> None:
    settings = switch_settings.model_copy(update={"state": tmp_path / folder})
    switch = await start_switch(settings=settings)
    assert "System uptime" in await switch.service.command("core show uptime")
    assert switch.complaints() == []


@pytest.mark.switch
async def test_given_a_call_when_the_switch_is_adopted_then_the_call_goes_on(
    start_switch: StartSwitch, world: World
) -> None:
    before = await start_switch(["desk:8001"])
    phone = world.phone("8001")
    citizen = await world.call("12345", tone=700)
    duty = await phone.rings()
    await duty.answer()
    await duty.hears(700)

    after = await start_switch(["desk:8001"])
    assert after.service.pid() == before.service.pid()
    await citizen.speak(1100)
    await duty.hears(1100)
