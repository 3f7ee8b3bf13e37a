"""From the request to bring all together (`merge`) to both hearing each other: expert at citizen, citizen at expert.

A few conversations on the hotline, each merged again and again: consult, merge, drop. It decides nothing about calls;
it asks the API as a supervisor does.
"""

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.second_trunk import CITIZEN_HZ, OPERATOR_HZ, Party, SecondTrunk

EXPERT_LINE = "12366"
_PERSON_KEY = "0"
_FIRST_CALLER = 70000  # numbers this short are not masked in lists
_LIMIT_S = 10.0
_APART_S = 0.3  # between two conversations' beginnings
_BEGIN_S = 4.0  # until a citizen speaks with an agent
_LOOK_S = 0.2
_REQUEST_LIMIT = aiohttp.ClientTimeout(total=_LIMIT_S)


@dataclass(frozen=True)
class Desk:
    """The API of a hotline, and the file with the installation's token."""

    url: str
    token: Path


@dataclass(frozen=True)
class Plan:
    """So many conversations at a time, merged over and over for so many seconds."""

    conversations: int
    lasting_s: float


@dataclass(frozen=True)
class Merge:
    """UNIX nanoseconds: the request sent, its answer read, the first packet with the other's voice at either side."""

    asked: int
    accepted: int
    at_citizen: int
    at_expert: int

    @property
    def two_way_ms(self) -> float:
        """Until both heard each other, from the sending of the request."""
        return (max(self.at_citizen, self.at_expert) - self.asked) / 1e6


@dataclass
class Merges:
    """What came of them; ``failed`` conversations were broken off, each for a reason."""

    done: list[Merge]
    failed: list[str]


async def run(trunk: SecondTrunk, desk: Desk, plan: Plan) -> Merges:
    """All conversations side by side."""
    found = Merges([], [])
    headers = {"Authorization": f"Bearer {desk.token.read_text('ascii').strip()}"}
    async with aiohttp.ClientSession(desk.url, headers=headers, timeout=_REQUEST_LIMIT) as api:
        until = time.monotonic() + plan.conversations * _APART_S + _BEGIN_S + plan.lasting_s
        await asyncio.gather(*(_conversation(trunk, api, n, until, found) for n in range(plan.conversations)))
    return found


async def _conversation(
    trunk: SecondTrunk, api: aiohttp.ClientSession, number: int, until: float, found: Merges
) -> None:
    await asyncio.sleep(number * _APART_S)
    caller = str(_FIRST_CALLER + number)
    citizen: Party | None = None
    try:
        citizen = await trunk.call("12345", caller)
        await asyncio.sleep(1.0)
        await asyncio.wait_for(citizen.press(_PERSON_KEY), _LIMIT_S)
        await citizen.hears(CITIZEN_HZ, _LIMIT_S)  # a desk phone says back what it hears
        call, agent = await _whose(api, caller)
        while time.monotonic() < until:
            found.done.append(await _merge(trunk, api, citizen, call, agent))
    except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
        found.failed.append(f"{type(error).__name__} {error}".strip())
    finally:
        if citizen is not None:
            await citizen.hang_up()


async def _merge(trunk: SecondTrunk, api: aiohttp.ClientSession, citizen: Party, call: str, agent: str) -> Merge:
    """Consult the expert, bring all together, let the expert go."""
    await _ask(api, call, "transfer", agent=agent, number=EXPERT_LINE, kind="warm")
    expert = await trunk.rung(citizen.number, _LIMIT_S)
    await expert.hears(OPERATOR_HZ, _LIMIT_S)  # the agent's phone says it back: they are in their room
    at_citizen, at_expert = citizen.listen(OPERATOR_HZ), expert.listen(CITIZEN_HZ)
    await asyncio.sleep(random.uniform(0.2, 0.3))  # at any moment of the switch's 20 ms
    asked = time.time_ns()
    await _ask(api, call, "transfer/merge", agent=agent, consent=True)
    accepted = time.time_ns()
    merge = Merge(asked, accepted, await at_citizen.heard(_LIMIT_S), await at_expert.heard(_LIMIT_S))
    if min(merge.at_citizen, merge.at_expert) < asked:
        raise ConnectionError("citizen and expert heard each other before they were brought together")
    await _ask(api, call, "transfer/drop", agent=agent)
    await asyncio.wait_for(expert.ended.wait(), _LIMIT_S)
    return merge


async def _ask(api: aiohttp.ClientSession, call: str, what: str, **wanted: object) -> None:
    async with api.post(f"/api/calls/{call}/{what}", json=wanted, raise_for_status=True) as answer:
        await answer.read()


async def _whose(api: aiohttp.ClientSession, caller: str) -> tuple[str, str]:
    """The caller's call, and the agent who has it. Raises `TimeoutError`."""
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        calls = await _get(api, "/api/calls?open=true&limit=100")
        call = next((each["call"] for each in calls["items"] if each["caller"] == caller), None)
        agents = await _get(api, "/api/agents") if call is not None else []
        agent = next((each["id"] for each in agents if each["call"] == call), None)
        if call is not None and agent is not None:
            return str(call), str(agent)
        await asyncio.sleep(_LOOK_S)
    raise TimeoutError("no agent is told to have the call")


async def _get(api: aiohttp.ClientSession, path: str) -> Any:
    async with api.get(path, raise_for_status=True) as answer:
        return await answer.json()
