"""Routes of sessions: signing in, who one is, signing out."""

from fastapi import APIRouter, Request, Response

from hotline.accounts import Identity, Way
from hotline.accounts.sessions import LONGEST_S
from hotline.api.account_models import Credentials, Me, NewSession
from hotline.api.auth import ANYBODY, COOKIE, Actor, allow, client_address
from hotline.api.deps import Ask, Services
from hotline.api.problems import responses
from hotline.api.routing import LimitedRoute

router = APIRouter(prefix="/sessions", tags=["sessions"], route_class=LimitedRoute, dependencies=[allow(*ANYBODY)])
door = APIRouter(prefix="/sessions", tags=["sessions"], route_class=LimitedRoute)  # for those not signed in yet

COOKIE_PATH = "/api"


@door.post("", status_code=201, summary="Sign in", responses=responses(429))
async def sign_in(given: Credentials, ask: Ask, request: Request, response: Response) -> NewSession:
    """The session's token comes in the body, for programs, and as a cookie that scripts cannot read, for browsers.

    A session ends after 2 hours without a request, and after 12 hours in any case. Wrong passwords make the next
    guess wait.
    """
    begun = await ask.sessions.begin(given.name, given.password.get_secret_value(), client_address(request))
    response.set_cookie(
        COOKIE,
        begun.token,
        max_age=int(LONGEST_S),
        path=COOKIE_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    response.headers["Cache-Control"] = "no-store"
    display_name = await _display_name(ask, begun.identity)
    return NewSession(**Me.of(begun.identity, display_name, begun.ends).model_dump(), token=begun.token)


@router.get("/current", summary="Who am I?")
async def read_session(actor: Actor, ask: Ask, response: Response) -> Me:
    """The account that asks, its roles, and when the session ends."""
    response.headers["Cache-Control"] = "no-store"
    return Me.of(actor, await _display_name(ask, actor), await ask.sessions.ends(actor))


@router.delete("/current", status_code=204, summary="Sign out")
async def sign_out(actor: Actor, ask: Ask, response: Response) -> None:
    """Ends the session at once. A program's token goes on: it is revoked where it was made."""
    if actor.way is Way.SESSION:
        await ask.sessions.end(actor)
    response.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="strict")


async def _display_name(ask: Services, identity: Identity) -> str:
    if identity.way is Way.INSTALLATION:
        return identity.name
    return (await ask.accounts.get(identity.name)).display_name
