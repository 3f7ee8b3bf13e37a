"""What a call's journal tells of a danger to life: to which emergency numbers the citizen was handed, when each route
was rung, who confirmed it, and what supervisors were alarmed by.

The flow itself is asked: folding the journal gives the commands that were given, and those are the facts. Pure.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ivr.call import (
    Alarm,
    AnyCommand,
    AnyEvent,
    Attempt,
    Call,
    CallArrived,
    CallClosed,
    EmergencyAsked,
    EndCause,
    HandOverAsked,
    LegEnded,
    Reply,
    Role,
    TransferKind,
    TransferResult,
)
from ivr.flow import Rules, advance


@dataclass(frozen=True)
class Raised:
    """One alarm. ``nth`` of its kind and line within the call, from 1; ``at`` is UNIX seconds."""

    at: float
    call: str
    kind: str
    line: str
    nth: int


@dataclass(frozen=True)
class Route:
    """One route to an emergency number, rung once. Times are UNIX seconds; ``result`` is None while it rings."""

    address: str
    began: float
    answered: float | None
    ended: float | None
    result: str | None


@dataclass(frozen=True)
class Handoff:
    """The citizen was handed to one emergency number. ``asked_by`` is empty when the citizen pressed the key."""

    number: str
    asked_by: str
    place: str
    event: str
    routes: tuple[Route, ...]
    confirmed_by: str | None = None
    confirmed: float | None = None

    @property
    def began(self) -> float:
        return self.routes[0].began

    @property
    def connected(self) -> float | None:
        """When citizen and emergency desk were brought together first."""
        return next((route.ended for route in self.routes if route.result == TransferResult.CONNECTED), None)


@dataclass(frozen=True)
class Incident:
    """All of it for one call. ``since`` is when the call became an emergency, None when it never did."""

    call: str
    caller: str | None
    dialled: str
    since: float | None
    handoffs: tuple[Handoff, ...] = ()
    alarms: tuple[Raised, ...] = ()


@dataclass
class _Notes:
    """What is gathered while the journal is read."""

    call: Call
    caller: str | None = None
    dialled: str = ""
    since: float | None = None
    attempts: tuple[Attempt, ...] = ()
    asked: dict[str, EmergencyAsked] = field(default_factory=dict)
    confirmed: dict[str, tuple[str, float]] = field(default_factory=dict)
    alarms: list[Raised] = field(default_factory=list)
    _raised: Counter[tuple[str, str]] = field(default_factory=Counter)

    def raise_alarm(self, alarm: Alarm, at: float) -> None:
        self._raised[alarm.kind, alarm.line] += 1
        nth = self._raised[alarm.kind, alarm.line]
        self.alarms.append(Raised(at, self.call.id, alarm.kind, alarm.line, nth))


def incident_of(call: str, events: Iterable[AnyEvent], rules: Rules) -> Incident:
    """Read a call's events, from the first on and without gaps. An event that the flow cannot take is stepped over, as
    the engine does.
    """
    notes = _Notes(Call(id=call))
    for event in events:
        before = notes.call
        try:
            notes.call, commands = advance(before, event, rules)
        except Exception:  # noqa: S112 - whoever ran the call logged it
            continue
        _note(notes, event, commands)
        _note_leaving(notes, before, event)
    return Incident(call, notes.caller, notes.dialled, notes.since, _handoffs(notes), tuple(notes.alarms))


def _note(notes: _Notes, event: AnyEvent, commands: Iterable[AnyCommand]) -> None:
    if isinstance(event, CallArrived):
        notes.caller, notes.dialled = event.caller, event.dialled
    notes.attempts = notes.call.attempts or notes.attempts
    if isinstance(event, CallClosed):  # of a call that the switch served alone nothing else tells
        notes.attempts = event.attempts or notes.attempts
    if isinstance(event, EmergencyAsked) and _granted(event, commands):
        notes.asked[event.number] = _completed(event, notes.asked.get(event.number))
    for command in commands:
        if isinstance(command, Alarm):
            notes.raise_alarm(command, event.at)
    if notes.since is None and (notes.call.emergency or any(_urgent(attempt) for attempt in notes.attempts)):
        notes.since = event.at


def _granted(event: EmergencyAsked, commands: Iterable[AnyCommand]) -> bool:
    return any(isinstance(c, Reply) and c.request == event.request and not c.refusal for c in commands)


def _completed(event: EmergencyAsked, earlier: EmergencyAsked | None) -> EmergencyAsked:
    """Asked again for the same number, nothing that was said before is lost; the first who asked stays."""
    if earlier is None:
        return event
    return EmergencyAsked(
        at=earlier.at,
        request=earlier.request,
        agent=earlier.agent,
        number=earlier.number,
        supervisor=earlier.supervisor,
        place=event.place or earlier.place,
        event=event.event or earlier.event,
    )


def _note_leaving(notes: _Notes, before: Call, event: AnyEvent) -> None:
    """An agent who leaves while the emergency desk speaks with the citizen confirms the hand-over, by asking for it or
    by hanging up. An agent whose line is lost confirms nothing.
    """
    hung_up = isinstance(event, LegEnded) and event.cause is EndCause.HANGUP
    if notes.call.id not in notes.call.legs or not (hung_up or isinstance(event, HandOverAsked)):
        return
    left = [leg for leg in before.legs.values() if leg.role is Role.AGENT and leg.up and leg.id not in notes.call.legs]
    for place, attempt in enumerate(notes.attempts, 1):
        leg = f"{notes.call.id}-t{place}"  # see `ivr.flow.ringing`
        if left and _urgent(attempt) and attempt.result is TransferResult.CONNECTED and leg in notes.call.legs:
            notes.confirmed.setdefault(attempt.line, (left[0].party, event.at))


def _handoffs(notes: _Notes) -> tuple[Handoff, ...]:
    """By emergency number, in the order in which they were rung first."""
    routes: dict[str, list[Attempt]] = {}
    for attempt in filter(_urgent, notes.attempts):
        routes.setdefault(attempt.line, []).append(attempt)
    return tuple(_handoff(notes, number, attempts) for number, attempts in routes.items())


def _handoff(notes: _Notes, number: str, attempts: list[Attempt]) -> Handoff:
    asked = notes.asked.get(number)
    by, at = notes.confirmed.get(number, (None, None))
    return Handoff(
        number=number,
        asked_by=attempts[0].agent if asked is None else asked.agent,
        place=notes.call.place if asked is None else asked.place or notes.call.place,
        event=notes.call.event if asked is None else asked.event or notes.call.event,
        routes=tuple(_route(attempt) for attempt in attempts),
        confirmed_by=by,
        confirmed=at,
    )


def _route(attempt: Attempt) -> Route:
    result = None if attempt.result is None else str(attempt.result)
    return Route(attempt.address, attempt.began, attempt.answered, attempt.ended, result)


def _urgent(attempt: Attempt) -> bool:
    return attempt.transfer is TransferKind.EMERGENCY
