"""What went wrong, said to the client: one clear sentence in the shape of RFC 9457 (Problem Details).

Nothing of what the client sent is repeated, and nothing of our inside is shown.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from bridge.alarms import AlarmAcknowledged, UnknownAlarm
from bridge.model import OrderChanged, OrderError, OrderExists, OrderRefused, UnknownOrder
from bridge.numbers import OrderNumberError
from bridge.tickets import UnknownTicket
from config.database import is_outage
from hotline.accounts import (
    AccountChanged,
    AccountError,
    AccountExists,
    AccountRefused,
    LastAdmin,
    TooManyGuesses,
    UnknownAccount,
    WrongPassword,
)
from routing.errors import AcdUnavailable, UnknownAgent
from routing.restrictions.model import (
    AnotherPersonNeeded,
    RestrictionConflict,
    RestrictionError,
    RestrictionRefused,
    RestrictionsUnknown,
    UnknownRestriction,
)

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
AUTHENTICATE = 'Bearer realm="hotline"'  # RFC 9110 §11.6.1: every 401 says how


class Fault(BaseModel):
    """One field that cannot be used."""

    field: str = Field(description="Where it stands: `body.category`, `query.limit`, `path.number`.")
    reason: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """What went wrong (RFC 9457, Problem Details for HTTP APIs)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:hotline:problem:order-refused",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "an order needs a category before it is accepted",
                    "faults": [{"field": "body.category", "reason": "an order needs a category before it is accepted"}],
                }
            ]
        }
    )

    type: str = Field(description="What kind of problem, for programs. Stays the same between versions.")
    title: str = Field(description="The meaning of the status code.")
    status: int = Field(description="The status code of the answer.")
    detail: str = Field(description="What is wrong and how to mend it, in one sentence for people.")
    faults: list[Fault] | None = Field(default=None, description="The fields that cannot be used.")
    order: str | None = Field(default=None, description="The order that stands in the way.")
    extra: dict[str, Any] | None = Field(default=None, description="More for programs, such as a difference.")


class ProblemError(Exception):
    """A problem to be told to the client; raised by routes."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        order: str | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.problem = Problem(
            type=f"urn:hotline:problem:{kind}",
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            faults=list(faults) or None,
            order=order,
            extra=None if extra is None else dict(extra),
        )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's documentation: these statuses answer with a `Problem`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


_MEANINGS = {
    401: "Nobody is signed in: the token is missing, wrong or over.",
    403: "The actor's roles do not allow it; `detail` says which one does.",
    404: "There is no such thing.",
    409: "It exists already.",
    412: "Somebody else changed it since it was read.",
    413: "The upload is too large.",
    422: "Something in the request cannot be used; `faults` says what and why.",
    428: "`If-Match` is missing: say which revision was read.",
    429: "Too many wrong passwords; try again after `Retry-After` seconds.",
    503: "The database or the queue cannot be reached now; try again after `Retry-After` seconds.",
    504: "The worker that runs the call did not answer in time; it may have done what was asked.",
}


def unavailable(method: str) -> ProblemError:
    """The database is away."""
    detail = "the database cannot be reached now; try again in a few seconds"
    if method not in ("GET", "HEAD"):
        detail = "the database did not answer in time; see whether the change was made before trying again"
    return ProblemError(503, "database-unreachable", detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def as_problem(error: Exception, method: str) -> ProblemError | None:
    """The problem that an error of a package means to the client; None for a fault of ours."""
    match error:
        case ProblemError():
            return error
        case OrderNumberError():
            return ProblemError(422, "order-number", str(error), faults=[Fault(field="number", reason=str(error))])
        case UnknownOrder():
            return ProblemError(404, "order-unknown", str(error))
        case OrderExists():
            return ProblemError(409, "order-exists", str(error), order=error.number)
        case OrderChanged():
            return ProblemError(412, "order-changed", str(error))
        case OrderRefused():
            faults = [Fault(field=f"body.{error.field}", reason=str(error))]
            return ProblemError(422, "order-refused", str(error), faults=faults)
        case OrderError():
            return ProblemError(422, "order-refused", str(error))
        case UnknownAlarm():
            return ProblemError(404, "alarm-unknown", str(error))
        case AlarmAcknowledged():
            return ProblemError(409, "alarm-acknowledged", str(error))
        case UnknownTicket():
            return ProblemError(404, "ticket-unknown", str(error))
        case AccountError():
            return _of_account(error)
        case RestrictionError():
            return _of_restriction(error)
        case UnknownAgent():
            return ProblemError(404, "agent-unknown", str(error))
        case AcdUnavailable():
            detail = "the queue cannot be reached now; try again in a few seconds"
            return ProblemError(503, "queue-unreachable", detail, headers={"Retry-After": str(RETRY_AFTER_S)})
    return unavailable(method) if is_outage(error) else None


def _of_account(error: AccountError) -> ProblemError:
    status, kind = next(meaning for family, meaning in _ACCOUNTS.items() if isinstance(error, family))
    faults = [Fault(field=f"body.{error.field}", reason=str(error))] if isinstance(error, AccountRefused) else []
    headers: dict[str, str] = {}
    if isinstance(error, TooManyGuesses):
        headers["Retry-After"] = str(math.ceil(error.wait_s))
    elif isinstance(error, WrongPassword):
        headers["WWW-Authenticate"] = AUTHENTICATE
    return ProblemError(status, kind, str(error), faults=faults, headers=headers)


_ACCOUNTS: Mapping[type[AccountError], tuple[int, str]] = {
    UnknownAccount: (404, "account-unknown"),
    AccountExists: (409, "account-exists"),
    LastAdmin: (409, "last-admin"),
    AccountChanged: (412, "account-changed"),
    AccountRefused: (422, "account-refused"),
    WrongPassword: (401, "password"),
    TooManyGuesses: (429, "guesses"),
}


def _of_restriction(error: RestrictionError) -> ProblemError:
    status, kind = next(meaning for family, meaning in _RESTRICTIONS.items() if isinstance(error, family))
    faults = [Fault(field=f"body.{error.field}", reason=str(error))] if isinstance(error, RestrictionRefused) else []
    return ProblemError(status, kind, str(error), faults=faults)


_RESTRICTIONS: Mapping[type[RestrictionError], tuple[int, str]] = {
    AnotherPersonNeeded: (403, "another-person"),
    UnknownRestriction: (404, "restriction-unknown"),
    RestrictionsUnknown: (409, "restrictions-unknown"),
    RestrictionConflict: (409, "restriction-conflict"),
    RestrictionRefused: (422, "restriction-refused"),
}


def install(app: FastAPI) -> None:
    """Make every error of the application leave as a problem."""

    @app.exception_handler(ProblemError)
    async def told(_: Request, error: ProblemError) -> JSONResponse:
        return _answer(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [Fault(field=".".join(map(str, each["loc"])), reason=_reason(each)) for each in error.errors()]
        detail = f"{faults[0].field}: {faults[0].reason}" if faults else "the request cannot be used"
        return _answer(ProblemError(422, "request-invalid", detail, faults=faults))

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        detail = {404: "there is nothing at this address", 405: "this address does not know the method"}.get(
            error.status_code, str(error.detail)
        )
        problem = ProblemError(error.status_code, "http", detail, headers=dict(error.headers or {}))
        return _answer(problem)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        endpoint = getattr(request.scope.get("endpoint"), "__name__", "?")  # not the path: it may hold a number
        log.error("request failed", endpoint=endpoint, exc_info=error)
        return _answer(ProblemError(500, "fault", "a fault of the hotline; it is in the log, please report it"))


def _answer(error: ProblemError) -> JSONResponse:
    content = error.problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, error.status, headers=error.headers, media_type=MEDIA_TYPE)


def _reason(error: dict[str, Any]) -> str:
    text: str = error["msg"]
    return text[0].lower() + text[1:]
