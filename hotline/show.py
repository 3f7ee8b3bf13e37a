"""Shows people what `hotline.lookup` found: tables and stories on a terminal, or JSON for programs."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from config.chinatime import CHINA

Found = dict[str, Any]
console = Console(highlight=False, soft_wrap=True)


def as_json(found: Found) -> None:
    """The data as it is, without the word for how to show it."""
    data = {key: value for key, value in found.items() if key != "kind"}
    print(json.dumps(data, ensure_ascii=False, indent=2, default=str))


def for_people(found: Found) -> None:
    _FORMS[found["kind"]](found)


def _calls(found: Found) -> None:
    if not found["calls"]:
        console.print("No calls yet.")
        return
    table = _table("call", "arrived", "lasted", "worker")
    for call in found["calls"]:
        lasted = "open" if call["closed"] is None else _seconds(call["closed"] - call["opened"])
        table.add_row(call["call"], moment(call["opened"]), lasted, call["worker"])
    console.print(table)


def _call(found: Found) -> None:
    console.print(f"[bold]Call {found['call']}[/bold]")
    story(found["story"])
    console.print(f"order      {found['order'] or 'none'}")
    if found["recording"] is None:
        console.print("recording  none expected")
    else:
        _recording(found)


def story(lines: list[Found]) -> None:
    """A call's timeline: seconds since it arrived, and what happened."""
    for line in lines:
        console.print(f"{line['offset_s']:9.3f} s  {line['text']}", markup=False)


def _order(found: Found) -> None:
    order = found["order"]
    console.print(f"[bold]Order {order['number']}[/bold]")
    for name, value in order.items():
        if name not in ("number", "version", "transfers", "emergency") and value not in (None, "", ()):
            shown = moment(value) if name in ("opened", "updated", "arrived", "closed") else value
            console.print(f"{name:12} {shown}", markup=False)
    for each in order["transfers"]:
        console.print(f"transfer     {each['line']} ({each['kind']}): {each['result']}", markup=False)
    for each in order["emergency"] or ():
        reached = "connected" if each["connected"] is not None else "not connected"
        care = f", confirmed by {each['confirmed_by']}" if each["confirmed_by"] else ""
        console.print(f"emergency    {each['number']}: {reached}{care}", markup=False)
    console.print("history")
    for change in found["history"]:
        fields = ", ".join(change["fields"])
        console.print(f"  {moment(change['at'])}  {change['who']}: {change['why']} ({fields})", markup=False)


def _recording(found: Found) -> None:
    recording(found["recording"])


def recording(kept: Found) -> None:
    """One line of the ledger."""
    what = kept["state"] if kept["gap"] is None else f"{kept['state']}, {kept['gap']}"
    console.print(f"recording  {kept['name']}: {what}", markup=False)
    if kept["path"]:
        console.print(f"  file     {kept['path']} ({kept['bytes']:,} bytes, {_seconds(kept['seconds'])})", markup=False)
        console.print(f"  sha256   {kept['sha256']}")
        console.print(f"  kept     until {kept['keep_until']} ({kept['keep_source']})", markup=False)


def _gaps(found: Found) -> None:
    if not found["gaps"]:
        console.print("No gaps: every recording that is due is kept.")
        return
    table = _table("recording", "began", "state", "gap")
    for kept in found["gaps"]:
        table.add_row(kept["name"], moment(kept["began"]), kept["state"], kept["gap"] or "")
    console.print(table)


def _accounts(found: Found) -> None:
    if not found["accounts"]:
        console.print("No accounts yet; `hotline account add NAME --role admin` makes the first.")
        return
    table = _table("account", "name", "roles", "agent", "")
    for account in found["accounts"]:
        notes = ("disabled" if account["disabled"] else "") or ("" if account["has_password"] else "tokens only")
        roles = ", ".join(account["roles"])
        table.add_row(account["name"], account["display_name"], roles, account["agent"] or "", notes)
    console.print(table)


def moment(at: float) -> str:
    """A time as people in China read it."""
    return datetime.fromtimestamp(at, CHINA).strftime("%Y-%m-%d %H:%M:%S")


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


_FORMS: dict[str, Callable[[Found], None]] = {
    "calls": _calls,
    "call": _call,
    "order": _order,
    "recording": _recording,
    "gaps": _gaps,
    "accounts": _accounts,
}
