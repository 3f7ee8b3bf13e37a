"""A citizen in danger is put through to 110, 119, 120 or 122, and is never without somebody on the way."""

from datetime import date

import pytest
from msgspec.structs import replace

from ivr.call import (
    AgentOffered,
    Alarm,
    Dial,
    DigitPressed,
    EmergencyAsked,
    EndCause,
    HandedOver,
    HandOverAsked,
    HangUp,
    Join,
    LegAnswered,
    LegEnded,
    Music,
    Play,
    PromptEnded,
    Queued,
    ReleaseAgent,
    Reply,
    Room,
    Say,
    SeekAgent,
    Stage,
    TimerFired,
    TransferAsked,
    TransferKind,
    TransferResult,
)
from tests.support.calls import CALL, RULES, T0, Story, later
from tests.support.calls import arrived as arrival

AGENT = f"{CALL}-a1"
FIRST, SECOND = f"{CALL}-t1", f"{CALL}-t2"
SEEK_FIRST = SeekAgent(skill="general", priority=10, since=T0)


def arrived(dialled: str = "12345", **more: object) -> Story:
    story = Story()
    story.arrive(dialled=dialled, **more)
    return story


def press(story: Story, digit: str, at: float) -> Story:
    story.feed(DigitPressed(at=later(at), leg=CALL, digit=digit))
    return story


def waiting() -> Story:
    story = press(arrived(), "0", 2)
    story.feed(Queued(at=later(3), skill="general", position=4, on_shift=2))
    return story


def talking() -> Story:
    story = waiting()
    story.feed(
        AgentOffered(at=later(7), leg=AGENT, agent="8001", address="desk:8001", ring_s=20),
        LegAnswered(at=later(10), leg=AGENT),
    )
    return story


def put_through() -> Story:
    """Key 9, then 2: the fire brigade."""
    return press(press(arrived(), "9", 2), "2", 4)


def assisted() -> Story:
    """The agent's one action."""
    story = talking()
    story.feed(EmergencyAsked(at=later(20), request="q", agent="8001", number="119"))
    return story


def said(story: Story) -> list[str]:
    return [s.key for c in story.commands if isinstance(c, Play) for s in c.sounds if isinstance(s, Say)]


def rung(story: Story) -> list[str]:
    return [command.address for command in story.all_commands if isinstance(command, Dial)]


def alarms(story: Story) -> list[tuple[str, str]]:
    return [(command.kind, command.line) for command in story.all_commands if isinstance(command, Alarm)]


def refusal(story: Story) -> list[str]:
    return [command.refusal for command in story.commands if isinstance(command, Reply)]


# ---------------------------------------------------------------- by key


@pytest.mark.parametrize("before", ["greeting", "queue", "line ringing", "duty phone ringing", "restricted"])
def test_given_any_moment_before_an_agent_when_9_is_pressed_then_the_second_key_is_asked_for(before: str) -> None:
    match before:
        case "greeting":
            story = arrived()
        case "queue":
            story = waiting()
        case "line ringing":
            story = press(arrived("12366"), "#", 2)
        case "duty phone ringing":
            story = press(arrived(), "0", 2)
            story.feed(Queued(at=later(3), skill="general", position=1, on_shift=0))
        case _:
            story = arrived(restricted_until=date(2026, 12, 31))
    press(story, "9", 5)
    assert story.call.stage is Stage.CHOOSING
    assert said(story) == ["emergency_menu"]
    ringing = [leg.id for leg in story.call.legs.values() if not leg.up]
    assert not ringing, "nobody else is rung meanwhile"


def test_given_the_menu_is_over_then_music_follows_and_five_seconds_later_a_person_comes_first() -> None:
    story = press(waiting(), "9", 5)
    assert story.call.prompt is not None
    story.feed(PromptEnded(at=later(12), prompt=story.call.prompt.id, heard=True))
    assert isinstance(story.call.prompt.sounds[0], Music)  # type: ignore[union-attr]
    assert story.call.timers["choice"] == later(17)
    story.feed(TimerFired(at=later(17), timer="choice"))
    assert story.named(SeekAgent) == [SEEK_FIRST]


def test_given_a_second_key_then_the_routes_are_rung_and_a_supervisor_is_told() -> None:
    story = put_through()
    assert story.call.stage is Stage.FORWARDING
    assert said(story) == ["emergency_connecting"]
    (dial,) = story.named(Dial)
    assert isinstance(dial, Dial)
    assert (dial.address, dial.timeout_s) == ("phone:119", RULES.emergency_ring_s)
    assert dial.headers["X-Hotline-Call"] == CALL
    assert dial.headers["X-Hotline-Time"].endswith("+0800")
    assert alarms(story) == [("emergency", "119")]
    assert story.commands.index(dial) < next(i for i, c in enumerate(story.commands) if isinstance(c, Alarm))


@pytest.mark.parametrize("cause", [EndCause.BUSY, EndCause.NO_ANSWER, EndCause.REJECTED, EndCause.UNREACHABLE])
def test_given_a_route_fails_then_the_next_is_rung_and_never_two_at_once(cause: EndCause) -> None:
    story = put_through()
    story.feed(LegEnded(at=later(8), leg=FIRST, cause=cause))
    assert rung(story) == ["phone:119", "phone:0795119"]
    assert set(story.call.legs) == {CALL, SECOND}
    story.feed(LegAnswered(at=later(12), leg=SECOND))
    assert story.call.stage is Stage.TALKING
    results = [(attempt.transfer, attempt.result) for attempt in story.call.attempts]
    assert results[1] == (TransferKind.EMERGENCY, TransferResult.CONNECTED)


@pytest.mark.parametrize("digit", "0123456789*#")
def test_given_the_operator_is_rung_when_a_key_is_pressed_then_nothing_breaks_it_off(digit: str) -> None:
    story = put_through()
    before = story.call
    press(story, digit, 6)
    assert story.call == before
    assert story.commands == ()


def test_given_no_route_answers_then_the_citizen_is_told_to_dial_directly_and_a_person_comes_first() -> None:
    story = put_through()
    story.feed(TimerFired(at=story.call.timers["offer"], timer="offer"))
    story.feed(LegEnded(at=later(30), leg=SECOND, cause=EndCause.BUSY))
    assert said(story) == ["emergency_failed"]
    assert story.named(SeekAgent) == [SEEK_FIRST]
    assert alarms(story) == [("emergency", "119"), ("emergency_failed", "119")]


def test_given_an_emergency_number_is_dialled_then_it_is_rung_like_one() -> None:
    story = press(arrived("119"), "#", 2)
    assert rung(story) == ["phone:119"]
    story.feed(*(LegEnded(at=later(9), leg=leg, cause=EndCause.BUSY) for leg in (FIRST, SECOND)))
    assert said(story) == ["emergency_failed"]
    assert story.named(SeekAgent) == [SEEK_FIRST]


def test_given_a_table_that_lost_its_emergency_rows_then_they_are_rung_all_the_same() -> None:
    rules = replace(RULES, table=replace(RULES.table, lines={}))
    story = Story(rules)
    story.arrive()
    assert rung(press(press(story, "9", 2), "1", 3)) == ["phone:110"]


def test_given_a_city_without_a_second_key_then_9_leads_to_a_person_at_once() -> None:
    story = Story(replace(RULES, emergency_keys={}))
    story.arrive()
    press(story, "9", 2)
    assert story.named(SeekAgent) == [SEEK_FIRST]


def test_given_the_citizen_hangs_up_while_the_operator_is_rung_then_it_stops_ringing() -> None:
    story = put_through()
    story.feed(LegEnded(at=later(8), leg=CALL, cause=EndCause.HANGUP))
    assert HangUp(leg=FIRST) in story.commands
    assert story.call.attempts[0].result is TransferResult.ABANDONED


# ---------------------------------------------------------------- by the agent, by a supervisor


def test_given_the_agents_action_then_the_agent_stays_with_the_citizen_and_the_operator_joins_both() -> None:
    story = assisted()
    assert refusal(story) == [""]
    assert not [command for command in story.commands if isinstance(command, Join | HangUp)]
    story.feed(LegAnswered(at=later(24), leg=FIRST))
    assert story.named(Join) == [Join(leg=FIRST, room=Room.MAIN)]
    assert story.call.stage is Stage.CONFERENCE
    story.feed(HandOverAsked(at=later(40), request="q2", agent="8001"))
    assert refusal(story) == [""]
    assert HangUp(leg=AGENT) in story.commands
    assert story.call.stage is Stage.TALKING
    assert set(story.call.legs) == {CALL, FIRST}


@pytest.mark.parametrize("kind", [TransferKind.BLIND, TransferKind.WARM])
def test_given_an_ordinary_transfer_to_an_emergency_number_then_it_is_an_emergency(kind: TransferKind) -> None:
    story = talking()
    story.feed(TransferAsked(at=later(20), request="q", agent="8001", number="119", transfer=kind))
    assert set(story.call.legs) == {CALL, AGENT, FIRST}, "the agent stays"
    assert story.call.attempts[0].transfer is TransferKind.EMERGENCY


def test_given_the_operator_hangs_up_then_the_agent_still_has_the_citizen() -> None:
    story = assisted()
    story.feed(LegAnswered(at=later(24), leg=FIRST), LegEnded(at=later(60), leg=FIRST, cause=EndCause.HANGUP))
    assert story.call.stage is Stage.TALKING
    assert set(story.call.legs) == {CALL, AGENT}


def test_given_no_route_answers_then_the_agent_never_left_and_supervisors_are_alarmed() -> None:
    story = assisted()
    story.feed(*(LegEnded(at=later(30), leg=leg, cause=EndCause.BUSY) for leg in (FIRST, SECOND)))
    assert story.call.stage is Stage.TALKING
    assert alarms(story) == [("emergency_failed", "119")]
    assert set(story.call.legs) == {CALL, AGENT}


def test_given_the_agent_hangs_up_while_the_operator_is_rung_then_it_rings_on_for_the_citizen() -> None:
    story = assisted()
    story.feed(LegEnded(at=later(22), leg=AGENT, cause=EndCause.HANGUP))
    assert story.call.stage is Stage.FORWARDING
    story.feed(LegAnswered(at=later(24), leg=FIRST))
    assert story.call.stage is Stage.TALKING
    assert len(story.named(ReleaseAgent)) == 1


def test_given_an_emergency_desk_hands_a_citizen_over_then_they_go_before_ordinary_callers() -> None:
    story = Story()
    story.feed(replace(arrival(), handed_over=HandedOver("110", "A-42", "幸福路12号")))
    press(story, "#", 2)
    assert story.named(SeekAgent) == [SeekAgent(skill="general", priority=6, since=T0)]
    assert story.call.place == "幸福路12号"


def test_given_a_number_that_is_no_emergency_then_the_agent_is_told_so() -> None:
    story = talking()
    story.feed(EmergencyAsked(at=later(20), request="q", agent="8001", number="12366"))
    assert refusal(story) == ["not_emergency"]
    assert story.call.stage is Stage.TALKING


def test_given_a_waiting_citizen_when_a_supervisor_puts_them_through_then_no_agent_rings_on() -> None:
    story = waiting()
    story.feed(
        AgentOffered(at=later(7), leg=AGENT, agent="8001", address="desk:8001", ring_s=20),
        EmergencyAsked(at=later(9), request="q", agent="boss", number="119", supervisor=True),
    )
    assert refusal(story) == [""]
    assert HangUp(leg=AGENT) in story.commands
    assert rung(story)[-1] == "phone:119"


def test_given_a_waiting_citizen_when_an_agent_wants_to_put_them_through_then_that_is_not_the_agents_call() -> None:
    story = waiting()
    story.feed(EmergencyAsked(at=later(9), request="q", agent="8001", number="119"))
    assert refusal(story) == ["not_talking"]
    assert story.call.stage is Stage.WAITING
