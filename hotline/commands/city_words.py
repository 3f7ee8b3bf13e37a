"""The Chinese words in which `hotline city` shows a pack's tables and values to people."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

TITLES = {
    "city": "城市与办法",
    "orders": "工单",
    "emergency": "紧急热线",
    "urgent": "突发事件",
    "not_accepted": "不予受理",
    "dispatch": "派单",
    "signing": "签收",
    "returns": "退单",
    "clock": "时限起算",
    "deadlines": "办理时限",
    "complexity": "疑难复杂",
    "extension": "延期",
    "cards": "黄牌红牌",
    "supervision": "督办",
    "revisit": "回访",
    "satisfaction": "满意度",
    "redo": "重办",
    "progress": "查询与催办",
    "sms": "短信",
    "consultation": "专家与三方通话",
    "restrictions": "限制使用",
    "leader_day": "领导接听日",
    "deputies": "人大代表",
    "answering": "接通率",
    "privacy": "保密",
    "recording": "录音保存",
    "archive": "档案保存",
    "province": "省平台推送",
    "entry": "接入",
    "keys": "按键",
    "limits": "通话时限（秒）",
    "queue": "排队",
    "skills": "技能组",
    "duty": "值班电话",
    "voice": "语音",
    "prompts": "提示语",
}
STATUS = {"in_force": "现行", "draft": "征求意见稿", "expired": "已失效"}
_UNITS = {
    "minutes": "分钟",
    "hours": "小时",
    "working_hours": "个工作小时",
    "calendar_days": "个自然日",
    "working_days": "个工作日",
}
# inside the entries of [deadlines], [urgent], [keys] and of the reasons for not accepting
_PARTS = {
    "within": "办结",
    "complex": "疑难复杂",
    "enterprise": "涉企",
    "covers": "涉及",
    "categories": "类别",
    "phone_within": "电话通知",
    "respond_within": "初步响应",
    "progress_within": "进度反馈",
    "on_site_within": "到场处置",
    "at_once": "第一时间",
    "report_to": "同时报告",
    "units": "责任单位",
    "on_call": "24小时值守",
    "skill": "技能组",
    "priority": "优先级",
    "emergency": "紧急",
}
_HEADS = ("name", "meaning", "text")  # say what an entry is: shown without a word of their own
_TAILS = ("id", "handling", "source")


def in_words(value: "JsonValue") -> str:
    """A value as people read it: 5个工作日, 是, 无."""
    if value is None:
        return "无"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dict):
        return _entry(value)
    if isinstance(value, list):
        parted = "\n" if any(isinstance(each, dict) for each in value) else "、"
        return parted.join(in_words(each) for each in value) or "无"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) or "无"


def _entry(value: dict[str, "JsonValue"]) -> str:
    """A limit, or a whole entry; what an entry does not say is left out."""
    match value:
        case {"amount": int(amount), "unit": str(unit)}:
            if amount == 0:
                return "即时" if unit == "minutes" else "当日"
            return f"{amount}{_UNITS[unit]}"
        case {"percent": percent}:
            return f"原时限的{percent}%"
    said = {key: each for key, each in value.items() if each not in (None, [], "", False, 0)}
    heads = [str(said[key]) for key in _HEADS if key in said]
    parts = [f"{_PARTS.get(key, key)} {in_words(each)}" for key, each in said.items() if key not in (*_HEADS, *_TAILS)]
    tail = f"（{said['source']}）" if "source" in said else ""
    return "；".join([*heads, *parts]) + tail
