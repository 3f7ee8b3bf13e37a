"""A town with restrictions: its rules, its calls, its people, and a clock that the test moves."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta

from config.chinatime import CHINA, china_day
from config.database import Database
from routing.restrictions import (
    ActiveRestrictions,
    Appeals,
    Arrival,
    Callers,
    Person,
    Policy,
    Restriction,
    Restrictions,
    Terms,
    Warnings,
)

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=CHINA).timestamp()
TODAY = date(2026, 11, 21)
DAY_S = 86400.0
ABUSER, OTHER = "13800138000", "079512345678"
ZHUHAI = Policy(enabled=True, max_days=30, warn_first=False, sources={"enabled": "珠海 §9", "max_days": "珠海 §9"})
SICHUAN = Policy(enabled=True, max_days=30, warn_first=True, sources={"warn_first": "四川 §21"})

AGENT = Person("an.ning", supervisor=False)
LI, WANG, ZHAO = (Person(name, supervisor=True) for name in ("li.na", "wang.wei", "zhao.min"))


class Town:
    """Calls arrive with `call`; ``now`` is UNIX seconds."""

    def __init__(self, database: Database, policy: Policy = ZHUHAI) -> None:
        self.now, self.policy = NOW, policy
        self.calls: dict[str, Arrival] = {}
        self.database = database
        self.callers = Callers("a secret of this test", "0795")
        everything = database, self.callers, self
        self.restrictions = Restrictions(*everything, lambda: self.policy, clock=self.clock)
        self.warnings = Warnings(*everything, lambda: self.policy, clock=self.clock)
        self.appeals = Appeals(*everything, clock=self.clock)
        self.active = ActiveRestrictions(database, self.callers, lambda: self.policy, limit_s=2.0, clock=self.clock)

    def clock(self) -> float:
        return self.now

    async def arrivals(self, calls: Collection[str]) -> Mapping[str, Arrival]:
        """Implements `routing.restrictions.Calls`."""
        return {call: self.calls[call] for call in calls if call in self.calls}

    def call(self, caller: str | None = ABUSER) -> str:
        """A call that arrives now; its id."""
        name = f"hotline-{len(self.calls) + 1}.1"
        self.calls[name] = Arrival(caller, self.now)
        return name

    def later(self, *, days: float = 0, seconds: float = 0) -> None:
        self.now += days * DAY_S + seconds

    def terms(self, *calls: str, days: int = 30, reason: str = "三天内十二次辱骂话务员") -> Terms:
        return Terms(calls or (self.call(),), reason, china_day(self.now) + timedelta(days=days - 1))

    async def proposed(self, *calls: str, days: int = 30, by: Person = AGENT) -> Restriction:
        return await self.restrictions.propose(by, self.terms(*calls, days=days))

    async def confirmed(self, *calls: str, days: int = 30) -> Restriction:
        return await self.restrictions.confirm((await self.proposed(*calls, days=days)).id, LI)

    async def until(self, caller: str | None = ABUSER) -> date | None:
        """What a worker says now."""
        await self.active.poll()
        return self.active.restricted_until(caller, self.now)


def china(day: date, hour: int = 0, minute: int = 0, second: float = 0) -> float:
    """The UNIX time of a moment in China, reckoned without the product's own help: eight hours before UTC."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return midnight - 8 * 3600 + hour * 3600 + minute * 60 + second
