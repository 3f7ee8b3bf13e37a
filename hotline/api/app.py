"""The application: all routes, the question who asks in front of them, and the OpenAPI description. Starts and stops
nothing.
"""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi

from hotline import __version__
from hotline.api import (
    accounts,
    agents,
    alarms,
    audit,
    call_transfers,
    calls,
    city,
    orders,
    problems,
    recordings,
    restrictions,
    route,
    sessions,
    supervision,
    tables,
    tickets,
    transfers,
)
from hotline.api.auth import describe_roles, identify
from hotline.api.deps import Deps, services
from hotline.api.problems import Problem, responses
from hotline.api.signals import signals

_DESCRIPTION = """\
The API of a city's 12345 hotline: orders (工单), calls, recordings and agents.

People sign in with `POST /api/sessions`; programs are given tokens by an admin. Either is sent as
`Authorization: Bearer <token>`; browsers may rely on the session's cookie, and then send `X-Requested-With` with every
change. The installation's own token has all roles. Each route says which roles may use it (`x-roles`).

Errors are Problem Details (RFC 9457) with one sentence in `detail`. Lists are pages: pass `next` as `cursor` to go on.
Times are ISO 8601 in China's time, durations seconds. Callers' numbers are masked in all lists."""
_TAGS = [
    {"name": "orders", "description": "Orders (工单): each call opens one, people complete it; every change is kept."},
    {"name": "calls", "description": "Calls and their stories, as the journal tells them."},
    {"name": "recordings", "description": "What was recorded, what is kept of it, and what is missing."},
    {"name": "agents", "description": "Agents (话务员): who is doing what; signing in and out."},
    {"name": "transfers", "description": "Transfers (转接): what became of each, and figures of lines and targets."},
    {"name": "alarms", "description": "Alarms to supervisors: what cannot wait, and who took care of it."},
    {"name": "tickets", "description": "Incident tickets (警情单) for the systems of emergency desks."},
    {"name": "sessions", "description": "Signing in and out, and who one is."},
    {"name": "accounts", "description": "Accounts, their roles, and tokens for programs."},
    {"name": "audit", "description": "The audit log: who did what. It only ever grows."},
    {"name": "city", "description": "The city's rules and words, each with where it comes from."},
    {"name": "restrictions", "description": "Restrictions of abusive callers (限制使用): two people's decision."},
    {"name": "tables", "description": "Transfer tables (转接表): where each number leads, and where a call would go."},
    {"name": "signals", "description": "For those who watch: health and metrics. No token."},
]


def create_app(deps: Deps) -> FastAPI:
    """The application, ready to be served."""
    app = FastAPI(title="Hotline 12345", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.services = services(deps)
    app.state.limit_s = deps.limit_s
    app.state.token = deps.token.encode()
    api = APIRouter(prefix="/api", dependencies=[Depends(identify)], responses=responses(401, 403, 422, 503))
    parts = (
        orders,
        calls,
        call_transfers,
        supervision,
        recordings,
        transfers,
        agents,
        sessions,
        accounts,
        audit,
        city,
        restrictions,
        route,
        tables,
        alarms,
        tickets,
    )
    for part in parts:
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(sessions.door, prefix="/api", responses=responses(401, 422, 503))
    app.include_router(signals(deps.database, deps.ready))
    problems.install(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes, tags=_TAGS
        )
        describe_roles(schema["paths"])
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components = schema["components"]["schemas"]
        components |= problem.pop("$defs")
        components["Problem"] = problem
        app.openapi_schema = schema
    return app.openapi_schema
