"""How each route of the API runs: within a limit, and with every error of the packages told as a problem."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from config.database import within
from hotline.api.auth import roles_of
from hotline.api.problems import ProblemError, as_problem


class LimitedRoute(APIRoute):
    """A route that answers 503 when database or queue do not answer in time, and never keeps a client waiting."""

    own_limit_s: float | None = None  # of a family of routes with more to do than the usual ones

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if roles := roles_of(self.dependencies):
            self.openapi_extra = {**(self.openapi_extra or {}), "x-roles": roles}

    def problem_of(self, error: Exception, method: str) -> ProblemError | None:
        """The problem an error means; None for a fault of ours."""
        return as_problem(error, method)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def limited(request: Request) -> Response:
            try:
                return await within(self.own_limit_s or request.app.state.limit_s, handle(request))
            except (HTTPException, RequestValidationError):
                raise
            except Exception as error:
                problem = self.problem_of(error, request.method)
                if problem is None:
                    raise
                raise problem from None

        return limited
