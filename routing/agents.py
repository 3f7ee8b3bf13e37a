"""Agents: who they are, what they can be doing, and what makes a roster of them usable.

Plain values and checks; it never asks Redis, a database or a file.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from routing.errors import RosterError

_ID = re.compile(r"[0-9A-Za-z_.@-]{1,64}")
_SKILL = re.compile(r"[^\s\x00-\x1f]{1,64}")
_ADDRESS = re.compile(r"(desk|phone):[0-9A-Za-z+*#_.-]{1,64}")


class Presence(StrEnum):
    """What an agent (or a supervisor for the agent) asked for."""

    OFF = "off"  # 签退
    READY = "ready"  # 示闲
    PAUSED = "paused"  # 示忙


class AgentState(StrEnum):
    """What an agent is doing. All but `OFF` count as on shift: signed in, so a citizen may wait for them."""

    OFF = "off"  # 签退: not signed in
    READY = "ready"  # 示闲: the next call may come
    PAUSED = "paused"  # 示忙: signed in, takes no calls now
    RINGING = "ringing"  # leased to a call whose offer has not been answered yet
    TALKING = "talking"  # 通话
    WRAP_UP = "wrap_up"  # 话后: finishing the order of the last call
    RESTING = "resting"  # did not answer an offer; is offered nothing for the cool-down


class Agent(msgspec.Struct, frozen=True):
    """One agent of the roster."""

    id: str  # 工号
    name: str
    skills: tuple[str, ...]
    address: str  # where to ring: ``desk:8001``, or ``phone:`` and a number on the trunk


def check_roster(agents: Iterable[Agent]) -> dict[str, Agent]:
    """The roster by agent id, in the order given.

    Raises `RosterError` at the first agent that cannot be used. Two agents may not share a phone: both would be
    offered calls on it at once.
    """
    roster: dict[str, Agent] = {}
    at_address: dict[str, str] = {}
    for agent in agents:
        _check(agent)
        if agent.id in roster:
            raise RosterError(f"agent {agent.id} stands twice in the roster: keep one of the entries")
        other = at_address.setdefault(agent.address, agent.id)
        if other != agent.id:
            raise RosterError(f"agents {other} and {agent.id} have the same phone: give each its own address")
        roster[agent.id] = agent
    return roster


def _check(agent: Agent) -> None:
    # The address may be a private number: it is never repeated in a message.
    if not _ID.fullmatch(agent.id):
        raise RosterError(f"agent id {agent.id!r} cannot be used: take 1 to 64 letters, digits or _ . @ -")
    if not agent.name.strip():
        raise RosterError(f"agent {agent.id} has no name: give the name supervisors shall see")
    if not agent.skills:
        raise RosterError(f"agent {agent.id} has no skill: name at least one, else no call can ever reach the agent")
    for skill in agent.skills:
        if not _SKILL.fullmatch(skill):
            raise RosterError(f"agent {agent.id}: skill {skill!r} cannot be used: take 1 to 64 characters, no spaces")
    if len(set(agent.skills)) != len(agent.skills):
        raise RosterError(f"agent {agent.id} has a skill twice: name each skill once")
    if not _ADDRESS.fullmatch(agent.address):
        raise RosterError(f"agent {agent.id}: the address cannot be dialled: write desk:8001 or phone:<number>")
