"""Reads the State Council's yearly notices of days off (国务院办公厅关于部分节假日安排的通知): ``2026.toml`` and so on.

The years up to the library's last come from `chinese_calendar`; a file replaces its year whole. Each file says, holiday
by holiday, which days are off and which weekend days are worked for them, as the notice does.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

from chinese_calendar import constants

from config.errors import ConfigError
from config.packs.toml_lines import KeyPath, key_lines

SHIPPED = Path(__file__).parent / "calendars"

Days = dict[date, bool]  # is it worked; only days that differ from their weekday

_LONGEST = 15  # days; the longest so far was the spring festival of 2020, with 10
_YEAR = re.compile(r"20[0-9]{2}")


def all_notices(folder: Path | None = None) -> dict[int, Days]:
    """By year: the library's, over them the shipped files, over them those in ``folder``. Raises `ConfigError`."""
    years = _library()
    files = {file.stem: file for place in (SHIPPED, folder) if place and place.is_dir() for file in _files(place)}
    for file in (files[year] for year in sorted(files)):
        year = int(file.stem)
        days = _Notice(file).days()
        years[year] = {day: worked for day, worked in days.items() if day.year == year}
        before = {day: worked for day, worked in days.items() if day.year < year}
        if before and year - 1 not in years:
            raise ConfigError(
                str(file), None, None, f"has days of {year - 1}, which has no notice; add {year - 1}.toml"
            )
        if before:
            years[year - 1] = years[year - 1] | before
    return years


def _library() -> dict[int, Days]:
    years: dict[int, Days] = {day.year: {} for day in constants.holidays}
    for days, worked in ((constants.holidays, False), (constants.workdays, True)):
        for day in days:
            if (day.weekday() < 5) is not worked:
                years[day.year][day] = worked
    return years


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.glob("*.toml")):
        if not _YEAR.fullmatch(file.stem):
            raise ConfigError(str(file), None, None, "is not named after its year; a notice's name is as in 2026.toml")
        yield file


class _Notice:
    """One file. Every refusal is a `ConfigError` with the line of the field."""

    def __init__(self, file: Path) -> None:
        self._file, self._year = file, int(file.stem)
        self._lines: Mapping[KeyPath, int] = {}

    def days(self) -> Days:
        values = self._read()
        source = values.get("source")
        if not isinstance(source, str) or not source.strip():
            raise self._refuse(("source",), "must name the notice, as in “国办发明电〔2025〕7号”")
        self._known(values, (), ("source", "holidays"))
        holidays = values.get("holidays")
        if not isinstance(holidays, dict) or not holidays:
            raise self._refuse(("holidays",), 'must be tables with the days off, as in [holidays."元旦"]')
        days: Days = {}
        for name, holiday in holidays.items():
            for day, worked in self._holiday(("holidays", name), holiday):
                if days.setdefault(day, worked) is not worked:
                    raise self._refuse(("holidays", name), f"has {day} off and worked at once")
        return {day: worked for day, worked in days.items() if (day.weekday() < 5) is not worked}

    def _read(self) -> dict[str, object]:
        try:
            text = self._file.read_text("utf-8-sig")
            values = tomllib.loads(text)
        except UnicodeDecodeError:
            raise ConfigError(str(self._file), None, None, "is not UTF-8; save it in the encoding UTF-8") from None
        except OSError as error:
            raise ConfigError(str(self._file), None, None, f"cannot be read: {error.strerror}") from None
        except tomllib.TOMLDecodeError as error:
            at = re.search(r" \(at line (\d+), column \d+\)", str(error))
            reason = str(error).replace(at[0], "") if at else str(error)
            line = int(at[1]) if at else None
            raise ConfigError(str(self._file), line, None, f"is not valid TOML: {reason}") from None
        self._lines = key_lines(text)
        return values

    def _holiday(self, path: KeyPath, holiday: object) -> Iterator[tuple[date, bool]]:
        if not isinstance(holiday, dict):
            raise self._refuse(path, "must be a table with from, to and work")
        self._known(holiday, path, ("from", "to", "work"))
        first = self._day((*path, "from"), holiday.get("from"))
        last = self._day((*path, "to"), holiday.get("to", first))
        if not timedelta(0) <= last - first < timedelta(_LONGEST):
            raise self._refuse((*path, "to"), f"must be the last day off, within {_LONGEST} days from {first}")
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            yield date.fromordinal(ordinal), False
        work = holiday.get("work", [])
        if not isinstance(work, list):
            raise self._refuse((*path, "work"), "must be a list of dates, as in [2026-01-04]")
        for each in work:
            day = self._day((*path, "work"), each)
            if day.weekday() < 5:
                raise self._refuse((*path, "work"), f"has {day}, which is no weekend day: it is worked anyway")
            yield day, True

    def _day(self, path: KeyPath, value: object) -> date:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self._refuse(path, f"must be a date, as in {self._year}-01-01 (without quotes)")
        # a notice may begin with the last days of the year before: 国办发明电〔2018〕15号 has 2018-12-29 worked
        if not date(self._year - 1, 12, 1) <= value <= date(self._year, 12, 31):
            raise self._refuse(path, f"has {value}, which is not in {self._year}, the year of the file")
        return value

    def _known(self, table: Mapping[str, object], path: KeyPath, known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                raise self._refuse((*path, key), f"is not a known key; known here are {', '.join(known)}")

    def _refuse(self, path: KeyPath, reason: str) -> ConfigError:
        """The error about a field; a missing one is told on the line of what it is missing in."""
        inside = (line for key, line in self._lines.items() if key[: len(path)] == path)
        around = (self._lines.get(path[:length]) for length in range(len(path) - 1, 0, -1))
        line = next((line for line in (*inside, *around) if line), None)
        return ConfigError(str(self._file), line, ".".join(path), reason)
