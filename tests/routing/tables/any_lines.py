"""Lines as hypothesis makes them: whatever a table may hold, Chinese punctuation, quotes and newlines included."""

from datetime import date

from hypothesis import strategies as st

from routing.tables import Line, LineMode, LineStatus, Target, TargetKind
from routing.tables.hours import parse_hours

HOURS = (
    "",
    "工作日 08:30-12:00 14:00-17:30",
    "每日 22:00-06:00",
    "周六 周日 09:00-24:00; 工作日 08:00-18:00",
    "节假日 00:00-24:00",
    "周一至周五 09:00-17:00; 周三 19:00-20:00",
)
_SPEAKABLE = "您好，请稍候。十二个0123456789；《办法》“原文”"
_AWKWARD = "中文，。；：“”‘’（）、…—\"',;:\t\n=+-@＝＋_x0041_ 0１aé😀\u3000"


def texts(longest: int, shortest: int = 0) -> st.SearchStrategy[str]:
    """Trimmed texts with everything that quoting could get wrong."""
    return (
        st.text(st.one_of(st.sampled_from(_AWKWARD), st.characters(exclude_categories=("Cc", "Cs", "Cf", "Cn", "Co"))))
        .map(lambda text: text.strip()[:longest].strip())
        .filter(lambda text: len(text) >= shortest)
    )


def targets(numbers: st.SearchStrategy[str], skills: tuple[str, ...]) -> st.SearchStrategy[Target]:
    rings = st.one_of(st.none(), st.integers(2, 1200).map(lambda half: half / 2))
    to = st.one_of(
        st.tuples(st.just(TargetKind.SKILL), st.sampled_from(skills)),
        st.tuples(st.just(TargetKind.PHONE), st.one_of(numbers, st.from_regex("[0-9]{3,20}", fullmatch=True))),
        st.tuples(st.just(TargetKind.DESK), st.from_regex("[0-9]{2,8}", fullmatch=True)),
        st.tuples(st.just(TargetKind.LINE), numbers),
    )
    return st.builds(lambda at, ring, tries: Target(at[0], at[1], ring, tries), to, rings, st.integers(1, 9))


def lines(
    numbers: st.SearchStrategy[str] | None = None,
    skills: tuple[str, ...] = ("general", "tax"),
    days: st.SearchStrategy[date] | None = None,
) -> st.SearchStrategy[Line]:
    """Rows that are right by themselves; nothing is said of how they stand to each other."""
    numbers = numbers if numbers is not None else st.from_regex("[0-9]{3,11}", fullmatch=True)
    period = st.tuples(*[st.one_of(st.none(), days if days is not None else st.dates())] * 2).map(_in_order)

    def make(period: tuple[date | None, date | None], **rest: object) -> Line:
        return Line(effective_from=period[0], effective_to=period[1], **rest)  # type: ignore[arg-type]

    return st.builds(
        make,
        period,
        number=numbers,
        name=texts(40, 1),
        mode=st.sampled_from(LineMode),
        unit=texts(100),
        status=st.sampled_from(LineStatus),
        targets=st.lists(targets(numbers, skills), max_size=4).map(tuple),
        hours=st.sampled_from(HOURS).map(parse_hours),
        expert=st.booleans(),
        announcement=st.text(_SPEAKABLE, max_size=30),
        confirm=st.booleans(),
        source=texts(60),
        note=texts(200),
    )


def _in_order(period: tuple[date | None, ...]) -> tuple[date | None, date | None]:
    begin, end = period
    return (end, begin) if begin is not None and end is not None and end < begin else (begin, end)
