"""What is handed along in SIP headers: nothing can break them, and nothing known is left out."""

import re
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from ivr.call import AgentOffered, Dial, DigitPressed, EmergencyAsked, LegAnswered
from ivr.flow.handed import LONGEST, header_value
from tests.support.calls import CALL, Story, later


@given(st.text(max_size=300))
def test_whatever_is_said_the_value_is_safe_short_and_a_beginning_of_it(text: str) -> None:
    value = header_value(text)
    assert re.fullmatch(r"(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*", value)
    assert len(value) <= LONGEST
    spoken = " ".join(text.split()).encode(errors="replace").decode()
    assert spoken.startswith(unquote(value, errors="strict"))
    if len(value) < LONGEST - 12:  # the longest character takes twelve bytes
        assert unquote(value) == spoken


def test_a_line_break_cannot_add_a_header() -> None:
    assert header_value("春台公园\r\nX-Evil: 1") == "%E6%98%A5%E5%8F%B0%E5%85%AC%E5%9B%AD%20X-Evil%3A%201"


def asked(place: str = "", event: str = "", request: str = "q") -> EmergencyAsked:
    return EmergencyAsked(at=later(20), request=request, agent="8001", number="119", place=place, event=event)


def talking() -> Story:
    story = Story()
    story.arrive()
    leg = f"{CALL}-a1"
    story.feed(
        DigitPressed(at=later(1), leg=CALL, digit="0"),
        AgentOffered(at=later(7), leg=leg, agent="8001", address="desk:8001", ring_s=20),
        LegAnswered(at=later(10), leg=leg),
    )
    return story


def dialled(story: Story) -> dict[str, str]:
    (dial,) = story.named(Dial)
    assert isinstance(dial, Dial)
    return dial.headers


def test_given_the_agent_says_place_and_event_then_the_emergency_desk_is_told() -> None:
    story = talking()
    story.feed(asked("幸福路12号", "起火"))
    told = dialled(story)
    assert (unquote(told["X-Hotline-Place"]), unquote(told["X-Hotline-Event"])) == ("幸福路12号", "起火")


def test_given_nothing_is_known_then_no_empty_header_goes_along() -> None:
    story = talking()
    story.feed(asked())
    assert set(dialled(story)) == {"X-Hotline-Call", "X-Hotline-Time"}


def test_given_a_supervisor_asks_for_a_waiting_citizen_then_place_and_event_go_along_too() -> None:
    story = Story()
    story.arrive()
    story.feed(
        EmergencyAsked(
            at=later(3), request="q", agent="wang", number="119", supervisor=True, place="秀江桥", event="落水"
        )
    )
    assert unquote(dialled(story)["X-Hotline-Event"]) == "落水"
    assert (story.call.place, story.call.event) == ("秀江桥", "落水")
