"""The working calendar (工作日历): which days are worked, with the shifts of the State Council's yearly notice (调休).

Pure data. A year without a notice counts weekends and the fixed holidays only, and says that it is provisional.
"""

import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import msgspec

from config.chinatime import china_day

# 全国年节及纪念日放假办法 (2024年修订): the statutory holidays that fall on the same day of every year
FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})

CALENDARS = "_calendars"  # beside an installation's city packs: its own folder of notices


class Workdays(msgspec.Struct, frozen=True):
    """`notices` has, for each year with a notice, the days that differ from their weekday: date → is it worked."""

    notices: Mapping[int, Mapping[date, bool]] = {}

    def is_workday(self, day: date) -> bool:
        notice = self.notices.get(day.year)
        if notice is None:
            return day.weekday() < 5 and (day.month, day.day) not in FIXED_HOLIDAYS
        return notice.get(day, day.weekday() < 5)

    def is_provisional(self, day: date) -> bool:
        """Whether the day's year has no notice yet: what is computed from it may change."""
        return day.year not in self.notices


def load_workdays(folder: Path | None = None, *, since: int | None = None) -> Workdays:
    """The known years: those of the library, then the shipped notices, then those in ``folder``, if it exists.

    A later one replaces a year whole. Years before ``since`` are left out; without it, those before last year, so that
    what embeds a calendar stays small. Raises `ConfigError` for a notice that cannot be used.
    """
    from config.notices import all_notices  # reads files; whoever only asks for a day needs none of it

    first = china_day(time.time()).year - 1 if since is None else since
    return Workdays({year: days for year, days in all_notices(folder).items() if year >= first})
