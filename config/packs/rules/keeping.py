"""The rules for what is kept, what is kept secret, and what is passed on."""

from typing import Annotated

from pydantic import Field

from config.packs.values import Names, Table

Years = Annotated[int, Field(ge=1, le=30)]


class RecordingRules(Table):
    """How long recordings are kept, from the later of the call's end and the case's closing.

    PIPL §19 and §47 ask for an end as well.
    """

    keep_min_years: Years
    keep_max_years: Years


class Archive(Table):
    """How long the papers of an order are kept, from the report that it is done."""

    keep_min_years: Years
    keep_max_years: Years
    follow_case: Names  # categories whose papers are kept as the case they belong to (legal hold)


class Privacy(Table):
    confidential: bool  # secrets and personal data never leave those who handle the order
    encrypt_on_request: bool  # a citizen may ask for his data to be hidden
    unpublished_on_request: bool  # what the citizen does not want published is not
    never_disclosed: Names  # subjects of which the accused learns nothing about the citizen without his consent


class Province(Table):
    """Data for the province's platform."""

    push: bool  # in real time
    data: Names
    sub_centers_push: bool  # sub-centers send theirs to 12345 (or the province) in real time
