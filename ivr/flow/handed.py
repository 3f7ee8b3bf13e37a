"""What goes along with a call that is passed on, as SIP headers: which call it is, when, and what is known of it.

Place and event are people's words. Percent-encoded UTF-8 (RFC 3986 §2.1) leaves nothing in them that a SIP header
could stumble over (RFC 3261 §25.1); the incident ticket carries the whole text.
"""

from urllib.parse import quote

from config.chinatime import china_time
from ivr.call import Call

LONGEST = 200  # bytes of one value: a whole INVITE should still fit into one datagram (RFC 3261 §18.1.1)


def headers(call: Call, at: float) -> dict[str, str]:
    """``X-Hotline-Call`` and ``-Time``; ``-Place`` and ``-Event`` where they are known."""
    found = {"X-Hotline-Call": call.id, "X-Hotline-Time": f"{china_time(at):%Y-%m-%dT%H:%M:%S%z}"}
    said = {"X-Hotline-Place": header_value(call.place), "X-Hotline-Event": header_value(call.event)}
    return found | {name: value for name, value in said.items() if value}


def header_value(text: str) -> str:
    """The text percent-encoded, cut at a whole character to at most `LONGEST` bytes. White space becomes one blank."""
    value = ""
    for character in " ".join(text.split()):
        value += quote(character, safe="", errors="replace")
        if len(value) > LONGEST:
            return value[: -len(quote(character, safe="", errors="replace"))]
    return value
