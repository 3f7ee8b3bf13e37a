"""How the errors of transfer tables are told to clients: conflicts with the difference that explains them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hotline.api.problems import Fault, ProblemError
from hotline.api.routing import LimitedRoute
from hotline.api.table_models import SHOWN, ConflictRow, DiffView, FindingLine, KeyView
from routing.tables.cells import CellFaults
from routing.tables.findings import Finding
from routing.tables.states import (
    MergeConflict,
    NotEffective,
    SecondPerson,
    StaleBase,
    TableChanged,
    TableError,
    TableFaulty,
    TableRefused,
    Unconfirmed,
    UnknownTable,
    WrongState,
)


class TableRoute(LimitedRoute):
    """A route of transfer tables."""

    def problem_of(self, error: Exception, method: str) -> ProblemError | None:
        match error:
            case TableError():
                return _of_table(error)
            case CellFaults():
                return _of_row(error)
        return super().problem_of(error, method)


class SlowRoute(TableRoute):
    """One that works on a whole table: a hundred thousand rows take some seconds, and their upload longer."""

    own_limit_s = 60.0


def file_problem(findings: Sequence[Finding], more: int) -> ProblemError:
    """A file that cannot be used, with each place that is to be mended."""
    items = [FindingLine.of(each) for each in findings]
    faults = [
        Fault(field=".".join(["body.file", *(str(part) for part in (each.row, each.column) if part)]), reason=each.text)
        for each in items
    ]
    rest = len(items) + more - 1
    detail = "文件无法导入" if not findings else str(findings[0]).replace("\n", " ")
    return ProblemError(
        422,
        "table-file",
        f"{detail}（另有{rest}处）" if rest > 0 else detail,
        faults=faults,
        extra={"findings": [each.model_dump(mode="json") for each in items], "more": more},
    )


def _of_table(error: TableError) -> ProblemError:
    status, kind = next(meaning for family, meaning in _MEANINGS.items() if isinstance(error, family))
    faults = [Fault(field=f"body.{error.field}", reason=str(error))] if isinstance(error, TableRefused) else []
    tell = _EXTRAS.get(type(error))
    return ProblemError(status, kind, str(error), faults=faults, extra=None if tell is None else tell(error))


def _of_row(error: CellFaults) -> ProblemError:
    faults = [Fault(field=f"body.{each.column}", reason=each.text) for each in error.faults]
    return ProblemError(422, "table-row", str(error).replace("\n", " "), faults=faults)


_MEANINGS: Mapping[type[TableError], tuple[int, str]] = {
    UnknownTable: (404, "table-unknown"),
    TableChanged: (412, "table-changed"),
    StaleBase: (409, "table-stale"),
    MergeConflict: (409, "table-conflict"),
    NotEffective: (409, "table-order"),
    Unconfirmed: (409, "table-unconfirmed"),
    TableFaulty: (409, "table-faulty"),
    WrongState: (409, "table-state"),
    SecondPerson: (403, "table-second-person"),
    TableRefused: (422, "table-refused"),
}


def _diff(error: Any) -> Mapping[str, Any]:
    return {
        "present": error.present,
        "diff": DiffView.of(error.diff).model_dump(mode="json", by_alias=True),
    }


def _conflicts(error: Any) -> Mapping[str, Any]:
    rows = [ConflictRow.of(each).model_dump(mode="json", by_alias=True) for each in error.conflicts[:SHOWN]]
    return {"present": error.present, "conflicts": rows, "more": len(error.conflicts) - len(rows)}


def _keys(error: Any) -> Mapping[str, Any]:
    return {"rows": [each.model_dump(mode="json", by_alias=True) for each in KeyView.all(error.keys)]}


_EXTRAS: Mapping[type[TableError], Callable[[Any], Mapping[str, Any]]] = {
    TableChanged: _diff,
    StaleBase: _diff,
    MergeConflict: _conflicts,
    Unconfirmed: _keys,
    NotEffective: lambda error: {"present": error.present},
    WrongState: lambda error: {"state": error.state},
}
