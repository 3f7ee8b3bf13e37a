"""What must hold for a call whatever happens, in whatever order: 100,000 random lives of a call by `make fuzz`."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ivr.call import (
    Accept,
    AgentOffered,
    AnyCommand,
    AnyEvent,
    Call,
    CallClosed,
    CloseCall,
    ControlResumed,
    Dial,
    DigitPressed,
    DropAsked,
    EmergencyAsked,
    EndCause,
    HandOverAsked,
    HangUp,
    HoldAgent,
    Join,
    JoinAsked,
    LeaveAsked,
    LegAnswered,
    LegEnded,
    ListenAsked,
    MergeAsked,
    Play,
    PromptEnded,
    Queued,
    QueueFailed,
    ReleaseAgent,
    Reply,
    Role,
    Room,
    Stage,
    StopPlaying,
    Supervision,
    SwapAsked,
    TakeBackAsked,
    TakeOverAsked,
    TimerFired,
    TransferAsked,
    TransferKind,
    Whisper,
    WhisperAsked,
    call_decoder,
    event_encoder,
)
from ivr.flow import LEADS_TO, advance
from tests.support.calls import CALL, RULES, T0, arrived

Beginning = tuple[str, date | None]  # the number dialled, and a restriction's last day
Choice = tuple[int, int, int]  # kind of event, which of the candidates, seconds since the last one
KINDS = 30
NUMBERS = ("12345", "12315", "12331", "12336", "12349", "12366", "12319", "119", "777")


SOUNDING = (
    Stage.RESTRICTED,
    Stage.GREETING,
    Stage.CHOOSING,
    Stage.FORWARDING,
    Stage.WAITING,
    Stage.DUTY,
    Stage.RETURNING,
    Stage.FAREWELL,
)


class Life:
    """A call under random events. Knows what a carrier and a queue would know, and checks each step."""

    def __init__(self) -> None:
        self.now = T0
        self.call = Call(id=CALL)
        self.closes = 0
        self.dialled: list[str] = []
        self.prompts: list[str] = ["nonsense"]
        self.reserved: set[str] = set()
        self.offers = 0
        self.asked = 0
        self.questions: set[str] = set()

    # ------------------------------------------------------------ what may happen next

    def event(self, kind: int, pick: int, wait: int) -> AnyEvent:
        self.now += wait
        legs = [CALL, *self.dialled, "stranger"]
        leg = legs[pick % len(legs)]
        match kind:
            case 0:
                return LegAnswered(at=self.now, leg=leg)
            case 1:
                others = legs[1:]
                return LegEnded(at=self.now, leg=others[pick % len(others)], cause=list(EndCause)[wait % len(EndCause)])
            case 2:
                return DigitPressed(at=self.now, leg=CALL, digit="0123456789*#"[pick % 12])
            case 3:
                return PromptEnded(at=self.now, prompt=self.prompts[-1 - pick % len(self.prompts)], heard=wait % 2 == 0)
            case 4 | 5 | 6:
                names = sorted(self.call.timers) or ["none"]
                name = names[pick % len(names)]
                if kind != 6:  # mostly when due, sometimes a stale one
                    self.now = max(self.now, self.call.timers.get(name, self.now))
                return TimerFired(at=self.now, timer=name)
            case 7:
                return Queued(at=self.now, skill=self.call.skill, position=1 + pick % 40, on_shift=wait % 3)
            case 8:
                return QueueFailed(at=self.now, reason="redis")
            case 9 | 10:
                self.offers += 1
                self.reserved.add(f"agent-{self.offers}")
                return AgentOffered(
                    at=self.now,
                    leg=f"{CALL}-a{self.offers}",
                    agent=f"agent-{self.offers}",
                    address="desk:8001",
                    ring_s=20,
                )
            case 11:
                up = tuple(x for i, x in enumerate(legs) if (pick >> i) & 1 or (x == CALL and wait % 8))
                ringing = tuple(x for i, x in enumerate(legs) if x not in up and (wait >> i) & 1 and x != CALL)
                room = bool(pick % 3)
                return ControlResumed(at=self.now, up=up, ringing=ringing, prompts=(self.prompts[-1],), room=room)
            case 12:
                return DigitPressed(at=self.now, leg=leg, digit="9")
            case _:
                return self.question(kind, pick, wait)

    def question(self, kind: int, pick: int, wait: int) -> AnyEvent:
        """What the agent on the line (mostly) asks for."""
        request = self.new_request()
        on_line = [leg.party for leg in self.call.legs.values() if leg.role is Role.AGENT] or ["nobody"]
        agent = "somebody else" if wait % 16 == 15 else on_line[0]
        if kind >= 22:
            return self.supervision(kind, request, pick, wait)
        if kind == 15:
            return HandOverAsked(at=self.now, request=request, agent=agent)
        if kind == 16:
            return TakeBackAsked(at=self.now, request=request, agent=agent)
        if kind == 17:
            return MergeAsked(at=self.now, request=request, agent=agent, consent=wait % 4 != 3)
        if kind == 18:
            return SwapAsked(at=self.now, request=request, agent=agent)
        if kind == 19:
            return DropAsked(at=self.now, request=request, agent=agent)
        if kind in (20, 21):
            number = ("110", "119", "12366")[pick % 3]
            return EmergencyAsked(at=self.now, request=request, agent=agent, number=number, supervisor=kind == 21)
        transfer = TransferKind.WARM if kind == 13 else TransferKind.BLIND
        number = NUMBERS[-1 - pick % len(NUMBERS)]
        return TransferAsked(at=self.now, request=request, agent=agent, number=number, transfer=transfer)

    def new_request(self) -> str:
        self.asked += 1
        request = f"q{self.asked}"
        self.questions.add(request)
        return request

    def supervision(self, kind: int, request: str, pick: int, wait: int) -> AnyEvent:
        """What a supervisor asks for, and what the supervisor's phone does."""
        supervisor = self.call.supervisor
        if supervisor is not None and kind in (28, 29):
            self.questions.discard(request)
            cause = list(EndCause)[wait % len(EndCause)]
            ended = LegEnded(at=self.now, leg=supervisor.id, cause=cause)
            return LegAnswered(at=self.now, leg=supervisor.id) if kind == 28 else ended
        who = "another supervisor" if wait % 16 == 15 else "8009"
        if kind == 22:
            return LeaveAsked(at=self.now, request=request, supervisor=who)
        asked = (ListenAsked, WhisperAsked, JoinAsked, TakeOverAsked)[pick % 4]
        return asked(at=self.now, request=request, supervisor=who, address="desk:8009")

    # ------------------------------------------------------------ one step, and what must hold after it

    def step(self, event: AnyEvent) -> tuple[AnyCommand, ...]:
        before, frozen = self.call, event_encoder.encode(self.call)
        after, commands = advance(before, event, RULES)
        assert event_encoder.encode(before) == frozen, "the flow changed a state that it was only given to read"
        self.call = after
        self.check_state(before)
        self.check_commands(before, event, commands)
        if any(isinstance(command, CloseCall) for command in commands):
            self.closes += 1
        return commands

    def check_state(self, before: Call) -> None:
        call = self.call
        assert call_decoder.decode(event_encoder.encode(call)) == call
        assert call.stage is before.stage or call.stage in LEADS_TO[before.stage], (before.stage, call.stage)
        if call.stage is not Stage.CLOSED:
            assert call.timers, f"nothing would ever happen in {call.stage}"
        if call.stage not in (Stage.CLOSING, Stage.CLOSED):
            assert call.id in call.legs, "the citizen was lost"
        others = [leg for leg in call.legs.values() if leg.role is not Role.CITIZEN]
        alone = not any(leg.up and leg.room is Room.MAIN for leg in others)
        if call.stage in SOUNDING or (call.stage is Stage.CONSULTING and alone):
            assert call.prompt is not None, f"the citizen hears nothing in {call.stage}"
        apart = [leg for leg in others if leg.room is Room.CONSULT]
        assert (call.held is not None) == (len(apart) == 1), "music for whoever is alone in the other room"
        ringing = [leg for leg in call.legs.values() if leg.role is not Role.CITIZEN and not leg.up]
        assert len(ringing) <= 1
        if call.stage is Stage.TALKING:
            assert len(call.legs) == 2
        if call.stage is Stage.CONFERENCE:
            assert 3 <= len(call.legs) <= 5
        if call.stage is Stage.CONSULTING:
            assert 3 <= len(call.legs) <= 5
            agents = sum(leg.role is Role.AGENT for leg in others)
            emergency = call.transfer is not None and call.transfer.kind is TransferKind.EMERGENCY
            assert agents == 1 or (emergency and not alone and not agents), "who has the citizen meanwhile?"
        else:
            assert all(leg.room is Room.MAIN for leg in call.legs.values()), "left behind in the other room"
        assert sum(leg.role is Role.AGENT for leg in others) <= 1
        assert sum(leg.role is Role.SUPERVISOR for leg in others) <= 1
        self.check_supervisor(alone)
        pending = [attempt for attempt in call.attempts if attempt.result is None]
        assert len(pending) == (call.stage in (Stage.FORWARDING, Stage.CONSULTING))
        assert not pending or pending[0] is call.attempts[-1]

    def check_supervisor(self, alone: bool) -> None:
        call, supervisor = self.call, self.call.supervisor
        if supervisor is not None:
            assert supervisor.id not in call.legs
            assert call.stage in (Stage.TALKING, Stage.CONSULTING, Stage.CONFERENCE)
            assert any(leg.role is Role.AGENT and leg.up for leg in call.legs.values()), "nobody left to supervise"
            assert not supervisor.up or supervisor.mode is not Supervision.TAKE_OVER
        ringing = supervisor is not None and not supervisor.up
        assert ringing == ("supervisor" in call.timers), "the supervisor's phone would ring for ever"
        rest = call.timers.keys() - {"supervisor"}
        assert rest or call.stage is Stage.CLOSED, "the stage lives on the supervisor's timer"

    def check_commands(self, before: Call, event: AnyEvent, commands: tuple[AnyCommand, ...]) -> None:
        supervisor = self.call.supervisor
        supervisors = {each.id for each in (before.supervisor, supervisor) if each is not None}
        named_by_event = {getattr(event, "leg", None), *getattr(event, "up", ()), *getattr(event, "ringing", ())}
        for command in commands:
            match command:
                case Dial():
                    assert command.leg not in self.dialled, "a leg's id was used twice"
                    self.dialled.append(command.leg)
                case Join() if supervisor is not None and command.leg == supervisor.id:
                    assert supervisor.up
                    assert command.muted == (supervisor.mode is Supervision.LISTEN), "heard without having joined"
                case Join():
                    assert self.call.legs[command.leg].up, "a leg was joined that did not answer"
                case Whisper():
                    assert supervisor is not None
                    assert supervisor.up
                    assert supervisor.mode is Supervision.WHISPER
                    assert self.call.legs[command.to].role is Role.AGENT
                case HangUp():
                    known = before.legs.keys() | self.call.legs.keys() | supervisors
                    assert command.leg in known or command.leg in named_by_event
                case Accept():
                    assert command.leg == CALL
                    assert CALL in self.call.legs
                case Play():
                    assert command.prompt not in self.prompts, "a prompt's id was used twice"
                    self.prompts.append(command.prompt)
                case StopPlaying():
                    assert command.prompt in self.prompts
                case HoldAgent():
                    assert command.agent in self.reserved
                case ReleaseAgent():
                    assert command.agent in self.reserved, "an agent was given back twice"
                    self.reserved.remove(command.agent)
                case Reply():
                    assert command.request in self.questions, "a question was answered twice"
                    self.questions.remove(command.request)
                case _:
                    pass


BEGINNINGS = st.tuples(st.sampled_from(NUMBERS), st.none() | st.just(date(2026, 12, 31)))
EVENTS = st.tuples(st.integers(0, KINDS - 1), st.integers(0, 63), st.integers(0, 40))


@given(BEGINNINGS, st.lists(EVENTS, max_size=60))
def test_whatever_happens_the_citizen_is_never_left_and_every_call_comes_to_one_end(
    beginning: Beginning, choices: list[Choice]
) -> None:
    life = Life()
    life.step(arrived(dialled=beginning[0], restricted_until=beginning[1]))
    for choice in choices:
        life.step(life.event(*choice))
    life.step(LegEnded(at=life.now, leg=CALL, cause=EndCause.HANGUP))  # sooner or later the citizen hangs up
    assert life.call.stage is Stage.CLOSING
    assert life.closes >= 1, "a call ended without its last event, so without order facts and recording"
    call = life.call
    life.step(CallClosed(at=life.now, outcome=life_outcome(life), talks=call.talks, attempts=call.attempts))
    assert life.call.stage is Stage.CLOSED
    assert not life.reserved, "an agent stayed reserved for a call that is over"
    assert not life.questions, "a person was left without an answer"
    assert all(attempt.result is not None for attempt in life.call.attempts)
    assert all(talk.ended is not None for talk in life.call.talks)


@given(st.sampled_from(list(Supervision)), st.lists(EVENTS, max_size=40))
def test_whatever_happens_in_a_supervised_talk_nobody_is_left_behind(mode: Supervision, choices: list[Choice]) -> None:
    life = Life()
    life.step(arrived())
    life.step(DigitPressed(at=life.now, leg=CALL, digit="0"))
    life.step(Queued(at=life.now, skill="general", position=1, on_shift=1))
    life.step(life.event(9, 0, 1))
    agent = life.dialled[-1]
    life.step(LegAnswered(at=life.now, leg=agent))
    life.step(life.supervision(23, life.new_request(), list(Supervision).index(mode), 0))
    assert life.call.supervisor is not None
    life.step(LegAnswered(at=life.now, leg=life.call.supervisor.id))
    for choice in choices:
        life.step(life.event(*choice))
    life.step(LegEnded(at=life.now, leg=CALL, cause=EndCause.HANGUP))
    call = life.call
    assert not call.legs
    assert call.supervisor is None
    life.step(CallClosed(at=life.now, outcome=life_outcome(life), talks=call.talks, attempts=call.attempts))
    assert not life.reserved, "an agent stayed reserved for a call that is over"
    assert not life.questions, "a person was left without an answer"
    assert all(talk.ended is not None for talk in life.call.talks)


def life_outcome(life: Life):  # type: ignore[no-untyped-def]
    from ivr.flow.closing import outcome

    return outcome(life.call)


@given(BEGINNINGS, st.lists(EVENTS, max_size=40))
def test_after_anything_a_silent_world_still_brings_the_citizen_to_an_end_or_to_a_person(
    beginning: Beginning, choices: list[Choice]
) -> None:
    """Nothing but timers from now on: the carrier says nothing, the queue says nothing."""
    life = Life()
    life.step(arrived(dialled=beginning[0], restricted_until=beginning[1]))
    for choice in choices:
        life.step(life.event(*choice))
    for _ in range(2_000):
        if life.call.stage in (Stage.TALKING, Stage.CONSULTING, Stage.CONFERENCE) or life.closes:
            return
        name = min(life.call.timers, key=life.call.timers.__getitem__)
        life.now = max(life.now, life.call.timers[name])
        life.step(TimerFired(at=life.now, timer=name))
    raise AssertionError(f"still in {life.call.stage} after {life.now - T0:.0f} s")
