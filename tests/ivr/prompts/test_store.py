"""Every sound a call asks for is found at once, or the call goes on without."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from config.packs import SHIPPED, Pack, Recorded, Voice, load_pack
from ivr.call import Music, Say, Sound, Tone
from ivr.prompts import EspeakSpeaker, PromptStore, SpeechError, audio
from ivr.prompts.store import GREETING_GOAL_S


class CountingSpeaker:
    """The real speaker, counting what it is asked; held back while ``gate`` is closed, failing while ``broken``."""

    def __init__(self, speaker: EspeakSpeaker) -> None:
        self._speaker = speaker
        self.spoken: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.broken = False

    def fingerprint(self, text: str, voice: Voice) -> str:
        return self._speaker.fingerprint(text, voice)

    async def speak(self, text: str, voice: Voice) -> bytes:
        self.spoken.append(text)
        self.asked.set()
        await self.gate.wait()
        if self.broken:
            raise SpeechError("out of order")
        return await self._speaker.speak(text, voice)


@pytest.fixture
def counting(speaker: EspeakSpeaker) -> CountingSpeaker:
    return CountingSpeaker(speaker)


@pytest.fixture
def make(pack: Pack, counting: CountingSpeaker, tmp_path: Path) -> Callable[..., PromptStore]:
    def store(pack: Pack = pack, **limits: float) -> PromptStore:
        return PromptStore(pack, counting, tmp_path / "prompts", **limits)

    return store


def form(path: Path) -> tuple[int, float]:
    """Rate in Hz and length in seconds."""
    rate, samples = audio.read_wav(path.read_bytes())
    return rate, len(samples) / rate


async def test_after_preparing_no_prompt_of_a_call_has_to_be_spoken(
    pack: Pack, make: Callable[..., PromptStore], counting: CountingSpeaker
) -> None:
    store = make()
    prepared = await store.prepare()
    assert prepared.failed == ()
    assert prepared.seconds["greeting"] <= GREETING_GOAL_S
    counting.spoken.clear()
    sounds: list[Sound] = [Say(key) for key, template in pack.prompts.items() if not template.slots]
    sounds += [Say("queue_position", {"position": place}) for place in range(1, 31)]
    paths = [await store.media(sound) for sound in [*sounds, Tone("beep"), Music()]]
    assert counting.spoken == []
    assert len({path for path in paths if path is not None and form(path)[0] == 8000}) == len(sounds) + 2


async def test_a_place_not_prepared_is_spoken_when_asked_for_and_then_kept(
    make: Callable[..., PromptStore], counting: CountingSpeaker
) -> None:
    store = make(patience_s=30.0)
    first = await store.media(Say("queue_position", {"position": 112}))
    again = await store.media(Say("queue_position", {"position": 112}))
    assert first == again is not None
    assert [text for text in counting.spoken if "第一百一十二位" in text] == counting.spoken
    assert len(counting.spoken) == 1


async def test_another_process_finds_what_one_has_spoken(
    make: Callable[..., PromptStore], counting: CountingSpeaker
) -> None:
    assert await make(patience_s=30.0).media(Say("farewell")) == await make().media(Say("farewell"))
    assert len(counting.spoken) == 1


async def test_calls_that_ask_at_the_same_time_wait_for_one_synthesis(
    make: Callable[..., PromptStore], counting: CountingSpeaker
) -> None:
    store = make(patience_s=30.0)
    paths = await asyncio.gather(*(store.media(Say("farewell")) for _ in range(20)))
    assert len(set(paths)) == 1
    assert len(counting.spoken) == 1


async def test_given_a_slow_voice_then_the_call_goes_on_and_the_next_one_has_the_sound(
    make: Callable[..., PromptStore], counting: CountingSpeaker
) -> None:
    store = make(patience_s=0.01)
    counting.gate.clear()
    assert await store.media(Say("farewell")) is None
    counting.gate.set()
    await store.prepare()
    assert await store.media(Say("farewell")) is not None
    assert counting.spoken.count("感谢您的来电，再见。") == 1


async def test_given_a_caller_who_hangs_up_then_the_sound_is_made_for_the_next(
    make: Callable[..., PromptStore], counting: CountingSpeaker
) -> None:
    store = make(patience_s=30.0)
    counting.gate.clear()
    asking = asyncio.create_task(store.media(Say("farewell")))
    await asyncio.wait_for(counting.asked.wait(), 10)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    counting.gate.set()
    assert await store.media(Say("farewell")) is not None
    assert len(counting.spoken) == 1


async def test_given_a_broken_voice_then_there_is_no_file_and_it_is_not_asked_again_at_once(
    make: Callable[..., PromptStore], counting: CountingSpeaker
) -> None:
    store = make(patience_s=30.0, retry_s=3600.0)
    counting.broken = True
    assert await store.media(Say("farewell")) is None
    assert await store.media(Say("farewell")) is None
    assert len(counting.spoken) == 1
    counting.broken = False
    prepared = await store.prepare()
    assert prepared.failed == ()
    assert await store.media(Say("farewell")) is not None


async def test_given_a_broken_voice_then_preparing_names_what_is_missing(
    make: Callable[..., PromptStore], counting: CountingSpeaker
) -> None:
    counting.broken = True
    prepared = await make().prepare()
    assert {"greeting", "queue_position 1", "queue_position 30"} <= set(prepared.failed)
    assert prepared.seconds.keys() == {"beep", "music"}


@pytest.mark.parametrize(
    "sound",
    [Say("nothing"), Say("queue_position"), Say("queue_position", {"position": "最后"}), Tone("ring"), Tone("unknown")],
)
async def test_a_sound_that_cannot_be_made_is_no_file(make: Callable[..., PromptStore], sound: Say | Tone) -> None:
    assert await make().media(sound) is None


async def test_given_a_folder_that_cannot_be_written_then_there_is_no_file(
    pack: Pack, speaker: EspeakSpeaker, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    store = PromptStore(pack, speaker, tmp_path / "file" / "prompts", patience_s=30.0)
    assert await store.media(Say("farewell")) is None
    assert "farewell" in (await store.prepare()).failed


async def test_given_an_empty_file_left_by_a_crash_then_the_sound_is_made_anew(
    make: Callable[..., PromptStore],
) -> None:
    store = make(patience_s=30.0)
    path = await store.media(Say("farewell"))
    assert path is not None
    path.write_bytes(b"")
    assert await store.media(Say("farewell")) == path
    assert form(path)[1] > 1


async def test_a_recording_is_played_instead_of_its_text_and_brought_to_8_khz(
    pack: Pack, make: Callable[..., PromptStore], counting: CountingSpeaker, tmp_path: Path
) -> None:
    store = make(recorded_pack(tmp_path, rate=16000), patience_s=30.0)
    path = await store.media(Say("farewell"))
    assert path is not None
    assert form(path) == (8000, 1.5)
    assert audio.dbfs(audio.active_rms(audio.read_wav(path.read_bytes())[1])) == pytest.approx(-15.05, abs=0.1)
    assert counting.spoken == []


async def test_a_recording_of_8_khz_is_played_as_it_is(make: Callable[..., PromptStore], tmp_path: Path) -> None:
    pack = recorded_pack(tmp_path, rate=8000)
    path = await make(pack, patience_s=30.0).media(Say("farewell"))
    assert path is not None
    assert path.read_bytes() == pack.recorded["farewell"].path.read_bytes()


async def test_given_a_recording_changed_after_the_pack_was_read_then_it_is_not_played(
    make: Callable[..., PromptStore], tmp_path: Path
) -> None:
    pack = recorded_pack(tmp_path, rate=8000)
    recording: Recorded = pack.recorded["farewell"]
    recording.path.write_bytes(recording.path.read_bytes() + b"\0\0")
    assert await make(pack, patience_s=30.0).media(Say("farewell")) is None


async def test_preparing_removes_what_nobody_asked_for_in_a_long_time(
    make: Callable[..., PromptStore], tmp_path: Path
) -> None:
    store = make(patience_s=30.0)
    old, young = [await store.media(Say("queue_position", {"position": place})) for place in (101, 102)]
    half = tmp_path / "prompts" / ".half.part"
    half.write_bytes(b"RIFF")
    assert old is not None
    assert young is not None
    for path in (old, half):
        os.utime(path, (time.time() - 31 * 86400,) * 2)
    await store.prepare()
    assert (old.exists(), half.exists(), young.exists()) == (False, False, True)


async def test_the_music_lies_alone_in_its_folder(make: Callable[..., PromptStore]) -> None:
    store = make(patience_s=30.0)
    music = await store.media(Music())
    assert music is not None
    assert [music] == list(store.music_folder.iterdir())


def recorded_pack(folder: Path, *, rate: int) -> Pack:
    """The Yichun pack with a recorded farewell of 1.5 s: a tone of 1 kHz at a quarter of full scale."""
    shutil.copytree(SHIPPED / "yichun", folder / "cities" / "yichun")
    (folder / "cities" / "yichun" / "prompts").mkdir()
    tone = 0.25 * np.sin(2 * np.pi * 1000 * np.arange(round(1.5 * rate)) / rate)
    data = bytearray(audio.write_wav(tone))
    data[24:32] = rate.to_bytes(4, "little") + (2 * rate).to_bytes(4, "little")
    (folder / "cities" / "yichun" / "prompts" / "farewell.wav").write_bytes(data)
    return load_pack(folder / "cities", "yichun")
