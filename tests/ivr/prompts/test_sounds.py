"""The tone and the music are what they should be, by numbers."""

import numpy as np
import pytest

from ivr.prompts import audio, sounds


def spectrum(samples: audio.Samples) -> tuple[np.ndarray, np.ndarray]:
    return np.fft.rfftfreq(len(samples), 1 / audio.RATE_HZ), np.abs(np.fft.rfft(samples)) ** 2


def test_the_beep_is_one_clear_tone_that_begins_and_ends_softly() -> None:
    rate, samples = audio.read_wav(sounds.beep())
    assert (rate, len(samples) / rate) == (8000, sounds.BEEP_S)
    hertz, power = spectrum(samples)
    near = np.abs(hertz - sounds.BEEP_HZ) < 30
    assert power[near].sum() / power.sum() > 0.99
    assert max(abs(samples[0]), abs(samples[-1])) < 0.01


def test_the_music_lasts_long_enough_is_soft_and_lies_in_the_telephone_band() -> None:
    rate, samples = audio.read_wav(sounds.music())
    assert 30 <= len(samples) / rate <= 60
    assert audio.dbfs(audio.active_rms(samples)) == pytest.approx(-27.0, abs=0.5)
    assert audio.dbfs(float(np.max(np.abs(samples)))) < -9
    hertz, power = spectrum(samples)
    assert power[(hertz > 60) & (hertz < 3400)].sum() / power.sum() > 0.999


def test_the_music_is_never_silent_and_repeats_without_a_seam() -> None:
    _, samples = audio.read_wav(sounds.music())
    windows = samples.reshape(-1, 4000)  # half a second each
    assert np.min(np.sqrt(np.mean(windows**2, axis=1))) > 0.003
    steps = np.abs(np.diff(samples))
    assert abs(samples[0] - samples[-1]) <= np.max(steps)


def test_the_sounds_are_the_same_every_time() -> None:
    assert sounds.music() == sounds.music()
    assert sounds.beep() == sounds.beep()
