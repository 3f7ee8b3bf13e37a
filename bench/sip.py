"""SIP messages as the bench's own phones need them: taken apart, put together (RFC 3261). It sends nothing."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

LOCAL = "127.0.0.1"
PAYLOAD_ALAW, PAYLOAD_KEYS = 8, 101

_USER = re.compile(r"sips?:(\+?[0-9]+)@")
_URI = re.compile(r"<([^>]+)>")
_AUDIO = re.compile(r"^m=audio (\d+)", re.M)


class Header(NamedTuple):
    name: str
    value: str


@dataclass(frozen=True)
class Message:
    """A request or a response."""

    start: str  # the first line
    headers: tuple[Header, ...]
    body: str = ""

    @property
    def method(self) -> str:
        """Of a request; empty for a response."""
        return "" if self.status else self.start.partition(" ")[0]

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        version, _, rest = self.start.partition(" ")
        return int(rest[:3]) if version == "SIP/2.0" else 0

    @property
    def dialled(self) -> str:
        """The number that a request is for; empty when it is for none."""
        return number(self.start)

    @property
    def answers(self) -> str:
        """The method that a response answers."""
        return self.header("CSeq").rpartition(" ")[2]

    @property
    def audio_port(self) -> int:
        """Where its sender wants audio; 0 when it does not say."""
        found = _AUDIO.search(self.body)
        return int(found[1]) if found else 0

    def header(self, name: str) -> str:
        """The first header of this name; empty when there is none."""
        return next((header.value for header in self.headers if header.name.lower() == name.lower()), "")


def parse(data: bytes) -> Message:
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    parted = (line.partition(":") for line in lines)
    return Message(start, tuple(Header(name.strip(), value.strip()) for name, _, value in parted), body)


def render(start: str, headers: Iterable[Header], body: str = "") -> bytes:
    lines = [start, *(f"{header.name}: {header.value}" for header in headers)]
    if body:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def reply(request: Message, status: str, tag: str, contact: str, body: str = "") -> bytes:
    """The response to a request; ``status`` as in ``200 OK``."""
    headers = [header for header in request.headers if header.name.lower() in ("via", "from", "call-id", "cseq")]
    called = request.header("To")
    headers.append(Header("To", called if ";tag=" in called else f"{called};tag={tag}"))
    headers.append(Header("Contact", f"<{contact}>"))
    return render(f"SIP/2.0 {status}", headers, body)


def number(text: str) -> str:
    """The number in a SIP address; empty when it has none."""
    found = _USER.search(text)
    return found[1] if found else ""


def caller(invite: Message) -> str:
    """Who calls: as the network asserts it (RFC 3325), else as the phone says."""
    return number(invite.header("P-Asserted-Identity")) or number(invite.header("From"))


def uri(contact: str) -> str:
    """The address in a Contact header."""
    found = _URI.search(contact)
    return found[1] if found else contact


def sdp(audio_port: int) -> str:
    """An offer or answer: A-law and keys (RFC 4733) at this port."""
    lines = (
        "v=0",
        f"o=phone 1 1 IN IP4 {LOCAL}",
        "s=-",
        f"c=IN IP4 {LOCAL}",
        "t=0 0",
        f"m=audio {audio_port} RTP/AVP {PAYLOAD_ALAW} {PAYLOAD_KEYS}",
        f"a=rtpmap:{PAYLOAD_ALAW} PCMA/8000",
        f"a=rtpmap:{PAYLOAD_KEYS} telephone-event/8000",
        f"a=fmtp:{PAYLOAD_KEYS} 0-15",
        "a=ptime:20",
    )
    return "\r\n".join(lines) + "\r\n"
