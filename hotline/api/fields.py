"""The kinds of text that clients send, with their limits and their documentation. Data only."""

import re
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, Field, StringConstraints

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _plain(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("must be plain text without control characters")
    return text


_STRIPPED = StringConstraints(strip_whitespace=True)
_PLAIN = AfterValidator(_plain)

Who = Annotated[
    str,
    _STRIPPED,
    _PLAIN,
    Field(
        min_length=1,
        max_length=64,
        description="Who does it: the installation's token must say so; people leave it out.",
        examples=["8001"],
    ),
]
Why = Annotated[
    str,
    _STRIPPED,
    _PLAIN,
    Field(min_length=1, max_length=500, description="Why, for the history.", examples=["taken down on the line"]),
]
Content = Annotated[
    str,
    _STRIPPED,
    _PLAIN,
    Field(max_length=10_000, description="What the citizen said.", examples=["幸福路的路灯不亮"]),
]
Where = Annotated[
    str, _STRIPPED, _PLAIN, Field(max_length=500, description="Where it is.", examples=["袁州区幸福路12号"])
]
Happened = Annotated[
    str, _STRIPPED, _PLAIN, Field(max_length=1000, description="What happened.", examples=["三楼起火，有人被困"])
]
Done = Annotated[
    str,
    _STRIPPED,
    _PLAIN,
    Field(min_length=1, max_length=500, description="What was done about it.", examples=["已回拨，119已出警"]),
]
Category = Annotated[
    str,
    _STRIPPED,
    _PLAIN,
    Field(min_length=1, max_length=20, description="One of the city's categories.", examples=["求助"]),
]
Reason = Annotated[
    str,
    _STRIPPED,
    _PLAIN,
    Field(min_length=1, max_length=1000, description="Why it is not accepted.", examples=["已由人民法院受理"]),
]
CallId = Annotated[
    str,
    _STRIPPED,
    _PLAIN,
    Field(min_length=1, max_length=200, description="Id of a call.", examples=["hotline-1795190400.1"]),
]
Caller = Annotated[
    str, Field(pattern=r"^\+?[0-9*#-]{3,20}$", description="The citizen's number.", examples=["13800138000"])
]


AccountName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{1,31}$",
        description="2 to 32 lower-case letters, digits, dots, hyphens and underscores.",
        examples=["li.na"],
    ),
]
GivenName = Annotated[
    str, _PLAIN, Field(min_length=1, max_length=64, description="Name of the account.", examples=["li.na"])
]
DisplayName = Annotated[
    str, _STRIPPED, _PLAIN, Field(min_length=1, max_length=64, description="As people read it.", examples=["李娜"])
]
AgentId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="The agent of the roster this person works as.",
        examples=["8001"],
    ),
]
TokenLabel = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$",
        description="What the token is for, in 1 to 32 letters, digits, dots, hyphens and underscores.",
        examples=["wallboard"],
    ),
]


OrderNumber = Annotated[
    str, Path(max_length=40, description="Order number, in any spelling.", examples=["YC261121-00001-4"])
]
CallPath = Annotated[str, Path(max_length=200, description="Id of a call.", examples=["hotline-1795190400.1"])]
AccountPath = Annotated[str, Path(max_length=64, description="Name of an account.", examples=["li.na"])]
TokenPath = Annotated[str, Path(max_length=64, description="Label of a token.", examples=["wallboard"])]
AgentPath = Annotated[str, Path(max_length=64, description="Id of an agent.", examples=["8001"])]
