"""The city that this installation serves, as a process holds it: pack, transfer table, rules, roster and voice.

Reads packs (`config.packs`), is given tables (`hotline.table_watch`) and hands both on; decides nothing.
"""

import contextlib
import os
import time
from pathlib import Path

import msgspec
import structlog

from config.database import DatabaseUnreachable
from config.errors import ConfigError
from config.packs import Pack, PackErrors, PackStore
from config.settings import Settings
from config.workdays import CALENDARS, load_workdays
from hotline.runtime import paths
from ivr.call import Say, Sound
from ivr.flow import Rules
from ivr.journal import Journal
from ivr.prompts import EspeakSpeaker, PromptStore
from ivr.rules_loader import make_rules, spoken_of
from routing.agents import Agent
from routing.tables import Table
from routing.tables.pack_lines import PackFrame, checked_table_of_pack

log = structlog.get_logger(__name__)


class City:
    """Raises `PackErrors` when there is no good pack to begin with.

    The table is the last one that this installation knew to be in force, or the pack's before there ever was one;
    `hotline.table_watch` brings the present one from the database.
    """

    def __init__(self, settings: Settings) -> None:
        self._packs = settings.packs_dir
        self._store = PackStore(settings.packs_dir, settings.city)
        self._speaker = EspeakSpeaker(paths.espeak())
        self._cache = settings.state_dir / "prompts"
        self._remembered = settings.state_dir / "table.json"
        self._take(self._store.current)
        self._begin_with(self._recall())

    def _take(self, pack: Pack, *, tell: bool = True) -> None:
        """All of the pack or nothing of it. Raises `PackErrors` for its lines. ``tell``: its notices go to the log."""
        frame = PackFrame(pack, load_workdays(self._packs / CALENDARS))
        table, notices = checked_table_of_pack(pack, frame.workdays)
        self.pack, self.frame, self.pack_table = pack, frame, table
        self.prompts = PromptStore(pack, self._speaker, self._cache)
        for notice in (*pack.notices, *notices) if tell else ():
            log.warning("city pack", notice=str(notice))

    def _begin_with(self, table: Table | None) -> None:
        """The rules with a table; without one, with the pack's own."""
        self.from_pack = table is None
        self.rules = make_rules(self.pack, self.pack_table if table is None else self._fitted(table))

    def _fitted(self, table: Table) -> Table:
        """The table's rows among what the pack says now."""
        return self.frame.table(table.version, table.rows())

    # ------------------------------------------------------------ the transfer table

    @property
    def table(self) -> Table:
        """The table that new calls get."""
        return self.rules.table

    def rules_with(self, table: Table) -> Rules:
        """The rules that calls would have with another table."""
        return make_rules(self.pack, self._fitted(table))

    def use(self, rules: Rules) -> None:
        """From now on calls get these rules; those under way keep theirs."""
        self.rules, self.from_pack = rules, False
        log.info("transfer table in force", table=rules.table.version, rows=sum(map(len, rules.table.lines.values())))

    def remember(self) -> None:
        """Keep the table in a file, for a start while the database is away."""
        self._remembered.parent.mkdir(parents=True, exist_ok=True)
        partial = self._remembered.with_suffix(f".{os.getpid()}")  # every process does it
        partial.write_bytes(msgspec.json.encode(self.table))
        partial.replace(self._remembered)

    def catch_up(self) -> None:
        """For a process that has just been forked: the city it was given is as old as its supervisor. The pack may have
        been changed since, and while the database is away only the file has the table that came into force.
        """
        with contextlib.suppress(PackErrors, ConfigError):  # told when it was refused, by the process that reloads
            self._take(self._store.reload(), tell=False)
            self._begin_with(None if self.from_pack else self.rules.table)
        table = self._recall()
        if table is not None and table != self.table:
            self._begin_with(table)

    def _recall(self) -> Table | None:
        try:
            table = msgspec.json.decode(self._remembered.read_bytes(), type=Table)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            log.error("the table kept in the file cannot be read, the pack's is taken", reason=type(error).__name__)
            return None
        return table if table.city == self.pack.id else None

    # ------------------------------------------------------------ what is said

    async def prepare(self) -> None:
        """Speak what can be spoken ahead, so that no call waits for the voice."""
        await self.prompts.prepare()

    async def prepare_table(self) -> None:
        """The same for what callers of each row are told; goes on while calls are served."""
        await self.prompts.prepare_more(spoken_of(self.rules, time.time()))

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

    # ------------------------------------------------------------ who answers, by which rules

    def agents(self) -> list[Agent]:
        return [Agent(id=a.id, name=a.name, skills=a.skills, address=a.address) for a in self.pack.agents]

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
        """Read the pack's files again. A bad pack is told in the log and changes nothing.

        Its lines matter only until the database has a table; after that, tables change by a draft and its approval.
        """
        before = self.pack_table
        try:
            self._take(self._store.reload())
        except (PackErrors, ConfigError) as error:
            for line in error.lines if isinstance(error, PackErrors) else (str(error),):
                log.error("city pack refused, the old one stays in force", reason=line)
            return False
        self._begin_with(None if self.from_pack else self.rules.table)
        log.info("city pack in force", city=self.pack.id, version=self.pack.version)
        if not self.from_pack and before.lines != self.pack_table.lines:
            log.warning("the pack's lines.csv has changed, the table in force has not; import it as a draft to use it")
        return True
