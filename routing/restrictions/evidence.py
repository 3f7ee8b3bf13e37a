"""Calls as evidence: they must exist and have come from one number that can be restricted. Reads, writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from routing.restrictions.callers import Caller, Callers
from routing.restrictions.model import Calls, RestrictionRefused


@dataclass(frozen=True)
class Evidence:
    """Calls of one caller with the UNIX time of their arrival, oldest first."""

    caller: Caller
    arrived: tuple[tuple[str, float], ...]


async def gather(port: Calls, callers: Callers, calls: Sequence[str], *, field: str = "calls") -> Evidence:
    """What the journal knows of the calls. Raises `RestrictionRefused`, which names ``field`` and never a number."""
    if not calls:
        raise RestrictionRefused(field, "name at least one call as evidence")
    wanted = dict.fromkeys(calls)
    known = await port.arrivals(wanted)
    missing = [call for call in wanted if call not in known]
    if missing:
        raise RestrictionRefused(field, f"there is no call {missing[0]}; take ids from the list of calls")
    found: dict[str, Caller] = {}
    for call in wanted:
        caller = callers.find(known[call].caller)
        if caller is None:
            raise RestrictionRefused(
                field, f"call {call} came without a number, or with a service's: such a caller cannot be told again"
            )
        found[caller.key] = caller
    if len(found) > 1:
        raise RestrictionRefused(field, "the calls came from different numbers; name the calls of one caller")
    (caller,) = found.values()
    return Evidence(caller, tuple(sorted(((call, known[call].at) for call in wanted), key=lambda pair: pair[1])))
