"""The application: all routes, the token in front of them, and the OpenAPI description. Starts and stops nothing."""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hotline import __version__
from hotline.api import agents, calls, orders, problems, recordings
from hotline.api.deps import Deps, services
from hotline.api.problems import Problem, ProblemError, responses
from hotline.api.signals import signals

_DESCRIPTION = """\
The API of a city's 12345 hotline: orders (工单), calls, recordings and agents.

Every request to `/api` bears the installation's token: `Authorization: Bearer <token>`. Errors are Problem Details
(RFC 9457) with one sentence in `detail`. Lists are pages: pass `next` as `cursor` to go on. Times are ISO 8601 in
China's time, durations seconds. Callers' numbers are masked in all lists."""
_TAGS = [
    {"name": "orders", "description": "Orders (工单): each call opens one, people complete it; every change is kept."},
    {"name": "calls", "description": "Calls and their stories, as the journal tells them."},
    {"name": "recordings", "description": "What was recorded, what is kept of it, and what is missing."},
    {"name": "agents", "description": "Agents (话务员): who is doing what; signing in and out."},
    {"name": "signals", "description": "For those who watch: health and metrics. No token."},
]
_bearer = HTTPBearer(auto_error=False, description="The installation's token.")


def create_app(deps: Deps) -> FastAPI:
    """The application, ready to be served."""
    app = FastAPI(title="Hotline 12345", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.services = services(deps)
    app.state.limit_s = deps.limit_s
    app.state.token = deps.token.encode()
    api = APIRouter(prefix="/api", dependencies=[Depends(_authorised)], responses=responses(401, 422, 503))
    for part in (orders, calls, recordings, agents):
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(signals(deps.database, deps.ready))
    problems.install(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


async def _authorised(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Compared in constant time, so that the time taken tells nothing about the token."""
    token = given.credentials.encode("utf-8", "surrogateescape") if given is not None else b""
    if not hmac.compare_digest(token, request.app.state.token):
        raise ProblemError(
            401,
            "token",
            "this needs the installation's token: send it as `Authorization: Bearer <token>`",
            headers={"WWW-Authenticate": 'Bearer realm="hotline"'},
        )


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes, tags=_TAGS
        )
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components = schema["components"]["schemas"]
        components |= problem.pop("$defs")
        components["Problem"] = problem
        app.openapi_schema = schema
    return app.openapi_schema
