"""What several routes of transfer tables take from the path, the query and the headers."""

from typing import Annotated

from fastapi import Path, Query

from hotline.api.etags import version_of
from hotline.api.problems import ProblemError

LARGEST = 2**31 - 1  # a database's integer

Number = Annotated[int, Path(ge=1, le=LARGEST, description="Number of the version.")]
RevisionQuery = Annotated[int | None, Query(ge=1, le=LARGEST, description="Of the draft; default: the present one.")]


def revision_of(if_match: str | None) -> int:
    """The revision a change is meant for. Two people at one draft are usual, so it has to be said."""
    revision = version_of(if_match)
    if revision is None:
        raise ProblemError(
            428, "if-match", 'say which revision was read: send its ETag in the header If-Match, as in If-Match: "3"'
        )
    return revision
