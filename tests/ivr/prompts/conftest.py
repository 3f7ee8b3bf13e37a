"""The runtime's own espeak-ng for the tests of prompts, and the shipped Yichun pack."""

import subprocess
from collections.abc import Callable

import pytest

from config.packs import SHIPPED, Pack, Voice, load_pack
from hotline.runtime.paths import espeak
from ivr.prompts import EspeakSpeaker


@pytest.fixture(scope="session")
def pack() -> Pack:
    return load_pack(SHIPPED, "yichun")


@pytest.fixture(scope="session")
def voice(pack: Pack) -> Voice:
    return pack.voice


@pytest.fixture
def speaker() -> EspeakSpeaker:
    return EspeakSpeaker(espeak())


@pytest.fixture(scope="session")
def phonemes(voice: Voice) -> Callable[[str], list[str]]:
    """What espeak-ng makes of a text: its phonemes, clause by clause."""

    def trace(text: str) -> list[str]:
        command = [*espeak(), "-v", voice.name, "-x", "-q", "--stdin"]
        ended = subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=60)
        return [line.strip() for line in ended.stdout.decode().splitlines() if line.strip()]

    return trace
