"""The engine in virtual time, with a carrier and a queue that only remember what they were told."""

import asyncio
from collections.abc import Mapping

import pytest

from config.database import DatabaseUnreachable
from ivr.call import (
    AgentOffered,
    AnyCommand,
    AnyEvent,
    Call,
    CallClosed,
    CarrierCommand,
    ControlResumed,
    EndCause,
    HangUp,
    HoldAgent,
    Join,
    LegAnswered,
    LegEnded,
    Play,
    PromptEnded,
    QueueCommand,
    Queued,
    ReleaseAgent,
    Say,
    Stage,
    TransferAsked,
    TransferKind,
)
from ivr.engine import Engine
from ivr.flow import Rules
from ivr.journal import Entry
from ivr.ports import CarrierUnavailable
from tests.support.calls import CALL, RULES, arrived
from tests.support.virtual_time import clock, run


class Memory:
    """Journal, snapshots, carrier, queue and observer of a test, all in one: it keeps what it is told."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.done: list[AnyCommand] = []
        self.troubles: list[str] = []
        self.exists: dict[str, ControlResumed] = {}
        self.unreachable = False
        self.slow: dict[str, asyncio.Event] = {}
        self.database_away = False
        self.replies: list[tuple[str, str]] = []
        self.alarms: list[tuple[str, str, str]] = []

    def alarm(self, call: str, kind: str, line: str) -> None:
        self.alarms.append((call, kind, line))

    async def reply(self, request: str, refusal: str) -> None:
        self.replies.append((request, refusal))

    async def append(self, *entries: Entry) -> None:
        await asyncio.sleep(0.001)
        self.entries += entries

    async def read(self, call: str) -> list[Entry]:
        if self.database_away:
            raise DatabaseUnreachable("test")
        return [entry for entry in self.entries if entry.call == call]

    async def open_calls(self) -> list[str]:
        if self.database_away:
            raise DatabaseUnreachable("test")
        closed = {entry.call for entry in self.entries if isinstance(entry.event, CallClosed)}
        return list(dict.fromkeys(entry.call for entry in self.entries if entry.call not in closed))

    async def run(self, call: str, command: CarrierCommand | QueueCommand) -> None:
        if call in self.slow:
            await self.slow[call].wait()
        if self.unreachable:
            raise CarrierUnavailable("test")
        journaled = [entry for entry in self.entries if entry.call == call]
        assert journaled, "a command ran before its event was durable"
        self.done.append(command)

    async def inventory(self, prompts: Mapping[str, str | None]) -> dict[str, ControlResumed]:
        return {call: self.exists[call] for call in prompts}

    def event(self, stage: str, event: AnyEvent) -> None: ...

    def trouble(self, what: str) -> None:
        self.troubles.append(what)

    def kinds(self) -> list[str]:
        return [type(command).__name__ for command in self.done]

    def last(self, kind: type) -> AnyCommand:
        return next(command for command in reversed(self.done) if isinstance(command, kind))


async def rules(version: str) -> Rules:
    assert version == RULES.version
    return RULES


class Cache:
    """Snapshots of a test."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[Call, int]] = {}

    def save(self, call: Call, seq: int) -> None:
        self.states[call.id] = (call, seq)

    def delete(self, call: str) -> None:
        self.states.pop(call, None)

    async def load(self, call: str) -> tuple[Call, int] | None:
        return self.states.get(call)

    async def open_calls(self) -> list[str]:
        return list(self.states)


def engine_on(memory: Memory, cache: Cache | None = None) -> Engine:
    return Engine(
        journal=memory,
        snapshots=cache or Cache(),
        rules=rules,
        carrier=memory,
        queue=memory,
        replies=memory,
        alarms=memory,
        observer=memory,
        clock=clock,
    )


async def settle() -> None:
    await asyncio.sleep(0.05)


async def to_offer(engine: Engine, memory: Memory) -> None:
    engine.post(CALL, arrived(at=clock()))
    await settle()
    greeting = memory.last(Play)
    assert isinstance(greeting, Play)
    engine.post(CALL, PromptEnded(at=clock(), prompt=greeting.prompt, heard=True))
    await settle()
    engine.post(CALL, Queued(at=clock(), skill="general", position=1, on_shift=1))
    engine.post(CALL, AgentOffered(at=clock(), leg=f"{CALL}-a1", agent="8001", address="desk:8001", ring_s=20))
    await settle()


def test_a_call_from_the_ring_to_the_farewell() -> None:
    async def story() -> None:
        memory = Memory()
        engine = engine_on(memory)
        await to_offer(engine, memory)
        engine.post(CALL, LegAnswered(at=clock(), leg=f"{CALL}-a1"))
        await settle()
        assert engine.calls[CALL].call.stage is Stage.TALKING
        engine.post(CALL, LegEnded(at=clock(), leg=f"{CALL}-a1", cause=EndCause.HANGUP))
        await settle()
        farewell = memory.last(Play)
        assert isinstance(farewell, Play)
        assert farewell.sounds == (Say("farewell"),)
        engine.post(CALL, PromptEnded(at=clock(), prompt=farewell.prompt, heard=True))
        await settle()
        engine.post(CALL, LegEnded(at=clock(), leg=CALL, cause=EndCause.HANGUP))
        await settle()
        assert not engine.calls
        assert memory.kinds() == [
            *("Accept", "Play"),  # greeting
            *("Play", "SeekAgent"),  # music, the queue
            "Dial",
            *("StopPlaying", "Join", "HoldAgent"),
            *("ReleaseAgent", "Play"),  # farewell
            "HangUp",
            "CloseRoom",
        ]
        assert isinstance(memory.entries[-1].event, CallClosed)
        assert [entry.seq for entry in memory.entries] == list(range(1, len(memory.entries) + 1))

    run(story())


def test_timers_of_the_state_fire_even_when_nothing_else_happens() -> None:
    """The carrier never says anything: greeting, queue and message end by their timers, and so does the call."""

    async def story() -> None:
        memory = Memory()
        engine = engine_on(memory)
        engine.post(CALL, arrived(at=clock()))
        begun = clock()
        while engine.calls:
            await asyncio.sleep(5)
            assert clock() - begun < 3600
        closed = memory.entries[-1].event
        assert isinstance(closed, CallClosed)
        prompts = [command.sounds[0] for command in memory.done if isinstance(command, Play)]
        assert Say("greeting") in prompts
        assert Say("all_busy") in prompts
        assert Say("message_thanks") in prompts

    run(story())


def test_one_calls_slow_command_does_not_delay_another_call() -> None:
    async def story() -> None:
        memory = Memory()
        engine = engine_on(memory)
        memory.slow["slow.1"] = asyncio.Event()
        engine.post("slow.1", arrived(at=clock()))
        engine.post(CALL, arrived(at=clock()))
        await settle()
        assert memory.kinds() == ["Accept", "Play"]
        memory.slow["slow.1"].set()
        await settle()
        assert memory.kinds() == ["Accept", "Play", "Accept", "Play"]
        await engine.stop()

    run(story())


def test_given_the_carrier_was_away_when_it_returns_then_what_was_lost_is_done_again() -> None:
    async def story() -> None:
        memory = Memory()
        engine = engine_on(memory)
        memory.unreachable = True
        engine.post(CALL, arrived(at=clock()))
        await settle()
        assert memory.done == []
        assert memory.troubles == ["carrier", "carrier"]
        memory.unreachable = False
        memory.exists[CALL] = ControlResumed(at=clock(), up=(CALL,), ringing=(), prompts=(), room=False)
        await engine.resync()
        await settle()
        assert memory.kinds() == ["Accept", "Play"]
        await engine.stop()

    run(story())


@pytest.mark.parametrize("answered_meanwhile", [True, False])
def test_given_a_restart_while_the_agents_phone_rings_then_the_call_goes_on(answered_meanwhile: bool) -> None:
    async def story() -> None:
        memory = Memory()
        first = engine_on(memory)
        await to_offer(first, memory)
        await first.stop()
        memory.done.clear()
        leg = f"{CALL}-a1"
        up, ringing = ((CALL, leg), ()) if answered_meanwhile else ((CALL,), (leg,))
        memory.exists[CALL] = ControlResumed(at=clock(), up=up, ringing=ringing, prompts=(), room=True)
        second = engine_on(memory)
        await second.load()
        await second.resync()
        await settle()
        if answered_meanwhile:
            assert memory.kinds()[:2] == ["StopPlaying", "Join"]
            assert isinstance(memory.last(HoldAgent), HoldAgent)
        else:
            assert memory.kinds() == ["Play"]  # the music again; the phone still rings
            second.post(CALL, LegAnswered(at=clock(), leg=leg))
            await settle()
            assert isinstance(memory.last(Join), Join)
        await second.stop()

    run(story())


def test_given_a_restart_while_the_database_is_away_then_calls_go_on_from_their_snapshots() -> None:
    async def story() -> None:
        memory, cache = Memory(), Cache()
        first = engine_on(memory, cache)
        await to_offer(first, memory)
        await first.stop()
        memory.database_away = True
        memory.exists[CALL] = ControlResumed(at=clock(), up=(CALL, f"{CALL}-a1"), ringing=(), prompts=(), room=True)
        second = engine_on(memory, cache)
        await second.load()
        await second.resync()
        await settle()
        assert second.calls[CALL].call.stage is Stage.TALKING
        assert [entry.seq for entry in memory.entries] == list(range(1, len(memory.entries) + 1))
        await second.stop()

    run(story())


def test_given_a_restart_and_the_citizen_hung_up_meanwhile_then_the_agent_is_freed_and_the_call_closed() -> None:
    async def story() -> None:
        memory = Memory()
        first = engine_on(memory)
        await to_offer(first, memory)
        await first.stop()
        memory.done.clear()
        memory.exists[CALL] = ControlResumed(at=clock(), up=(), ringing=(f"{CALL}-a1",), prompts=(), room=True)
        second = engine_on(memory)
        await second.load()
        await second.resync()
        await settle()
        assert memory.last(HangUp) == HangUp(leg=f"{CALL}-a1")
        assert isinstance(memory.last(ReleaseAgent), ReleaseAgent)
        assert isinstance(memory.entries[-1].event, CallClosed)
        assert not second.calls

    run(story())


def test_a_fault_in_the_flow_skips_the_event_and_not_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        memory = Memory()
        engine = engine_on(memory)
        engine.post(CALL, arrived(at=clock()))
        await settle()

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr("ivr.engine.advance", broken)
            engine.post(CALL, Queued(at=clock(), skill="general", position=1, on_shift=1))
            await settle()
        assert memory.troubles == ["flow"]
        engine.post(CALL, LegEnded(at=clock(), leg=CALL, cause=EndCause.HANGUP))
        await settle()
        assert isinstance(memory.entries[-1].event, CallClosed)

    run(story())


def test_an_agent_offered_to_a_call_that_is_over_is_given_back() -> None:
    async def story() -> None:
        memory = Memory()
        memory.entries.append(Entry(CALL, 1, arrived()))
        engine = engine_on(memory)
        engine.post(CALL, AgentOffered(at=clock(), leg=f"{CALL}-a9", agent="8001", address="desk:8001", ring_s=20))
        await settle()
        assert memory.done == [ReleaseAgent(agent="8001", talked=False, cause=EndCause.HANGUP)]
        assert len(memory.entries) == 1, "a closed call's journal stays closed"

    run(story())


def test_given_a_question_about_a_call_that_is_over_then_it_is_answered_and_nothing_is_left() -> None:
    async def story() -> None:
        memory = Memory()
        engine = engine_on(memory)
        asked = TransferAsked(at=clock(), request="q", agent="8001", number="12366", transfer=TransferKind.BLIND)
        engine.post("gone-1.1", asked)
        await settle()
        assert memory.replies == [("q", "not_talking")]
        assert not engine.calls

    run(story())
