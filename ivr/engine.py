"""Runs calls: one mailbox per call. Each event is journaled, shown to the flow, and the flow's commands are run.

Decides nothing about a call (that is `ivr.flow`) and knows no carrier. One call's slow command never delays another
call; a command that fails is told to the flow as an event or found by the next check, never raised into the call.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

import structlog

from config.database import DatabaseUnreachable
from ivr.call import (
    Alarm,
    AnyCommand,
    AnyEvent,
    Call,
    CallArrived,
    CallClosed,
    CloseCall,
    HoldAgent,
    ReleaseAgent,
    Reply,
    SeekAgent,
    Stage,
    StopSeeking,
    TimerFired,
)
from ivr.flow import Rules, advance
from ivr.journal import Entry, SequenceTaken
from ivr.ports import Alarms, Carrier, CarrierUnavailable, Observer, Queue, Replies
from routing.tables import Table

log = structlog.get_logger(__name__)

COMMAND_LIMIT_S = 6.0

# a call that is over asks nothing of its rules; latecomers are let go with these
NO_TABLE = Table(version="", city="", area_code="", numbers=(), general_skill="", lines={})
NO_RULES = Rules(version="", city="", table=NO_TABLE, keys={})


class JournalPort(Protocol):
    """The part of the journal that calls need."""

    async def append(self, *entries: Entry) -> None: ...

    async def read(self, call: str) -> list[Entry]: ...

    async def open_calls(self) -> list[str]: ...


class SnapshotPort(Protocol):
    """A cache of states; losing it costs time, not calls."""

    def save(self, call: Call, seq: int) -> None: ...

    def delete(self, call: str) -> None: ...

    async def load(self, call: str) -> tuple[Call, int] | None: ...

    async def open_calls(self) -> list[str]: ...


class Engine:
    """All calls of one worker.

    `rules` gives the rules of a version; it is asked once per call. `clock` gives UNIX seconds.
    """

    def __init__(
        self,
        *,
        journal: JournalPort,
        snapshots: SnapshotPort,
        rules: Callable[[str], Awaitable[Rules]],
        carrier: Carrier,
        queue: Queue,
        replies: Replies,
        alarms: Alarms,
        observer: Observer,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.journal = journal
        self.snapshots = snapshots
        self.rules = rules
        self.carrier = carrier
        self.queue = queue
        self.replies = replies
        self.alarms = alarms
        self.observer = observer
        self.clock = clock
        self.calls: dict[str, LiveCall] = {}

    # ------------------------------------------------------------ events in

    def post(self, call: str, event: AnyEvent) -> None:
        """Take an event for a call (the `Sink` of carriers and queue). A `CallArrived` opens the call."""
        live = self.calls.get(call)
        if live is None:
            if isinstance(event, CallArrived):
                live = self._open(Call(id=call), 0)
            elif isinstance(event, CallClosed):
                return
            else:  # a latecomer: whatever it brings is let go, see `ivr.flow.anywhere`
                live = LiveCall(self, Call(id=call, stage=Stage.CLOSED), 0, journaled=False)
                live.start()
        live.post(event)

    def _open(self, call: Call, seq: int) -> "LiveCall":
        live = LiveCall(self, call, seq)
        self.calls[call.id] = live
        live.start()
        return live

    def forget(self, call: str) -> None:
        self.calls.pop(call, None)
        self.snapshots.delete(call)

    # ------------------------------------------------------------ after a restart, after a lost connection

    async def load(self) -> None:
        """Fold the open calls of this worker from the journal; while that cannot be read, take the snapshots."""
        try:
            calls = await self.journal.open_calls()
        except DatabaseUnreachable as error:
            log.error("journal out of reach, going on from snapshots", reason=str(error))
            calls = await self.snapshots.open_calls()
        for call_id in calls:
            try:
                await self._load_one(call_id)
            except Exception:
                log.exception("open call cannot be taken over", call=call_id)
                self.observer.trouble("recovery")

    async def _load_one(self, call_id: str) -> None:
        try:
            entries = await self.journal.read(call_id)
        except DatabaseUnreachable:
            found = await self.snapshots.load(call_id)
            if found is None:
                raise
            self._open(*found)
            return
        if not isinstance(entries[0].event, CallArrived):
            raise LookupError("the journal has no beginning of this call")
        rules = await self.rules(entries[0].event.rules)
        call = Call(id=call_id)
        for entry in entries:
            call, _ = advance(call, entry.event, rules)
        if call.stage is not Stage.CLOSED:
            self._open(call, entries[-1].seq)

    async def resync(self) -> None:
        """Compare every open call with what the carrier has; the flow repairs the difference."""
        wanted = {live.call.id: live.call.prompt.id if live.call.prompt else None for live in self.calls.values()}
        found = await self.carrier.inventory(wanted)
        for call_id, resumed in found.items():
            self.post(call_id, resumed)

    async def stop(self) -> None:
        """Stop following the calls; they live on in the switch and in the journal."""
        lives = list(self.calls.values())
        for live in lives:
            live.cancel()
        await asyncio.gather(*(live.done() for live in lives), return_exceptions=True)


class LiveCall:
    """One call's mailbox, its clock, and the task that empties it."""

    def __init__(self, engine: Engine, call: Call, seq: int, *, journaled: bool = True) -> None:
        self.engine = engine
        self.call = call
        self.seq = seq
        self.journaled = journaled
        self._inbox: asyncio.Queue[AnyEvent] = asyncio.Queue()
        self._alarm: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._rules: Rules | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._live(), name=f"call {self.call.id}")
        self._set_alarm()

    def post(self, event: AnyEvent) -> None:
        self._inbox.put_nowait(event)

    def cancel(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self._task is not None:
            self._task.cancel()

    async def done(self) -> None:
        if self._task is not None:
            await self._task

    async def _live(self) -> None:
        structlog.contextvars.bind_contextvars(call=self.call.id)
        try:
            while True:
                await self._take(await self._pending())
                if self.call.stage is Stage.CLOSED:
                    break
        finally:
            if self._alarm is not None:
                self._alarm.cancel()
            if self.call.stage is Stage.CLOSED and self.journaled:
                self.engine.forget(self.call.id)

    async def _pending(self) -> list[AnyEvent]:
        """Everything that waits in the mailbox, at least one event: what came together is journaled together."""
        events = [await self._inbox.get()]
        while not self._inbox.empty():
            events.append(self._inbox.get_nowait())
        return events

    async def _take(self, events: list[AnyEvent]) -> None:
        """Durable first, then done; only a citizen in danger does not wait for the disk."""
        rules = await self._rules_of(events)
        urgent = self.call.stage is Stage.CHOOSING
        journaling = asyncio.ensure_future(self._journal(events)) if self.journaled else None
        if journaling is not None and not urgent:
            await journaling
        commands = self._advance(events, rules)
        if self.journaled:
            self.engine.snapshots.save(self.call, self.seq)
        self._set_alarm()
        await self._run(commands)
        if journaling is not None:
            await journaling

    def _advance(self, events: Iterable[AnyEvent], rules: Rules) -> list[AnyCommand]:
        commands: list[AnyCommand] = []
        for event in events:
            try:
                self.call, new = advance(self.call, event, rules)
            except Exception:  # a fault of ours must not end a citizen's call: the event is skipped, the call goes on
                log.exception("flow failed", kind=type(event).__name__, stage=self.call.stage)
                self.engine.observer.trouble("flow")
                continue
            commands += new
            self.engine.observer.event(self.call.stage, event)
        return commands

    async def _journal(self, events: Sequence[AnyEvent]) -> None:
        journal = self.engine.journal
        try:
            try:
                await journal.append(*self._numbered(events))
            except SequenceTaken:  # an earlier append landed after all, or a former worker still wrote: go on behind it
                self.seq = (await journal.read(self.call.id))[-1].seq
                await journal.append(*self._numbered(events))
        except Exception:  # neither database nor disk takes it: the citizen is still served
            log.exception("journal refused events", events=len(events))
            self.engine.observer.trouble("journal")

    def _numbered(self, events: Sequence[AnyEvent]) -> list[Entry]:
        first = self.seq + 1
        self.seq += len(events)
        return [Entry(self.call.id, seq, event) for seq, event in enumerate(events, first)]

    async def _rules_of(self, events: Iterable[AnyEvent]) -> Rules:
        if self.call.stage is Stage.CLOSED:
            return NO_RULES
        if self._rules is None:
            version = next((event.rules for event in events if isinstance(event, CallArrived)), self.call.rules)
            self._rules = await self.engine.rules(version)
        return self._rules

    # ------------------------------------------------------------ commands out

    async def _run(self, commands: Iterable[AnyCommand]) -> None:
        for command in commands:
            try:
                await asyncio.wait_for(self._run_one(command), COMMAND_LIMIT_S)
            except CarrierUnavailable as error:
                log.warning("command lost, carrier unreachable", command=type(command).__name__, reason=str(error))
                self.engine.observer.trouble("carrier")
            except Exception:
                log.exception("command failed", command=type(command).__name__)
                self.engine.observer.trouble("command")

    async def _run_one(self, command: AnyCommand) -> None:
        match command:
            case CloseCall():
                closed = CallClosed(
                    at=self.engine.clock(),
                    outcome=command.outcome,
                    talks=command.talks,
                    attempts=command.attempts,
                    appeal=command.appeal,
                )
                self._inbox.put_nowait(closed)
            case Reply():
                await self.engine.replies.reply(command.request, command.refusal)
            case Alarm():
                self.engine.alarms.alarm(self.call.id, command.kind, command.line)
            case SeekAgent() | StopSeeking() | HoldAgent() | ReleaseAgent():
                await self.engine.queue.run(self.call.id, command)
            case _:
                await self.engine.carrier.run(self.call.id, command)

    # ------------------------------------------------------------ the clock

    def _set_alarm(self) -> None:
        """Wake when the next of the state's timers is due."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self.call.timers:
            wait = min(self.call.timers.values()) - self.engine.clock()
            self._alarm = asyncio.get_running_loop().call_later(max(0.0, wait), self._ring)

    def _ring(self) -> None:
        now = self.engine.clock()
        due = [(when, name) for name, when in self.call.timers.items() if when <= now + 0.005]
        for when, name in sorted(due):
            self.post(TimerFired(at=max(now, when), timer=name))
        if not due:  # the clock was set back
            self._set_alarm()
