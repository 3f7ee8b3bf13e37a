"""A call's story: each event one sentence, in order, with its time, and nobody's number in it."""

import re
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from hotline.story import timeline
from ivr import flow
from ivr.call import (
    AgentOffered,
    AnyEvent,
    Attempt,
    CallArrived,
    CallClosed,
    ControlResumed,
    DigitPressed,
    DropAsked,
    EmergencyAsked,
    EndCause,
    HandOverAsked,
    JoinAsked,
    LeaveAsked,
    LegAnswered,
    LegEnded,
    ListenAsked,
    MergeAsked,
    Outcome,
    PromptEnded,
    Queued,
    QueueFailed,
    Role,
    SwapAsked,
    SwitchHandled,
    TakeBackAsked,
    TakeOverAsked,
    Talk,
    TimerFired,
    TransferAsked,
    TransferKind,
    TransferResult,
    WhisperAsked,
)
from ivr.journal import Entry

T0 = 1_795_190_400.0
CONNECTED = TransferResult.CONNECTED
CALL, LEG = "hotline-1795190400.1", "hotline-1795190400.1-a1f"
CHOICE_OVER = "The time to choose an emergency number was over, and the first free person is sought."

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
    (
        TransferAsked(at=T0 + 20, request="q1", agent="8001", number="12366", transfer=TransferKind.WARM),
        "Agent 8001 asked to transfer the call to 12366 (warm, speaking with the line first).",
    ),
    (TakeBackAsked(at=T0 + 30, request="q2", agent="8001"), "Agent 8001 asked to take the call back."),
    (HandOverAsked(at=T0 + 40, request="q3", agent="8001"), "Agent 8001 asked to hand the call over."),
    (SwapAsked(at=T0 + 41, request="q4", agent="8001"), "Agent 8001 asked to speak with the other one."),
    (
        MergeAsked(at=T0 + 42, request="q5", agent="8001", consent=True),
        "Agent 8001 asked to bring all together, with the citizen's consent.",
    ),
    (
        MergeAsked(at=T0 + 42.5, request="q6", agent="8001", consent=False),
        "Agent 8001 asked to bring all together, without the citizen's consent.",
    ),
    (DropAsked(at=T0 + 43, request="q7", agent="8001"), "Agent 8001 asked to let the line go that came last."),
    (
        EmergencyAsked(at=T0 + 44, request="q8", agent="8001", number="119", place="幸福路12号张三家", event="起火"),
        "Agent 8001 asked to put the citizen through to 119, with the place and the event.",
    ),
    (
        EmergencyAsked(at=T0 + 45, request="q9", agent="wang.fang", number="120", supervisor=True),
        "Supervisor wang.fang asked to put the citizen through to 120.",
    ),
    (TimerFired(at=T0 + 46, timer="choice"), CHOICE_OVER),
    (ListenAsked(at=T0 + 47, request="s1", supervisor="8009", address="desk:8009"), "Supervisor 8009 asked to listen."),
    (
        WhisperAsked(at=T0 + 48, request="s2", supervisor="8009", address="desk:8009"),
        "Supervisor 8009 asked to speak to the agent alone.",
    ),
    (
        JoinAsked(at=T0 + 49, request="s3", supervisor="8009", address="desk:8009"),
        "Supervisor 8009 asked to speak with all.",
    ),
    (
        TakeOverAsked(at=T0 + 50, request="s4", supervisor="8009", address="desk:8009"),
        "Supervisor 8009 asked to take the call over from the agent.",
    ),
    (LeaveAsked(at=T0 + 51, request="s5", supervisor="8009"), "Supervisor 8009 asked to be let go."),
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


def test_a_transfers_legs_bear_the_name_of_the_line_and_the_end_tells_each_attempt() -> None:
    first, second = f"{CALL}-t1", f"{CALL}-t2"
    line = Talk(leg=second, role=Role.LINE, party="12366", began=T0 + 37, ended=T0 + 60)
    attempts = (
        Attempt("12366", "phone:12366", TransferKind.FORWARD, "", T0, None, T0 + 20, TransferResult.BUSY),
        Attempt("12366", "phone:13900139000", TransferKind.FORWARD, "", T0 + 30, T0 + 37, T0 + 37, CONNECTED),
        Attempt("96110", "desk:8100", TransferKind.BLIND, "8001", T0 + 50, None, None, None),
    )
    over = CallClosed(at=T0 + 60, outcome=Outcome.ANSWERED, talks=(line,), attempts=attempts)
    events: list[AnyEvent] = [
        LegEnded(at=T0 + 20, leg=first, cause=EndCause.BUSY),
        LegAnswered(at=T0 + 37, leg=second),
        over,
    ]
    lines = timeline(Entry(CALL, seq, event) for seq, event in enumerate(events, 1))
    assert [line.text for line in lines] == [
        "Line 12366 was busy.",
        "Line 12366 answered.",
        "The call is over: the citizen spoke with a person; 23.0 s with line 12366; transfer to line 12366: busy; "
        "transfer to line 12366 at phone:139****9000: connected, answered after 7.0 s; "
        "transfer to line 96110 at desk:8100: result unknown.",
    ]


def test_the_end_tells_every_route_to_an_emergency_number_and_that_supervisors_were_alarmed() -> None:
    kind, busy = TransferKind.EMERGENCY, TransferResult.BUSY
    attempts = (
        Attempt("119", "phone:119", kind, "", T0, None, T0 + 2, busy),
        Attempt("119", "phone:13900139000", kind, "", T0 + 2, None, T0 + 12, TransferResult.NO_ANSWER),
        Attempt("120", "backup:120", kind, "8001", T0 + 20, T0 + 22, T0 + 22, CONNECTED),
    )
    (line,) = timeline([Entry(CALL, 1, CallClosed(at=T0 + 60, outcome=Outcome.ANSWERED, attempts=attempts))])
    assert line.text == (
        "The call is over: the citizen spoke with a person; "
        "emergency transfer without an agent, supervisors alarmed, to line 119: busy; "
        "emergency transfer without an agent, supervisors alarmed, to line 119 at phone:139****9000: no answer; "
        "emergency transfer to line 120 at backup:120: connected, answered after 2.0 s; "
        "no route to 119 answered, supervisors alarmed."
    )


@pytest.mark.parametrize(("leg", "name"), [("t1", "The line t1"), ("r1", "The agent called back r1")])
def test_while_the_call_goes_on_a_leg_is_named_by_what_it_is_for(leg: str, name: str) -> None:
    (line,) = timeline([Entry(CALL, 1, LegEnded(at=T0, leg=f"{CALL}-{leg}", cause=EndCause.NO_ANSWER))])
    assert line.text == f"{name} did not answer."


@pytest.mark.parametrize("number", ["13900139000", "0795 1390 0139", "07953212345"])
def test_whatever_number_an_agent_typed_is_masked_when_it_may_be_a_persons(number: str) -> None:
    asked = TransferAsked(at=T0, request="q", agent="8001", number=number, transfer=TransferKind.BLIND)
    (line,) = timeline([Entry(CALL, 1, asked)])
    assert number not in line.text
    assert "*" in line.text


def test_a_restricted_caller_and_the_appeal_are_told() -> None:
    arrived = CallArrived(
        at=T0,
        call=CALL,
        dialled="12345",
        caller="13800138000",
        carrier="asterisk",
        rules="v",
        restricted_until=date(2026, 12, 1),
    )
    over = CallClosed(at=T0 + 30, outcome=Outcome.MESSAGE, appeal=True)
    first, last = timeline([Entry(CALL, 1, arrived), Entry(CALL, 2, over)])
    assert first.text.endswith("not recorded. The caller's use is restricted until 2026-12-01.")
    assert last.text == ("The call is over: the citizen left a message; the citizen appealed against the restriction.")


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("result", TransferResult)
def test_every_outcome_and_every_result_has_its_words(outcome: Outcome, result: TransferResult) -> None:
    attempt = Attempt("12366", "phone:12366", TransferKind.WARM, "8001", T0, None, T0 + 9, result)
    (line,) = timeline([Entry(CALL, 1, CallClosed(at=T0, outcome=outcome, attempts=(attempt,)))])
    assert line.text.startswith("The call is over: ")


def test_every_timer_of_the_flow_has_its_sentence() -> None:
    sources = "".join(file.read_text("utf-8") for file in Path(flow.__file__).parent.glob("*.py"))
    timers = set(re.findall(r'set_timer\(\s*"(\w+)"', sources))
    assert len(timers) > 5
    for timer in timers:
        (line,) = timeline([Entry(CALL, 1, TimerFired(at=T0, timer=timer))])
        assert f"The timer {timer}" not in line.text
