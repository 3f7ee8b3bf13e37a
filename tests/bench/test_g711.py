"""A-law as the standard has it, and silence told from sound."""

from pathlib import Path

from bench import g711


def test_codes_are_those_of_the_standard() -> None:
    # ITU-T G.711 table 1a, even bits inverted: the smallest and the largest values of both signs
    assert (g711.decode(0xD5), g711.decode(0x55)) == (8, -8)
    assert (g711.decode(0xAA), g711.decode(0x2A)) == (32256, -32256)


def test_every_code_comes_back() -> None:
    assert [g711.encode(g711.decode(code)) for code in range(256)] == list(range(256))


def test_silence_and_comfort_noise_are_not_audible() -> None:
    assert not g711.is_audible(b"\xd5" * 160)
    assert not g711.is_audible(g711.alaw([100, -100] * 80))


def test_a_tone_is_audible_from_its_first_packet() -> None:
    assert g711.is_audible(g711.alaw(g711.tone(800, 1.0)[:160]))
    assert g711.is_audible(b"\xd5" * 159 + g711.alaw([8000]))


def test_sipp_gets_a_law_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    samples = g711.tone(1000, 0.1)
    g711.write_alaw_wav(path, samples)
    data = path.read_bytes()
    assert data[:4] == b"RIFF"
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert data[20:22] == b"\x06\x00"
    assert data.endswith(g711.alaw(samples))
