"""How long a recording must be, and how long it must be kept."""

from datetime import date

import pytest

from ivr.call import (
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
    SwitchHandled,
    TimerFired,
)
from recordings.keeping import Retention, proved_seconds

T0 = 1_795_190_400.0  # midnight in China: 21 November 2026 begins
ARRIVED = CallArrived(at=T0, call="c", dialled="12345", caller=None, carrier="t", rules="v1", recording="c")
CLOSED = CallClosed(at=T0 + 500, outcome=Outcome.ANSWERED)


def ended(after: float, cause: EndCause = EndCause.HANGUP, leg: str = "c") -> LegEnded:
    return LegEnded(at=T0 + after, leg=leg, cause=cause)


def resumed(after: float, *up: str) -> ControlResumed:
    return ControlResumed(at=T0 + after, up=up, ringing=(), prompts=(), room=bool(up))


@pytest.mark.parametrize(
    ("events", "seconds"),
    [
        ([ARRIVED, LegAnswered(at=T0 + 9, leg="a"), ended(60), CLOSED], 60.0),
        ([ARRIVED, ended(0.4), CLOSED], 0.4),
        # the hang-up was missed: what the carrier told last counts, not the time at which it was found out
        ([ARRIVED, LegAnswered(at=T0 + 9, leg="a"), ended(400, EndCause.LOST), CLOSED], 9.0),
        ([ARRIVED, resumed(30, "c"), resumed(400), CLOSED], 30.0),
        ([ARRIVED, DigitPressed(at=T0 + 5, leg="c", digit="0"), TimerFired(at=T0 + 90, timer="closing"), CLOSED], 5.0),
        ([ARRIVED, PromptEnded(at=T0 + 6, prompt="p", heard=True), CLOSED], 6.0),
        ([ARRIVED, PromptEnded(at=T0 + 6, prompt="p", heard=False), CLOSED], 0.0),
        ([ARRIVED, ended(20, leg="a"), ended(25, EndCause.LOST, "b"), CLOSED], 20.0),
        ([ARRIVED, SwitchHandled(at=T0 + 90, answered=True, ended=T0 + 80), CLOSED], 80.0),
        ([ARRIVED], 0.0),
        ([], 0.0),
    ],
)
def test_a_recording_must_be_as_long_as_the_citizen_was_surely_on_the_line(
    events: list[AnyEvent], seconds: float
) -> None:
    assert proved_seconds("c", events) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("at", "years", "until"),
    [
        (T0 - 1, 3, date(2029, 11, 20)),
        (T0, 3, date(2029, 11, 21)),
        (T0 + 86_399, 2, date(2028, 11, 21)),
        (1_835_409_600.0, 3, date(2031, 3, 1)),  # 29 February 2028 has no anniversary
    ],
)
def test_it_is_kept_for_whole_years_of_chinas_calendar(at: float, years: int, until: date) -> None:
    assert Retention(years, "宜春 §13(9)").keep_until(at) == until
