"""`hotline sandbox`: the hotline against a simulated outside world, and the story of one citizen's call on it.

Each step of the story is observed from outside (tones that a party really hears, the row that the API really gives,
the file that really decodes), and what was not observed is said.
"""

import asyncio
import contextlib
import fcntl
import json
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from config.logs import configure
from hotline import show
from hotline.runtime import paths
from hotline.services import ServiceError
from recordings.audio import decode, hash_file
from tests.sandbox import Answer, Desk, Installation, Leg, NotObserved, NotRunning, Ports, World, free_ports
from tests.sandbox.audio import has_tone
from tests.sandbox.ports import is_free

CITIZEN_HZ, AGENT_HZ = 700, 900
CALLER = "13800138000"  # made up; nothing is dialled outside this machine
DESK = Desk("8001", "李晓梅", ("general",))
DUTY = "07951234567"
USUAL_SIP, USUAL_API = 5060, 8012
TALK_S = 3.0
ARCHIVE_LIMIT_S = 30.0

console = Console(highlight=False, soft_wrap=True, stderr=True)  # what is told meanwhile; the result goes to stdout


@dataclass
class Story:
    """What was observed of the call: the steps in order, and the first that was not."""

    seen: list[str] = field(default_factory=list)
    missed: str = ""
    call: dict[str, Any] = field(default_factory=dict)
    order: dict[str, Any] = field(default_factory=dict)
    recording: dict[str, Any] = field(default_factory=dict)

    def saw(self, what: str) -> None:
        self.seen.append(what)
        console.print(f"  [green]✓[/green] {what}")


def run(*, once: bool, as_json: bool) -> int:
    """Tell the story; then, unless `once`, stay up until Ctrl-C. Returns the exit code."""
    folder = paths.layout().root / "state" / "sandbox"
    configure("warning")
    with _alone(folder):
        try:
            return asyncio.run(_run(folder, once=once, as_json=as_json))
        except NotRunning as error:
            console.print(f"[red]{error}[/red]", soft_wrap=True)
            return 1
        finally:
            console.print(f"Stopped. All that was written is in {folder}; delete that folder and nothing is left.")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two sandboxes in one checkout would stop each other's programs."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError("another sandbox of this checkout is running; stop that one first (Ctrl-C)") from None
        yield


async def _run(folder: Path, *, once: bool, as_json: bool) -> int:
    async with _sandbox(folder) as (hotline, world):
        console.print(f"A citizen dials 12345 ({CALLER[:3]}****{CALLER[-4:]}, simulated).")
        story = Story()
        try:
            await _tell(story, hotline, world)
        except (NotObserved, NotRunning) as error:
            story.missed = str(error)
        _print(story, as_json)
        if not once:
            await _stay(hotline, world)
    return 1 if story.missed else 0


@contextlib.asynccontextmanager
async def _sandbox(folder: Path) -> AsyncIterator[tuple[Installation, World]]:
    """The hotline and the outside world, up; nothing of them is left running at the end."""
    ports = Ports(sip=_usual(USUAL_SIP), api=_usual(USUAL_API))
    await Installation(folder, ports=ports).stop()  # what an earlier sandbox may have left running
    shutil.rmtree(folder, ignore_errors=True)
    hotline = Installation(folder, desks=[DESK], duty_phones=[f"phone:{DUTY}"], ports=ports)
    try:
        console.print("Starting the hotline (switch, queue, workers, API) …")
        hotline.start()
        world = World.start(folder / "outside", hotline_sip=("127.0.0.1", ports.sip), sip_port=ports.outside_sip)
        async with world as outside:
            await hotline.ready()
            console.print(f"It is up: SIP on 127.0.0.1:{ports.sip}, HTTP API on {hotline.url}.")
            await hotline.sign_in(DESK.id)
            yield hotline, outside
    finally:
        console.print("Stopping …")
        await hotline.stop()


def _usual(port: int) -> int:
    """The port that people expect, or a free one when somebody has it."""
    return port if is_free(port) else free_ports()[0]


# ---------------------------------------------------------------- the story


async def _tell(story: Story, hotline: Installation, world: World) -> None:
    phone = world.phone(DESK.id, Answer(after=1.0, tone=AGENT_HZ))
    world.phone(DUTY, Answer(after=1.0, tone=1300))
    citizen = await world.call("12345", caller=CALLER, tone=CITIZEN_HZ)
    story.saw("the call is answered")
    await citizen.hears_speech(within=5)
    story.saw("the citizen hears the greeting with the recording notice")
    agent = await phone.answers(within=30)
    story.saw(f"the desk phone of agent {DESK.id} rang and was answered")
    await _both_hear(citizen, agent)
    story.saw(f"they hear each other (tones of {CITIZEN_HZ} and {AGENT_HZ} Hz)")
    await asyncio.sleep(TALK_S)
    await agent.hang_up()
    await citizen.hears_speech(within=5)
    await citizen.ends(within=20)
    story.saw("the agent hung up, the citizen heard the farewell, the call ended")
    await _kept(story, hotline)


async def _both_hear(citizen: Leg, agent: Leg) -> None:
    await citizen.hears(AGENT_HZ, within=5)
    await agent.hears(CITIZEN_HZ, within=5)


async def _kept(story: Story, hotline: Installation) -> None:
    """The call's journal, its order, its recording: as anybody would look them up."""
    listed = await hotline.eventually("/api/calls", lambda page: page["items"] and page["items"][0]["ended"])
    call = listed["items"][0]["call"]
    story.call = await hotline.api("GET", f"/api/calls/{call}")
    orders = await hotline.eventually(f"/api/orders?call={call}", lambda page: page["items"])
    story.order = orders["items"][0]
    story.saw(f"order {story.order['number']} was opened")
    console.print("  … the recording is encoded and proved")
    story.recording = await hotline.eventually(
        f"/api/recordings/{call}", lambda found: found["state"] == "stored", ARCHIVE_LIMIT_S
    )
    await asyncio.to_thread(_prove, hotline.state / "archive" / story.recording["path"], story.recording["sha256"])
    story.saw("the recording plays, has both voices, and matches its hash")


def _prove(path: Path, sha256: str) -> None:
    """The file is what the ledger says and sounds like the call: citizen left, agent right."""
    if hash_file(path)[0] != sha256:
        raise NotObserved(f"{path} does not match the hash in the ledger")
    samples = np.concatenate(list(decode(path)))
    for side, name, hz in ((0, "citizen", CITIZEN_HZ), (1, "agent", AGENT_HZ)):
        if not has_tone(samples[:, side], hz):
            raise NotObserved(f"the {name} is not heard on the recording")


# ---------------------------------------------------------------- what the user sees


def _print(story: Story, as_json: bool) -> None:
    if as_json:
        print(json.dumps(vars(story), ensure_ascii=False, indent=2, default=str))
        return
    out = show.console
    if story.call:
        out.print("\n[bold]The call's story[/bold]")
        show.story(story.call["story"])
    if story.order:
        order = story.order
        out.print("\n[bold]Its order[/bold]")
        out.print(f"{order['number']}: {order['status']}, caller {order['caller']}", markup=False)
    if story.recording:
        out.print("\n[bold]Its recording[/bold]")
        show.recording(story.recording)
    if story.missed:
        out.print(f"\n[red]Not observed:[/red] {story.missed}")


async def _stay(hotline: Installation, world: World) -> None:
    """Up until Ctrl-C; every call to 12345 is answered by the simulated agent."""
    console.print(
        f"\nThe hotline stays up. Point a SIP phone at 127.0.0.1:{hotline.ports.sip} (no password) and dial 12345:"
        f"\nagent {DESK.id} answers after a second and says a tone of {AGENT_HZ} Hz. Ctrl-C stops everything."
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
