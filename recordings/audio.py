"""From the switch's two raw files to one stereo Ogg/Opus file, and back again to prove it.

Plain blocking code without a database; `recordings.encoder` runs it in a process of its own. Whole files are never
held in memory: a call may last hours.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import av
import av.error
import numpy as np
from numpy.typing import NDArray

RATE = 8000  # samples a second: what the telephone network carries
SAMPLE_BYTES = 2  # signed 16 bit, little endian

# 26 kbit/s keeps the largest minute (two sides full of noise) under 200 KB; talk needs 80 to 110 KB. Complexity 2 takes
# half the time of 10, with the same error on speech. RFC 6716 §2.1; 60 ms is the longest frame and the least overhead.
_BIT_RATE = 26_000
_OPTIONS = {"application": "voip", "frame_duration": "60", "vbr": "on", "compression_level": "2"}
_FRAME = RATE * 60 // 1000
_BLOCK = 50 * _FRAME  # samples read at once: 3 s

_LENGTH_TOLERANCE_S = 0.1
# Loudness is measured behind a first difference, which takes away hum and offset as Opus's own filter does. A side
# counts as sounding from -60 dBFS, and when it is not 24 dB below the other one, which would mask it.
_SILENCE = 33.0
_MASKED = 1 / 16
_LEAST_LEFT = 1 / 4

Samples = NDArray[np.int16]


class RawUnusable(Exception):
    """The switch's files hold nothing that can be kept. ``reason`` is the ledger's word for it."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason, text)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class NotProved(Exception):
    """The encoded file does not give back what was put into it, or could not be made."""


@dataclass(frozen=True)
class RawPair:
    """The switch's two files of one call: headerless 8 kHz mono, in step with each other. One may be missing."""

    citizen: Path
    others: Path


@dataclass(frozen=True)
class Kept:
    """What was encoded and proved. ``one_sided``: one file of the pair was missing or empty."""

    sha256: str
    bytes: int
    seconds: float
    one_sided: bool


def preserve(pair: RawPair, target: Path) -> Kept:
    """Merge the pair (citizen left, everybody else right), encode it to ``target``, flush it to the disk, and prove
    by decoding that it lasts as long and sounds on the same sides.

    Raises `RawUnusable` when there is nothing to keep, `NotProved`, and OSError when the disk fails.
    """
    lengths = [_samples(pair.citizen), _samples(pair.others)]
    if not any(lengths):
        missing = not (pair.citizen.exists() or pair.others.exists())
        raise RawUnusable("missing" if missing else "empty", "the switch's files hold no sound")
    try:
        raw = _encode(pair, max(lengths), target)
        _sync(target)
        _prove(target, raw)
    except av.error.FFmpegError as error:
        if isinstance(error, OSError):
            raise OSError(error.errno, "cannot write or read back the encoded file") from None
        raise NotProved(f"cannot encode or decode: {type(error).__name__}") from None
    digest, size = hash_file(target)
    return Kept(digest, size, raw.samples / RATE, one_sided=not all(lengths))


def raw_seconds(pair: RawPair) -> float:
    """How long the longer file of the pair is; 0 when there is none."""
    return max(_samples(pair.citizen), _samples(pair.others)) / RATE


def hash_file(path: Path) -> tuple[str, int]:
    """SHA-256 in hexadecimal and the size in bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size


def decode(path: Path) -> Iterator[Samples]:
    """The sound of a kept file as blocks of shape (samples, 2) at 8 kHz: left the citizen, right everybody else."""
    with av.open(str(path)) as container:
        to_telephone = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
        for frame in chain(container.decode(audio=0), (None,)):
            for part in to_telephone.resample(frame):
                yield part.to_ndarray().astype(np.int16, copy=False).reshape(-1, 2)


class _Meter:
    """Counts samples and measures the loudness of both sides."""

    def __init__(self) -> None:
        self.samples = 0
        self._energy = np.zeros(2)
        self._last = np.zeros((1, 2))

    def add(self, block: Samples) -> None:
        if not len(block):
            return
        joined = np.concatenate((self._last, block.astype(np.float64)))
        self._energy += (np.diff(joined, axis=0) ** 2).sum(axis=0)
        self._last = joined[-1:]
        self.samples += len(block)

    @property
    def loudness(self) -> NDArray[np.float64]:
        """Root mean square of each side, full scale 32768."""
        return np.sqrt(self._energy / max(1, self.samples))


def _encode(pair: RawPair, length: int, target: Path) -> _Meter:
    meter = _Meter()
    with av.open(str(target), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="stereo", options=_OPTIONS)
        stream.bit_rate = _BIT_RATE
        for block in _stereo(pair, length):
            for start in range(0, len(block), _FRAME):
                part = np.ascontiguousarray(block[start : start + _FRAME])
                frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="s16", layout="stereo")
                frame.sample_rate = RATE
                frame.pts = meter.samples + start
                container.mux(stream.encode(frame))
            meter.add(block)
        container.mux(stream.encode(None))
    return meter


def _stereo(pair: RawPair, length: int) -> Iterator[Samples]:
    """Both sides side by side; the shorter one goes on in silence."""
    left, right = _open(pair.citizen), _open(pair.others)
    try:
        for start in range(0, length, _BLOCK):
            count = min(_BLOCK, length - start)
            yield np.stack((_read(left, count), _read(right, count)), axis=1)
    finally:
        for file in (left, right):
            if file is not None:
                file.close()


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RawUnusable("unreadable", f"cannot open a raw file: {error.strerror}") from None


def _read(file: BinaryIO | None, count: int) -> Samples:
    try:
        content = file.read(count * SAMPLE_BYTES) if file is not None else b""
    except OSError as error:
        raise RawUnusable("unreadable", f"cannot read a raw file: {error.strerror}") from None
    found = np.frombuffer(content[: len(content) // SAMPLE_BYTES * SAMPLE_BYTES], dtype="<i2").astype(np.int16)
    return np.pad(found, (0, count - len(found)))


def _samples(path: Path) -> int:
    try:
        return path.stat().st_size // SAMPLE_BYTES
    except FileNotFoundError:
        return 0


def _prove(target: Path, raw: _Meter) -> None:
    back = _Meter()
    for block in decode(target):
        back.add(block)
    if abs(back.samples - raw.samples) > _LENGTH_TOLERANCE_S * RATE:
        raise NotProved(f"{raw.samples / RATE:.2f} s were encoded, {back.samples / RATE:.2f} s come back")
    for side, before, after in zip(("citizen's", "other"), raw.loudness, back.loudness, strict=True):
        if before >= max(_SILENCE, raw.loudness.max() * _MASKED) and after < before * _LEAST_LEFT:
            raise NotProved(f"the {side} side was encoded with sound and comes back without")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fchmod(file.fileno(), 0o600)
        os.fsync(file.fileno())
