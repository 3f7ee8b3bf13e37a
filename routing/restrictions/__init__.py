"""Restrictions of abusive callers: two people's decision, its end, appeals, and what a worker must know of it."""

from routing.restrictions.active import ActiveRestrictions
from routing.restrictions.appeals import Appeals
from routing.restrictions.callers import Caller, Callers
from routing.restrictions.model import (
    NO_RESTRICTIONS,
    AnotherPersonNeeded,
    Appeal,
    Arrival,
    Calls,
    Decision,
    Outcome,
    Person,
    Policy,
    Restriction,
    RestrictionConflict,
    RestrictionError,
    RestrictionRefused,
    RestrictionsUnknown,
    State,
    Terms,
    UnknownRestriction,
    Warned,
)
from routing.restrictions.store import Restrictions
from routing.restrictions.warned import Warnings

__all__ = [
    "NO_RESTRICTIONS",
    "ActiveRestrictions",
    "AnotherPersonNeeded",
    "Appeal",
    "Appeals",
    "Arrival",
    "Caller",
    "Callers",
    "Calls",
    "Decision",
    "Outcome",
    "Person",
    "Policy",
    "Restriction",
    "RestrictionConflict",
    "RestrictionError",
    "RestrictionRefused",
    "Restrictions",
    "RestrictionsUnknown",
    "State",
    "Terms",
    "UnknownRestriction",
    "Warned",
    "Warnings",
]
