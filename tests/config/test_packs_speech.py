"""What the shipped packs say can be said, names the city, tells of the recording, and does not keep a caller long."""

import pytest

from config.packs import PROMPTS, SHIPPED, Pack, cities, load_pack
from hotline.runtime.paths import espeak
from ivr.prompts import EspeakSpeaker, audio
from ivr.prompts.pinyin import sounds
from ivr.prompts.speaking import render
from ivr.prompts.store import GREETING_GOAL_S

VALUES = {"position": 12, "line": "12348", "dialled": "12331", "until": "2026-10-31"}
GREETINGS = sorted(key for key in PROMPTS if key.startswith("greeting"))


@pytest.fixture(params=cities(SHIPPED))
def pack(request: pytest.FixtureRequest) -> Pack:
    return load_pack(SHIPPED, request.param)


def test_every_prompt_has_a_text_whose_every_character_has_a_sound(pack: Pack) -> None:
    assert pack.prompts.keys() == PROMPTS.keys()
    for template in pack.prompts.values():
        assert sounds(render(template, VALUES))


def test_a_greeting_never_says_hello_again_and_always_tells_of_the_recording(pack: Pack) -> None:
    assert pack.prompts["switch_hello"].text == "您好，"
    for key in GREETINGS:
        assert not pack.prompts[key].text.startswith("您好")
        assert "将被录音" in pack.prompts[key].text


def test_the_city_is_named_to_whoever_calls_it(pack: Pack) -> None:
    for key in ("greeting", "greeting_merged", "switch_notice"):
        assert pack.city.name in pack.prompts[key].text


def test_a_line_that_leads_elsewhere_is_named(pack: Pack) -> None:
    for key, template in pack.prompts.items():
        if "line" in PROMPTS[key]:
            assert "line" in {slot.name for slot in template.slots}, key


async def test_every_greeting_is_over_within_eight_seconds_of_the_answer(pack: Pack) -> None:
    speaker = EspeakSpeaker(espeak())

    async def seconds(key: str) -> float:
        rate, samples = audio.read_wav(await speaker.speak(render(pack.prompts[key], VALUES), pack.voice))
        return len(samples) / rate

    hello = await seconds("switch_hello")
    for key in GREETINGS:
        assert hello + await seconds(key) <= GREETING_GOAL_S, key
