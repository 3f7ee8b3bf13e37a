"""What a call keeps of its conversations and transfers; events, commands and state share them."""

import msgspec

from ivr.call.words import Role, TransferKind, TransferResult


class Talk(msgspec.Struct, frozen=True):
    """One conversation within a call."""

    leg: str
    role: Role
    party: str  # agent id, the duty phone's address, or the line's number
    began: float
    ended: float | None = None


class Attempt(msgspec.Struct, frozen=True):
    """One target of a transfer, rung once (转接记录)."""

    line: str  # the row of the transfer table
    address: str
    transfer: TransferKind
    agent: str  # who transferred; empty when the dialled number led there
    began: float
    answered: float | None = None
    ended: float | None = None  # when the result was known
    result: TransferResult | None = None
