"""The sandbox's ears: they must hear what is there and nothing else, or every test that trusts them proves nothing."""

import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from hotline.runtime import paths
from tests.sandbox.audio import RATE, Samples, amplitude, has_tone, is_speech, loud_s, timeline, tone, tones
from tests.sandbox.g711 import ALAW, alaw_decode, alaw_encode

FREQS = [330, 440, 450, 700, 900, 1100]


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.int16)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """A sentence said by espeak-ng, as the network carries it."""
    path = Path(tmp_path_factory.mktemp("speech")) / "said.wav"
    subprocess.run([*paths.espeak(), "-v", "cmn-latn-pinyin", "-w", str(path), "您好，这里是热线，请讲。"], check=True)
    with wave.open(str(path)) as file:
        samples, rate = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16), file.getframerate()
    at = np.arange(0, len(samples) - 1, rate / RATE)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.int16)


def test_a_tone_has_its_own_amplitude_and_no_other() -> None:
    samples = tone(700, 0.5, level=5000)
    assert amplitude(samples, 700) == pytest.approx(5000, rel=0.01)
    assert amplitude(samples, 900) < 20


def test_tones_that_sound_together_are_all_found() -> None:
    both = tone(700, 0.2) + tone(900, 0.2)
    assert tones(both, FREQS) == {700, 900}
    assert has_tone(both, 700)
    assert has_tone(both, 900)
    assert not has_tone(both, 1100)


def test_neighbours_like_440_and_450_hertz_are_told_apart_in_a_fifth_of_a_second() -> None:
    assert amplitude(tone(440, 0.2), 450) < amplitude(tone(440, 0.2), 440) / 2


def test_noise_silence_and_speech_hold_no_tone(speech: Samples) -> None:
    noise = np.random.default_rng(1).normal(0, 3000, RATE).astype(np.int16)
    for samples in (noise, silence(1)):
        assert not any(has_tone(samples, hz) for hz in FREQS)
    assert not any(span.seconds > 0.2 for span in timeline(speech, FREQS))


def test_the_timeline_says_when_each_tone_was_heard() -> None:
    samples = np.concatenate([silence(0.5), tone(700, 1.0), silence(0.3), tone(900, 0.5), tone(700, 0.2)])
    found = [(span.hz, span.start, span.end) for span in timeline(samples, FREQS)]
    assert found == [(700, 0.5, 1.5), (900, pytest.approx(1.8), pytest.approx(2.3)), (700, 2.3, 2.5)]


def test_speech_is_speech_and_tones_are_not(speech: Samples) -> None:
    middle = speech[RATE // 2 : RATE // 2 + RATE]
    assert is_speech(middle)
    assert is_speech(alaw_decode(alaw_encode(middle)))
    assert not is_speech(tone(700, 1.0))
    assert not is_speech(tone(450, 1.0) + tone(900, 1.0))
    assert not is_speech(silence(1.0))
    assert loud_s(speech) > 1


def test_alaw_is_that_of_the_recommendation() -> None:
    """Values of ITU-T G.711, table 1a: the smallest and the largest of both signs."""
    assert alaw_encode(np.array([1, -1, 32767, -32768], dtype=np.int16)) == bytes([0xD5, 0x55, 0xAA, 0x2A])
    assert alaw_decode(bytes([0xD5, 0x55, 0xAA, 0x2A])).tolist() == [8, -8, 32256, -32256]


def test_every_alaw_code_survives_decoding_and_encoding() -> None:
    codes = bytes(range(256))
    assert alaw_encode(alaw_decode(codes)) == codes
    assert len(set(ALAW.tolist())) == 256
