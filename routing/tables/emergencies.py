"""The emergency numbers of a table: 110, 119, 120 and 122 stand in every city's, and lead out at once, day and night.

Anything else about them is no error of form: it holds once a supervisor has confirmed it.
"""

from collections.abc import Iterable
from datetime import date

from config.logs import mask_text
from routing.tables.cells import targets_text
from routing.tables.chains import Rows, end_of
from routing.tables.findings import Gathered
from routing.tables.model import OUTSIDE, Line, LineMode, LineStatus, Target, targets_of
from routing.tables.resolve import EMERGENCY_LINES


def check_emergencies(
    rows: Rows, before: Iterable[Line] | None, general_skill: str, today: date, gathered: Gathered
) -> None:
    """Report what is missing (an error) and what is unusual or new (to be confirmed) about the four numbers."""
    known: dict[str, set[tuple[Target, ...]]] = {}
    for line in before or ():
        if line.number in EMERGENCY_LINES:
            known.setdefault(line.number, set()).add(targets_of(line, general_skill))
    for number, usual in EMERGENCY_LINES.items():
        same = rows.of(number)
        if not same:
            text = f"缺少紧急号码{number}（{usual.name}）；110、119、120、122必须在每个城市的表中"
            gathered.error(None, "number", text)
        elif not any(line.holds(today) for _, line in same):
            gathered.error(same[0][0], "from", f"紧急号码{number}今天没有生效的行；请去掉日期")
        for row, line in same:
            if end_of(line) >= today:
                _check_row(row, line, gathered)
                targets = targets_of(line, general_skill)
                if before is not None and targets not in known.get(number, ()):
                    shown = mask_text(targets_text(targets))
                    gathered.emergency(row, "targets", f"紧急号码{number}的转接目标改为“{shown}”")


def _check_row(row: int, line: Line, gathered: Gathered) -> None:
    number = line.number
    if line.mode is not LineMode.EMERGENCY:
        gathered.emergency(row, "mode", f"{number}是紧急号码，方式应为“紧急”")
    if line.status is not LineStatus.OPEN:
        gathered.emergency(row, "status", f"紧急号码{number}的状态应为“正常”")
    if line.hours:
        gathered.emergency(row, "hours", f"紧急号码{number}全天转接；请清空服务时间")
    if line.effective_from is not None or line.effective_to is not None:
        column = "from" if line.effective_from is not None else "to"
        gathered.emergency(row, column, f"紧急号码{number}随时有效；请清空日期")
    if line.targets and all(target.kind not in OUTSIDE for target in line.targets):
        gathered.emergency(row, "targets", f"紧急号码{number}没有外线电话；请填写如“phone:{number}”")
