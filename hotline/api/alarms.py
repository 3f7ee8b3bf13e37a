"""Routes of alarms: supervisors see them within a second, and say what they did."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from config.database import within
from hotline.accounts import Role
from hotline.api.alarm_models import Acknowledgement, AlarmLine, AlarmList
from hotline.api.auth import Actor, allow, doer
from hotline.api.deps import Ask
from hotline.api.paging import Limit
from hotline.api.problems import responses
from hotline.api.routing import LimitedRoute

WAIT_S = 20.0  # proxies cut what is silent for longer than a minute or less
LIST_LIMIT_S = 5.0
LARGEST_ID = 2**53

router = APIRouter(prefix="/alarms", tags=["alarms"])


class WaitingRoute(LimitedRoute):
    """May take as long as the client waits; the database itself no longer than elsewhere."""

    own_limit_s = WAIT_S + 2 * LIST_LIMIT_S


async def list_alarms(
    ask: Ask,
    after: Annotated[
        str | None,
        Query(pattern=r"^[0-9]{1,18}-[0-9]{1,18}$", description="The `mark` of the list before: wait for news of it."),
    ] = None,
    wait_s: Annotated[float, Query(ge=0, le=WAIT_S, description="With `after`: how long to wait.")] = WAIT_S,
    open: Annotated[bool, Query(description="Only alarms that nobody has taken care of.")] = False,
    limit: Limit = 50,
) -> AlarmList:
    """The open ones first, the newest of them first. With `after` the answer comes as soon as the list is another one,
    or unchanged after `wait_s` seconds; ask again at once and no alarm is ever late.
    """
    mark = await ask.alarms.changed(after or "", wait_s if after is not None else 0.0)
    found = await within(LIST_LIMIT_S, ask.alarms.page(limit=limit, open_only=open))
    return AlarmList(items=[AlarmLine.of(alarm) for alarm in found], mark=mark)


async def acknowledge(
    alarm: Annotated[int, Path(ge=1, le=LARGEST_ID, description="Id of an alarm.")],
    acknowledgement: Acknowledgement,
    actor: Actor,
    ask: Ask,
) -> AlarmLine:
    """One supervisor takes care of an alarm, once, and says what was done; the audit log keeps it."""
    who = doer(actor, acknowledgement.by)
    return AlarmLine.of(await ask.alarms.acknowledge(alarm, who=who, done=acknowledgement.done))


router.add_api_route(
    "",
    list_alarms,
    methods=["GET"],
    summary="List alarms, or wait for one",
    dependencies=[allow(Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR)],
    route_class_override=WaitingRoute,
)
router.add_api_route(
    "/{alarm}/acknowledge",
    acknowledge,
    methods=["POST"],
    summary="Say what was done about an alarm",
    dependencies=[allow(Role.SUPERVISOR)],
    responses=responses(404, 409),
    route_class_override=LimitedRoute,
)
