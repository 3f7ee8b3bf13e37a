"""Sounds that are made, not spoken: the tone before a message, and the music a waiting caller hears.

Synthesised by formula, so that no recording and no licence is needed; the same on every run.
"""

import numpy as np

from ivr.prompts.audio import RATE_HZ, Samples, level, write_wav

REVISION = 1  # raised when a sound changes, so that a cached one is not used

BEEP_HZ, BEEP_S = 1000.0, 0.4  # no DTMF frequency, and none of the national tone plan (450 Hz)

_BAR_S = 4.0
_BARS = 12  # 48 s in all
# Four bars, three times: a chord's notes from the bass up, as MIDI numbers (69 is 440 Hz).
_CHORDS = ((48, 55, 59, 64), (45, 55, 60, 64), (41, 52, 57, 60), (43, 53, 59, 62))
# Notes of a pentatonic melody over each bar's four beats, one row for each time the chords go round; 0 is a rest.
_MELODIES = (
    ((76, 0, 79, 0), (76, 74, 72, 0), (69, 0, 72, 74), (74, 0, 0, 0)),
    ((79, 0, 76, 74), (72, 0, 76, 0), (72, 0, 69, 67), (74, 0, 71, 0)),
    ((72, 74, 76, 0), (79, 0, 76, 0), (77, 76, 72, 0), (74, 0, 67, 0)),
)


def beep() -> bytes:
    """The tone after which a caller speaks (嘀声), as a WAV of 8 kHz."""
    tone = _sine(BEEP_HZ, BEEP_S)
    ramp = np.minimum(1.0, np.arange(len(tone)) / (0.01 * RATE_HZ))
    return write_wav(level(tone * ramp * ramp[::-1], -16.0))


def music() -> bytes:
    """48 s of soft chords and a sparse melody, as a WAV of 8 kHz that can be repeated without a seam."""
    track = np.zeros(round(_BARS * _BAR_S * RATE_HZ))
    beat_s = _BAR_S / 4
    for bar in range(_BARS):
        chord, melody = _CHORDS[bar % 4], _MELODIES[bar // 4 % 3][bar % 4]
        for note in chord:
            _add(track, bar * _BAR_S, _pad(note))
        for beat, note in enumerate(melody):
            if note:
                _add(track, bar * _BAR_S + beat * beat_s, _pluck(note))
    return write_wav(level(track, -27.0, -9.0))


def _pad(note: int) -> Samples:
    """A held note that swells and fades over the next bar, with few overtones: 8 kHz and A-law like it plain."""
    length_s = _BAR_S * 1.25
    hertz = _hertz(note)
    sound = sum(_sine(hertz * partial, length_s) * weight for partial, weight in ((1, 1.0), (2, 0.30), (3, 0.12)))
    swell = np.sin(np.pi * np.linspace(0.0, 1.0, round(length_s * RATE_HZ))) ** 1.5
    return np.asarray(sound * swell * 0.18)


def _pluck(note: int) -> Samples:
    """A struck note that dies away."""
    length_s = 1.8
    times = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    hertz = _hertz(note)
    sound = _sine(hertz, length_s) + 0.25 * _sine(2 * hertz, length_s) * np.exp(-times * 3)
    attack = np.minimum(1.0, times / 0.015)
    release = np.minimum(1.0, (length_s - times) / 0.1)
    return np.asarray(sound * attack * release * np.exp(-times * 2.2) * 0.22)


def _add(track: Samples, start_s: float, sound: Samples) -> None:
    """Mix a sound in; what goes beyond the end comes in again at the beginning, which is why there is no seam."""
    places = (round(start_s * RATE_HZ) + np.arange(len(sound))) % len(track)
    track[places] += sound


def _hertz(note: int) -> float:
    return float(440.0 * 2.0 ** ((note - 69) / 12))


def _sine(hertz: float, seconds: float) -> Samples:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
