"""What a call lives by: an immutable snapshot of the city pack and its tables, fixed when the call arrives.

Data only. A rule that changes makes a new snapshot with a new version; calls under way keep theirs.
"""

import msgspec

from routing.tables.model import Table


class KeyAction(msgspec.Struct, frozen=True):
    """What a key does while the citizen listens or waits."""

    skill: str | None = None  # queue to stand in; None keeps the line's own
    priority: int = 0  # added to the call's priority
    emergency: bool = False  # danger to life (危及生命): marked for the agent


class Rules(msgspec.Struct, frozen=True):
    """One city's rules for a call. Durations in seconds."""

    version: str
    city: str
    table: Table  # where each number leads
    keys: dict[str, KeyAction]
    greeting: str = "greeting"  # prompt key, for the hotline's own number
    skill: str = "general"  # first skill of whoever dialled the hotline's own number
    general_skill: str = "general"  # overflow of every other skill
    duty_phones: tuple[str, ...] = ()  # addresses rung in order when nobody is on shift (值班电话)
    greeting_limit_s: float = 12.0  # the greeting is over after this, heard or not
    announce_every_s: float = 30.0  # place in the queue told this often (GB/T 33358: keep the caller informed)
    seek_retry_s: float = 2.0  # the queue is asked again after a failure
    seek_tries: int = 8  # failures in a row after which a duty phone is rung
    patience_s: float = 900.0  # longest wait, then a message
    overflow_s: float = 20.0  # in a line's own queue this long, then the line's next target
    ring_s: float = 20.0  # one phone rings this long
    target_ring_s: float = 20.0  # one target of a transfer rings this long, where its row says nothing else
    ring_grace_s: float = 3.0  # how much later we stop waiting for the carrier to say so
    message_limit_s: float = 120.0
    farewell_limit_s: float = 15.0
    hangup_limit_s: float = 5.0  # a hung-up leg is taken as gone after this
    restricted_limit_s: float = 40.0  # a restricted caller is told twice, then good-bye
    emergency_keys: dict[str, str] = {}  # second key after the one for a danger to life -> number
    emergency_choice_s: float = 5.0  # without a second key for so long, the first free person
    emergency_ring_s: float = 10.0  # one route to an emergency number, where its row says nothing else
    emergency_priority: int = 10  # of whoever dialled an emergency number and could not be put through
    handed_over_priority: int = 6  # of whom an emergency desk handed over: they have told their story once already
    check_every_s: float = 60.0  # a conversation is compared with what the carrier sees this often
