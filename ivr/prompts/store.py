"""Finds the audio file of every sound a call can ask for: recorded, cached, or spoken now.

Whatever goes wrong, a call never waits long for a sound and never fails for one: then there is no file, and the log
says why. Values spoken in prompts are not logged.
"""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from config.packs import Pack, Recorded
from config.packs.texts import parse
from ivr.call import Announcement, Music, Say, Sound, Tone
from ivr.prompts import audio, sounds
from ivr.prompts.speaking import SpeakingError, render
from ivr.prompts.tts import Speaker, SpeechError

log = structlog.get_logger(__name__)

POSITIONS = range(1, 31)  # places in the queue that are spoken ahead
GREETING_GOAL_S = 8.0  # GB/T 33358: a caller is not kept from a person by a long greeting
PREPARED_AT_ONCE = 2  # voices running at the same time: calls come first
KEEP_UNUSED_S = 30 * 86400.0  # a cached sound nobody asked for since is removed

Build = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made ready: seconds of sound by prompt, and the prompts of which there is no sound."""

    seconds: dict[str, float]
    failed: tuple[str, ...]


class PromptStore:
    """The sounds of one pack; implements `ivr.ports.Sounds`.

    ``folder`` holds the cached files and may be shared by processes and packs. A sound that is not there yet is
    waited for ``patience_s`` seconds at most; after a failure it is not tried again for ``retry_s``.
    """

    def __init__(
        self, pack: Pack, speaker: Speaker, folder: Path, *, patience_s: float = 1.5, retry_s: float = 30.0
    ) -> None:
        self.pack = pack
        self._speaker = speaker
        self._folder = folder
        self._patience_s = patience_s
        self._retry_s = retry_s
        self._building: dict[Path, asyncio.Task[Path | None]] = {}
        self._failed: dict[Path, float] = {}  # when, by the loop's clock

    @property
    def music_folder(self) -> Path:
        """A folder with nothing but the waiting music in it, as Asterisk's music on hold wants it."""
        return self._folder / f"music-{sounds.REVISION}"

    async def media(self, sound: Sound) -> Path | None:
        """The file of a sound, or None when there is none: the call goes on without it.

        A tone the switch makes itself (``ring``) has no file.
        """
        return await self._media(sound, self._patience_s)

    async def prepare(self) -> Prepared:
        """Make every sound ahead that a call can need at once; returns what is ready. Never raises."""
        wanted: dict[str, Sound] = {"beep": Tone("beep"), "music": Music()}
        for key, template in self.pack.prompts.items():
            names = {slot.name for slot in template.slots}
            if not names:
                wanted[key] = Say(key)
            elif names == {"position"}:
                wanted.update({f"{key} {place}": Say(key, {"position": place}) for place in POSITIONS})
        paths = await asyncio.gather(*(self._media(sound, None) for sound in wanted.values()))
        ready = {name: path for name, path in zip(wanted, paths, strict=True) if path is not None}
        seconds = await asyncio.to_thread(lambda: {name: _seconds(path) for name, path in ready.items()})
        failed = tuple(name for name, path in zip(wanted, paths, strict=True) if path is None)
        greeting = self.pack.entry.greeting
        if seconds.get(greeting, 0.0) > GREETING_GOAL_S:
            log.warning("greeting is long", prompt=greeting, seconds=round(seconds[greeting], 1))
        await asyncio.to_thread(_remove_unused, self._folder, frozenset(ready.values()))
        log.info("prompts ready", version=self.pack.version, ready=len(ready), failed=failed)
        return Prepared(seconds, failed)

    async def prepare_more(self, sounds: Iterable[Sound]) -> None:
        """Make these ready too, a few at a time, so that nobody who calls meanwhile waits long for the voice."""
        turns = asyncio.Semaphore(PREPARED_AT_ONCE)

        async def one(sound: Sound) -> None:
            async with turns:
                await self._media(sound, None)

        await asyncio.gather(*(one(sound) for sound in sounds))

    async def _media(self, sound: Sound, patience_s: float | None) -> Path | None:
        match sound:
            case Say() | Announcement():
                name = sound.key if isinstance(sound, Say) else "announcement"
                try:
                    path, build = self._spoken(sound)
                except (SpeakingError, SpeechError, ValueError) as error:
                    log.error("prompt cannot be spoken", prompt=name, reason=str(error))
                    return None
                return await self._get(path, build, name, patience_s)
            case Tone(name="beep"):
                path = self._folder / f"beep-{sounds.REVISION}.wav"
                return await self._get(path, lambda: asyncio.to_thread(sounds.beep), "beep", patience_s)
            case Music():
                path = self.music_folder / "music.wav"
                return await self._get(path, lambda: asyncio.to_thread(sounds.music), "music", patience_s)
        return None

    def _spoken(self, sound: Say | Announcement) -> tuple[Path, Build]:
        """Where a sound's file is, and how to make it. Raises `SpeakingError`, `SpeechError` or `ValueError`."""
        if isinstance(sound, Announcement):
            return self._said(render(parse(sound.text), {}))
        recorded = self.pack.recorded.get(sound.key)
        if recorded is not None:
            path = self._path(f"recorded {audio.RATE_HZ} {recorded.sha256}")
            return path, lambda: asyncio.to_thread(_convert, recorded)
        template = self.pack.prompts.get(sound.key)
        if template is None:
            raise SpeakingError("is in no pack")
        return self._said(render(template, sound.values))

    def _said(self, text: str) -> tuple[Path, Build]:
        voice = self.pack.voice
        return self._path(self._speaker.fingerprint(text, voice)), lambda: self._speaker.speak(text, voice)

    def _path(self, fingerprint: str) -> Path:
        return self._folder / f"{hashlib.sha256(fingerprint.encode()).hexdigest()[:32]}.wav"

    async def _get(self, path: Path, build: Build, name: str, patience_s: float | None) -> Path | None:
        if _is_there(path):
            return path
        task = self._building.get(path)
        if task is None:
            if patience_s is not None and self._failed_lately(path):
                return None
            task = asyncio.create_task(self._make(path, build, name), name=f"prompt {name}")
            self._building[path] = task
            task.add_done_callback(lambda _: self._building.pop(path, None))
        done, _ = await asyncio.wait({task}, timeout=patience_s)  # leaves the task alone when we are cancelled
        if not done:
            log.warning("prompt is not ready in time", prompt=name)
            return None
        return task.result()

    def _failed_lately(self, path: Path) -> bool:
        failed = self._failed.get(path)
        return failed is not None and asyncio.get_running_loop().time() - failed < self._retry_s

    async def _make(self, path: Path, build: Build, name: str) -> Path | None:
        try:
            data = await build()
            await asyncio.to_thread(_write, path, data)
        except (SpeechError, audio.AudioError, OSError) as error:
            log.error("prompt has no sound", prompt=name, reason=str(error))
            self._failed[path] = asyncio.get_running_loop().time()
            return None
        self._failed.pop(path, None)
        return path


def _convert(recorded: Recorded) -> bytes:
    """A recording at the telephone's rate; its level is the city's own."""
    data = recorded.path.read_bytes()
    if hashlib.sha256(data).hexdigest() != recorded.sha256:
        raise audio.AudioError("the recording was changed after the pack was read; reload the pack")
    rate, samples = audio.read_wav(data)
    return audio.write_wav(samples if rate == audio.RATE_HZ else audio.resample(samples, rate))


def _is_there(path: Path) -> bool:
    """Whether a cached file can be used; marks it as used."""
    try:
        os.utime(path)
        return path.stat().st_size > 44  # more than a WAV header
    except OSError:
        return False


def _write(path: Path, data: bytes) -> None:
    """All of the file or nothing, also when the machine stops in between; readable by a switch of another user."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _seconds(path: Path) -> float:
    rate, samples = audio.read_wav(path.read_bytes())
    return len(samples) / rate


def _remove_unused(folder: Path, keep: frozenset[Path]) -> None:
    """Sounds nobody asked for in a long time, and what a killed process left half written."""
    oldest = time.time() - KEEP_UNUSED_S
    for path in [*folder.glob("*.wav"), *folder.glob(".*.part")]:
        try:
            if path not in keep and path.stat().st_mtime < oldest:
                path.unlink()
        except OSError:  # another process was faster
            continue
