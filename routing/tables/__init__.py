"""Transfer tables (转接表): which number leads where, checked, versioned and resolved.

Start with `Table` and `resolve`; `versions` keeps the life of a table in the database.
"""

from routing.tables.model import Line, LineMode, LineStatus, Table, Target, TargetKind, by_number
from routing.tables.resolve import Reception, Route, resolve

__all__ = [
    "Line",
    "LineMode",
    "LineStatus",
    "Reception",
    "Route",
    "Table",
    "Target",
    "TargetKind",
    "by_number",
    "resolve",
]
