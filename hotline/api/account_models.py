"""What the API takes and gives about accounts, sessions, tokens and the audit log, with their documentation.

Passwords are `SecretStr`, so that no error and no log can show one by accident.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from config.audit import Kept
from config.chinatime import china_time
from hotline.accounts import Account, Identity, Role, Way
from hotline.accounts.book import Edit
from hotline.accounts.passwords import LONGEST, SHORTEST
from hotline.accounts.tokens import LONGEST_DAYS, Token
from hotline.api.fields import AccountName, AgentId, DisplayName, GivenName, TokenLabel, Why

NewPassword = Annotated[
    SecretStr,
    Field(
        max_length=LONGEST,
        description=f"At least {SHORTEST} characters; not the name, not one piece repeated.",
        examples=["three unrelated words"],
    ),
]
GivenPassword = Annotated[SecretStr, Field(max_length=LONGEST, description="The password as it is now.")]
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role), description="What the account may do.")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Credentials(_Strict):
    """Who signs in."""

    name: GivenName
    password: GivenPassword


class Me(BaseModel):
    """Who asks, as the hotline knows them."""

    name: str = Field(examples=["li.na"])
    display_name: str = Field(examples=["李娜"])
    roles: list[Role] = Field(description="What this session or token may do.")
    agent: str | None = Field(description="The agent of the roster bound to the account.", examples=["8001"])
    way: Way = Field(description="Known by `session`, by a program's `token`, or by the token of the `installation`.")
    ends: datetime | None = Field(description="When the session ends whatever is done; null for tokens.")

    @classmethod
    def of(cls, identity: Identity, display_name: str, ends: float | None) -> "Me":
        return cls(
            name=identity.name,
            display_name=display_name,
            roles=sorted(identity.roles),
            agent=identity.agent,
            way=identity.way,
            ends=None if ends is None else china_time(ends),
        )


class NewSession(Me):
    """A session that has just begun."""

    token: str = Field(description="To be sent as `Authorization: Bearer <token>`; it is not shown again.")


class AccountLine(BaseModel):
    """An account, without its password."""

    name: str
    display_name: str
    roles: list[Role]
    agent: str | None
    disabled: bool
    has_password: bool = Field(description="Without one the account is for tokens only.")
    version: int = Field(description="Counts its changes; see `If-Match`.")
    created: datetime
    updated: datetime

    @classmethod
    def of(cls, account: Account) -> "AccountLine":
        times = {"created": china_time(account.created), "updated": china_time(account.updated)}
        return cls.model_validate({**vars(account), **times, "roles": sorted(account.roles)})


class NewAccount(_Strict):
    """An account for a person, or, without a password, for a program that uses tokens."""

    name: AccountName
    display_name: DisplayName | None = None
    roles: Roles
    agent: AgentId | None = None
    password: NewPassword | None = None
    why: Why | None = None


class AccountEdit(_Strict):
    """What is to change; what is left out stays."""

    display_name: DisplayName | None = None
    roles: Roles | None = None
    agent: AgentId | None = Field(default=None, description="Null takes the binding away.")
    disabled: bool | None = Field(default=None, description="True signs the account out at once.")
    why: Why | None = None

    def edit(self) -> Edit:
        """The fields that were given. Null means nothing but for `agent`."""
        edit: Edit = {}
        if self.display_name is not None:
            edit["display_name"] = self.display_name
        if self.roles is not None:
            edit["roles"] = self.roles
        if "agent" in self.model_fields_set:
            edit["agent"] = self.agent
        if self.disabled is not None:
            edit["disabled"] = self.disabled
        return edit


class PasswordReset(_Strict):
    """An account's new password, given by an admin."""

    password: NewPassword
    why: Why | None = None


class PasswordChange(_Strict):
    """One's own new password."""

    old_password: GivenPassword
    password: NewPassword


class NewToken(_Strict):
    """A bearer token for a program."""

    label: TokenLabel
    roles: Roles
    expires: AwareDatetime = Field(
        description=f"When it ends, with its time zone; within {LONGEST_DAYS} days.",
        examples=["2027-06-30T00:00:00+08:00"],
    )
    why: Why | None = None


class TokenLine(BaseModel):
    """What is known of a token."""

    label: str
    roles: list[Role]
    created: datetime
    expires: datetime
    seen: datetime | None = Field(description="When it was last used, to the minute; null: never.")

    @classmethod
    def of(cls, token: Token) -> "TokenLine":
        return cls(
            label=token.label,
            roles=sorted(token.roles),
            created=china_time(token.created),
            expires=china_time(token.expires),
            seen=None if token.seen is None else china_time(token.seen),
        )


class IssuedToken(TokenLine):
    """A token that has just been made."""

    token: str = Field(description="The token itself; it is not shown again.")


class AuditLine(BaseModel):
    """One entry of the audit log. Telephone numbers are masked."""

    id: int
    at: datetime
    who: str = Field(description="An account, `cli:<user>` for the command line, or `nobody`.", examples=["li.na"])
    action: str = Field(examples=["account.change"])
    subject: str = Field(examples=["account:wang.wu"])
    why: str
    detail: dict[str, Any]

    @classmethod
    def of(cls, entry: Kept) -> "AuditLine":
        return cls.model_validate({**vars(entry), "at": china_time(entry.at)})
