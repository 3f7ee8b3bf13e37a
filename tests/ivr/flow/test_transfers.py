"""Where a call goes by the transfer table, and how an agent passes it on: given, when, then."""

from datetime import date

import pytest

from ivr.call import (
    AgentOffered,
    Announcement,
    Dial,
    DigitPressed,
    EndCause,
    HandOverAsked,
    HangUp,
    HoldAgent,
    Join,
    LegAnswered,
    LegEnded,
    Music,
    Outcome,
    Play,
    PromptEnded,
    Queued,
    QueueFailed,
    ReleaseAgent,
    Reply,
    Role,
    Room,
    Say,
    SeekAgent,
    Stage,
    TakeBackAsked,
    TimerFired,
    TransferAsked,
    TransferKind,
    TransferResult,
)
from ivr.flow.closing import outcome
from tests.support.calls import CALL, T0, Story, later

AGENT = f"{CALL}-a1"
FIRST, SECOND, THIRD = (f"{CALL}-t{n}" for n in (1, 2, 3))
BACK = f"{CALL}-r1"


def arrived(dialled: str = "12345", **more: object) -> Story:
    story = Story()
    story.arrive(dialled=dialled, **more)
    return story


def greeted(dialled: str = "12345") -> Story:
    story = arrived(dialled)
    assert story.call.prompt is not None
    story.feed(PromptEnded(at=later(6), prompt=story.call.prompt.id, heard=True))
    return story


def talking() -> Story:
    story = greeted()
    story.feed(
        Queued(at=later(6), skill="general", position=1, on_shift=2),
        AgentOffered(at=later(7), leg=AGENT, agent="8001", address="desk:8001", ring_s=20),
        LegAnswered(at=later(10), leg=AGENT),
    )
    return story


def asks(story: Story, number: str = "12366", kind: TransferKind = TransferKind.BLIND, agent: str = "8001") -> Story:
    story.feed(TransferAsked(at=later(20), request="q", agent=agent, number=number, transfer=kind))
    return story


def blind(number: str = "12366") -> Story:
    return asks(talking(), number)


def warm() -> Story:
    return asks(talking(), kind=TransferKind.WARM)


def consulting() -> Story:
    story = warm()
    story.feed(LegAnswered(at=later(25), leg=FIRST))
    return story


def failed(story: Story, cause: EndCause = EndCause.BUSY) -> Story:
    """Every target of 12366 was tried in vain: twice the first, once the second."""
    story.feed(*(LegEnded(at=later(30), leg=leg, cause=cause) for leg in (FIRST, SECOND, THIRD)))
    return story


def said(story: Story) -> list[str]:
    return [s.key for c in story.commands if isinstance(c, Play) for s in c.sounds if isinstance(s, Say)]


def dialled(story: Story) -> list[str]:
    return [command.address for command in story.all_commands if isinstance(command, Dial)]


def refusal(story: Story) -> list[str]:
    return [command.refusal for command in story.commands if isinstance(command, Reply)]


# ---------------------------------------------------------------- the dialled number


@pytest.mark.parametrize(
    ("number", "greeting", "values"),
    [
        ("12345", "greeting", {}),
        ("12336", "greeting_merged", {"line": "12336"}),
        ("12315", "greeting_dual", {"line": "12315"}),
        ("2912345", "greeting_county", {"line": "2912345"}),
        ("12331", "greeting_alias", {"dialled": "12331", "line": "12315"}),
        ("12366", "greeting_forward", {"line": "12366"}),
        ("0795-12336", "greeting_merged", {"line": "12336"}),
        ("99999", "greeting", {}),
    ],
)
def test_the_dialled_number_decides_the_greeting(number: str, greeting: str, values: dict[str, str]) -> None:
    (play,) = arrived(number).named(Play)
    assert isinstance(play, Play)
    assert play.sounds[-1] == Say(greeting, values)


def test_given_a_suspended_line_then_that_is_told_before_the_ordinary_greeting() -> None:
    story = arrived("12349")
    assert said(story) == ["line_suspended", "greeting"]
    assert story.call.skill == "general"


def test_given_a_row_with_an_announcement_then_it_is_said_first_and_the_greeting_has_time_enough() -> None:
    story = arrived("12336")
    (play,) = story.named(Play)
    assert isinstance(play, Play)
    assert play.sounds[0] == Announcement("今天下午维护。")
    assert story.call.timers["greeting"] - T0 > story.rules.greeting_limit_s * 2


def test_given_a_dual_line_then_its_own_queue_comes_first_and_overflows_step_by_step() -> None:
    story = greeted("12315")
    assert [c.skill for c in story.commands if isinstance(c, SeekAgent)] == ["market"]
    for at, skill in ((26, "market_experts"), (31, "general")):
        story.feed(TimerFired(at=later(at), timer="overflow"))
        assert story.named(SeekAgent) == [SeekAgent(skill=skill, priority=0, since=T0)]
        assert not story.named(Play), "the music goes on"
    assert "overflow" not in story.call.timers


def test_given_an_agents_phone_rings_when_the_line_would_overflow_then_that_comes_first() -> None:
    story = greeted("12315")
    story.feed(
        Queued(at=later(6), skill="market", position=1, on_shift=1),
        AgentOffered(at=later(20), leg=AGENT, agent="8001", address="desk:8001", ring_s=20),
        TimerFired(at=later(26), timer="overflow"),
    )
    assert story.call.skill == "market"
    assert story.call.timers["overflow"] > later(26)


def test_given_a_line_that_goes_on_to_a_phone_when_it_overflows_then_the_phone_rings() -> None:
    story = greeted("12319")
    story.feed(TimerFired(at=later(16), timer="overflow"))
    assert story.call.stage is Stage.FORWARDING
    assert dialled(story) == ["phone:12319"]


def test_given_a_sub_center_is_dialled_then_it_is_rung_and_the_citizen_speaks_with_it() -> None:
    story = greeted("12366")
    assert story.call.stage is Stage.FORWARDING
    assert isinstance(story.call.prompt.sounds[0], Music)  # type: ignore[union-attr]
    story.feed(LegAnswered(at=later(12), leg=FIRST))
    assert story.named(Join) == [Join(leg=FIRST)]
    assert story.call.stage is Stage.TALKING
    assert [(a.line, a.result, a.answered) for a in story.call.attempts] == [
        ("12366", TransferResult.CONNECTED, later(12))
    ]
    assert story.call.talks[0].role is Role.LINE


def test_given_a_sub_center_that_does_not_answer_then_each_target_is_tried_as_its_row_says_and_then_a_person() -> None:
    story = greeted("12366")
    story.feed(LegEnded(at=later(8), leg=FIRST, cause=EndCause.BUSY))
    story.feed(TimerFired(at=story.call.timers["offer"], timer="offer"))
    assert HangUp(leg=SECOND) in story.commands
    story.feed(LegEnded(at=later(60), leg=THIRD, cause=EndCause.UNREACHABLE))
    assert dialled(story) == ["phone:12366", "phone:12366", "phone:07951112222"]
    assert story.call.stage is Stage.WAITING
    assert said(story) == ["transfer_failed"]
    assert story.named(SeekAgent) == [SeekAgent(skill="general", priority=0, since=T0)]
    results = [attempt.result for attempt in story.call.attempts]
    assert results == [TransferResult.BUSY, TransferResult.NO_ANSWER, TransferResult.UNREACHABLE]


@pytest.mark.parametrize("digit", ["0", "2"])
def test_given_a_line_that_rings_when_the_citizen_asks_for_a_person_by_key_then_there_is_no_more_waiting(
    digit: str,
) -> None:
    story = greeted("12366")
    story.feed(DigitPressed(at=later(9), leg=CALL, digit=digit))
    assert HangUp(leg=FIRST) in story.commands
    assert story.call.stage is Stage.WAITING
    assert story.call.attempts[0].result is TransferResult.CANCELLED


def test_given_the_citizen_hangs_up_while_a_line_rings_then_the_line_stops_ringing() -> None:
    story = greeted("12366")
    story.feed(LegEnded(at=later(9), leg=CALL, cause=EndCause.HANGUP))
    assert HangUp(leg=FIRST) in story.commands
    assert story.call.attempts[0].result is TransferResult.ABANDONED
    assert outcome(story.call) is Outcome.ABANDONED


# ---------------------------------------------------------------- blind


def test_given_a_blind_transfer_then_the_agent_is_let_go_but_stays_reserved_while_the_line_rings() -> None:
    story = blind()
    assert refusal(story) == [""]
    assert HangUp(leg=AGENT) in story.commands
    assert said(story) == ["transfer_begins"]
    assert not [c for c in story.all_commands if isinstance(c, ReleaseAgent)]
    story.feed(LegAnswered(at=later(25), leg=FIRST))
    assert story.named(ReleaseAgent) == [ReleaseAgent(agent="8001", talked=True, cause=EndCause.HANGUP)]
    assert story.call.stage is Stage.TALKING
    assert set(story.call.legs) == {CALL, FIRST}


@pytest.mark.parametrize("cause", list(EndCause))
def test_given_a_blind_transfer_that_fails_then_the_same_agent_is_rung_again(cause: EndCause) -> None:
    story = failed(blind(), cause)
    assert story.call.stage is Stage.RETURNING
    assert said(story) == ["transfer_failed"]
    (dial,) = story.named(Dial)
    assert (dial.leg, dial.address) == (BACK, "desk:8001")  # type: ignore[attr-defined]
    story.feed(LegAnswered(at=later(33), leg=BACK))
    assert story.call.stage is Stage.TALKING
    assert HoldAgent(agent="8001") in story.commands
    assert [talk.party for talk in story.call.talks] == ["8001", "8001"]


@pytest.mark.parametrize("how", ["ended", "silent"])
def test_given_the_agent_does_not_answer_after_a_failed_transfer_then_the_citizen_keeps_the_place_in_the_queue(
    how: str,
) -> None:
    story = failed(blind())
    if how == "ended":
        story.feed(LegEnded(at=later(40), leg=BACK, cause=EndCause.NO_ANSWER))
    else:
        story.feed(TimerFired(at=story.call.timers["offer"], timer="offer"))
        assert HangUp(leg=BACK) in story.commands
    assert ReleaseAgent(agent="8001", talked=False, cause=EndCause.NO_ANSWER) in story.commands
    (seek,) = story.named(SeekAgent)
    assert (seek.since, seek.priority) == (T0, 5)  # type: ignore[attr-defined]


def test_given_a_transfer_to_a_line_with_a_queue_then_the_citizen_stands_in_it_since_the_call_arrived() -> None:
    story = blind("12331")
    assert story.named(ReleaseAgent) == [ReleaseAgent(agent="8001", talked=True, cause=EndCause.HANGUP)]
    assert story.named(SeekAgent) == [SeekAgent(skill="market", priority=0, since=T0)]
    assert story.call.stage is Stage.WAITING


# ---------------------------------------------------------------- warm


def test_given_a_warm_transfer_then_the_agent_stays_with_the_citizen_while_the_line_rings() -> None:
    story = warm()
    assert story.call.stage is Stage.CONSULTING
    assert not story.named(HangUp)
    assert not story.named(Join)


def test_given_the_line_answers_then_it_hears_the_agent_and_the_citizen_hears_music() -> None:
    story = consulting()
    assert story.named(Join) == [Join(leg=FIRST, room=Room.CONSULT), Join(leg=AGENT, room=Room.CONSULT)]
    assert said(story) == ["transfer_hold"]
    assert story.call.prompt is not None
    story.feed(PromptEnded(at=later(27), prompt=story.call.prompt.id, heard=True))
    assert isinstance(story.call.prompt.sounds[0], Music)  # type: ignore[union-attr]


@pytest.mark.parametrize("how", ["asked", "hung up", "line lost"])
def test_given_the_agent_leaves_after_the_line_answered_then_citizen_and_line_go_on(how: str) -> None:
    story = consulting()
    if how == "asked":
        story.feed(HandOverAsked(at=later(30), request="q2", agent="8001"))
        assert refusal(story) == [""]
        assert HangUp(leg=AGENT) in story.commands
    else:
        cause = EndCause.HANGUP if how == "hung up" else EndCause.LOST
        story.feed(LegEnded(at=later(30), leg=AGENT, cause=cause))
    assert Join(leg=FIRST) in story.commands
    assert story.call.stage is Stage.TALKING
    assert set(story.call.legs) == {CALL, FIRST}
    assert len(story.named(ReleaseAgent)) == 1
    assert story.call.attempts[0].result is TransferResult.CONNECTED


@pytest.mark.parametrize(("how", "result"), [("taken back", "cancelled"), ("line left", "ended")])
def test_given_the_line_is_of_no_help_then_agent_and_citizen_go_on(how: str, result: str) -> None:
    story = consulting()
    if how == "taken back":
        story.feed(TakeBackAsked(at=later(30), request="q2", agent="8001"))
        assert HangUp(leg=FIRST) in story.commands
    else:
        story.feed(LegEnded(at=later(30), leg=FIRST, cause=EndCause.HANGUP))
    assert Join(leg=AGENT) in story.commands
    assert story.call.prompt is None, "the music stops"
    assert story.call.stage is Stage.TALKING
    assert story.call.attempts[0].result == result


def test_given_nobody_answers_a_warm_transfer_then_both_are_told_and_the_agent_never_left() -> None:
    story = failed(warm(), EndCause.NO_ANSWER)
    assert story.call.stage is Stage.TALKING
    assert said(story) == ["transfer_not_answered"]
    assert set(story.call.legs) == {CALL, AGENT}


def test_given_the_agent_hangs_up_while_the_line_rings_then_a_failure_leads_back_to_the_agent() -> None:
    story = warm()
    due = story.call.timers["offer"]
    story.feed(LegEnded(at=later(22), leg=AGENT, cause=EndCause.HANGUP))
    assert story.call.stage is Stage.FORWARDING
    assert story.call.timers["offer"] == due
    assert isinstance(story.call.prompt.sounds[0], Music)  # type: ignore[union-attr]
    failed(story)
    assert dialled(story)[-1] == "desk:8001"


def test_given_the_agents_line_is_lost_while_the_line_rings_then_a_failure_leads_to_the_queue() -> None:
    story = warm()
    story.feed(LegEnded(at=later(22), leg=AGENT, cause=EndCause.LOST))
    assert len(story.named(ReleaseAgent)) == 1
    failed(story)
    assert story.call.stage is Stage.WAITING


def test_given_the_citizen_hangs_up_during_a_consultation_then_everybody_is_let_go() -> None:
    story = consulting()
    story.feed(LegEnded(at=later(30), leg=CALL, cause=EndCause.HANGUP))
    assert {HangUp(leg=AGENT), HangUp(leg=FIRST)} <= set(story.commands)
    assert len(story.named(ReleaseAgent)) == 1
    assert story.call.attempts[0].result is TransferResult.ABANDONED


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("number", "kind", "word"),
    [
        ("99999", TransferKind.BLIND, "unknown_number"),
        ("12349", TransferKind.BLIND, "suspended"),
        ("12315", TransferKind.WARM, "queue"),
        ("12345", TransferKind.BLIND, "unknown_number"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_changes(number: str, kind: TransferKind, word: str) -> None:
    before = talking()
    story = asks(talking(), number, kind)
    assert refusal(story) == [word]
    assert story.call == before.call


def test_another_agents_call_is_not_transferred() -> None:
    assert refusal(asks(talking(), agent="8002")) == ["not_yours"]


@pytest.mark.parametrize("event", [HandOverAsked, TakeBackAsked])
def test_given_no_transfer_when_the_agent_wants_to_end_one_then_that_is_said(event: type) -> None:
    story = talking()
    story.feed(event(at=later(20), request="q", agent="8001"))
    assert refusal(story) == ["no_transfer"]


def test_given_the_call_is_in_the_queue_when_a_transfer_is_asked_then_nobody_talks_yet() -> None:
    story = greeted()
    story.feed(QueueFailed(at=later(7), reason="test"))
    assert refusal(asks(story)) == ["not_talking"]


# ---------------------------------------------------------------- restricted callers

UNTIL = date(2026, 12, 24)


def test_given_a_restricted_caller_then_the_day_is_told_and_nobody_is_sought() -> None:
    story = arrived(restricted_until=UNTIL)
    assert Say("restricted", {"until": "2026-12-24"}) in story.commands[-1].sounds  # type: ignore[union-attr]
    assert story.call.prompt is not None
    story.feed(PromptEnded(at=later(20), prompt=story.call.prompt.id, heard=True))
    assert said(story) == ["restricted_bye"]
    assert not [c for c in story.all_commands if isinstance(c, SeekAgent)]
    assert outcome(story.call) is Outcome.RESTRICTED


def test_given_a_restricted_caller_when_an_emergency_number_was_dialled_then_nothing_is_restricted() -> None:
    assert arrived("119", restricted_until=UNTIL).call.stage is Stage.GREETING


def test_given_a_restricted_caller_when_appealing_then_the_appeal_is_taken_as_a_message() -> None:
    story = arrived(restricted_until=UNTIL)
    story.feed(DigitPressed(at=later(3), leg=CALL, digit="1"))
    assert story.call.stage is Stage.MESSAGE
    assert said(story) == ["appeal"]
    assert story.call.appeal
