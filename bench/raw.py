"""Looks into the switch's raw recordings (headerless 16-bit mono at 8 kHz): long enough, and heard on both sides?"""

from pathlib import Path

import numpy as np

_RATE = 8000
_SPEECH = 500  # root mean square of a side that carries the bench's tones for most of the time


def check_pair(citizen: Path, others: Path, least_s: float) -> bool:
    """Whether both files last ``least_s`` seconds and both carry sound in their last third, where people talk."""
    return all(_is_good(path, least_s) for path in (citizen, others))


def _is_good(path: Path, least_s: float) -> bool:
    try:
        samples = np.fromfile(path, "<i2")
    except OSError:
        return False
    if len(samples) < least_s * _RATE:
        return False
    end = samples[-len(samples) // 3 :].astype(np.float64)
    return bool(np.sqrt(np.mean(end * end)) >= _SPEECH)
