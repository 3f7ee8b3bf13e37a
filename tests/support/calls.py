"""Rules and shortcuts for tests of one call."""

from collections.abc import Iterable

from ivr.call import AnyCommand, AnyEvent, Call, CallArrived, Event
from ivr.flow import Entry, KeyAction, Rules, advance

T0 = 1_790_000_000.0
CALL = "hotline-1790000000.1"

RULES = Rules(
    version="test",
    city="testville",
    entries={"12345": Entry("greeting", "general"), "12315": Entry("greeting_12315", "market")},
    default_entry=Entry("greeting", "general"),
    keys={"0": KeyAction(), "2": KeyAction(skill="enterprise"), "9": KeyAction(priority=10, emergency=True)},
    duty_phones=("phone:0795111", "phone:0795222"),
)


def arrived(at: float = T0, dialled: str = "12345", caller: str | None = "13800138000") -> CallArrived:
    return CallArrived(
        at=at, call=CALL, dialled=dialled, caller=caller, carrier="test", rules=RULES.version, recording=CALL
    )


class Story:
    """Feeds events one after another, `at` counted from the call's arrival, and keeps what came of each."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.call = Call(id=CALL)
        self.commands: tuple[AnyCommand, ...] = ()
        self.all_commands: list[AnyCommand] = []

    def feed(self, *events: AnyEvent) -> tuple[AnyCommand, ...]:
        """Returns the commands of the last event."""
        for event in events:
            self.call, self.commands = advance(self.call, event, self.rules)
            self.all_commands += self.commands
        return self.commands

    def arrive(self, **kwargs: str) -> tuple[AnyCommand, ...]:
        return self.feed(arrived(**kwargs))  # type: ignore[arg-type]

    def named(self, kind: type) -> list[AnyCommand]:
        return [command for command in self.commands if isinstance(command, kind)]


def fold(events: Iterable[AnyEvent], rules: Rules = RULES) -> Call:
    story = Story(rules)
    story.feed(*events)
    return story.call


def later(seconds: float) -> float:
    return T0 + seconds


__all__ = ["CALL", "RULES", "T0", "Event", "Story", "arrived", "fold", "later"]
