"""No prompt falls back to English sounds: shown by espeak-ng's own phonemes."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from config.packs import SHIPPED, load_pack
from ivr.prompts.pinyin import SYLLABLES, sounds
from ivr.prompts.speaking import READERS, Value, render
from ivr.prompts.tts import espeak_text, spelled

Trace = Callable[[str], list[str]]

# espeak-ng's contours for the tones of Mandarin, from 1 (low) to 5 (high): level, rising, low (whole or half), falling,
# and neutral after each; a third tone before another is spoken as a second.
CONTOURS = {"1": {"55"}, "2": {"35"}, "3": {"214", "21", "35"}, "4": {"51", "53"}, "5": {"11", "22", "33", "44"}}

# One syllable: phonemes around a contour. What English, or any other language, would look like does not match:
# a change of language is written (en), and English vowels carry no contour of their own.
SYLLABLE = re.compile(r"[a-zA-Z';,.:@&\[^~-]*?(?P<contour>[1-5]{2,3})[nN]?")

VALUES: dict[str, Value] = {"line": "2912345", "dialled": "12331", "until": "2026-10-31"}


def assert_mandarin(text: str, trace: Trace) -> None:
    """Every character of the text is one syllable of Mandarin in its tone, and there is nothing else."""
    heard = " ".join(trace(espeak_text(text)))
    assert "(" not in heard, f"{text}: {heard}"
    syllables = [piece for piece in re.split(r"[|_\s]+", heard) if piece]
    expected = [sound for sound in sounds(text) if sound.syllable is not None]
    assert len(syllables) == len(expected), f"{text}: {heard}"
    for sound, syllable in zip(expected, syllables, strict=True):
        match = SYLLABLE.fullmatch(syllable)
        assert match is not None, f"{sound}: {syllable}"
        assert sound.syllable is not None
        assert match["contour"] in CONTOURS[sound.syllable[-1]], f"{sound}: {syllable}"


def cities() -> list[str]:
    return sorted(
        folder.name for folder in SHIPPED.iterdir() if (folder / "city.toml").is_file() and folder.name[0] != "_"
    )


@pytest.mark.parametrize("city", cities())
def test_every_prompt_of_every_pack_is_mandarin_and_nothing_else(city: str, phonemes: Trace) -> None:
    pack = load_pack(SHIPPED, city)
    for template in pack.prompts.values():
        for place in range(1, 31) if "position" in {slot.name for slot in template.slots} else (1,):
            assert_mandarin(render(template, VALUES | {"position": place}), phonemes)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("digits", ["12345", "110", "13967890123", "0795-3500000"]),
        ("number", [0, 2, 10, 99, 105, 110, 2222, 10_010, 123_456_789_012]),
        ("count", range(1, 40)),
        ("ordinal", range(1, 40)),
        ("code", ["ABCDEFGHIJKLMNOPQRSTUVWXYZ", "YC202610010007", "0123456789"]),
        ("date", [(date(2026, 1, 1) + timedelta(days=31 * month)).isoformat() for month in range(12)]),
        ("day", [(date(2026, 1, 1) + timedelta(days=day)).isoformat() for day in range(31)]),
        ("time", [f"{hour}:{minute:02}" for hour in range(24) for minute in (0, 5, 30)]),
    ],
)
def test_every_kind_of_value_is_mandarin_and_nothing_else(kind: str, values: list[Value], phonemes: Trace) -> None:
    assert_mandarin("，".join(READERS[kind](value) for value in values), phonemes)


def test_every_syllable_in_every_tone_is_read_as_mandarin_and_sounds_unlike_every_other(phonemes: Trace) -> None:
    written = [f"{syllable}{tone}" for tone in "12345" for syllable in sorted(SYLLABLES)]
    heard = phonemes("，".join(map(spelled, written)))
    assert len(heard) == len(written)
    for syllable, sound in zip(written, heard, strict=True):
        match = SYLLABLE.fullmatch(sound.rstrip("_|"))
        assert match is not None, f"{syllable}: {sound}"
        assert match["contour"] in CONTOURS[syllable[-1]], f"{syllable}: {sound}"
    assert len(set(heard)) == len(written)


def test_a_text_with_english_in_it_would_be_noticed(phonemes: Trace) -> None:
    assert any("(en)" in clause for clause in phonemes("nin2 hao3 hotline"))
    assert any("(en)" in clause for clause in phonemes("xiong2")), (
        "espeak-ng has learnt xiong: spell it as it is written"
    )
