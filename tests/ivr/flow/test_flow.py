"""The flow as a table of stories: given, when, then. Times are seconds after the call arrived."""

import pytest

from ivr.call import (
    Accept,
    AgentOffered,
    CallClosed,
    CloseCall,
    Dial,
    DigitPressed,
    EndCause,
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
    Say,
    SeekAgent,
    Stage,
    StopPlaying,
    StopSeeking,
    TimerFired,
    Tone,
)
from tests.support.calls import CALL, RULES, T0, Story, later

AGENT_LEG = f"{CALL}-a1"


def greeted(**kwargs: str) -> Story:
    story = Story()
    story.arrive(**kwargs)
    assert story.call.prompt is not None
    story.feed(PromptEnded(at=later(6), prompt=story.call.prompt.id, heard=True))
    return story


def queued(on_shift: int = 2) -> Story:
    story = greeted()
    story.feed(Queued(at=later(6.1), skill="general", position=3, on_shift=on_shift))
    return story


def offered() -> Story:
    story = queued()
    story.feed(AgentOffered(at=later(7), leg=AGENT_LEG, agent="8001", address="desk:8001", ring_s=20))
    return story


def talking() -> Story:
    story = offered()
    story.feed(LegAnswered(at=later(10), leg=AGENT_LEG))
    return story


def press(story: Story, digit: str, at: float = 3) -> None:
    story.feed(DigitPressed(at=later(at), leg=CALL, digit=digit))


def says(story: Story) -> list[str]:
    return [s.key for c in story.commands if isinstance(c, Play) for s in c.sounds if isinstance(s, Say)]


# ---------------------------------------------------------------- greeting


def test_given_a_ring_when_the_call_arrives_then_it_is_accepted_and_greeted_with_the_recording_notice() -> None:
    story = Story()
    story.arrive()
    accept, play = story.commands
    assert accept == Accept(leg=CALL)
    assert isinstance(play, Play)
    assert play.sounds == (Say("greeting"),)


def test_given_a_dual_number_when_the_call_arrives_then_its_own_greeting_and_skill_hold() -> None:
    story = greeted(dialled="12315")
    assert story.named(SeekAgent) == [SeekAgent(skill="market", priority=0, since=T0)]


def test_given_an_unknown_number_that_reached_us_then_it_is_served_like_the_hotline_itself() -> None:
    story = greeted(dialled="99999")
    assert story.named(SeekAgent) == [SeekAgent(skill="general", priority=0, since=T0)]


@pytest.mark.parametrize("digit", "013456780*#ABCD")
def test_given_the_greeting_when_any_key_is_pressed_then_the_citizen_goes_to_a_person_at_once(digit: str) -> None:
    story = Story()
    story.arrive()
    press(story, digit)
    assert story.call.stage is Stage.WAITING
    assert isinstance(story.commands[0], StopPlaying)
    assert story.named(SeekAgent)


def test_given_the_greeting_when_2_is_pressed_then_the_enterprise_agents_are_sought() -> None:
    story = Story()
    story.arrive()
    press(story, "2")
    assert story.named(SeekAgent) == [SeekAgent(skill="enterprise", priority=0, since=T0)]


def test_given_the_queue_when_a_key_without_meaning_is_pressed_then_nothing_changes() -> None:
    story = queued()
    before = story.call
    press(story, "7", at=12)
    assert story.commands == ()
    assert story.call == before


def test_given_the_greeting_when_the_carrier_never_says_it_ended_then_the_timer_leads_to_the_queue() -> None:
    story = Story()
    story.arrive()
    story.feed(TimerFired(at=later(RULES.greeting_limit_s), timer="greeting"))
    assert story.call.stage is Stage.WAITING


# ---------------------------------------------------------------- queue


def test_given_the_queue_when_half_a_minute_passes_then_the_place_is_asked_and_told_and_music_goes_on() -> None:
    story = queued()
    story.feed(TimerFired(at=later(36), timer="announce"))
    assert story.named(SeekAgent)
    story.feed(Queued(at=later(36.1), skill="general", position=2, on_shift=2))
    play = story.commands[-1]
    assert isinstance(play, Play)
    assert play.sounds == (Say("queue_position", {"position": 2}),)
    story.feed(PromptEnded(at=later(45), prompt=play.prompt, heard=True))
    assert story.named(Play)[0].sounds == (Music(),)  # type: ignore[union-attr]


def test_given_an_offer_when_the_agent_does_not_answer_then_the_place_is_kept_and_the_next_is_sought() -> None:
    story = offered()
    story.feed(LegEnded(at=later(27), leg=AGENT_LEG, cause=EndCause.NO_ANSWER))
    assert story.commands == (
        ReleaseAgent(agent="8001", talked=False, cause=EndCause.NO_ANSWER),
        SeekAgent(skill="general", priority=0, since=T0),
    )
    assert AGENT_LEG not in story.call.legs


def test_given_an_offer_when_the_carrier_never_says_that_it_failed_then_the_timer_gives_the_agent_up() -> None:
    story = offered()
    story.feed(TimerFired(at=later(31), timer="offer"))
    assert story.commands[0] == HangUp(leg=AGENT_LEG)
    assert story.named(SeekAgent)
    story.feed(LegAnswered(at=later(31.1), leg=AGENT_LEG))  # in the same instant
    assert story.commands == (HangUp(leg=AGENT_LEG),)


def test_given_an_offer_when_a_second_agent_is_offered_then_the_second_is_given_back_without_blame() -> None:
    story = offered()
    story.feed(AgentOffered(at=later(8), leg=f"{CALL}-a2", agent="8002", address="desk:8002", ring_s=20))
    assert story.commands == (ReleaseAgent(agent="8002", talked=False, cause=EndCause.HANGUP),)


def test_given_nobody_on_shift_for_the_skill_then_the_general_agents_are_sought() -> None:
    story = greeted(dialled="12315")
    for skill, next_skill in (("market", "market_experts"), ("market_experts", "general")):
        story.feed(Queued(at=later(6.1), skill=skill, position=1, on_shift=0))
        assert story.named(SeekAgent) == [SeekAgent(skill=next_skill, priority=0, since=T0)]


def test_given_the_queue_out_of_reach_when_it_stays_so_then_a_duty_phone_is_rung() -> None:
    story = greeted()
    for second in range(RULES.seek_tries - 1):
        story.feed(QueueFailed(at=later(7 + second), reason="gone"))
        assert story.call.stage is Stage.WAITING
        story.feed(TimerFired(at=later(9.5 + second), timer="seek"))
        assert story.named(SeekAgent)
    story.feed(QueueFailed(at=later(30), reason="gone"))
    assert story.call.stage is Stage.DUTY
    assert story.named(Dial)


def test_given_the_longest_wait_is_over_then_the_citizen_may_leave_a_message() -> None:
    story = queued()
    story.feed(TimerFired(at=later(6 + RULES.patience_s), timer="patience"))
    assert story.call.stage is Stage.MESSAGE
    assert says(story) == ["all_busy", "leave_message"]
    assert story.named(StopSeeking)


# ---------------------------------------------------------------- nobody on shift


def test_given_nobody_on_shift_then_the_duty_phones_ring_in_order_and_then_a_message_is_taken() -> None:
    story = queued(on_shift=0)
    assert story.call.stage is Stage.DUTY
    (first,) = story.named(Dial)
    assert isinstance(first, Dial)
    assert first.address == "phone:0795111"
    story.feed(LegEnded(at=later(10), leg=first.leg, cause=EndCause.BUSY))
    (second,) = story.named(Dial)
    assert isinstance(second, Dial)
    assert second.address == "phone:0795222"
    story.feed(LegEnded(at=later(40), leg=second.leg, cause=EndCause.NO_ANSWER))
    assert story.call.stage is Stage.MESSAGE
    play = story.commands[-1]
    assert isinstance(play, Play)
    assert play.sounds == (Say("nobody_available"), Say("leave_message"), Tone("beep"))
    story.feed(PromptEnded(at=later(50), prompt=play.prompt, heard=True))
    press(story, "#", at=70)
    assert says(story) == ["message_thanks"]
    story.feed(LegEnded(at=later(75), leg=CALL, cause=EndCause.HANGUP))
    (close,) = story.named(CloseCall)
    assert isinstance(close, CloseCall)
    assert close.outcome is Outcome.MESSAGE


def test_given_a_duty_phone_was_lost_when_the_duty_phones_ring_again_then_each_leg_has_an_id_of_its_own() -> None:
    story = queued(on_shift=0)
    first = f"{CALL}-d1"
    story.feed(LegAnswered(at=later(10), leg=first), LegEnded(at=later(20), leg=first, cause=EndCause.LOST))
    story.feed(Queued(at=later(21), skill="general", position=1, on_shift=0))
    (again,) = story.named(Dial)
    assert isinstance(again, Dial)
    assert again.leg != first
    assert again.address == "phone:0795111"


def test_given_the_citizen_hangs_up_before_the_tone_then_no_message_was_left() -> None:
    story = queued(on_shift=0)
    for number in (1, 2):
        story.feed(LegEnded(at=later(10 * number), leg=f"{CALL}-d{number}", cause=EndCause.BUSY))
    story.feed(LegEnded(at=later(30), leg=CALL, cause=EndCause.HANGUP))
    (close,) = story.named(CloseCall)
    assert isinstance(close, CloseCall)
    assert close.outcome is Outcome.UNATTENDED


# ---------------------------------------------------------------- conversation


def test_given_an_offer_when_the_agent_answers_then_the_music_stops_and_both_are_in_the_room() -> None:
    story = talking()
    stop, join, hold = story.commands
    assert isinstance(stop, StopPlaying)
    assert join == Join(leg=AGENT_LEG)
    assert hold == HoldAgent(agent="8001")
    assert story.call.stage is Stage.TALKING


def test_given_a_talk_when_the_agent_hangs_up_then_the_citizen_hears_the_farewell_and_is_hung_up() -> None:
    story = talking()
    story.feed(LegEnded(at=later(100), leg=AGENT_LEG, cause=EndCause.HANGUP))
    assert says(story) == ["farewell"]
    assert story.call.prompt is not None
    story.feed(PromptEnded(at=later(104), prompt=story.call.prompt.id, heard=True))
    assert story.commands == (HangUp(leg=CALL),)
    story.feed(LegEnded(at=later(104.1), leg=CALL, cause=EndCause.HANGUP))
    close = story.commands[-1]
    assert isinstance(close, CloseCall)
    assert close.outcome is Outcome.ANSWERED
    assert [(talk.party, talk.began, talk.ended) for talk in close.talks] == [("8001", later(10), later(100))]
    story.feed(CallClosed(at=later(104.2), outcome=close.outcome, talks=close.talks))
    assert story.call.stage is Stage.CLOSED


def test_given_a_talk_when_the_agents_line_is_lost_then_the_citizen_returns_to_the_head_of_the_queue() -> None:
    story = talking()
    story.feed(LegEnded(at=later(100), leg=AGENT_LEG, cause=EndCause.LOST))
    assert story.call.stage is Stage.WAITING
    assert says(story) == ["agent_lost"]
    (seek,) = story.named(SeekAgent)
    assert isinstance(seek, SeekAgent)
    assert seek.priority > 0
    assert seek.since == T0


def test_given_a_talk_when_the_citizen_hangs_up_then_the_agent_is_let_go_and_the_call_closed() -> None:
    story = talking()
    story.feed(LegEnded(at=later(60), leg=CALL, cause=EndCause.HANGUP))
    assert HangUp(leg=AGENT_LEG) in story.commands
    assert ReleaseAgent(agent="8001", talked=True, cause=EndCause.HANGUP) in story.commands
    assert isinstance(story.commands[-1], CloseCall)


@pytest.mark.parametrize("stage", ["greeting", "queue", "offer"])
def test_given_nobody_answered_yet_when_the_citizen_hangs_up_then_the_call_was_abandoned(stage: str) -> None:
    story = {"greeting": Story, "queue": queued, "offer": offered}[stage]()
    if stage == "greeting":
        story.arrive()
    story.feed(LegEnded(at=later(60), leg=CALL, cause=EndCause.HANGUP))
    close = story.commands[-1]
    assert isinstance(close, CloseCall)
    assert close.outcome is Outcome.ABANDONED
    if stage == "offer":
        assert ReleaseAgent(agent="8001", talked=False, cause=EndCause.HANGUP) in story.commands


def test_given_a_call_being_closed_when_the_carrier_stays_silent_then_the_timer_closes_it() -> None:
    story = talking()
    story.feed(LegEnded(at=later(100), leg=AGENT_LEG, cause=EndCause.HANGUP))
    story.feed(TimerFired(at=later(100 + RULES.farewell_limit_s), timer="farewell"))
    story.feed(TimerFired(at=later(130), timer="closing"))
    assert HangUp(leg=CALL) in story.commands
    assert isinstance(story.commands[-1], CloseCall)


def test_a_duplicate_of_any_event_changes_nothing() -> None:
    story = talking()
    before = story.call
    for event in (
        LegAnswered(at=later(11), leg=AGENT_LEG),
        PromptEnded(at=later(11), prompt=f"{CALL}-p1", heard=True),
        TimerFired(at=later(11), timer="greeting"),
        Queued(at=later(11), skill="general", position=1, on_shift=1),
    ):
        story.feed(event)
        assert story.commands == ()
        assert story.call == before
