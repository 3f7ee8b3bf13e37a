"""Sound is brought to the telephone's rate, band and loudness without damage."""

import io
import wave

import numpy as np
import pytest

from ivr.prompts import audio
from ivr.prompts.audio import Samples


def tone(hertz: float, rate: int, seconds: float = 1.0, amplitude: float = 0.5) -> Samples:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def level_at(samples: Samples, hertz: float) -> float:
    """Decibels (full-scale sine: 0) of one frequency in sound of 8 kHz, away from the ends."""
    middle = samples[800:-800]
    window = np.hanning(len(middle))
    turns = np.exp(-2j * np.pi * hertz * np.arange(len(middle)) / audio.RATE_HZ)
    return audio.dbfs(float(2 * abs(np.sum(middle * window * turns)) / np.sum(window)))


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("hertz", [200, 1000, 3400])
def test_what_is_in_the_telephone_band_keeps_its_level(rate: int, hertz: float) -> None:
    resampled = audio.resample(tone(hertz, rate), rate)
    assert level_at(resampled, hertz) == pytest.approx(audio.dbfs(0.5), abs=0.05)
    assert len(resampled) == audio.RATE_HZ


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("hertz", [4200, 5000, 5400])
def test_what_is_above_the_band_does_not_fold_into_it(rate: int, hertz: float) -> None:
    resampled = audio.resample(tone(hertz, rate), rate)
    assert level_at(resampled, audio.RATE_HZ - hertz) < -80
    assert audio.dbfs(float(np.max(np.abs(resampled[800:-800])))) < -60


@pytest.mark.parametrize("length", [1, 7, 441, 22049, 22051, 30011])
def test_a_sound_of_any_length_keeps_its_duration(length: int) -> None:
    assert len(audio.resample(np.ones(length) * 0.1, 22050)) == round(length * 8000 / 22050)


def test_speech_is_brought_to_the_same_level_however_loud_it_was() -> None:
    quiet = np.concatenate([np.zeros(4000), tone(500, 8000, 1.0, 0.01), np.zeros(8000)])
    for gain in (1.0, 10.0, 90.0):
        levelled = audio.level(quiet * gain)
        assert audio.dbfs(audio.active_rms(levelled)) == pytest.approx(audio.SPEECH_DBFS, abs=0.2)


def test_peaks_stay_below_their_limit_even_if_speech_is_softer_for_it() -> None:
    clicks = tone(500, 8000, 1.0, 0.05)
    clicks[::1000] = 0.9
    levelled = audio.level(clicks)
    assert audio.dbfs(float(np.max(np.abs(levelled)))) == pytest.approx(audio.PEAK_DBFS, abs=0.01)
    assert audio.dbfs(audio.active_rms(levelled)) < audio.SPEECH_DBFS


def test_silence_around_speech_is_cut_and_silence_within_it_is_kept() -> None:
    word, pause = tone(500, 8000, 0.5), np.zeros(4000)
    cut = audio.trim(np.concatenate([np.zeros(8000), word, pause, word, np.zeros(8000)]))
    assert len(cut) / 8000 == pytest.approx(1.56, abs=0.021)
    assert len(audio.trim(word)) / 8000 == pytest.approx(0.56, abs=0.021), (
        "sound up to the very ends is not clicked into"
    )


def test_silence_stays_silence() -> None:
    silence = np.zeros(800)
    assert len(audio.trim(silence)) == 0
    assert audio.active_rms(silence) == 0.0
    assert not np.any(audio.level(silence))


def test_a_wav_is_written_as_the_telephone_needs_it_and_read_back() -> None:
    samples = tone(440, 8000, 0.1)
    data = audio.write_wav(samples)
    with wave.open(io.BytesIO(data)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
    rate, read = audio.read_wav(data)
    assert rate == 8000
    assert np.max(np.abs(read - samples)) <= 0.5 / 32768


def test_a_stream_whose_header_claims_more_than_there_is_is_read_to_its_end() -> None:
    data = bytearray(audio.write_wav(tone(440, 8000, 0.1)))
    data[40:44] = (0x7FFFF000).to_bytes(4, "little")
    assert len(audio.read_wav(bytes(data))[1]) == 800


@pytest.mark.parametrize("data", [b"", b"RIFF", b"ID3 no wav at all"])
def test_what_is_no_wav_is_refused(data: bytes) -> None:
    with pytest.raises(audio.AudioError, match="not a WAV file"):
        audio.read_wav(data)
