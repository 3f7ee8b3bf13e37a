"""Routes of agents: who is doing what, and signing in and out."""

from fastapi import APIRouter

from hotline.accounts import Role
from hotline.api.auth import ANYBODY, Actor, allow, forbidden
from hotline.api.deps import Ask
from hotline.api.fields import AgentPath
from hotline.api.models import AgentLine, PresenceChange
from hotline.api.problems import responses
from hotline.api.routing import LimitedRoute
from routing.errors import UnknownAgent

router = APIRouter(prefix="/agents", tags=["agents"], route_class=LimitedRoute)


@router.get("", summary="List agents", dependencies=[allow(*ANYBODY)])
async def list_agents(ask: Ask) -> list[AgentLine]:
    """Everybody of the roster, by id."""
    board = await ask.agents.board(depth=1)
    return [AgentLine.of(board.agents[agent]) for agent in sorted(board.agents)]


@router.put(
    "/{agent}/presence",
    summary="Sign in, sign out, or pause",
    dependencies=[allow(Role.AGENT, Role.SUPERVISOR)],
    responses=responses(404),
)
async def set_presence(agent: AgentPath, change: PresenceChange, actor: Actor, ask: Ask) -> AgentLine:
    """Holds at once; in a talk, after it. Agents set their own, supervisors anybody's."""
    if Role.SUPERVISOR not in actor.roles and actor.agent != agent:
        raise forbidden("agents set only their own presence; ask a supervisor for another's")
    await ask.agents.set_presence(agent, change.presence)
    status = (await ask.agents.board(depth=1)).agents.get(agent)
    if status is None:
        raise UnknownAgent(f"agent {agent} is not in the roster any more")
    return AgentLine.of(status)
