"""Encoding: what goes in comes out, on the same side, in little space; what does not is never taken for kept."""

import os
from pathlib import Path

import numpy as np
import pytest

from recordings import audio
from recordings.audio import NotProved, RawPair, RawUnusable, hash_file, preserve
from tests.recordings.raw import Sound, hear, noise, silence, strength, tone, write


def test_the_citizen_is_left_and_everybody_else_right(tmp_path: Path) -> None:
    pair = write(tmp_path, "r", tone(440, 5), tone(1000, 5))
    kept = preserve(pair, tmp_path / "r.ogg")
    sound = hear(tmp_path / "r.ogg")
    left, right = sound[:, 0], sound[:, 1]
    assert strength(left, 440) > 4000 > 300 > strength(left, 1000)
    assert strength(right, 1000) > 4000 > 300 > strength(right, 440)
    assert (kept.seconds, kept.one_sided) == (5.0, False)
    assert abs(len(sound) - 5 * 8000) <= 800
    assert (kept.sha256, kept.bytes) == hash_file(tmp_path / "r.ogg")


@pytest.mark.parametrize("seconds", [0.01, 0.06, 1.0, 2.99, 3.0, 3.01, 61.234])
def test_a_recording_of_any_length_comes_back_in_its_length(tmp_path: Path, seconds: float) -> None:
    pair = write(tmp_path, "r", noise(seconds, 1000), noise(seconds, 1000, seed=2))
    kept = preserve(pair, tmp_path / "r.ogg")
    assert len(hear(tmp_path / "r.ogg")) / 8000 == pytest.approx(seconds, abs=0.1)
    assert kept.seconds == pytest.approx(seconds, abs=0.001)


def test_the_shorter_side_goes_on_in_silence_and_in_step(tmp_path: Path) -> None:
    citizen = np.concatenate([silence(1), tone(440, 1)])
    preserve(write(tmp_path, "r", citizen, tone(1000, 4)), tmp_path / "r.ogg")
    left = hear(tmp_path / "r.ogg")[:, 0]
    assert len(left) == 4 * 8000
    assert strength(left[8000:16000], 440) > 4000
    assert strength(left[:7000], 440) < 300
    assert strength(left[17000:], 440) < 300


@pytest.mark.parametrize(
    ("citizen", "others"),
    [
        (noise(60, 3000), noise(60, 3000, seed=2)),
        (noise(60, 3000), silence(60)),
        (tone(440, 60), noise(60, 40)),
        (noise(60, 12000), tone(700, 60)),
    ],
    ids=["noise-noise", "noise-silence", "tone-hiss", "loud-tone"],
)
def test_a_minute_takes_at_most_200_kilobytes(tmp_path: Path, citizen: Sound, others: Sound) -> None:
    assert preserve(write(tmp_path, "r", citizen, others), tmp_path / "r.ogg").bytes <= 200_000


@pytest.mark.parametrize(
    ("citizen", "others"),
    [
        (silence(2), silence(2)),
        (tone(50, 2, 500), silence(2)),  # hum, which the codec filters away
        (silence(2) + np.int16(300), silence(2)),  # a constant offset
        (tone(440, 2, 9000), tone(1000, 2, 40)),  # one side drowned by the other
        (tone(3700, 2), silence(2)),
    ],
    ids=["silence", "hum", "offset", "drowned", "edge-of-band"],
)
def test_sound_that_no_codec_keeps_does_not_make_a_recording_unproved(
    tmp_path: Path, citizen: Sound, others: Sound
) -> None:
    assert preserve(write(tmp_path, "r", citizen, others), tmp_path / "r.ogg").seconds == 2.0


def test_a_torn_last_sample_is_left_out(tmp_path: Path) -> None:
    pair = write(tmp_path, "r", tone(440, 1), tone(1000, 1))
    pair.citizen.write_bytes(pair.citizen.read_bytes() + b"\x01")
    assert preserve(pair, tmp_path / "r.ogg").seconds == 1.0


@pytest.mark.parametrize("others", [None, silence(0)], ids=["missing", "empty"])
def test_one_side_alone_is_kept_and_told(tmp_path: Path, others: Sound | None) -> None:
    kept = preserve(write(tmp_path, "r", tone(440, 2), others), tmp_path / "r.ogg")
    assert kept.one_sided
    assert strength(hear(tmp_path / "r.ogg")[:, 0], 440) > 4000


@pytest.mark.parametrize(("citizen", "reason"), [(None, "missing"), (silence(0), "empty")])
def test_nothing_is_not_kept(tmp_path: Path, citizen: Sound | None, reason: str) -> None:
    with pytest.raises(RawUnusable) as told:
        preserve(write(tmp_path, "r", citizen, citizen), tmp_path / "r.ogg")
    assert told.value.reason == reason
    assert not (tmp_path / "r.ogg").exists()


def test_a_raw_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "r-c.sln").mkdir()
    (tmp_path / "r-c.sln" / "x").touch()
    with pytest.raises(RawUnusable) as told:
        preserve(RawPair(tmp_path / "r-c.sln", tmp_path / "r-o.sln"), tmp_path / "r.ogg")
    assert told.value.reason == "unreadable"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, which every Linux has")
def test_a_full_disk_is_an_error_of_the_disk_and_not_of_the_recording(tmp_path: Path) -> None:
    (tmp_path / "r.ogg").symlink_to("/dev/full")
    with pytest.raises(OSError, match="cannot write"):
        preserve(write(tmp_path, "r", tone(440, 60), tone(1000, 60)), tmp_path / "r.ogg")


@pytest.mark.parametrize("fault", ["cut", "left lost", "right lost", "garbage"])
def test_a_file_that_does_not_give_everything_back_is_not_proved(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk gives back another file than the one that was written."""
    full = write(tmp_path, "full", tone(440, 5), tone(1000, 5))
    wrong = {
        "cut": write(tmp_path, "cut", tone(440, 4.8), tone(1000, 4.8)),
        "left lost": write(tmp_path, "left", silence(5), tone(1000, 5)),
        "right lost": write(tmp_path, "right", tone(440, 5), silence(5)),
    }
    target = tmp_path / "r.ogg"
    other = b"OggS, but nothing else"
    if fault in wrong:
        preserve(wrong[fault], tmp_path / "wrong.ogg")
        other = (tmp_path / "wrong.ogg").read_bytes()
    monkeypatch.setattr(audio, "_sync", lambda path: path.write_bytes(other))
    with pytest.raises(NotProved):
        preserve(full, target)
