"""Prompts: from a pack's texts to the files a switch plays. Start with `PromptStore` and `EspeakSpeaker`.

Knows nothing of calls but the names of sounds.
"""

from ivr.prompts.store import Prepared, PromptStore
from ivr.prompts.tts import EspeakSpeaker, Speaker, SpeechError

__all__ = ["EspeakSpeaker", "Prepared", "PromptStore", "Speaker", "SpeechError"]
