"""The generated configuration on a real Asterisk: it boots without a complaint, loads what it names and no more."""

from pathlib import Path

import pytest

from config.settings import Settings
from hotline.programs import RELOADS
from hotline.services import ServiceError
from tests.sandbox import World
from tests.support.switch import StartSwitch, Switch

pytestmark = pytest.mark.switch

EPHEMERAL = 32768


async def test_it_boots_without_a_warning_and_with_exactly_the_modules_named(switch: Switch) -> None:
    lines = switch.service.configuration.files["modules.conf"].splitlines()
    named = {line.partition("= ")[2] for line in lines if line.startswith("require")}
    shown = await switch.service.command("module show")
    running = {name for line in shown.splitlines() if "Running" in line and (name := line.split()[0]).endswith(".so")}

    assert switch.complaints() == []
    assert running == named


async def test_it_listens_on_loopback_only(switch: Switch) -> None:
    """But for two sockets of pjproject's DNS resolver, on ports of the system's choice, that answer nobody."""
    addresses = _addresses(switch.service.pid())
    ours = {f"0100007F:{port:04X}" for port in (switch.settings.switch.http_port, switch.settings.sip.port)}
    assert ours <= addresses
    outside = {int(address.partition(":")[2], 16) for address in addresses if not address.startswith("0100007F")}
    assert all(port == 0 or port >= EPHEMERAL for port in outside)


async def test_no_file_of_the_configuration_can_be_read_by_others(switch: Switch) -> None:
    etc = switch.service.folder / "etc"
    assert {path.stat().st_mode & 0o077 for path in etc.iterdir()} == {0}
    assert switch.service.folder.stat().st_mode & 0o077 == 0


async def test_a_caller_from_an_unknown_address_is_refused_unless_softphones_are_allowed(
    world: World, start_switch: StartSwitch, switch_settings: Settings
) -> None:
    closed = switch_settings.sip.model_copy(update={"softphone": False})
    switch = await start_switch(settings=switch_settings.model_copy(update={"sip": closed}))
    with pytest.raises(AssertionError, match="refused"):
        async with world.rtp_call("12345", caller="13800138000"):
            pass
    assert "13800138000" not in (switch.service.folder / "log" / "messages").read_text("utf-8")


async def test_given_it_runs_when_the_duty_phones_change_then_the_next_call_rings_the_new_one(
    world: World, start_switch: StartSwitch
) -> None:
    before = await start_switch(["desk:8001"])
    after = await start_switch(["desk:8002"])

    assert after.service.pid() == before.service.pid()
    old, new = world.phone("8001"), world.phone("8002")
    await world.call("12345")
    await new.rings()
    assert old.legs == []


async def test_given_it_runs_when_its_control_port_changes_then_that_is_refused_and_nothing_is_written(
    start_switch: StartSwitch, switch_settings: Settings
) -> None:
    running = await start_switch()
    moved = switch_settings.switch.model_copy(update={"http_port": switch_settings.switch.http_port + 1})
    with pytest.raises(ServiceError, match=r"runs with other settings \(http\.conf\)"):
        await start_switch(settings=switch_settings.model_copy(update={"switch": moved}))
    assert running.service.configuration.changed() == frozenset()


async def test_every_reload_names_a_module_that_is_loaded(switch: Switch) -> None:
    modules = switch.service.configuration.files["modules.conf"]
    assert [name for name in RELOADS.values() if name not in modules] == []


def _addresses(pid: int | None) -> set[str]:
    """Local addresses of a process's sockets, as /proc/net tells them (hexadecimal)."""
    links = [str(handle.readlink()) for handle in Path(f"/proc/{pid}/fd").iterdir()]
    mine = {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:[")}
    rows = []
    for table in ("tcp", "udp", "tcp6", "udp6"):
        rows += [line.split() for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[9] in mine}
