"""Makes the snapshot a call lives by from a city pack.

Adds nothing of its own: the limits that are no city's business are `Rules`' defaults.
"""

from config.packs import Entry as PackEntry
from config.packs import Pack
from ivr.flow.rules import Entry, KeyAction, Rules

DEFAULT_ENTRY = "default"


def rules_from_pack(pack: Pack) -> Rules:
    """The rules of a pack; their version is the pack's."""
    limits = pack.limits
    return Rules(
        version=pack.version,
        city=pack.id,
        entries={number: _entry(entry) for number, entry in pack.entries.items() if number != DEFAULT_ENTRY},
        default_entry=_entry(pack.entries[DEFAULT_ENTRY]),
        keys={
            key: KeyAction(skill=action.skill, priority=action.priority, emergency=action.emergency)
            for key, action in pack.keys.items()
        },
        general_skill=pack.general_skill,
        duty_phones=pack.duty_phones,
        greeting_limit_s=limits.greeting_s,
        announce_every_s=limits.announce_every_s,
        patience_s=limits.patience_s,
        ring_s=limits.ring_s,
        message_limit_s=limits.message_s,
    )


def _entry(entry: PackEntry) -> Entry:
    return Entry(greeting=entry.greeting, skill=entry.skill)
