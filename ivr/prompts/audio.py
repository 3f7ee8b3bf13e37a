"""Sound as numbers: reads and writes WAV, brings speech to the telephone's rate, band and loudness.

Samples are float arrays in which full scale is ±1. Pure computation: no files, no processes.
"""

import io
import math
import wave

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE_HZ = 8000  # narrow-band telephony; Asterisk plays .wav at this rate only
SPEECH_DBFS = -21.0  # level of speech while somebody speaks, about -18 dBm0
PEAK_DBFS = -1.0

_PASS_HZ, _STOP_HZ = 3500.0, 3900.0  # upper edge of the telephone band, and where nothing is left below 4 kHz
_MARGIN_S = 0.05  # silence around the sound, so that its ends do not wrap around in the transform
_FRAME_S = 0.02
_SILENCE_DB = -40.0  # below the loudest frame: not speech


class AudioError(ValueError):
    """Data that is not sound of the expected form."""


def read_wav(data: bytes) -> tuple[int, Samples]:
    """Rate in Hz and samples of a 16-bit mono WAV. Headers that claim more than there is are forgiven (streams)."""
    try:
        with wave.open(io.BytesIO(data), "rb") as sound:
            if (sound.getnchannels(), sound.getsampwidth()) != (1, 2):
                raise AudioError("the WAV is not 16-bit mono")
            rate, frames = sound.getframerate(), sound.readframes(sound.getnframes())
    except (wave.Error, EOFError) as error:
        raise AudioError(f"not a WAV file: {error}") from None
    return rate, np.frombuffer(frames[: len(frames) // 2 * 2], dtype="<i2").astype(np.float64) / 32768.0


def write_wav(samples: Samples) -> bytes:
    """A WAV of 8 kHz, mono, 16 bit."""
    data = np.clip(np.round(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE_HZ)
        sound.writeframes(data)
    return file.getvalue()


def resample(samples: Samples, rate: int) -> Samples:
    """To 8 kHz without aliasing: the spectrum above the telephone band is removed before it could fold down."""
    divisor = math.gcd(rate, RATE_HZ)
    block, out_block = rate // divisor, RATE_HZ // divisor
    margin = math.ceil(_MARGIN_S * rate / block)
    blocks = math.ceil(len(samples) / block) + 2 * margin
    padded = np.zeros(blocks * block)
    padded[margin * block : margin * block + len(samples)] = samples
    spectrum = np.fft.rfft(padded)
    hertz = np.arange(len(spectrum)) * (rate / len(padded))
    over = np.clip((hertz - _PASS_HZ) / (_STOP_HZ - _PASS_HZ), 0.0, 1.0)
    spectrum *= 0.5 + 0.5 * np.cos(np.pi * over)
    out_length = blocks * out_block
    kept = np.zeros(out_length // 2 + 1, dtype=np.complex128)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    resampled = np.fft.irfft(kept, out_length) * (out_length / len(padded))
    length = round(len(samples) * RATE_HZ / rate)
    return resampled[margin * out_block :][:length]


def trim(samples: Samples, keep_s: float = 0.03) -> Samples:
    """With ``keep_s`` of silence before and after, cut or added."""
    frames = _frame_levels(samples)
    loud = np.flatnonzero(frames > _threshold(frames))
    if len(loud) == 0:
        return samples[:0]
    frame, keep = round(_FRAME_S * RATE_HZ), round(keep_s * RATE_HZ)
    padded = np.pad(samples, keep)
    return padded[loud[0] * frame : (loud[-1] + 1) * frame + 2 * keep]


def level(samples: Samples, target_dbfs: float = SPEECH_DBFS, peak_dbfs: float = PEAK_DBFS) -> Samples:
    """At the target level (RMS over the frames with sound in them), or lower where a peak would exceed its limit."""
    active, peak = active_rms(samples), float(np.max(np.abs(samples), initial=0.0))
    if active == 0.0:
        return samples
    return samples * min(_ratio(target_dbfs) / active, _ratio(peak_dbfs) / peak)


def active_rms(samples: Samples) -> float:
    """RMS over the 20 ms frames that hold sound; 0 for silence."""
    frames = _frame_levels(samples)
    active = frames[frames > _threshold(frames)]
    return float(np.sqrt(np.mean(active**2))) if len(active) else 0.0


def dbfs(amplitude: float) -> float:
    """An amplitude in decibels below full scale."""
    return 20.0 * math.log10(amplitude) if amplitude > 0 else -math.inf


def _ratio(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))


def _frame_levels(samples: Samples) -> Samples:
    """RMS of each 20 ms frame at 8 kHz; the last may be short."""
    frame = round(_FRAME_S * RATE_HZ)
    padded = np.zeros(math.ceil(len(samples) / frame) * frame)
    padded[: len(samples)] = samples
    levels: Samples = np.sqrt(np.mean(padded.reshape(-1, frame) ** 2, axis=1))
    return levels


def _threshold(frames: Samples) -> float:
    return float(np.max(frames, initial=0.0)) * _ratio(_SILENCE_DB)
