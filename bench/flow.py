"""How many events a second the flow takes in one core, on the story of an ordinary answered call.

Baseline: the same events decoded from and encoded to the journal's JSON, the least that any design with a journal does.
"""

import time
from collections.abc import Callable

from ivr.call import (
    AgentOffered,
    AnyEvent,
    Call,
    CallArrived,
    CallClosed,
    EndCause,
    LegAnswered,
    LegEnded,
    Outcome,
    PromptEnded,
    Queued,
    TimerFired,
    event_decoder,
    event_encoder,
)
from ivr.flow import KeyAction, Rules, advance
from routing.tables import Table

ROUNDS = 20_000
CALL = "hotline-1.1"
RULES = Rules(
    version="bench",
    city="bench",
    table=Table(version="bench", city="bench", area_code="0795", numbers=("12345",), general_skill="general", lines={}),
    keys={"9": KeyAction(priority=10, emergency=True)},
)
LEG = f"{CALL}-a1"
STORY: tuple[AnyEvent, ...] = (
    CallArrived(at=0.0, call=CALL, dialled="12345", caller="13800000000", carrier="bench", rules="bench"),
    PromptEnded(at=6.0, prompt=f"{CALL}-p1", heard=True),
    Queued(at=6.1, skill="general", position=2, on_shift=3),
    TimerFired(at=36.0, timer="announce"),
    Queued(at=36.1, skill="general", position=1, on_shift=3),
    PromptEnded(at=42.0, prompt=f"{CALL}-p3", heard=True),
    AgentOffered(at=50.0, leg=LEG, agent="8001", address="desk:8001", ring_s=20.0),
    LegAnswered(at=53.0, leg=LEG),
    TimerFired(at=113.0, timer="check"),
    LegEnded(at=300.0, leg=LEG, cause=EndCause.HANGUP),
    PromptEnded(at=304.0, prompt=f"{CALL}-p5", heard=True),
    LegEnded(at=304.1, leg=CALL, cause=EndCause.HANGUP),
    CallClosed(at=304.2, outcome=Outcome.ANSWERED),
)


def measure() -> dict[str, float]:
    """Events a second: ``flow`` through `advance`, ``codec`` for the baseline."""
    return {"flow": _rate(_live), "codec": _rate(_code)}


def _live() -> None:
    call = Call(id=CALL)
    for event in STORY:
        call, _ = advance(call, event, RULES)
    assert call.stage == "closed"


def _code() -> None:
    for event in STORY:
        event_decoder.decode(event_encoder.encode(event))


def _rate(once: Callable[[], None]) -> float:
    best = 0.0
    for _ in range(3):
        begun = time.process_time()
        for _ in range(ROUNDS // 10):
            once()
        best = max(best, ROUNDS // 10 * len(STORY) / (time.process_time() - begun))
    return best


if __name__ == "__main__":
    for name, rate in measure().items():
        print(f"{name:8} {rate:12,.0f} events/s")
