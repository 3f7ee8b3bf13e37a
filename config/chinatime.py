"""China's one time zone: the day on which something happened, and times as people read them.

A fixed offset (no daylight saving since 1991), so that nothing depends on the machine's time zone files.
"""

from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")


def china_time(at: float) -> datetime:
    """The UNIX time ``at`` as a date and time in China, to the millisecond."""
    return datetime.fromtimestamp(round(at, 3), CHINA)


def china_day(at: float) -> date:
    """The calendar day in China of the UNIX time ``at``."""
    return china_time(at).date()
