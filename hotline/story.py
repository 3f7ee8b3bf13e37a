"""A call's story: the journal's events as one plain sentence each, with the time since the call arrived.

For people: the command and the API show it. Telephone numbers are masked; it reads nothing and decides nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from config.logs import mask_number
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

Names = Mapping[str, str]  # leg -> whose it is

_ENDED = {
    EndCause.HANGUP: "hung up",
    EndCause.BUSY: "was busy",
    EndCause.NO_ANSWER: "did not answer",
    EndCause.REJECTED: "rejected the call",
    EndCause.UNREACHABLE: "could not be reached",
    EndCause.LOST: "was lost without a hang-up",
}
_OUTCOMES = {
    Outcome.ANSWERED: "the citizen spoke with a person",
    Outcome.MESSAGE: "the citizen left a message",
    Outcome.ABANDONED: "the citizen hung up before anybody answered",
    Outcome.UNATTENDED: "nobody could answer and no message was left",
}
_TIMERS = {
    "greeting": "The greeting's time was over",
    "seek": "It was time to ask the queue again",
    "announce": "It was time to tell the place in the queue",
    "patience": "The longest wait was over",
    "offer": "The phone being rung had its time",
    "check": "It was time to compare with the switch",
    "message": "The message's time was over",
    "farewell": "The farewell's time was over",
    "closing": "The hang-up was not confirmed in time",
}


@dataclass(frozen=True)
class Line:
    """One event of a call. ``at`` is UNIX seconds, ``offset_s`` seconds since the call arrived."""

    seq: int
    at: float
    offset_s: float
    kind: str
    text: str


def timeline(entries: Iterable[Entry]) -> list[Line]:
    """The story of one call, in the order of its journal."""
    told = sorted(entries, key=lambda entry: entry.seq)
    if not told:
        return []
    began = next((entry.event.at for entry in told if isinstance(entry.event, CallArrived)), told[0].event.at)
    names = _names(told)
    return [
        Line(
            seq=entry.seq,
            at=entry.event.at,
            offset_s=round(entry.event.at - began, 3),
            kind=str(entry.event.__struct_config__.tag),
            text=_sentence(entry.event, names),
        )
        for entry in told
    ]


def _names(entries: Iterable[Entry]) -> Names:
    """Whose each leg is, as far as the events tell."""
    names: dict[str, str] = {}
    for call, _, event in entries:
        names[call] = "the citizen"
        if isinstance(event, AgentOffered):
            names[event.leg] = f"agent {event.agent}"
        elif isinstance(event, CallClosed):
            names |= {talk.leg: _party(talk) for talk in event.talks}
    return names


def _party(talk: Talk) -> str:
    return (
        f"agent {talk.party}"
        if talk.role is Role.AGENT
        else f"the duty phone {mask_number(talk.party.removeprefix('phone:'))}"
    )


def _sentence(event: AnyEvent, names: Names) -> str:
    tell = _SENTENCES.get(type(event))
    return tell(event, names) if tell is not None else f"{type(event).__name__} happened."


def _arrived(event: CallArrived, _: Names) -> str:
    recorded = f"recorded as {event.recording}" if event.recording else "not recorded"
    return f"A call from {mask_number(event.caller)} to {event.dialled} arrived ({event.carrier}), {recorded}."


def _answered(event: LegAnswered, names: Names) -> str:
    return f"{_who(event.leg, names)} answered."


def _ended(event: LegEnded, names: Names) -> str:
    if event.cause is EndCause.HANGUP and names.get(event.leg) == "the citizen":
        return "The citizen's line was hung up."  # by the citizen, or by us after the farewell
    return f"{_who(event.leg, names)} {_ENDED[event.cause]}."


def _digit(event: DigitPressed, names: Names) -> str:
    return f"{_who(event.leg, names)} pressed {event.digit}."


def _prompt(event: PromptEnded, _: Names) -> str:
    how = "was played to its end" if event.heard else "was stopped before its end"
    return f"Prompt {event.prompt.rpartition('-')[2]} {how}."


def _timer(event: TimerFired, _: Names) -> str:
    return f"{_TIMERS.get(event.timer, f'The timer {event.timer} ran out')}."


def _queued(event: Queued, _: Names) -> str:
    return f"The call stands in the queue {event.skill} at place {event.position}; agents on shift: {event.on_shift}."


def _queue_failed(event: QueueFailed, _: Names) -> str:
    return f"The queue could not be asked: {event.reason}."


def _offered(event: AgentOffered, _: Names) -> str:
    return f"The call was offered to agent {event.agent}, whose phone rings for at most {event.ring_s:g} s."


def _resumed(event: ControlResumed, names: Names) -> str:
    there = [f"{names.get(leg, leg)} on the line" for leg in event.up]
    there += [f"{names.get(leg, leg)} being rung" for leg in event.ringing]
    return f"The switch was asked what exists of the call: {', '.join(there) or 'nothing'}."


def _closed(event: CallClosed, _: Names) -> str:
    talks = "".join(
        f"; {(event.at if talk.ended is None else talk.ended) - talk.began:.1f} s with {_party(talk)}"
        for talk in event.talks
    )
    return f"The call is over: {_OUTCOMES[event.outcome]}{talks}."


def _switch(event: SwitchHandled, _: Names) -> str:
    result = "one answered" if event.answered else "none answered"
    return f"No worker could serve, so the switch rang the duty phones by itself; {result}."


def _who(leg: str, names: Names) -> str:
    name = names.get(leg, f"the phone {leg.rpartition('-')[2]}")
    return name[0].upper() + name[1:]


_SENTENCES: Mapping[type, Callable[[Any, Names], str]] = {
    CallArrived: _arrived,
    LegAnswered: _answered,
    LegEnded: _ended,
    DigitPressed: _digit,
    PromptEnded: _prompt,
    TimerFired: _timer,
    Queued: _queued,
    QueueFailed: _queue_failed,
    AgentOffered: _offered,
    ControlResumed: _resumed,
    CallClosed: _closed,
    SwitchHandled: _switch,
}
