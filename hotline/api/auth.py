"""Who asks, and whether they may: the `Actor` of every route of ``/api``, and `allow` for the roles it needs.

Three ways to prove who one is: the installation's token and programs' tokens as bearers, a session's token as bearer
or cookie. What a role may do stands with the routes; what an account is, in `hotline.accounts`.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends, Request, params
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from hotline.accounts import INSTALLATION, Identity, Role, Way
from hotline.api.deps import Ask
from hotline.api.problems import AUTHENTICATE, Fault, ProblemError

COOKIE = "hotline_session"
# A page of another site can make a browser send our cookie, but not this header: that would need our CORS answer.
CSRF_HEADER = "X-Requested-With"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1

_bearer = HTTPBearer(auto_error=False, description="A session's token, a program's token, or the installation's.")
_cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, description=f"Set by `POST /api/sessions`; changes need the header `{CSRF_HEADER}`."
)


async def identify(
    request: Request,
    ask: Ask,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    cookie: Annotated[str | None, Depends(_cookie)],
) -> Identity:
    """Who asks. Raises a `ProblemError`: 401 when nobody is known, 403 for a change with no more than the cookie."""
    if bearer is not None:
        found = await _of_bearer(request, ask, bearer.credentials)
    elif cookie:
        found = await ask.sessions.identify(cookie)
        if found is not None and request.method not in _SAFE and not request.headers.get(CSRF_HEADER):
            raise ProblemError(
                403, "csrf", f"a change with the cookie needs the header {CSRF_HEADER}, which only our own pages send"
            )
    else:
        found = None
    if found is None:
        raise ProblemError(
            401,
            "token",
            "this needs to know who you are: sign in with POST /api/sessions, or send `Authorization: Bearer <token>`",
            headers={"WWW-Authenticate": AUTHENTICATE},
        )
    return found


Actor = Annotated[Identity, Depends(identify)]


async def _of_bearer(request: Request, ask: Ask, token: str) -> Identity | None:
    """The installation's is compared in constant time; of the others only hashes are looked up."""
    given = token.encode("utf-8", "surrogateescape")
    if hmac.compare_digest(given, request.app.state.token):
        return Identity(INSTALLATION, frozenset(Role), way=Way.INSTALLATION)
    return await ask.sessions.identify(token) or await ask.tokens.identify(token)


class Allowed:
    """The dependency behind `allow`; ``roles`` is for the description and for tests."""

    def __init__(self, roles: Sequence[Role]) -> None:
        self.roles = tuple(roles)

    async def __call__(self, actor: Actor) -> None:
        if actor.roles.isdisjoint(self.roles):
            raise forbidden(f"this needs the role {' or '.join(self.roles)}, which {actor.name} has not")


def allow(*roles: Role) -> Any:
    """For a route's ``dependencies``: whoever has one of these roles may; others get 403, strangers 401."""
    if not roles:
        raise ValueError("a route that nobody may use is none")
    return Depends(Allowed(roles))


ANYBODY = tuple(Role)  # whoever is signed in


def roles_of(dependencies: Iterable[params.Depends]) -> list[Role]:
    """The roles that may use a route with these dependencies; none when it asks for none."""
    found = [each.dependency for each in dependencies if isinstance(each.dependency, Allowed)]
    return sorted({role for allowed in found for role in allowed.roles})


def describe_roles(paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Say in words in the OpenAPI ``paths`` what ``x-roles`` says for programs: who may use each route."""
    for operations in paths.values():
        for operation in operations.values():
            if roles := operation.get("x-roles"):
                operation["description"] += f"\n\nRoles: {', '.join(roles)}."


def forbidden(sentence: str) -> ProblemError:
    """A 403 with its sentence, for what depends on more than the role."""
    return ProblemError(403, "forbidden", sentence)


def client_address(request: Request) -> str:
    """Where the request came from; behind a proxy on this machine, where the proxy says it did."""
    return request.client.host if request.client is not None else "unknown"


def doer(actor: Identity, by: str | None) -> str:
    """Who does it, for histories: the actor. Only the installation's token speaks for others and must name them."""
    if actor.way is Way.INSTALLATION:
        if by is None:
            raise _by("is missing; the installation's token is nobody's own, so say who does it")
        return by
    if by not in (None, actor.name):
        raise _by(f"must be left out or be {actor.name}: people act in their own name")
    return actor.name


def _by(reason: str) -> ProblemError:
    return ProblemError(422, "request-invalid", f"body.by: {reason}", faults=[Fault(field="body.by", reason=reason)])
