"""What a city's regulation rules: the tables of ``city.toml`` that follow its articles.

Data with its bounds and nothing else: who computes a due date or restricts a caller reads it here.
"""

from config.packs.rules.feedback import Progress, Redo, Revisit, Satisfaction, Sms
from config.packs.rules.keeping import Archive, Privacy, Province, RecordingRules
from config.packs.rules.orders import (
    Cards,
    Clock,
    Complexity,
    Deadline,
    Dispatch,
    Extension,
    Orders,
    Returns,
    Signing,
    Supervision,
)
from config.packs.rules.service import (
    Answering,
    Consultation,
    Deputies,
    Emergency,
    LeaderDay,
    NotAccepted,
    Reason,
    Restrictions,
    Urgent,
)
from config.packs.values import Name, Table


class CityRules(Table):
    """The regulation's part of ``city.toml`` after inheritance."""

    orders: Orders
    emergency: Emergency
    urgent: dict[Name, Urgent]  # kinds of urgent incidents, by a name of the pack's own
    not_accepted: NotAccepted
    dispatch: Dispatch
    signing: Signing
    returns: Returns
    clock: Clock
    deadlines: dict[Name, Deadline]  # by category
    complexity: Complexity
    extension: Extension
    cards: Cards
    supervision: Supervision
    revisit: Revisit
    satisfaction: Satisfaction
    redo: Redo
    progress: Progress
    sms: Sms
    consultation: Consultation
    restrictions: Restrictions
    leader_day: LeaderDay
    deputies: Deputies
    answering: Answering
    privacy: Privacy
    recording: RecordingRules
    archive: Archive
    province: Province


__all__ = [
    "Answering",
    "Archive",
    "Cards",
    "CityRules",
    "Clock",
    "Complexity",
    "Consultation",
    "Deadline",
    "Deputies",
    "Dispatch",
    "Emergency",
    "Extension",
    "LeaderDay",
    "NotAccepted",
    "Orders",
    "Privacy",
    "Progress",
    "Province",
    "Reason",
    "RecordingRules",
    "Redo",
    "Restrictions",
    "Returns",
    "Revisit",
    "Satisfaction",
    "Signing",
    "Sms",
    "Supervision",
    "Urgent",
]
