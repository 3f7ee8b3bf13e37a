"""A call's story: each event one sentence, in order, with its time, and nobody's number in it."""

from typing import get_args

import pytest

from hotline.story import timeline
from ivr.call import (
    AgentOffered,
    AnyEvent,
    CallArrived,
    CallClosed,
    ControlResumed,
    DigitPressed,
    EndCause,
    LegAnswered,
    LegEnded,
    Outcome,
    PromptEnded,
    Queued,
    QueueFailed,
    Role,
    SwitchHandled,
    Talk,
    TimerFired,
)
from ivr.journal import Entry

T0 = 1_795_190_400.0
CALL, LEG = "hotline-1795190400.1", "hotline-1795190400.1-a1f"

STORY: list[tuple[AnyEvent, str]] = [
    (
        CallArrived(
            at=T0, call=CALL, dialled="12345", caller="13800138000", carrier="asterisk", rules="v", recording="r"
        ),
        "A call from 138****8000 to 12345 arrived (asterisk), recorded as r.",
    ),
    (PromptEnded(at=T0 + 4, prompt=f"{CALL}-p1", heard=True), "Prompt p1 was played to its end."),
    (DigitPressed(at=T0 + 5, leg=CALL, digit="2"), "The citizen pressed 2."),
    (
        Queued(at=T0 + 5.1, skill="enterprise", position=1, on_shift=3),
        "The call stands in the queue enterprise at place 1; agents on shift: 3.",
    ),
    (QueueFailed(at=T0 + 5.2, reason="no answer"), "The queue could not be asked: no answer."),
    (
        AgentOffered(at=T0 + 6, leg=LEG, agent="8001", address="desk:8001", ring_s=20.0),
        "The call was offered to agent 8001, whose phone rings for at most 20 s.",
    ),
    (
        ControlResumed(at=T0 + 7, up=(CALL,), ringing=(LEG,), prompts=(), room=True),
        "The switch was asked what exists of the call: the citizen on the line, agent 8001 being rung.",
    ),
    (LegAnswered(at=T0 + 9, leg=LEG), "Agent 8001 answered."),
    (TimerFired(at=T0 + 69, timer="check"), "It was time to compare with the switch."),
    (LegEnded(at=T0 + 80.5, leg=LEG, cause=EndCause.HANGUP), "Agent 8001 hung up."),
    (LegEnded(at=T0 + 81, leg=CALL, cause=EndCause.LOST), "The citizen was lost without a hang-up."),
    (
        CallClosed(
            at=T0 + 81,
            outcome=Outcome.ANSWERED,
            talks=(Talk(leg=LEG, role=Role.AGENT, party="8001", began=T0 + 9, ended=T0 + 80.5),),
        ),
        "The call is over: the citizen spoke with a person; 71.5 s with agent 8001.",
    ),
    (
        SwitchHandled(at=T0 + 90, answered=False, ended=T0 + 90),
        "No worker could serve, so the switch rang the duty phones by itself; none answered.",
    ),
]


def test_a_call_reads_as_a_story() -> None:
    lines = timeline(Entry(CALL, seq, event) for seq, (event, _) in enumerate(STORY, 1))
    assert [line.text for line in lines] == [text for _, text in STORY]
    assert [line.offset_s for line in lines[:3]] == [0.0, 4.0, 5.0]
    assert (lines[1].seq, lines[1].at, lines[1].kind) == (2, T0 + 4, "prompt_ended")


def test_every_kind_of_event_has_its_sentence() -> None:
    assert {type(event) for event, _ in STORY} == set(get_args(AnyEvent))


def test_the_order_of_the_journal_counts_and_not_the_order_of_asking() -> None:
    entries = [Entry(CALL, seq, event) for seq, (event, _) in enumerate(STORY, 1)]
    assert timeline(reversed(entries)) == timeline(entries)
    assert timeline([]) == []


@pytest.mark.parametrize("party", ["phone:13900139000", "phone:07953212345"])
def test_a_duty_phone_is_named_and_its_number_masked(party: str) -> None:
    leg = f"{CALL}-d1"
    talk = Talk(leg=leg, role=Role.DUTY, party=party, began=T0 + 9)
    over = CallClosed(at=T0 + 20, outcome=Outcome.ANSWERED, talks=(talk,))
    answered, closed = timeline([Entry(CALL, 1, LegAnswered(at=T0 + 9, leg=leg)), Entry(CALL, 2, over)])
    assert answered.text.startswith("The duty phone ")
    assert "*" in answered.text
    assert party not in answered.text + closed.text
    assert closed.text.endswith(".")
    assert "11.0 s" in closed.text


def test_a_phone_that_never_answered_is_called_by_its_leg() -> None:
    (line,) = timeline([Entry(CALL, 1, LegEnded(at=T0, leg=f"{CALL}-d2", cause=EndCause.BUSY))])
    assert line.text == "The phone d2 was busy."
