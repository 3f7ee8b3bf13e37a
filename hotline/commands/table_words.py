"""What `hotline table` says to people, in Chinese: words for states and deeds, and refusals with what to do about them.

Numbers of lines and offices are public and shown whole; of people there are account names only.
"""

from collections.abc import Iterable, Mapping

from routing.tables.cells import cells_of
from routing.tables.columns import HEADINGS
from routing.tables.diff import Conflict, Diff, Key
from routing.tables.states import (
    MergeConflict,
    NotEffective,
    SecondPerson,
    StaleBase,
    State,
    TableChanged,
    TableError,
    TableFaulty,
    TableRefused,
    Unconfirmed,
    UnknownTable,
    WrongState,
)

STATES: Mapping[State, str] = {
    State.DRAFT: "草稿",
    State.CHECKED: "已检查",
    State.SCHEDULED: "待生效",
    State.EFFECTIVE: "生效中",
    State.SUPERSEDED: "已失效",
    State.DISCARDED: "已作废",
}
DEEDS: Mapping[str, str] = {
    "adopt": "采用城市包",
    "draft": "新建草稿",
    "import": "导入文件",
    "put": "写入一行",
    "remove": "删除一行",
    "rebase": "合并他人修改",
    "check": "检查",
    "confirm": "确认紧急号码",
    "approve": "批准",
    "withdraw": "撤回",
    "rollback": "回退",
    "discard": "作废",
}
_NAMED = 10  # numbers in one sentence
_CONFLICTS = 20  # told one by one


class Refused(Exception):
    """What was asked was not done; ``lines`` say why and what to do, one sentence each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def refusal(error: TableError) -> Refused:
    """Why a table's rules say no, and which command comes next."""
    match error:
        case SecondPerson():
            return Refused(
                f"{error.who}修改过第{error.number}版，不能再批准或确认它；请另一人登录自己的系统用户运行此命令，"
                "或用自己的账号通过接口办理"
            )
        case Unconfirmed():
            return Refused(
                f"第{error.number}版改动了紧急号码的行：{_numbers(error.keys)}；请先由没有参与修改的值班长运行 "
                f"hotline table confirm-emergency {error.number} --why 原因"
            )
        case TableFaulty():
            text = (
                f"第{error.number}版有{error.errors}处错误，不能批准；请运行 hotline table check-draft {error.number}"
            )
            return Refused(f"{text} 查看，改正后重新导入")
        case StaleBase():
            return Refused(
                f"第{error.number}版是在{_base(error.base)}上修改的，之后第{error.present}版已经批准"
                f"（{counts(error.diff)}：{_numbers(error.diff.keys)}）；"
                f"请先运行 hotline table rebase {error.number} --why 原因，检查后再批准"
            )
        case MergeConflict():
            return _conflicts(error)
        case TableChanged():
            return Refused(
                f"第{error.number}版现在是第{error.present}次修订，您看到的是第{error.read}次"
                f"（其间{counts(error.diff)}：{_numbers(error.diff.keys)}）；"
                f"请运行 hotline table show {error.number} 查看后再办理"
            )
        case WrongState():
            return Refused(f"第{error.number}版{_AS_IT_IS[error.state].format(error.number)}")
        case NotEffective():
            return Refused(
                f"第{error.present}版已经批准，与此冲突；请运行 hotline table list 查看生效时间，"
                f"改用更晚的 --at，或先运行 hotline table withdraw {error.present} --why 原因"
            )
        case TableRefused():
            return Refused(_GIVEN.get(error.field, str(error)))
        case UnknownTable():
            return Refused("没有这一版转接表；请运行 hotline table list 查看有哪些版本")
    return Refused(str(error))


_AS_IT_IS: Mapping[State, str] = {
    State.DRAFT: "还没有检查；请先运行 hotline table check-draft {}",
    State.CHECKED: "已检查，还没有批准；请运行 hotline table approve {} --why 原因",
    State.SCHEDULED: "已批准、待生效；如要修改，请先运行 hotline table withdraw {} --why 原因",
    State.EFFECTIVE: "正在生效，不能再改；请另行导入为新草稿，或运行 hotline table rollback --why 原因 回到上一版",
    State.SUPERSEDED: "已失效，不能再改；请运行 hotline table export {} 文件.xlsx，再导入为新草稿",
    State.DISCARDED: "已作废，不能再改；请运行 hotline table export {} 文件.xlsx，再导入为新草稿",
}
_GIVEN: Mapping[str, str] = {
    "at": "--at 的时间已经过去；请给出将来的时间，或不写 --at 立即生效",
    "revision": "没有这一次修订；请运行 hotline table history 查看",
    "version": "生效的这一版之前没有别的版本，无法回退",
}


def counts(diff: Diff) -> str:
    """``新增1行、删除0行、修改2行``."""
    return f"新增{len(diff.added)}行、删除{len(diff.removed)}行、修改{len(diff.changed)}行"


def _conflicts(error: MergeConflict) -> Refused:
    told = [_conflict(each, error) for each in error.conflicts[:_CONFLICTS]]
    rest = len(error.conflicts) - len(told)
    return Refused(
        f"第{error.number}版与已批准的第{error.present}版都修改了{len(error.conflicts)}行，什么也没有改动；"
        f"请逐个号码选择：hotline table rebase {error.number} --mine 号码（保留本草稿）"
        " --theirs 号码（采用已批准的）--why 原因",
        *told,
        *([f"另有{rest}行没有列出"] if rest else []),
    )


def _conflict(conflict: Conflict, error: MergeConflict) -> str:
    if conflict.mine is None or conflict.theirs is None:
        gone = "本草稿" if conflict.mine is None else f"第{error.present}版"
        return f"{conflict.number}：{gone}删除了此行，另一方修改了它"
    mine, theirs = cells_of(conflict.mine), cells_of(conflict.theirs)
    parts = [
        f"“{HEADINGS[column]}”本草稿是“{mine[column]}”，第{error.present}版是“{theirs[column]}”"
        for column in mine
        if mine[column] != theirs[column]
    ]
    return one_line(f"{conflict.number}：{'；'.join(parts)}")


def one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def _base(number: int | None) -> str:
    return "空表" if number is None else f"第{number}版"


def _numbers(keys: Iterable[Key]) -> str:
    numbers = sorted({key.number for key in keys})
    return "、".join(numbers[:_NAMED]) + (f"等{len(numbers)}个号码" if len(numbers) > _NAMED else "")
