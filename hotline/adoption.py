"""Takes over what the switch did alone: each slip of its fallback becomes a call in the journal, so that its order and
its recording come to be by the same road as all others. A slip goes only when the journal has its call.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from config import metrics
from config.asterisk_config import slips_dir
from config.database import is_outage
from config.settings import Settings
from config.slips import Slip, Try, read_slips
from ivr.call import (
    AnyEvent,
    Attempt,
    CallArrived,
    CallClosed,
    DigitPressed,
    HandedOver,
    Outcome,
    Role,
    SwitchHandled,
    Talk,
    TransferKind,
    TransferResult,
)
from ivr.journal import Entry, Journal, JournalError, SequenceTaken
from recordings.spool import Spool

log = structlog.get_logger(__name__)

CARRIER = "asterisk"
EMERGENCY_KEY = "9"  # whichever key the city has for it: the slip tells only that one was pressed

# What an unanswered Dial came to: DIALSTATUS where it says enough, else the network's cause (ITU-T Q.850)
_RESULTS = {"BUSY": TransferResult.BUSY, "NOANSWER": TransferResult.NO_ANSWER, "CANCEL": TransferResult.ABANDONED}
_BY_CAUSE = {
    17: TransferResult.BUSY,
    18: TransferResult.NO_ANSWER,
    19: TransferResult.NO_ANSWER,
    21: TransferResult.REJECTED,
}


class Adoption:
    """``journal`` is one of its own, under a worker's name that nobody else bears (``switch``), and started.

    ``rules`` gives the version in force. A slip whose call has no end, and neither slip nor recording of which was
    written for ``dead_s``, belongs to a switch that died: the call ended when something was written last.
    """

    def __init__(
        self,
        journal: Journal,
        settings: Settings,
        *,
        rules: Callable[[], str],
        poll_s: float = 1.0,
        dead_s: float = 600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._slips = slips_dir(settings)
        self._spool = Spool(settings.recording_spool, settle_s=dead_s, clock=clock)
        self._rules = rules
        self._poll_s = poll_s
        self._told: set[str] = set()  # slips that have to wait, said once

    async def run(self, stop: asyncio.Event) -> None:
        """Adopt until ``stop``."""
        while not stop.is_set():
            try:
                await self.work()
            except Exception as error:
                if is_outage(error):
                    log.warning("adoption waits for the database", error=type(error).__name__)
                else:
                    log.exception("adoption failed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._poll_s)

    async def work(self) -> None:
        """One look at all slips."""
        for slip in await asyncio.to_thread(read_slips, self._slips):
            path = self._slips / slip.call
            ended = slip.ended if slip.ended is not None else await asyncio.to_thread(self._death, slip, path)
            if ended is not None and await self._journaled(slip, ended):
                await asyncio.to_thread(path.unlink, missing_ok=True)
                self._told.discard(slip.call)

    def _death(self, slip: Slip, path: Path) -> float | None:
        """When a call without an end was last heard of; None while it may go on."""
        pair = self._spool.pair(slip.call)
        if pair is None or self._spool.finished(pair) is False or not self._spool.rested(path):
            return None
        written = [each.stat().st_mtime for each in (path, pair.citizen, pair.others) if each.exists()]
        return max([slip.began, *written])

    async def _journaled(self, slip: Slip, ended: float) -> bool:
        """Bring the call into the journal; whether it is there, whole."""
        events = _events(slip, ended, self._rules())
        try:
            await self._journal.append(*(Entry(slip.call, seq, event) for seq, event in enumerate(events, 1)))
        except SequenceTaken:
            return await self._added(slip, ended)
        log.info("call of the switch adopted", call=slip.call, answered=slip.answered is not None, reason=slip.reason)
        metrics.ADOPTED_CALLS.inc()
        return True

    async def _added(self, slip: Slip, ended: float) -> bool:
        """The journal knows the call already: from an adoption that was interrupted, or because a worker had begun it.
        Once it is closed, what the switch did is added.
        """
        entries = await self._journal.read(slip.call)
        if any(isinstance(entry.event, SwitchHandled) for entry in entries):
            return True
        if not any(isinstance(entry.event, CallClosed) for entry in entries):
            if slip.call not in self._told:
                self._told.add(slip.call)
                log.warning("a worker has the call of a slip, it is added when that ends", call=slip.call)
            return False
        handled = SwitchHandled(at=ended, answered=slip.answered is not None, ended=ended)
        with contextlib.suppress(JournalError):
            await self._journal.append(Entry(slip.call, entries[-1].seq + 1, handled))
            return True
        return False


def _events(slip: Slip, ended: float, rules: str) -> tuple[AnyEvent, ...]:
    """The call as the journal tells it. Everything is taken from the slip, so that telling it again changes nothing."""
    talks: tuple[Talk, ...] = ()
    if slip.answered is not None:
        role, party = (Role.LINE, slip.tries[-1].number) if slip.by_operator else (Role.DUTY, slip.phone or "")
        talks = (Talk(leg=f"{slip.call}-s1", role=role, party=party, began=slip.answered, ended=ended),)
    return (
        CallArrived(
            at=slip.began,
            call=slip.call,
            dialled=slip.dialled,
            caller=slip.caller,
            carrier=CARRIER,
            rules=rules,
            recording=slip.call,
            handed_over=HandedOver(slip.desk) if slip.desk else None,
        ),
        *_keys(slip),
        SwitchHandled(at=ended, answered=slip.answered is not None, ended=ended),
        CallClosed(
            at=ended,
            outcome=Outcome.ANSWERED if talks else Outcome.UNATTENDED,
            talks=talks,
            attempts=tuple(_attempt(each, ended) for each in slip.tries),
        ),
    )


def _keys(slip: Slip) -> tuple[DigitPressed, ...]:
    """The emergency key, by which the call is known as an emergency; which number was chosen, the attempts tell."""
    if slip.emergency is None:
        return ()
    return (DigitPressed(at=slip.emergency, leg=slip.call, digit=EMERGENCY_KEY),)


def _attempt(tried: Try, ended: float) -> Attempt:
    """One route of an emergency number. What rang when the slip ended, was given up by the citizen."""
    if tried.answered is not None:
        result = TransferResult.CONNECTED
    elif tried.ended is None:
        result = TransferResult.ABANDONED
    else:
        result = _RESULTS.get(tried.status) or _BY_CAUSE.get(tried.cause, TransferResult.UNREACHABLE)
    return Attempt(
        line=tried.number,
        address=tried.address,
        transfer=TransferKind.EMERGENCY,
        agent="",
        began=tried.began,
        answered=tried.answered,
        ended=tried.answered or tried.ended or ended,
        result=result,
    )
