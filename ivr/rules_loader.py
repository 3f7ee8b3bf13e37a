"""Makes the snapshot a call lives by from a city pack and a transfer table, and lists what its callers may hear.

Adds nothing of its own: the limits that are no city's business are `Rules`' defaults.
"""

from collections.abc import Iterator
from itertools import islice

from config.packs import Pack
from ivr.call import Announcement, Say, Sound
from ivr.flow.greeting import welcome
from ivr.flow.rules import KeyAction, Rules
from routing.tables import Table, resolve

TRANSFER_WORDS = ("transfer_begins", "transfer_failed")
EMERGENCY_WORDS = ("emergency_connecting", "emergency_failed")
EMERGENCY = 10  # priority of a danger to life in a city whose keys name none
SPOKEN_AHEAD = 1_000  # rows: a city has some hundred; of the rest each voice is made when it is first asked for


def make_rules(pack: Pack, table: Table) -> Rules:
    """The rules of a pack with a table; their version names both."""
    limits = pack.limits
    return Rules(
        version=f"{pack.version}+{table.version}",
        city=pack.id,
        table=table,
        keys={
            key: KeyAction(skill=action.skill, priority=action.priority, emergency=action.emergency)
            for key, action in pack.keys.items()
        },
        greeting=pack.entry.greeting,
        skill=pack.entry.skill,
        general_skill=pack.general_skill,
        duty_phones=pack.duty_phones,
        greeting_limit_s=limits.greeting_s,
        announce_every_s=limits.announce_every_s,
        patience_s=limits.patience_s,
        overflow_s=limits.overflow_s,
        ring_s=limits.ring_s,
        target_ring_s=limits.target_ring_s,
        message_limit_s=limits.message_s,
        emergency_keys=dict(pack.rules.emergency.keys),
        emergency_choice_s=pack.rules.emergency.choice_s,
        emergency_ring_s=pack.rules.emergency.ring_s,
        emergency_priority=max((key.priority for key in pack.keys.values() if key.emergency), default=EMERGENCY),
    )


def spoken_of(rules: Rules, at: float) -> Iterator[Sound]:
    """What callers of the table's numbers hear that no caller of 12345 does, and what is said when they are
    transferred; of the first rows only.
    """
    told: set[str] = set()
    urgent = set(rules.emergency_keys.values())
    for number in islice(rules.table.lines, SPOKEN_AHEAD):
        line: dict[str, str | int] = {"line": number}
        sounds = welcome(resolve(number, at, rules.table), rules.greeting)
        for sound in (*sounds, *(Say(key, line) for key in (EMERGENCY_WORDS if number in urgent else TRANSFER_WORDS))):
            name = repr(sound)
            if isinstance(sound, Announcement) or (isinstance(sound, Say) and sound.values and name not in told):
                told.add(name)
                yield sound
