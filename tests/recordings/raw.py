"""Raw recordings as the switch writes them, made of tones, and the ear that finds these again."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recordings.audio import RATE, RawPair, decode

Sound = NDArray[np.int16]


def tone(hertz: float, seconds: float, level: float = 6000.0) -> Sound:
    at = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE), np.int16)


def noise(seconds: float, level: float, seed: int = 1) -> Sound:
    drawn = level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return drawn.clip(-32768, 32767).astype(np.int16)


def write(folder: Path, name: str, citizen: Sound | None, others: Sound | None) -> RawPair:
    """Write the switch's two files; None leaves one out."""
    folder.mkdir(parents=True, exist_ok=True)
    pair = RawPair(folder / f"{name}-c.sln", folder / f"{name}-o.sln")
    for path, sound in ((pair.citizen, citizen), (pair.others, others)):
        if sound is not None:
            path.write_bytes(sound.astype("<i2").tobytes())
    return pair


def hear(path: Path) -> Sound:
    """The whole sound of a kept file, shape (samples, 2)."""
    return np.concatenate(list(decode(path)))


def strength(sound: Sound, hertz: float) -> float:
    """The amplitude of one tone in a mono sound."""
    at = np.arange(len(sound)) / RATE
    return float(2 * abs(np.mean(sound * np.exp(-2j * np.pi * hertz * at))))
