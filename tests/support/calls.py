"""Rules and shortcuts for tests of one call."""

from collections.abc import Iterable
from datetime import date

from ivr.call import AnyCommand, AnyEvent, Call, CallArrived, Event
from ivr.flow import KeyAction, Rules, advance
from routing.tables import Line, LineMode, LineStatus, Table, Target, TargetKind, by_number

T0 = 1_790_000_000.0
CALL = "hotline-1790000000.1"


def _line(number: str, mode: LineMode, *targets: Target, status: LineStatus = LineStatus.OPEN, **more: str) -> Line:
    return Line(number=number, name=f"line {number}", mode=mode, targets=targets, status=status, **more)  # type: ignore[arg-type]


def skill(name: str, ring_s: float | None = None) -> Target:
    return Target(TargetKind.SKILL, name, ring_s)


def phone(number: str, ring_s: float | None = None, tries: int = 1) -> Target:
    return Target(TargetKind.PHONE, number, ring_s, tries)


TABLE = Table(
    version="t1",
    city="testville",
    area_code="0795",
    numbers=("12345",),
    general_skill="general",
    lines=by_number(
        [
            _line("12315", LineMode.DUAL, skill("market"), skill("market_experts", 5)),
            _line("12331", LineMode.ALIAS, Target(TargetKind.LINE, "12315")),
            _line("12336", LineMode.MERGED, announcement="今天下午维护。"),
            _line("12349", LineMode.MERGED, status=LineStatus.SUSPENDED),
            _line("12366", LineMode.SUB_CENTER, phone("12366", 15, 2), phone("07951112222")),
            _line("12319", LineMode.DUAL, skill("city", 10), phone("12319", 10)),
            _line("2912345", LineMode.COUNTY),
            _line("119", LineMode.EMERGENCY, phone("119"), phone("0795119")),
        ]
    ),
)

RULES = Rules(
    version="test",
    city="testville",
    table=TABLE,
    keys={"0": KeyAction(), "2": KeyAction(skill="enterprise"), "9": KeyAction(priority=10, emergency=True)},
    duty_phones=("phone:0795111", "phone:0795222"),
    emergency_keys={"1": "110", "2": "119"},
)


def arrived(
    at: float = T0,
    dialled: str = "12345",
    caller: str | None = "13800138000",
    restricted_until: date | None = None,
) -> CallArrived:
    return CallArrived(
        at=at,
        call=CALL,
        dialled=dialled,
        caller=caller,
        carrier="test",
        rules=RULES.version,
        recording=CALL,
        restricted_until=restricted_until,
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

    def arrive(self, **kwargs: object) -> tuple[AnyCommand, ...]:
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
