"""The errors of routing: one family, each with the mend in its text. No caller's number is ever part of one."""


class RoutingError(Exception):
    """Base of everything this package raises on purpose."""


class AcdUnavailable(RoutingError):
    """The queue cannot be asked now: Redis is out of reach, too slow, or empty and not yet filled again.

    Trying again later is the mend; what was promised before (places, talks, presence) comes back by itself.
    """


class UnknownAgent(RoutingError, LookupError):
    """No agent of that id is in the roster."""


class RosterError(RoutingError, ValueError):
    """The list of agents cannot be used. Says which agent, what is wrong and how to mend it."""
