"""A running switch of the hotline and the world outside it, for tests on real Asterisk.

Each test gets its own (half a second together), so that no call, phone or recording of one test reaches another.
"""

import contextlib
import signal
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from config.asterisk_config import ARI_USER, slips_dir
from config.asterisk_emergency import Emergency, EmergencyNumber, Routes
from config.settings import Settings, SipSettings, SwitchSettings
from config.slips import Slip, read_slips
from hotline.emergency_routes import ringing_tone
from hotline.programs import AsteriskService, asterisk_service
from tests.sandbox import World, free_ports
from tests.sandbox.audio import RATE, Samples, tone
from tests.sandbox.leg import until

NOTICE_HZ, SORRY_HZ, MUSIC_HZ = 500, 600, 330
NOTICE_S = SORRY_S = 0.6
HELLO_HZ, MENU_HZ, CONNECTING_HZ, FAILED_HZ, RINGING_HZ = 300, 400, 800, 1000, 450
HELLO_S, MENU_S = 0.6, 1.0
RTP_PORTS = 400


@dataclass
class Switch:
    """The hotline's own Asterisk. It says tones where a real one speaks: see ``NOTICE_HZ``, ``SORRY_HZ``."""

    settings: Settings
    service: AsteriskService
    ari_user: str
    ari_password: str

    @property
    def base_url(self) -> str:
        return self.service.base_url

    def slips(self) -> list[Slip]:
        return read_slips(slips_dir(self.settings))

    async def slip(self, within: float = 5.0) -> Slip:
        """The slip of the only call, once it is complete."""
        await until(lambda: [s.ended is not None for s in self.slips()] == [True], within, lambda: str(self.slips()))
        return self.slips()[0]

    def recording(self, call: str) -> tuple[Samples, Samples]:
        """What the citizen said, and what all others said, as far as it is on the disk."""
        citizen, others = (self.settings.recording_spool / f"{call}-{side}.sln" for side in "co")
        return np.fromfile(citizen, dtype=np.int16), np.fromfile(others, dtype=np.int16)

    async def whole_recording(self, call: str, within: float = 5.0) -> tuple[Samples, Samples]:
        """The same, once Asterisk has written all of it and closed both files."""
        await until(lambda: not self._holds_open(f"/{call}-"), within, lambda: f"recording of {call} is still open")
        return self.recording(call)

    def _holds_open(self, text: str) -> bool:
        names = []
        for handle in Path(f"/proc/{self.service.pid()}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                names.append(str(handle.readlink()))
        return any(text in name for name in names)

    def complaints(self, *expected: str) -> list[str]:
        """Lines of the log that are warnings or errors, without those that hold an expected text."""
        lines = (self.service.folder / "log" / "messages").read_text("utf-8").splitlines()
        found = [line for line in lines if " WARNING[" in line or " ERROR[" in line]
        return [line for line in found if not any(text in line for text in expected)]


StartSwitch = Callable[..., Awaitable[Switch]]


def emergency_path(sounds: Path, routes: Routes, *, keys: Mapping[str, str], choice_s: float = 3.0) -> Emergency:
    """What key 9 leads to, in tones: ``MENU_HZ`` asks for the second key, one of ``keys`` (2 → 119); all numbers are
    connected with ``CONNECTING_HZ``, then ``RINGING_HZ``, and given up with ``FAILED_HZ``.
    """
    connecting = write_wav(sounds / "connecting.wav", tone(CONNECTING_HZ, 0.6))
    failed = write_wav(sounds / "failed.wav", tone(FAILED_HZ, 0.6))
    return Emergency(
        menu=write_wav(sounds / "menu.wav", tone(MENU_HZ, MENU_S)),
        choice_s=choice_s,
        numbers=tuple(EmergencyNumber(key, number, connecting, failed) for key, number in keys.items()),
        ringing=ringing_tone(sounds),
        routes=routes,
    )


def write_wav(path: Path, samples: Samples) -> Path:
    """An 8 kHz mono WAV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture
def hotline_port() -> int:
    """SIP port of this test's hotline."""
    return free_ports()[0]


@pytest_asyncio.fixture
async def world(tmp_path: Path, hotline_port: int) -> AsyncIterator[World]:
    """The world outside, whose citizens call this test's hotline."""
    async with World.start(tmp_path / "outside", hotline_sip=("127.0.0.1", hotline_port)) as world:
        yield world


@pytest.fixture
def switch_settings(tmp_path: Path, hotline_port: int, world: World) -> Settings:
    """Settings of a hotline beside the world: trunk and desk phones are there."""
    rtp = free_ports(RTP_PORTS)
    outside = f"127.0.0.1:{world.sip_port}"
    return Settings(
        state=tmp_path / "hotline",
        switch=SwitchSettings(http_port=free_ports()[0]),
        sip=SipSettings(
            port=hotline_port, rtp_start=rtp[0], rtp_end=rtp[-1], trunk=outside, desks=outside, softphone=True
        ),
    )


@pytest_asyncio.fixture
async def start_switch(switch_settings: Settings, tmp_path: Path) -> AsyncIterator[StartSwitch]:
    """Starts the hotline's Asterisk: ``await start_switch(duty_phones=["desk:8001"], ring_s=2)``.

    It dies with the test process; a second call adopts the running one or starts it again.
    """
    sounds = tmp_path / "sounds"
    started: list[AsteriskService] = []

    async def start(
        duty_phones: Sequence[str] = (), ring_s: int = 5, settings: Settings = switch_settings, **kept: Any
    ) -> Switch:
        service = asterisk_service(
            settings,
            ari_password="of-this-test",
            duty_phones=duty_phones,
            notice=write_wav(sounds / "notice.wav", tone(NOTICE_HZ, NOTICE_S)),
            sorry=write_wav(sounds / "sorry.wav", tone(SORRY_HZ, SORRY_S)),
            moh_dir=write_wav(sounds / "music" / "music.wav", tone(MUSIC_HZ, 10)).parent,
            ring_s=ring_s,
            **kept,
        )
        service.mortal = True
        started.append(service)
        await service.start()
        return Switch(settings, service, ARI_USER, "of-this-test")

    yield start
    for service in started:
        service.stop_signal = signal.SIGKILL  # an orderly end takes over a second
        await service.stop()


@pytest_asyncio.fixture
async def switch(start_switch: StartSwitch) -> Switch:
    """A running hotline Asterisk without duty phones."""
    return await start_switch()
