"""Pages of lists by cursor: a page says where the next one begins, so that nothing is skipped or shown twice while new
things arrive. A cursor means nothing to the client.
"""

import base64
import binascii
import json
import math
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from hotline.api.problems import Fault, ProblemError

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before; none for the first page.")]


class Page(BaseModel, Generic[T]):
    """One page of a list, newest first."""

    items: list[T]
    next: str | None = Field(default=None, description="Cursor of the next page; null when this is the last one.")


def encode(time: float, name: str) -> str:
    """The cursor of a place in a list that is ordered by time and name."""
    return base64.urlsafe_b64encode(json.dumps([time, name]).encode()).decode().rstrip("=")


def decode(cursor: str | None) -> tuple[float, str] | None:
    """The place a cursor stands for; None for none. Raises `ProblemError` for what `encode` never made."""
    if cursor is None:
        return None
    try:
        time, name = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(time, float) and math.isfinite(time) and isinstance(name, str) and "\0" not in name:
            return time, name
    except (ValueError, binascii.Error, TypeError):
        pass
    reason = "is not the `next` of any page of this list; begin again without a cursor"
    raise ProblemError(422, "cursor", f"query.cursor: {reason}", faults=[Fault(field="query.cursor", reason=reason)])
