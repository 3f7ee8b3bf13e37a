"""The columns of a transfer table and the words its cells are written in, English and Chinese. Data only."""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from routing.tables.model import LineMode, LineStatus, TargetKind

HEADINGS: Mapping[str, str] = MappingProxyType(
    {
        "number": "号码",
        "name": "名称",
        "mode": "方式",
        "unit": "责任单位",
        "status": "状态",
        "targets": "转接目标",
        "hours": "服务时间",
        "expert": "专家座席",
        "announcement": "公告",
        "from": "生效日期",
        "to": "截止日期",
        "confirm": "待确认",
        "source": "依据",
        "note": "备注",
    }
)
COLUMNS = tuple(HEADINGS)
REQUIRED = ("number", "name", "mode", "unit", "status", "source")
OPTIONAL = tuple(column for column in COLUMNS if column not in REQUIRED)

# The first word of each is the one written; the others are read as well.
MODE_WORDS: Mapping[LineMode, tuple[str, ...]] = {
    LineMode.MERGED: ("整体并入", "并入"),
    LineMode.DUAL: ("双号并行",),
    LineMode.SUB_CENTER: ("设分中心", "分中心"),
    LineMode.EXPERT: ("专家座席",),
    LineMode.UTILITY: ("公共事业",),
    LineMode.EMERGENCY: ("紧急", "紧急号码"),
    LineMode.COUNTY: ("县区热线",),
    LineMode.ALIAS: ("归并到另一号码", "归并"),
    LineMode.EXTERNAL: ("外部号码", "外部"),
}
STATUS_WORDS: Mapping[LineStatus, tuple[str, ...]] = {
    LineStatus.OPEN: ("正常",),
    LineStatus.SUSPENDED: ("暂停服务", "已暂停服务", "暂停"),
    LineStatus.RETIRED: ("停用", "已停用"),
}
KIND_WORDS: Mapping[TargetKind, tuple[str, ...]] = {
    TargetKind.SKILL: ("技能", "技能组"),
    TargetKind.PHONE: ("电话",),
    TargetKind.BACKUP: ("备用中继", "备用"),
    TargetKind.DESK: ("座机", "分机"),
    TargetKind.LINE: ("号码",),
}
YES, NO = "是", "否"
YES_WORDS = frozenset({YES, "yes", "y", "true", "1", "√", "✓", "对"})
NO_WORDS = frozenset({"", NO, "no", "n", "false", "0"})

_BY_HEADING = {heading: column for column, heading in HEADINGS.items()} | {column: column for column in COLUMNS}


def column_of(heading: str) -> str | None:
    """The column that a heading names, in either language; a mark of required columns (号码*) does not matter."""
    return _BY_HEADING.get(re.sub(r"[\s*]", "", unicodedata.normalize("NFKC", heading)).lower())
