"""How each route of the API runs: within a limit, and with every error of the packages told as a problem."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from config.database import within
from hotline.api.problems import as_problem


class LimitedRoute(APIRoute):
    """A route that answers 503 when database or queue do not answer in time, and never keeps a client waiting."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def limited(request: Request) -> Response:
            try:
                return await within(request.app.state.limit_s, handle(request))
            except (HTTPException, RequestValidationError):
                raise
            except Exception as error:
                problem = as_problem(error, request.method)
                if problem is None:
                    raise
                raise problem from None

        return limited
