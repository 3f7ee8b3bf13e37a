"""A canary call: proof that a new call would reach a worker through the dialplan, StasisBroadcast and back.

A shallow check passes while ARI is deadlocked (asterisk #2170), so readiness is this call and nothing less.
"""

import asyncio
import itertools

from ivr.carriers.asterisk.ari import Ari, AriError, AriEvent, AriUnreachable, CallBroadcast, StasisStart

CONTEXT = "hotline-canary"  # of extensions.conf: answers, then offers itself to one worker with the argument "canary"


def is_canary(event: AriEvent) -> bool:
    """Whether an event is of a canary and no business of calls; its claim and arrival are answered like a call's."""
    channel = getattr(event, "channel", None)
    return (
        channel is not None and channel.name.startswith("Local/") and not isinstance(event, CallBroadcast | StasisStart)
    )


class Canary:
    """Sends canary calls and answers those that this worker claims."""

    def __init__(self, ari: Ari) -> None:
        self._ari = ari
        self._numbers = itertools.count(1)
        self._sung = asyncio.Event()

    async def sing(self, channel: str) -> None:
        """A canary of any worker reached us: let it go."""
        self._sung.set()
        await self._end(channel)

    async def call(self, limit_s: float = 2.0) -> bool:
        """Send one through; True when it came back to this worker in time."""
        self._sung.clear()
        ident = f"canary-{self._ari.app}-{next(self._numbers)}"
        try:
            await self._ari.request(
                "POST",
                "channels",
                channelId=ident,
                otherChannelId=f"{ident}-far",
                endpoint=f"Local/{self._ari.app}@{CONTEXT}/n",
                app=self._ari.app,
                appArgs="canary-near",
                timeout=max(1, round(limit_s)),
            )
            await asyncio.wait_for(self._sung.wait(), limit_s)
        except (TimeoutError, AriError, AriUnreachable):
            return False
        finally:
            await self._end(ident)
        return True

    async def _end(self, channel: str) -> None:
        try:
            await self._ari.request("DELETE", f"channels/{channel}")
        except (AriError, AriUnreachable):
            return
