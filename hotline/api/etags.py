"""Versions of what can be changed: told by ``ETag``, asked for again by ``If-Match`` (RFC 9110 §13.1.1)."""

from typing import Annotated

from fastapi import Header

from hotline.api.problems import Fault, ProblemError

IfMatch = Annotated[
    str | None,
    Header(description='The version that was read, as in `"3"`; the change is refused when there is a newer one.'),
]


def etag(version: int) -> str:
    return f'"{version}"'


def version_of(if_match: str | None) -> int | None:
    """The version a change is meant for; None for any. Raises `ProblemError` for what is no ETag of ours."""
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().strip('"')
    if digits.isascii() and digits.isdigit() and len(digits) < 10:
        return int(digits)
    reason = 'must be the ETag that was read, as in "3"'
    raise ProblemError(
        422, "request-invalid", f"header.if-match: {reason}", faults=[Fault(field="header.if-match", reason=reason)]
    )
