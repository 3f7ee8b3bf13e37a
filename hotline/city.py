"""The city that this installation serves, as a process holds it: pack, rules, roster and voice, replaced together.

Reads packs (`config.packs`) and hands them on; decides nothing.
"""

import contextlib
from pathlib import Path

import msgspec
import structlog

from config.database import DatabaseUnreachable
from config.packs import Pack, PackErrors, PackStore
from config.settings import Settings
from hotline.runtime import paths
from ivr.call import Say, Sound
from ivr.flow import Rules
from ivr.journal import Journal
from ivr.prompts import EspeakSpeaker, PromptStore
from ivr.rules_loader import rules_from_pack
from routing.agents import Agent

log = structlog.get_logger(__name__)


class City:
    """Raises `PackErrors` when there is no good pack to begin with."""

    def __init__(self, settings: Settings) -> None:
        self._store = PackStore(settings.packs_dir, settings.city)
        self._speaker = EspeakSpeaker(paths.espeak())
        self._cache = settings.state_dir / "prompts"
        self._take(self._store.current)

    def _take(self, pack: Pack) -> None:
        self.pack = pack
        self.rules = rules_from_pack(pack)
        self.prompts = PromptStore(pack, self._speaker, self._cache)
        for notice in pack.notices:
            log.warning("city pack", notice=str(notice))

    async def prepare(self) -> None:
        """Speak what can be spoken ahead, so that no call waits for the voice."""
        await self.prompts.prepare()

    async def hello(self) -> Path | None:
        """The first word of every call, which the switch says by itself before a worker has it."""
        return await self.prompts.media(Say("switch_hello"))

    async def notice(self) -> Path | None:
        """What the switch plays by itself while no worker can take a call; says that the call is recorded."""
        return await self.prompts.media(Say("switch_notice"))

    async def sorry(self) -> Path | None:
        """What the switch plays by itself when no duty phone answered."""
        return await self.prompts.media(Say("switch_sorry"))

    async def media(self, sound: Sound) -> Path | None:
        """Implements `ivr.ports.Sounds` with the voice in force."""
        return await self.prompts.media(sound)

    def agents(self) -> list[Agent]:
        return [Agent(id=a.id, name=a.name, skills=a.skills, address=a.address) for a in self.pack.agents]

    def rules_body(self) -> bytes:
        """The rules as the journal keeps them."""
        return msgspec.json.encode(self.rules)

    async def rules_of(self, version: str, journal: Journal) -> Rules:
        """The rules a call began with. Those in force now stand in for rules that nobody kept."""
        if version != self.rules.version:
            with contextlib.suppress(DatabaseUnreachable):
                body = await journal.rules(version)
                if body is not None:
                    return msgspec.json.decode(body, type=Rules)
            log.error("rules of a call not found, those in force now are taken", version=version)
        return self.rules

    def reload(self) -> bool:
        """Read the pack's files again. A bad pack is told in the log and changes nothing."""
        try:
            pack = self._store.reload()
        except PackErrors as errors:
            for line in errors.lines:
                log.error("city pack refused, the old one stays in force", reason=line)
            return False
        self._take(pack)
        log.info("city pack in force", city=pack.id, version=pack.version)
        return True
