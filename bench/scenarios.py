"""Fills in the SIPp scenarios of `bench/scenarios`: citizens who call and speak, desk phones that pick up and echo.

It only makes text.
"""

from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parent / "scenarios"

# SIPp's own audio end: it streams the file, and counts what comes back (SIPp 3.8: <rtp_stats>)
_SPEAK = '  <nop><action><exec rtp_stream="{voice},-1,8,PCMA/8000"/></action></nop>\n'
_COUNT = '  <nop><action><rtp_stats assign_to="heard"/><log message="[call_id] heard [$heard]"/></action></nop>\n'


def citizen(*, sip: int, trunk: int, stay_s: float, audio: int | None = None, voice: Path | None = None) -> str:
    """Citizens who stay ``stay_s`` seconds after the pick-up and then hang up.

    ``sip`` is the switch's port and ``trunk`` the port the calls come from. Their audio end is somebody else's port
    ``audio``, or SIPp itself, which then says ``voice`` (an A-law WAV) over and over. Raises `ValueError` for neither.
    """
    if (audio is None) == (voice is None):
        raise ValueError("a citizen's audio has exactly one end: a port, or a file that SIPp speaks")
    return _fill(
        "citizen.xml",
        sip=sip,
        trunk=trunk,
        stay_ms=round(stay_s * 1000),
        audio=audio if voice is None else "[rtpstream_audio_port]",
        speak="" if voice is None else _SPEAK.format(voice=voice),
        count="" if voice is None else _COUNT,
    )


def desk(*, ring_s: float) -> str:
    """Desk phones that ring ``ring_s`` seconds and are then picked up."""
    return _fill("desk.xml", ring_ms=round(ring_s * 1000))


def _fill(name: str, **values: object) -> str:
    return Template((_FOLDER / name).read_text("utf-8")).substitute({key: str(value) for key, value in values.items()})
