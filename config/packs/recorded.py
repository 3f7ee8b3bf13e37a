"""Finds the recorded prompts of a pack (``prompts/<prompt>.wav``) and refuses those that could not be played.

Reads sizes and hashes only; resampling is `ivr.prompts`' business.
"""

import hashlib
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.packs.layers import Merged
from config.packs.model import Recorded
from config.packs.problems import Problems
from config.packs.texts import Template

RATES_HZ = (8000, 48000)
MAX_SECONDS = 120

_FORM = "record it as a WAV of 16-bit PCM, one channel, 8 kHz"


def read_recorded(
    folders: Sequence[Path], templates: Mapping[str, Template], merged: Merged, problems: Problems
) -> dict[str, Recorded]:
    """The recordings by prompt; a later folder wins. Where the city changed a text, the default's recording is out."""
    recorded: dict[str, Recorded] = {}
    texts = merged.table("prompts")
    for folder in folders:
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            if file.name.startswith(".") or file.suffix == ".md":
                continue
            if file.suffix != ".wav" or not file.is_file():
                problems.add(file, None, None, f"is not a recorded prompt; {_FORM}")
            elif file.stem not in texts:
                problems.add(file, None, None, f"has the name of no prompt; there are {', '.join(sorted(texts))}")
            elif file.stem in templates and templates[file.stem].slots:
                problems.add(file, None, None, "cannot be a recording: its text asks for values that change")
            elif _says(folder, file.stem, folders, merged):
                take = _take(file, problems)
                if take is not None:
                    recorded[file.stem] = take
    return recorded


def _says(folder: Path, key: str, folders: Sequence[Path], merged: Merged) -> bool:
    """Whether the recordings of this folder still say what the effective text says."""
    written, _ = merged.place(("prompts", key))
    texts_from = next((index for index, other in enumerate(folders) if written and other.parent == written.parent), 0)
    return folders.index(folder) >= texts_from


def _take(file: Path, problems: Problems) -> Recorded | None:
    try:
        data = file.read_bytes()
        with wave.open(str(file), "rb") as sound:
            channels, width, rate = sound.getnchannels(), sound.getsampwidth(), sound.getframerate()
            frames = len(sound.readframes(sound.getnframes())) // (channels * width)  # headers have been known to lie
            seconds = frames / rate if rate else 0.0
    except (OSError, EOFError, wave.Error) as error:
        problems.add(file, None, None, f"is not a WAV file that can be played ({error}); {_FORM}")
        return None
    if (channels, width) != (1, 2) or not RATES_HZ[0] <= rate <= RATES_HZ[1]:
        found = f"{width * 8}-bit, {channels} channel(s), {rate} Hz"
        problems.add(file, None, None, f"is {found}; {_FORM} (up to 48 kHz is converted)")
        return None
    if not 0.1 <= seconds <= MAX_SECONDS:
        problems.add(file, None, None, f"lasts {seconds:.1f} s; a prompt lasts from 0.1 to {MAX_SECONDS} s")
        return None
    return Recorded(file, rate, hashlib.sha256(data).hexdigest())
