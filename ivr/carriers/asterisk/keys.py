"""Keys as Asterisk tells them: now and then one press (RFC 4733) comes as two events some 45 ms apart."""

REPEAT_S = 0.08  # nobody presses the same key twice as fast; a key itself lasts 40 ms at least (ITU-T Q.24)


class Keys:
    """Tells a new press from one told twice, for each channel."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, float]] = {}

    def is_new(self, channel: str, digit: str, at: float) -> bool:
        """Whether this is a press of its own; ``at`` is UNIX seconds."""
        last, when = self._last.get(channel, ("", 0.0))
        self._last[channel] = (digit, at)
        return digit != last or not 0 <= at - when < REPEAT_S

    def forget(self, channel: str) -> None:
        """The channel is gone."""
        self._last.pop(channel, None)
