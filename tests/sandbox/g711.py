"""A-law, the code of telephone audio in China (ITU-T G.711). Pure functions."""

import numpy as np

from tests.sandbox.audio import Samples


def _alaw_levels() -> Samples:
    """The 256 samples that A-law can say."""
    code = np.arange(256) ^ 0x55
    step, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    level = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, level, -level).astype(np.int16)


ALAW = _alaw_levels()
_ORDER = np.argsort(ALAW)
_BOUNDS = (ALAW[_ORDER][:-1].astype(np.int32) + ALAW[_ORDER][1:]) / 2


def alaw_encode(samples: Samples) -> bytes:
    return bytes(_ORDER[np.searchsorted(_BOUNDS, samples)].astype(np.uint8))


def alaw_decode(payload: bytes) -> Samples:
    return ALAW[np.frombuffer(payload, dtype=np.uint8)]
