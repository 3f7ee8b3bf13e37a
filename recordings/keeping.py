"""How long a recording is kept, and whether it is as long as the call was. Pure arithmetic on dates and events."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from config.chinatime import china_day
from ivr.call import (
    AnyEvent,
    CallArrived,
    ControlResumed,
    DigitPressed,
    EndCause,
    LegAnswered,
    LegEnded,
    PromptEnded,
    SwitchHandled,
)

SHORT_S = 2.0  # what may be missing: the switch's file buffer, the moment before the citizen is in the room


@dataclass(frozen=True)
class Retention:
    """A city's rule for recordings: whole years at least, and where it is written (``宜春 §13(9)``)."""

    years: int
    source: str

    def keep_until(self, ended: float) -> date:
        """The last day (in China) on which the recording of a call that ended at ``ended`` must still be kept."""
        day = china_day(ended)
        try:
            return day.replace(year=day.year + self.years)
        except ValueError:  # 29 February
            return date(day.year + self.years, 3, 1)


def proved_seconds(call: str, events: Iterable[AnyEvent]) -> float:
    """How long the citizen was certainly on the line, by the journal: at least so long the recording must be.

    Normally from the arrival to the hang-up. When the hang-up itself was missed (a restart, a lost connection) the
    time of `CallClosed` proves nothing; then it is the last thing the carrier told.
    """
    began = ended = None
    for event in events:
        match event:
            case CallArrived():
                began = event.at
            case SwitchHandled():
                ended = event.ended
            case LegEnded(leg=leg, cause=cause) if leg == call and cause is not EndCause.LOST:
                ended = event.at
                break
            case LegEnded(cause=EndCause.LOST) | PromptEnded(heard=False):
                pass
            case ControlResumed(up=up) if call not in up:
                pass
            case LegAnswered() | LegEnded() | DigitPressed() | PromptEnded() | ControlResumed():
                ended = event.at
    return max(0.0, ended - began) if began is not None and ended is not None else 0.0
