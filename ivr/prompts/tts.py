"""Text to speech: the port, and its adapter for espeak-ng's Mandarin voice.

The adapter hands espeak-ng nothing but pinyin syllables it is known to read as Mandarin, on its standard input: no
shell, no English, no text that espeak-ng would have to guess at.
"""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from typing import Protocol

from config.packs import Voice
from ivr.prompts import audio
from ivr.prompts.pinyin import LONG, MIDDLE, SHORT, PinyinError, sounds

AUDIO_REVISION = 1  # raised when the treatment of the audio changes, so that old cached sounds are not used

_MANDARIN = re.compile(r"cmn-latn-pinyin(\+[A-Za-z0-9_-]+)?")
_HEADROOM = 50  # espeak-ng's amplitude (100 is usual, and clips); the level is set afterwards


class SpeechError(Exception):
    """A text could not be turned into sound. The reason never repeats the whole text."""


class Speaker(Protocol):
    """Something that speaks Mandarin."""

    def fingerprint(self, text: str, voice: Voice) -> str:
        """What decides how the text will sound; equal fingerprints, equal sound. Raises `SpeechError`."""

    async def speak(self, text: str, voice: Voice) -> bytes:
        """A WAV (8 kHz, mono, 16 bit) of a text of Chinese characters and punctuation. Raises `SpeechError`."""


class EspeakSpeaker:
    """espeak-ng, one process per text.

    ``command`` starts it, e.g. ``["/usr/bin/espeak-ng"]``. A process that has not finished after ``limit_s`` seconds
    is ended; no more than ``together`` run at a time.
    """

    def __init__(self, command: Sequence[str], *, limit_s: float = 10.0, together: int = 2) -> None:
        self._command = tuple(command)
        self._limit_s = limit_s
        self._turn = asyncio.Semaphore(together)

    def fingerprint(self, text: str, voice: Voice) -> str:
        _check(voice)
        return f"espeak-ng {AUDIO_REVISION} {voice.name} {voice.rate} {voice.pitch} {espeak_text(text)}"

    async def speak(self, text: str, voice: Voice) -> bytes:
        _check(voice)
        spelled = espeak_text(text)
        arguments = ("-v", voice.name, "-s", str(voice.rate), "-p", str(voice.pitch), "-a", str(_HEADROOM))
        async with self._turn:
            data = await self._run(spelled, *arguments, "--stdin", "--stdout")
        return await asyncio.to_thread(_finish, data)

    async def _run(self, text: str, *arguments: str) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise SpeechError(f"espeak-ng cannot be started: {error}") from None
        try:
            async with asyncio.timeout(self._limit_s):
                data, complaint = await process.communicate(text.encode())
        except TimeoutError:
            raise SpeechError(f"espeak-ng did not finish within {self._limit_s:g} s") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            said = complaint.decode(errors="replace").strip()[:200]
            raise SpeechError(f"espeak-ng ended with status {process.returncode}: {said or 'no reason given'}")
        return data


def espeak_text(text: str) -> str:
    """A text as espeak-ng's pinyin voice takes it: ``nin2 hao3， zhe4 li3。``. Raises `SpeechError`."""
    try:
        found = sounds(text)
    except PinyinError as error:
        raise SpeechError(str(error)) from None
    words = "".join(sound.pause or f" {spelled(sound.syllable or '')}" for sound in found)
    words = words.strip(f" {SHORT}{MIDDLE}{LONG}")
    if not words:
        raise SpeechError("the text holds nothing to say")
    return words + LONG


def _check(voice: Voice) -> None:
    """Another voice would read pinyin as if it were its own language."""
    if not _MANDARIN.fullmatch(voice.name):
        raise SpeechError(f"the voice {voice.name} does not read pinyin; use cmn-latn-pinyin, or a variant of it")


def spelled(syllable: str) -> str:
    """espeak-ng takes jiong, qiong and xiong for English words; without the i it reads the same Mandarin sounds."""
    return re.sub("^([jqx])iong", r"\1ong", syllable)


def _finish(data: bytes) -> bytes:
    """espeak-ng's own sound (22 kHz) as the telephone needs it."""
    try:
        rate, samples = audio.read_wav(data)
    except audio.AudioError as error:
        raise SpeechError(f"espeak-ng gave no sound: {error}") from None
    speech = audio.level(audio.trim(audio.resample(samples, rate)))
    if len(speech) == 0:
        raise SpeechError("espeak-ng gave silence")
    return audio.write_wav(speech)
