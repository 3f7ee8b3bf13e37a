"""Writes packs for tests: the shipped Yichun pack with a few things changed, in a folder of its own."""

import shutil
import wave
from pathlib import Path

import pytest

from config.packs import SHIPPED, Pack, PackErrors, load_pack

CITY = """\
[city]
name = "试验市"
short = "试验"
area_code = "0795"
status = "in_force"
"""


class Packs:
    """A folder of packs with one city, ``trial``, which inherits everything but its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.city = folder / "trial"
        self.city.mkdir(parents=True)
        self.write("city.toml", CITY)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.city / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def city_toml(self, more: str) -> None:
        """The city's tables, and more after them."""
        self.write("city.toml", CITY + more)

    def own_default(self) -> Path:
        """A default of this folder's own, a copy of the shipped one."""
        shutil.copytree(SHIPPED / "_default", self.folder / "_default")
        return self.folder / "_default"

    def recording(
        self, name: str, *, rate: int = 8000, channels: int = 1, width: int = 2, seconds: float = 0.5
    ) -> Path:
        path = self.city / "prompts" / name
        path.parent.mkdir(exist_ok=True)
        with wave.open(str(path), "wb") as sound:
            sound.setnchannels(channels)
            sound.setsampwidth(width)
            sound.setframerate(rate)
            sound.writeframes(b"\1" * (round(seconds * rate) * channels * width))
        return path

    def load(self) -> Pack:
        return load_pack(self.folder, "trial")

    def problems(self) -> list[str]:
        """What is wrong, each with the pack's folder left out: ``city.toml:7: limits.ring_s: …``."""
        with pytest.raises(PackErrors) as caught:
            self.load()
        return [line.replace(f"{self.city}/", "") for line in caught.value.lines]


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    return Packs(tmp_path / "cities")
