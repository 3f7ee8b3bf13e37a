"""espeak-ng speaks prompts as the telephone needs them; when it cannot, there is a reason."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from config.packs import Voice
from ivr.prompts import EspeakSpeaker, SpeechError, audio
from ivr.prompts.tts import espeak_text

GREETING = "您好，这里是宜春市幺二三四五热线。本次通话将被录音。"


async def test_a_text_becomes_speech_of_telephone_form_and_level(speaker: EspeakSpeaker, voice: Voice) -> None:
    rate, samples = audio.read_wav(await speaker.speak(GREETING, voice))
    assert rate == 8000
    assert 3.0 < len(samples) / rate < 8.0
    assert audio.dbfs(audio.active_rms(samples)) == pytest.approx(audio.SPEECH_DBFS, abs=1.0)
    assert audio.dbfs(float(np.max(np.abs(samples)))) <= audio.PEAK_DBFS + 0.01
    edge = round(0.02 * rate)
    for end in (samples[:edge], samples[-edge:]):
        assert float(np.sqrt(np.mean(end**2))) < audio.active_rms(samples) / 10, "no click at the ends"


async def test_more_words_take_longer_and_a_full_stop_is_a_longer_pause_than_a_comma(
    speaker: EspeakSpeaker, voice: Voice
) -> None:
    async def seconds(text: str) -> float:
        return len(audio.read_wav(await speaker.speak(text, voice))[1]) / 8000

    plain, comma, stop = await seconds("您好您好"), await seconds("您好，您好"), await seconds("您好。您好")
    assert plain < comma < stop
    assert await seconds("您好您好您好") > plain


async def test_the_same_text_sounds_the_same_and_a_faster_voice_is_shorter(
    speaker: EspeakSpeaker, voice: Voice
) -> None:
    once, again = await speaker.speak(GREETING, voice), await speaker.speak(GREETING, voice)
    assert once == again
    fast = voice.model_copy(update={"rate": 280})
    assert len(await speaker.speak(GREETING, fast)) < len(once)


def test_what_changes_the_sound_changes_the_fingerprint(speaker: EspeakSpeaker, voice: Voice) -> None:
    changed = [
        voice.model_copy(update=change) for change in ({"rate": 200}, {"pitch": 40}, {"name": voice.name + "+f2"})
    ]
    prints = {speaker.fingerprint("您好", voice), speaker.fingerprint("你好", voice)}
    prints |= {speaker.fingerprint("您好", other) for other in changed}
    assert len(prints) == 5
    assert speaker.fingerprint("您好！", voice) == speaker.fingerprint("您好。", voice)


@pytest.mark.parametrize("text", ["", "，。", "“”", "HELLO", "发送SMS", "按1"])
async def test_a_text_that_is_not_plain_chinese_is_refused(speaker: EspeakSpeaker, voice: Voice, text: str) -> None:
    with pytest.raises(SpeechError):
        await speaker.speak(text, voice)


async def test_a_voice_of_another_language_is_refused(speaker: EspeakSpeaker, voice: Voice) -> None:
    with pytest.raises(SpeechError, match="the voice en does not read pinyin"):
        await speaker.speak("您好", voice.model_copy(update={"name": "en"}))


def test_nothing_but_syllables_and_pauses_reaches_the_program() -> None:
    with pytest.raises(SpeechError, match="cannot be spoken"):
        espeak_text("您好；$(reboot)")
    assert espeak_text("您好（熊），再见！") == "nin2 hao3 xong2， zai4 jian4。"


async def test_given_no_program_then_there_is_a_reason(voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="cannot be started"):
        await EspeakSpeaker([str(tmp_path / "espeak-ng")]).speak("您好", voice)


async def test_given_a_program_that_fails_then_its_complaint_is_the_reason(voice: Voice) -> None:
    with pytest.raises(SpeechError, match="status 3: no voice data"):
        await EspeakSpeaker(["/bin/sh", "-c", "echo no voice data >&2; exit 3"]).speak("您好", voice)


async def test_given_a_program_that_gives_no_sound_then_there_is_a_reason(voice: Voice) -> None:
    with pytest.raises(SpeechError, match="gave no sound"):
        await EspeakSpeaker(["/bin/sh", "-c", "cat"]).speak("您好", voice)


async def test_given_a_program_that_hangs_then_it_is_ended(voice: Voice, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    hanging = EspeakSpeaker(["/bin/sh", "-c", f"echo $$ > {pid}; exec sleep 600"], limit_s=0.5)
    with pytest.raises(SpeechError, match=r"within 0\.5 s"):
        await hanging.speak("您好", voice)
    assert not is_running(pid)


async def test_given_a_caller_who_hangs_up_while_it_speaks_then_the_program_is_ended(
    voice: Voice, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    speaking = asyncio.create_task(
        EspeakSpeaker(["/bin/sh", "-c", f"echo $$ > {pid}; exec sleep 600"]).speak("您好", voice)
    )
    await until(lambda: pid.exists() and pid.read_text().endswith("\n"))
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert not is_running(pid)


def is_running(pid: Path) -> bool:
    """Whether the process whose number stands in the file is there."""
    return Path(f"/proc/{pid.read_text().strip()}").exists()


async def until(holds: Callable[[], bool], limit_s: float = 10.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)
