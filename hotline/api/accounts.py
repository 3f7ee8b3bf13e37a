"""Routes of accounts and of programs' tokens, for admins; and everybody's own password."""

from fastapi import APIRouter, Request, Response

from hotline.accounts import Account, Role, Way, WrongPassword
from hotline.api.account_models import (
    AccountEdit,
    AccountLine,
    IssuedToken,
    NewAccount,
    NewToken,
    PasswordChange,
    PasswordReset,
    TokenLine,
)
from hotline.api.auth import ANYBODY, Actor, allow, client_address
from hotline.api.deps import Ask
from hotline.api.etags import IfMatch, etag, version_of
from hotline.api.fields import AccountPath, TokenPath
from hotline.api.problems import ProblemError, responses
from hotline.api.routing import LimitedRoute

router = APIRouter(prefix="/accounts", tags=["accounts"], route_class=LimitedRoute)
_ADMIN = [allow(Role.ADMIN)]


@router.get("", summary="List accounts", dependencies=_ADMIN)
async def list_accounts(ask: Ask) -> list[AccountLine]:
    """All of them, by name, the disabled ones too."""
    return [AccountLine.of(account) for account in await ask.accounts.all()]


@router.post("", status_code=201, summary="Create an account", dependencies=_ADMIN, responses=responses(409))
async def create_account(new: NewAccount, actor: Actor, ask: Ask, response: Response) -> AccountLine:
    """For a person with a password, for a program without one. Accounts are disabled later, never deleted."""
    account = await ask.accounts.add(
        new.name,
        new.roles,
        who=actor.name,
        display_name=new.display_name,
        agent=new.agent,
        password=None if new.password is None else new.password.get_secret_value(),
        why=new.why or "",
    )
    response.headers["Location"] = f"/api/accounts/{account.name}"
    return _told(account, response)


@router.put(
    "/me/password",
    status_code=204,
    summary="Change one's own password",
    dependencies=[allow(*ANYBODY)],
    responses=responses(409, 429),
)
async def change_own_password(change: PasswordChange, actor: Actor, ask: Ask, request: Request) -> None:
    """Ends all sessions of the account, this one too: sign in again. Wrong old passwords count as guesses."""
    if actor.way is Way.INSTALLATION:
        raise ProblemError(409, "no-password", "the installation's token has no password; sign in with an account")
    try:
        await ask.credentials.change_own(
            ask.accounts,
            actor.name,
            old=change.old_password.get_secret_value(),
            new=change.password.get_secret_value(),
            address=client_address(request),
        )
    except WrongPassword:  # not 401: who asks is known
        raise ProblemError(403, "password", "the old password is not right; nothing was changed") from None


@router.get("/{name}", summary="Read one account", dependencies=_ADMIN, responses=responses(404))
async def read_account(name: AccountPath, ask: Ask, response: Response) -> AccountLine:
    """`ETag` is its version."""
    return _told(await ask.accounts.get(_clean(name)), response)


@router.patch("/{name}", summary="Change an account", dependencies=_ADMIN, responses=responses(404, 409, 412))
async def change_account(
    name: AccountPath, edit: AccountEdit, actor: Actor, ask: Ask, response: Response, if_match: IfMatch = None
) -> AccountLine:
    """Roles, display name, agent, disabled. Holds at once. The last enabled admin stays one."""
    version = version_of(if_match)
    changed = await ask.accounts.change(_clean(name), edit.edit(), who=actor.name, version=version, why=edit.why or "")
    return _told(changed, response)


@router.put(
    "/{name}/password", status_code=204, summary="Reset a password", dependencies=_ADMIN, responses=responses(404)
)
async def reset_password(name: AccountPath, reset: PasswordReset, actor: Actor, ask: Ask) -> None:
    """For who has forgotten it. Ends the account's sessions at once."""
    await ask.accounts.set_password(
        _clean(name), reset.password.get_secret_value(), who=actor.name, why=reset.why or ""
    )


@router.get("/{name}/tokens", summary="List an account's tokens", dependencies=_ADMIN, responses=responses(404))
async def list_tokens(name: AccountPath, ask: Ask) -> list[TokenLine]:
    """By label; what is over is listed until it is revoked. The tokens themselves are not kept."""
    return [TokenLine.of(token) for token in await ask.tokens.of(_clean(name))]


@router.post(
    "/{name}/tokens",
    status_code=201,
    summary="Make a token for a program",
    dependencies=_ADMIN,
    responses=responses(404, 409),
)
async def issue_token(name: AccountPath, new: NewToken, actor: Actor, ask: Ask, response: Response) -> IssuedToken:
    """With some of the account's roles, and an end. The token is shown this once."""
    token, kept = await ask.tokens.issue(
        _clean(name), new.label, new.roles, new.expires.timestamp(), who=actor.name, why=new.why or ""
    )
    response.headers["Cache-Control"] = "no-store"
    return IssuedToken(**TokenLine.of(kept).model_dump(), token=token)


@router.delete(
    "/{name}/tokens/{label}",
    status_code=204,
    summary="Revoke a token",
    dependencies=_ADMIN,
    responses=responses(404),
)
async def revoke_token(name: AccountPath, label: TokenPath, actor: Actor, ask: Ask) -> None:
    """It lets nobody in from now on."""
    await ask.tokens.revoke(_clean(name), _clean(label), who=actor.name)


def _told(account: Account, response: Response) -> AccountLine:
    response.headers["ETag"] = etag(account.version)
    return AccountLine.of(account)


def _clean(name: str) -> str:
    """PostgreSQL's text cannot hold a NUL; no name has one."""
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}")
