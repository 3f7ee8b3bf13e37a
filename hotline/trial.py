"""A trial call (试拨): a number of any table, a draft's too, is really dialled in a hotline of its own.

Nothing of it touches the installation: switch, queue, database and the phones that answer are made for the one call,
on this machine, and taken away. Who answered is observed from outside, by the tone that the caller hears.
"""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.packs import Pack
from routing.tables import Route, Table, TargetKind
from routing.tables.files import write_csv
from tests.sandbox import Answer, Desk, Installation, NotObserved, NotRunning, Phone, Ports, World
from tests.sandbox.leg import until

CALLER = "13800138000"  # made up; nothing is dialled outside this machine
CITIZEN_HZ, ANSWER_HZ = 700.0, 900.0
ANSWER_WITHIN_S = 90.0
FIRST_DESK = 9001


@dataclass(frozen=True)
class Trial:
    """What a trial call came to: ``reached`` as a target is written (``skill:l12315``, ``phone:12366``), and the call's
    story. ``as_routed`` says whether that is the first step of the route.
    """

    number: str
    reached: str
    as_routed: bool
    story: list[dict[str, Any]]


async def dial(folder: Path, packs: Path, pack: Pack, table: Table, route: Route) -> Trial:
    """Dial ``route.dialled`` in a hotline that has this table, in a new folder of its own within ``folder``, so that
    several may at once. Raises `NotObserved` or `NotRunning`.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as own:
        return await _dial(Path(own), packs, pack, table, route)


async def _dial(folder: Path, packs: Path, pack: Pack, table: Table, route: Route) -> Trial:
    skills = [table.general_skill, *sorted(set(pack.skills) - {table.general_skill})]
    desks = [Desk(str(number), skill, (skill,)) for number, skill in enumerate(skills, FIRST_DESK)]
    lines = write_csv(list(table.rows()), chinese=False, encoding="utf-8").decode("utf-8")
    ports = Ports()
    hotline = Installation(folder, city=pack.id, packs=packs, lines=lines, desks=desks, ports=ports)
    try:
        hotline.start()
        outside = World.start(folder / "outside", hotline_sip=("127.0.0.1", ports.sip), sip_port=ports.outside_sip)
        async with outside as world:
            await hotline.ready()
            await hotline.sign_in(*(desk.id for desk in desks))
            phones = {f"skill:{desk.skills[0]}": world.phone(desk.id) for desk in desks}
            phones |= {step.address: world.phone(step.to) for step in route.steps if step.kind is not TargetKind.SKILL}
            reached = await _reached(world, route.dialled, phones)
            story = await _story(hotline)
    finally:
        await hotline.stop()
    first = route.steps[0]
    return Trial(route.dialled, reached, reached == f"{first.kind}:{first.to}", story)


async def _reached(world: World, number: str, phones: dict[str, Phone]) -> str:
    """Call, listen to what is said, and see who answers."""
    for phone in phones.values():
        phone.behaviour = Answer(after=0.5, tone=ANSWER_HZ)
    citizen = await world.call(number, caller=CALLER, tone=CITIZEN_HZ)
    await citizen.hears_speech()

    def answered() -> str:
        return next(
            (target for target, phone in phones.items() if any(leg.answered.is_set() for leg in phone.legs)), ""
        )

    await until(lambda: bool(answered()), ANSWER_WITHIN_S, lambda: f"nobody answered the call to {number}")
    target = answered()
    await asyncio.gather(citizen.hears(ANSWER_HZ, within=10), phones[target].legs[-1].hears(CITIZEN_HZ, within=10))
    await citizen.hang_up()
    return target


async def _story(hotline: Installation) -> list[dict[str, Any]]:
    listed = await hotline.eventually("/api/calls", lambda page: page["items"] and page["items"][0]["ended"])
    found = await hotline.api("GET", f"/api/calls/{listed['items'][0]['call']}")
    return list(found["story"])


__all__ = ["NotObserved", "NotRunning", "Trial", "dial"]
