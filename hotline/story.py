"""A call's story: the journal's events as one plain sentence each, with the time since the call arrived.

For people: the command and the API show it. Telephone numbers are masked; it reads nothing and decides nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.transfers import shown_target
from config.logs import mask_number
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
    Outcome.RESTRICTED: "a restricted caller heard of the restriction and nothing more",
}
_TRANSFERS = {
    TransferKind.BLIND: "blind, letting go at once",
    TransferKind.WARM: "warm, speaking with the line first",
    TransferKind.FORWARD: "forward, because the dialled number leads there",
    TransferKind.EMERGENCY: "emergency, staying until the citizen is in good hands",
}
_RESULTS = {
    TransferResult.CONNECTED: "connected",
    TransferResult.BUSY: "busy",
    TransferResult.NO_ANSWER: "no answer",
    TransferResult.REJECTED: "rejected",
    TransferResult.UNREACHABLE: "could not be reached",
    TransferResult.LOST: "lost in the middle of it",
    TransferResult.ENDED: "hung up before it was brought together with the citizen",
    TransferResult.CANCELLED: "called off",
    TransferResult.ABANDONED: "the citizen hung up meanwhile",
}
# with these a route to an emergency number has failed; after the last one supervisors are alarmed
_ALARMING = {
    TransferResult.BUSY,
    TransferResult.NO_ANSWER,
    TransferResult.REJECTED,
    TransferResult.UNREACHABLE,
    TransferResult.LOST,
}
# legs of which nothing better is known; else a phone
_RUNG = {"t": "the line", "r": "the agent called back", "v": "the supervisor"}
_TIMERS = {
    "greeting": "The greeting's time was over",
    "seek": "It was time to ask the queue again",
    "announce": "It was time to tell the place in the queue",
    "patience": "The longest wait was over",
    "overflow": "The wait for this queue was over, and others are tried",
    "choice": "The time to choose an emergency number was over, and the first free person is sought",
    "restricted": "The time for hearing of the restriction was over",
    "offer": "The phone being rung had its time",
    "check": "It was time to compare with the switch",
    "supervisor": "The supervisor's phone had its time",
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
            # the flow numbers the legs of a transfer by its attempts, see `ivr.flow.ringing`
            names |= {f"{call}-t{place}": _line(attempt.line) for place, attempt in enumerate(event.attempts, 1)}
            names |= {talk.leg: _party(talk) for talk in event.talks}
    return names


def _party(talk: Talk) -> str:
    match talk.role:
        case Role.AGENT:
            return f"agent {talk.party}"
        case Role.SUPERVISOR:
            return f"supervisor {talk.party}"
        case Role.LINE:
            return _line(talk.party)
        case _:
            return f"the duty phone {mask_number(talk.party.removeprefix('phone:'))}"


def _line(number: str) -> str:
    return f"line {_shown(number)}"


def _shown(number: str) -> str:
    """A number of the transfer table; masked when it may be a person's phone."""
    return shown_target(f"phone:{number}").removeprefix("phone:")


def _sentence(event: AnyEvent, names: Names) -> str:
    tell = _SENTENCES.get(type(event))
    return tell(event, names) if tell is not None else f"{type(event).__name__} happened."


def _arrived(event: CallArrived, _: Names) -> str:
    recorded = f"recorded as {event.recording}" if event.recording else "not recorded"
    until = event.restricted_until
    restricted = "" if until is None else f" The caller's use is restricted until {until.isoformat()}."
    caller = mask_number(event.caller)
    return f"A call from {caller} to {event.dialled} arrived ({event.carrier}), {recorded}.{restricted}"


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


def _transfer(event: TransferAsked, _: Names) -> str:
    how = _TRANSFERS[event.transfer]
    return f"Agent {event.agent} asked to transfer the call to {_shown(event.number)} ({how})."


def _hand_over(event: HandOverAsked, _: Names) -> str:
    return f"Agent {event.agent} asked to hand the call over."


def _take_back(event: TakeBackAsked, _: Names) -> str:
    return f"Agent {event.agent} asked to take the call back."


def _merge(event: MergeAsked, _: Names) -> str:
    consent = "with the citizen's consent" if event.consent else "without the citizen's consent"
    return f"Agent {event.agent} asked to bring all together, {consent}."


def _swap(event: SwapAsked, _: Names) -> str:
    return f"Agent {event.agent} asked to speak with the other one."


def _drop(event: DropAsked, _: Names) -> str:
    return f"Agent {event.agent} asked to let the line go that came last."


def _emergency(event: EmergencyAsked, _: Names) -> str:
    """Place and event are what the citizen said: the order and the ticket have them."""
    who = f"Supervisor {event.agent}" if event.supervisor else f"Agent {event.agent}"
    told = [name for name, text in (("place", event.place), ("event", event.event)) if text]
    along = f", with the {' and the '.join(told)}" if told else ""
    return f"{who} asked to put the citizen through to {_shown(event.number)}{along}."


def _listen(event: ListenAsked, _: Names) -> str:
    return f"Supervisor {event.supervisor} asked to listen."


def _whisper(event: WhisperAsked, _: Names) -> str:
    return f"Supervisor {event.supervisor} asked to speak to the agent alone."


def _join(event: JoinAsked, _: Names) -> str:
    return f"Supervisor {event.supervisor} asked to speak with all."


def _take_over(event: TakeOverAsked, _: Names) -> str:
    return f"Supervisor {event.supervisor} asked to take the call over from the agent."


def _leave(event: LeaveAsked, _: Names) -> str:
    return f"Supervisor {event.supervisor} asked to be let go."


def _resumed(event: ControlResumed, names: Names) -> str:
    there = [f"{names.get(leg, leg)} on the line" for leg in event.up]
    there += [f"{names.get(leg, leg)} being rung" for leg in event.ringing]
    return f"The switch was asked what exists of the call: {', '.join(there) or 'nothing'}."


def _closed(event: CallClosed, _: Names) -> str:
    talks = "".join(
        f"; {(event.at if talk.ended is None else talk.ended) - talk.began:.1f} s with {_party(talk)}"
        for talk in event.talks
    )
    rung = "".join(f"; {_attempt(attempt)}" for attempt in event.attempts) + _alarmed(event.attempts)
    appeal = "; the citizen appealed against the restriction" if event.appeal else ""
    return f"The call is over: {_OUTCOMES[event.outcome]}{talks}{rung}{appeal}."


def _attempt(attempt: Attempt) -> str:
    """``transfer to line 12366: connected, answered after 7.0 s``; the target too when it is not the line's own
    number.
    """
    how = "transfer"
    if attempt.transfer is TransferKind.EMERGENCY:
        how = "emergency transfer" if attempt.agent else "emergency transfer without an agent, supervisors alarmed,"
    elsewhere = "" if attempt.address == f"phone:{attempt.line}" else f" at {shown_target(attempt.address)}"
    result = "result unknown" if attempt.result is None else _RESULTS[attempt.result]
    answered = "" if attempt.answered is None else f", answered after {attempt.answered - attempt.began:.1f} s"
    return f"{how} to {_line(attempt.line)}{elsewhere}: {result}{answered}"


def _alarmed(attempts: Iterable[Attempt]) -> str:
    """Which emergency numbers did not answer on any route, so that supervisors were alarmed."""
    last = {attempt.line: attempt.result for attempt in attempts if attempt.transfer is TransferKind.EMERGENCY}
    return "".join(
        f"; no route to {_shown(line)} answered, supervisors alarmed"
        for line, result in last.items()
        if result in _ALARMING
    )


def _switch(event: SwitchHandled, _: Names) -> str:
    result = "one answered" if event.answered else "none answered"
    return f"No worker could serve, so the switch rang the duty phones by itself; {result}."


def _who(leg: str, names: Names) -> str:
    end = leg.rpartition("-")[2]
    name = names.get(leg, f"{_RUNG.get(end[:1], 'the phone')} {end}")
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
    TransferAsked: _transfer,
    HandOverAsked: _hand_over,
    TakeBackAsked: _take_back,
    MergeAsked: _merge,
    SwapAsked: _swap,
    DropAsked: _drop,
    EmergencyAsked: _emergency,
    ListenAsked: _listen,
    WhisperAsked: _whisper,
    JoinAsked: _join,
    TakeOverAsked: _take_over,
    LeaveAsked: _leave,
    ControlResumed: _resumed,
    CallClosed: _closed,
    SwitchHandled: _switch,
}
