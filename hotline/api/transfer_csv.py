"""Transfers as CSV for spreadsheets (RFC 4180), with Chinese headings. UTF-8 with a byte order mark, without which
Excel takes Chinese for gibberish.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from bridge.transfers import UNKNOWN, Figure, Transfer, Waits, shown_target
from config.chinatime import china_time
from ivr.call import TransferKind, TransferResult

MEDIA_TYPE = "text/csv; charset=utf-8"

KINDS: Mapping[TransferKind, str] = {
    TransferKind.FORWARD: "号码转接",
    TransferKind.BLIND: "直接转接",
    TransferKind.WARM: "咨询转接",
    TransferKind.EMERGENCY: "紧急转接",
}
RESULTS: Mapping[str, str] = {
    TransferResult.CONNECTED: "接通",
    TransferResult.BUSY: "占线",
    TransferResult.NO_ANSWER: "无人接听",
    TransferResult.REJECTED: "拒接",
    TransferResult.UNREACHABLE: "无法接通",
    TransferResult.LOST: "线路中断",
    TransferResult.ENDED: "对方先挂断",
    TransferResult.CANCELLED: "取消",
    TransferResult.ABANDONED: "来电人挂断",
    UNKNOWN: "不明",
}


def transfers_csv(transfers: Iterable[Transfer]) -> bytes:
    """One row for each target rung."""
    headings = (
        "通话",
        "序号",
        "号码",
        "转接目标",
        "转接方式",
        "话务员",
        "开始时间",
        "应答用时(秒)",
        "结束时间",
        "结果",
    )
    rows = (
        (
            each.call,
            each.seq,
            each.line,
            shown_target(each.address),
            KINDS[each.kind],
            each.agent,
            _moment(each.began),
            _seconds(each.answered_s),
            _moment(each.ended),
            RESULTS[each.result or UNKNOWN],
        )
        for each in transfers
    )
    return _csv(headings, rows)


def figures_csv(figures: Iterable[Figure]) -> bytes:
    """One row for each line and target."""
    headings = ("号码", "转接目标", "转接次数", "接通次数", "接通率", *(f"{name}次数" for name in _OTHERS.values()))
    waits = ("平均应答用时(秒)", "应答用时中位数(秒)", "应答用时95分位(秒)")
    rows = (
        (
            each.line,
            shown_target(each.address),
            each.attempts,
            each.connected,
            f"{each.success:.1%}",
            *(each.results.get(result, 0) for result in _OTHERS),
            *_waits(each.answer_s),
        )
        for each in figures
    )
    return _csv((*headings, *waits), rows)


_OTHERS = {result: name for result, name in RESULTS.items() if result != TransferResult.CONNECTED}


def _csv(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _waits(waits: Waits | None) -> tuple[str, ...]:
    return ("", "", "") if waits is None else (_seconds(waits.mean), _seconds(waits.p50), _seconds(waits.p95))


def _moment(at: float | None) -> str:
    return "" if at is None else china_time(at).strftime("%Y-%m-%d %H:%M:%S")


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"
