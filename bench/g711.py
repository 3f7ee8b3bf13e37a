"""G.711 A-law (ITU-T G.711, table 1a) and the sounds of the bench: what citizens say, what the greeting is.

No file is read; the only one written is a WAV where the caller says.
"""

import math
import struct
import wave
from pathlib import Path

RATE = 8000
FRAME = 160  # samples of 20 ms
SILENT_BELOW = 256  # of 32768: -42 dB, far above a codec's noise and far below any speech


def decode(code: int) -> int:
    """One A-law byte to a 16-bit sample."""
    code ^= 0x55
    mantissa, exponent = code & 0x0F, (code >> 4) & 0x07
    size = (mantissa << 4) + 8
    if exponent:
        size = (size + 0x100) << (exponent - 1)
    return size if code & 0x80 else -size


_SAMPLES = [decode(code) for code in range(256)]
_LOUD = bytes(min(255, abs(sample) // SILENT_BELOW) for sample in _SAMPLES)  # 0: silent


def encode(sample: int) -> int:
    """The A-law byte nearest to a 16-bit sample."""
    return min(range(256), key=lambda code: abs(_SAMPLES[code] - sample))


def is_audible(payload: bytes) -> bool:
    """Whether a packet of A-law carries more than silence or comfort noise."""
    return any(payload.translate(_LOUD))


def tone(hertz: float, seconds: float, level: int = 8000) -> list[int]:
    """Samples of a sine that begins at its crest: audible from the very first sample."""
    return [round(level * math.cos(2 * math.pi * hertz * n / RATE)) for n in range(int(RATE * seconds))]


def alaw(samples: list[int]) -> bytes:
    codes = {sample: encode(sample) for sample in set(samples)}
    return bytes(codes[sample] for sample in samples)


def write_wav(path: Path, samples: list[int]) -> None:
    """16-bit mono at 8 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def write_alaw_wav(path: Path, samples: list[int]) -> None:
    """A-law in a WAV (format tag 6, RFC 2361), which SIPp streams as it is."""
    data = alaw(samples)
    form = struct.pack("<HHIIHH", 6, 1, RATE, RATE, 1, 8)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
