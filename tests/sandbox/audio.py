"""Audio at 8 kHz: making tones, and telling which tones and whether speech are in what was heard.

Pure functions on numpy arrays of 16-bit samples; no I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE = 8000
FRAME = 160
"""Samples of 20 ms, the packet time of telephony."""

Samples = npt.NDArray[np.int16]

LEVEL = 6000
AUDIBLE = 300.0
"""Amplitude below which a tone counts as absent (1 % of full scale; A-law's own noise is far below)."""


def tone(hz: float, seconds: float, level: int = LEVEL) -> Samples:
    """A sine. Of whole seconds and whole hertz, it can be repeated without a click."""
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(np.round(level * np.sin(2 * np.pi * hz * time)), dtype=np.int16)


def amplitude(samples: Samples, hz: float) -> float:
    """The amplitude of one frequency, 0 to 32767 (the Goertzel algorithm's result, computed as one scalar product)."""
    if len(samples) == 0:
        return 0.0
    turn = np.exp(-2j * np.pi * hz / RATE * np.arange(len(samples)))
    return float(2 * abs(np.dot(samples.astype(np.float64), turn)) / len(samples))


def tones(samples: Samples, freqs: Sequence[float], least: float = AUDIBLE) -> set[float]:
    """Those of the frequencies that are audible in the samples.

    Frequencies must lie further apart than ``8000 / len(samples)`` Hz to be told from each other.
    """
    return {hz for hz in freqs if amplitude(samples, hz) >= least}


def has_tone(samples: Samples, hz: float) -> bool:
    """Whether a frequency is audible and no accident of speech: it stands out from its neighbourhood."""
    here = amplitude(samples, hz)
    if here < AUDIBLE:
        return False
    gap = max(40.0, 3 * RATE / max(len(samples), 1))
    return here > 4 * max(amplitude(samples, hz - gap), amplitude(samples, hz + gap), 1.0)


@dataclass(frozen=True)
class Span:
    """A frequency was heard from ``start`` to ``end`` (seconds since the samples begin)."""

    hz: float
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def timeline(samples: Samples, freqs: Sequence[float], window_s: float = 0.1) -> list[Span]:
    """When which tone was heard, to the window's precision, in the order of their beginnings."""
    size = round(window_s * RATE)
    spans: list[Span] = []
    for hz in freqs:
        start: float | None = None
        for at in range(0, len(samples) + 1, size):
            present = has_tone(samples[at : at + size], hz) if at + size <= len(samples) else False
            if present and start is None:
                start = at / RATE
            elif not present and start is not None:
                spans.append(Span(hz, start, at / RATE))
                start = None
    return sorted(spans, key=lambda span: span.start)


def loud_s(samples: Samples, least: float = 200.0) -> float:
    """Seconds (of whole 20 ms frames) that are louder than a root mean square of ``least``."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    return float(np.count_nonzero(np.sqrt((frames**2).mean(axis=1)) > least) * FRAME / RATE) if len(frames) else 0.0


def longest_silence_s(samples: Samples, most: float = 60.0) -> float:
    """The longest run of 20 ms frames that are no louder than a root mean square of ``most``, in seconds."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    longest = run = 0
    for loud in np.sqrt((frames**2).mean(axis=1)) > most:
        run = 0 if loud else run + 1
        longest = max(longest, run)
    return longest * FRAME / RATE


def is_speech(samples: Samples) -> bool:
    """Whether somebody speaks: loud for a good part, and the energy moves over many frequencies as no tone's does."""
    if len(samples) < RATE // 2 or loud_s(samples) < 0.3 * len(samples) / RATE:
        return False
    size = 256
    frames = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64) * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    share = power.sum(axis=0) / max(power.sum(), 1.0)
    return bool(np.sort(share)[-6:].sum() < 0.8)  # two steady tones fill six of the 129 bins
