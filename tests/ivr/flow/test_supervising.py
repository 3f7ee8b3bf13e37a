"""A supervisor on a call: who hears whom after each step, and with whom the citizen is when somebody leaves."""

from collections.abc import Callable

import pytest

from ivr.call import (
    AgentOffered,
    ControlResumed,
    Dial,
    DigitPressed,
    EmergencyAsked,
    EndCause,
    HandOverAsked,
    HangUp,
    Join,
    JoinAsked,
    LeaveAsked,
    LegAnswered,
    LegEnded,
    ListenAsked,
    MergeAsked,
    ModeAsked,
    Queued,
    ReleaseAgent,
    Reply,
    Role,
    Room,
    Stage,
    Supervision,
    TakeOverAsked,
    TimerFired,
    TransferAsked,
    TransferKind,
    TransferResult,
    Whisper,
    WhisperAsked,
)
from tests.support.calls import CALL, RULES, Story, later

AGENT, EXPERT, OPERATOR, SUPERVISOR = f"{CALL}-a1", f"{CALL}-t1", f"{CALL}-t1", f"{CALL}-v1"
DESK = "desk:8009"
ASKS = {
    Supervision.LISTEN: ListenAsked,
    Supervision.WHISPER: WhisperAsked,
    Supervision.JOIN: JoinAsked,
    Supervision.TAKE_OVER: TakeOverAsked,
}
WAYS = {
    Supervision.LISTEN: Join(leg=SUPERVISOR, muted=True),
    Supervision.WHISPER: Whisper(leg=SUPERVISOR, to=AGENT),
    Supervision.JOIN: Join(leg=SUPERVISOR, muted=False),
}
MODES = list(WAYS)
GAVE_BACK = ReleaseAgent(agent="8001", talked=True, cause=EndCause.HANGUP)


def asked(mode: Supervision, at: float = 20, supervisor: str = "8009", address: str = DESK) -> ModeAsked:
    return ASKS[mode](at=later(at), request="s", supervisor=supervisor, address=address)


def ended(leg: str, cause: EndCause = EndCause.HANGUP, at: float = 60) -> LegEnded:
    return LegEnded(at=later(at), leg=leg, cause=cause)


def talking() -> Story:
    """Citizen and agent 8001 talk."""
    story = Story()
    story.arrive()
    story.feed(
        DigitPressed(at=later(2), leg=CALL, digit="0"),
        Queued(at=later(2), skill="general", position=1, on_shift=2),
        AgentOffered(at=later(3), leg=AGENT, agent="8001", address="desk:8001", ring_s=20),
        LegAnswered(at=later(5), leg=AGENT),
    )
    assert story.call.stage is Stage.TALKING
    return story


def supervised(mode: Supervision, story: Story | None = None) -> Story:
    """The same, and supervisor 8009 on the call."""
    story = story or talking()
    story.feed(asked(mode), LegAnswered(at=later(23), leg=SUPERVISOR))
    return story


def consulting(kind: TransferKind = TransferKind.WARM, *, answered: bool = True) -> Story:
    """The agent consults an expert, or an emergency number rings."""
    story = talking()
    if kind is TransferKind.EMERGENCY:
        story.feed(EmergencyAsked(at=later(10), request="e", agent="8001", number="119"))
    else:
        story.feed(TransferAsked(at=later(10), request="t", agent="8001", number="12366", transfer=kind))
    if answered:
        story.feed(LegAnswered(at=later(14), leg=EXPERT))
    assert story.call.stage is Stage.CONSULTING
    return story


def conference() -> Story:
    story = consulting()
    story.feed(MergeAsked(at=later(16), request="m", agent="8001", consent=True))
    assert story.call.stage is Stage.CONFERENCE
    return story


def refusals(story: Story) -> list[str]:
    return [command.refusal for command in story.commands if isinstance(command, Reply)]


def with_citizen(story: Story) -> set[Role]:
    """Who can talk with the citizen, by the call's legs."""
    legs = story.call.legs.values()
    return {leg.role for leg in legs if leg.up and leg.room is Room.MAIN and leg.role is not Role.CITIZEN}


# ---------------------------------------------------------------- coming


@pytest.mark.parametrize("mode", MODES)
def test_given_a_talk_when_a_supervisor_asks_then_the_phone_rings_and_its_answer_brings_the_mode(
    mode: Supervision,
) -> None:
    story = talking()
    story.feed(asked(mode))
    assert refusals(story) == [""]
    assert story.named(Dial) == [
        Dial(leg=SUPERVISOR, address=DESK, timeout_s=RULES.ring_s, caller="13800138000"),
    ]
    story.feed(LegAnswered(at=later(23), leg=SUPERVISOR))
    assert story.commands == (WAYS[mode],)
    assert (story.call.stage, set(story.call.legs)) == (Stage.TALKING, {CALL, AGENT})


@pytest.mark.parametrize("begin", [talking, consulting, conference])
@pytest.mark.parametrize("mode", MODES)
def test_a_supervisor_changes_nothing_of_the_call_however_it_stands(
    begin: Callable[[], Story], mode: Supervision
) -> None:
    story = begin()
    before = (story.call.stage, story.call.legs, story.call.prompt, story.call.held, story.call.talks)
    supervised(mode, story)
    story.feed(LeaveAsked(at=later(30), request="l", supervisor="8009"))
    assert (refusals(story), story.named(HangUp)) == ([""], [HangUp(leg=SUPERVISOR)])
    assert (story.call.stage, story.call.legs, story.call.prompt, story.call.held, story.call.talks) == before
    assert story.call.supervisor is None


@pytest.mark.parametrize("old", MODES)
@pytest.mark.parametrize("new", MODES)
def test_the_mode_changes_at_any_time(old: Supervision, new: Supervision) -> None:
    story = supervised(old)
    story.feed(asked(new, at=30))
    assert story.commands == (Reply(request="s"), WAYS[new])


def test_given_the_phone_still_rings_when_the_mode_changes_then_it_is_answered_in_the_new_one() -> None:
    story = talking()
    story.feed(asked(Supervision.JOIN), asked(Supervision.WHISPER, at=22))
    assert not story.named(Dial), "it rings already"
    story.feed(LegAnswered(at=later(23), leg=SUPERVISOR))
    assert story.commands == (WAYS[Supervision.WHISPER],)


@pytest.mark.parametrize("cause", [EndCause.BUSY, EndCause.NO_ANSWER, EndCause.UNREACHABLE, EndCause.LOST])
def test_given_the_supervisors_phone_does_not_answer_then_nothing_changes_and_it_can_be_asked_again(
    cause: EndCause,
) -> None:
    story = talking()
    story.feed(asked(Supervision.LISTEN), ended(SUPERVISOR, cause, at=30))
    assert (story.commands, story.call.stage, story.call.supervisor) == ((), Stage.TALKING, None)
    story.feed(asked(Supervision.LISTEN, at=40))
    assert [command.leg for command in story.named(Dial)] == [f"{CALL}-v2"]


def test_given_a_phone_that_rings_for_ever_then_it_is_let_go_by_the_clock() -> None:
    story = talking()
    story.feed(asked(Supervision.LISTEN))
    due = story.call.timers["supervisor"]
    story.feed(TimerFired(at=due - 1, timer="supervisor"))
    assert story.call.supervisor is not None, "fired before its time"
    story.feed(TimerFired(at=due, timer="supervisor"))
    assert (story.commands, story.call.supervisor) == ((HangUp(leg=SUPERVISOR),), None)


def test_given_the_stage_changes_while_the_phone_rings_then_the_clock_still_runs() -> None:
    story = talking()
    story.feed(
        asked(Supervision.LISTEN),
        TransferAsked(at=later(22), request="t", agent="8001", number="12366", transfer=TransferKind.WARM),
    )
    assert "supervisor" in story.call.timers


# ---------------------------------------------------------------- refusals


def waiting() -> Story:
    story = Story()
    story.arrive()
    return story


def over() -> Story:
    story = talking()
    story.feed(ended(CALL))
    return story


@pytest.mark.parametrize("mode", list(Supervision))
@pytest.mark.parametrize("begin", [waiting, over])
def test_given_no_agent_talks_then_it_is_refused(begin: Callable[[], Story], mode: Supervision) -> None:
    story = begin()
    story.feed(asked(mode))
    assert story.commands == (Reply(request="s", refusal="not_talking"),)


def test_one_supervisor_at_a_time_and_not_the_agent() -> None:
    story = supervised(Supervision.LISTEN)
    story.feed(asked(Supervision.JOIN, supervisor="8008", address="desk:8008"))
    assert refusals(story) == ["supervised"]
    story.feed(LeaveAsked(at=later(30), request="l", supervisor="8008"))
    assert refusals(story) == ["not_supervising"]
    assert story.call.supervisor is not None
    story = talking()
    story.feed(asked(Supervision.LISTEN, supervisor="8001", address="desk:8001"))
    assert refusals(story) == ["own_call"]


def test_given_five_people_talk_then_a_supervisor_can_listen_but_not_join() -> None:
    story = conference()
    for number in (2, 3):
        story.feed(
            TransferAsked(at=later(17), request="t", agent="8001", number="12366", transfer=TransferKind.WARM),
            LegAnswered(at=later(18), leg=f"{CALL}-t{number}"),
            MergeAsked(at=later(19), request="m", agent="8001", consent=True),
        )
    story.feed(asked(Supervision.JOIN))
    assert refusals(story) == ["full"]
    supervised(Supervision.LISTEN, story)
    assert story.commands == (WAYS[Supervision.LISTEN],)


# ---------------------------------------------------------------- leaving


@pytest.mark.parametrize("mode", MODES)
def test_given_a_supervisor_who_hangs_up_then_the_talk_goes_on(mode: Supervision) -> None:
    story = supervised(mode)
    story.feed(ended(SUPERVISOR))
    assert (story.commands, story.call.stage, story.call.supervisor) == ((), Stage.TALKING, None)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("answered", [True, False])
def test_given_the_citizen_hangs_up_then_the_supervisor_is_let_go(mode: Supervision, answered: bool) -> None:
    story = supervised(mode) if answered else talking()
    if not answered:
        story.feed(asked(mode))
    story.feed(ended(CALL))
    assert {HangUp(leg=SUPERVISOR), HangUp(leg=AGENT)} <= set(story.commands)
    assert (story.call.supervisor, story.call.legs) == (None, {})


@pytest.mark.parametrize("mode", [Supervision.LISTEN, Supervision.WHISPER])
@pytest.mark.parametrize(("cause", "stage"), [(EndCause.HANGUP, Stage.FAREWELL), (EndCause.LOST, Stage.WAITING)])
def test_given_the_agent_leaves_then_the_call_goes_on_as_without_a_listening_supervisor(
    mode: Supervision, cause: EndCause, stage: Stage
) -> None:
    story = supervised(mode)
    story.feed(ended(AGENT, cause))
    assert story.call.stage is stage
    assert HangUp(leg=SUPERVISOR) in story.commands
    assert story.call.supervisor is None


@pytest.mark.parametrize("cause", [EndCause.HANGUP, EndCause.LOST])
def test_given_the_agent_leaves_then_a_supervisor_who_joined_keeps_the_citizen(cause: EndCause) -> None:
    story = supervised(Supervision.JOIN)
    story.feed(ended(AGENT, cause))
    assert story.call.stage is Stage.TALKING
    assert with_citizen(story) == {Role.SUPERVISOR}
    assert ReleaseAgent(agent="8001", talked=True, cause=cause) in story.commands
    assert not story.named(HangUp)
    assert [(talk.role, talk.ended is None) for talk in story.call.talks] == [
        (Role.AGENT, False),
        (Role.SUPERVISOR, True),
    ]


@pytest.mark.parametrize("mode", MODES)
def test_given_the_agent_passes_the_citizen_on_then_the_supervisor_is_let_go(mode: Supervision) -> None:
    story = supervised(mode)
    story.feed(TransferAsked(at=later(30), request="t", agent="8001", number="12366", transfer=TransferKind.BLIND))
    assert story.call.stage is Stage.FORWARDING
    assert HangUp(leg=SUPERVISOR) in story.commands
    story = supervised(mode, consulting())
    story.feed(HandOverAsked(at=later(30), request="h", agent="8001"))
    assert with_citizen(story) == {Role.LINE}
    assert HangUp(leg=SUPERVISOR) in story.commands


# ---------------------------------------------------------------- taking over


@pytest.mark.parametrize("mode", [None, *MODES])
def test_given_a_take_over_then_the_citizen_has_the_supervisor_and_the_agent_is_free(mode: Supervision | None) -> None:
    if mode is None:
        story = talking()
        story.feed(asked(Supervision.TAKE_OVER))
        assert with_citizen(story) == {Role.AGENT}, "until the supervisor's phone is answered"
        story.feed(LegAnswered(at=later(30), leg=SUPERVISOR))
    else:
        story = supervised(mode)
        story.feed(asked(Supervision.TAKE_OVER, at=30))
        assert refusals(story) == [""]
    assert story.call.stage is Stage.TALKING
    assert with_citizen(story) == {Role.SUPERVISOR}
    assert [command for command in story.commands if not isinstance(command, Reply)] == [
        Join(leg=SUPERVISOR, muted=False),
        HangUp(leg=AGENT),
        GAVE_BACK,
    ]
    story.feed(ended(SUPERVISOR))
    assert story.call.stage is Stage.FAREWELL
    assert [(talk.role, talk.party) for talk in story.call.talks] == [(Role.AGENT, "8001"), (Role.SUPERVISOR, "8009")]
    assert all(talk.ended is not None for talk in story.call.talks)


@pytest.mark.parametrize("by", ["take over", "agent leaves"])
def test_given_a_consultation_when_the_supervisor_has_the_citizen_then_the_expert_comes_to_them(by: str) -> None:
    story = supervised(Supervision.JOIN, consulting())
    story.feed(asked(Supervision.TAKE_OVER, at=30) if by == "take over" else ended(AGENT))
    assert story.call.stage is Stage.CONFERENCE
    assert with_citizen(story) == {Role.SUPERVISOR, Role.LINE}
    assert GAVE_BACK in story.commands
    story.feed(ended(EXPERT, at=70))
    assert (story.call.stage, with_citizen(story)) == (Stage.TALKING, {Role.SUPERVISOR})


def test_given_a_line_still_rings_when_the_call_is_taken_over_then_it_stops() -> None:
    story = supervised(Supervision.LISTEN, consulting(answered=False))
    story.feed(asked(Supervision.TAKE_OVER, at=30))
    assert (story.call.stage, with_citizen(story)) == (Stage.TALKING, {Role.SUPERVISOR})
    assert story.call.attempts[-1].result is TransferResult.CANCELLED
    assert {HangUp(leg=EXPERT), HangUp(leg=AGENT)} <= set(story.commands)


def test_given_a_conference_when_it_is_taken_over_then_the_experts_stay() -> None:
    story = supervised(Supervision.WHISPER, conference())
    story.feed(asked(Supervision.TAKE_OVER, at=30))
    assert (story.call.stage, with_citizen(story)) == (Stage.CONFERENCE, {Role.SUPERVISOR, Role.LINE})


@pytest.mark.parametrize("by", ["take over", "agent leaves"])
def test_given_119_rings_when_the_supervisor_has_the_citizen_then_it_rings_on_and_comes_to_them(by: str) -> None:
    story = supervised(Supervision.JOIN, consulting(TransferKind.EMERGENCY, answered=False))
    story.feed(asked(Supervision.TAKE_OVER, at=30) if by == "take over" else ended(AGENT))
    assert with_citizen(story) == {Role.SUPERVISOR}
    assert HangUp(leg=OPERATOR) not in story.commands
    story.feed(LegAnswered(at=later(70), leg=OPERATOR))
    assert (story.call.stage, with_citizen(story)) == (Stage.CONFERENCE, {Role.SUPERVISOR, Role.LINE})


def test_given_119_rings_when_the_supervisor_who_took_over_is_gone_then_it_rings_on_for_the_citizen() -> None:
    story = supervised(Supervision.JOIN, consulting(TransferKind.EMERGENCY, answered=False))
    story.feed(asked(Supervision.TAKE_OVER, at=30), ended(SUPERVISOR))
    assert story.call.stage is Stage.FORWARDING
    assert HangUp(leg=OPERATOR) not in story.commands
    assert story.call.prompt is not None, "the citizen waits in silence"
    story.feed(LegAnswered(at=later(70), leg=OPERATOR))
    assert (story.call.stage, with_citizen(story)) == (Stage.TALKING, {Role.LINE})


def test_a_supervisor_who_took_over_puts_the_citizen_through_to_119() -> None:
    story = supervised(Supervision.JOIN)
    story.feed(asked(Supervision.TAKE_OVER, at=30))
    wrong = EmergencyAsked(at=later(31), request="e", agent="li.na", number="12366", supervisor=True)
    story.feed(wrong)
    assert refusals(story) == ["not_emergency"]
    story.feed(
        EmergencyAsked(at=later(32), request="e", agent="li.na", number="119", supervisor=True, place="宜阳大道")
    )
    assert refusals(story) == [""]
    assert story.call.place == "宜阳大道"
    assert [command.address for command in story.named(Dial)] == ["phone:119"]
    assert with_citizen(story) == {Role.SUPERVISOR}


# ---------------------------------------------------------------- after a restart


def resumed(*up: str, ringing: tuple[str, ...] = (), at: float = 40) -> ControlResumed:
    return ControlResumed(at=later(at), up=up, ringing=ringing, prompts=(), room=True)


@pytest.mark.parametrize("mode", MODES)
def test_given_a_restart_then_the_mode_is_the_same_again(mode: Supervision) -> None:
    story = supervised(mode)
    story.feed(resumed(CALL, AGENT, SUPERVISOR))
    assert WAYS[mode] in story.commands
    assert not story.named(HangUp)


def test_given_the_supervisor_answered_during_a_restart_then_that_is_made_up_for() -> None:
    story = talking()
    story.feed(asked(Supervision.WHISPER), resumed(CALL, AGENT, ringing=(SUPERVISOR,)))
    assert not story.named(HangUp)
    assert not story.named(Whisper)
    story.feed(resumed(CALL, AGENT, SUPERVISOR))
    assert WAYS[Supervision.WHISPER] in story.commands


@pytest.mark.parametrize("mode", MODES)
def test_given_the_supervisor_is_missing_after_a_restart_then_the_talk_goes_on(mode: Supervision) -> None:
    story = supervised(mode)
    story.feed(resumed(CALL, AGENT))
    assert (story.call.stage, story.call.supervisor) == (Stage.TALKING, None)


def test_given_the_agent_is_missing_after_a_restart_then_a_supervisor_who_joined_has_the_citizen() -> None:
    story = supervised(Supervision.JOIN)
    story.feed(resumed(CALL, SUPERVISOR))
    assert (story.call.stage, with_citizen(story)) == (Stage.TALKING, {Role.SUPERVISOR})
    story = supervised(Supervision.JOIN)
    story.feed(resumed(CALL))
    assert (story.call.stage, story.call.supervisor) == (Stage.WAITING, None)


def test_given_a_restart_after_a_take_over_then_the_supervisor_is_heard() -> None:
    story = supervised(Supervision.LISTEN)
    story.feed(asked(Supervision.TAKE_OVER, at=30), resumed(CALL, SUPERVISOR))
    assert Join(leg=SUPERVISOR, muted=False) in story.commands
    assert not story.named(HangUp)
