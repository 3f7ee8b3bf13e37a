"""Prints the results for people: a table of the figures, and below it how each came about and what limits it.

It changes no figure.
"""

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.measures import AT_MOST, GOALS, Measure

_WIDTH = 110  # of a table that goes to a file
_MARKS = {True: "[green]met[/green]", False: "[red]missed[/red]", None: ""}


def show(measures: Mapping[str, Measure], console: Console | None = None) -> None:
    """One line for each measure; measures that have a goal come first."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    table = Table(title="The hotline, beside the same call as plain Asterisk dialplan")
    table.add_column("measure", no_wrap=True)
    for heading in ("value", "baseline", "goal"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    ordered = sorted(measures.items(), key=lambda item: item[0] not in GOALS)
    with_goal = sum(name in GOALS for name, _ in ordered)
    for number, (name, figure) in enumerate(ordered, 1):
        value = _amount(figure.value, figure.unit)
        table.add_row(name, value, _baseline(figure), _goal(name), _MARKS[figure.met], end_section=number == with_goal)
    console.print(table)
    for name, figure in ordered:
        if figure.detail or figure.limited_by:
            console.print(f"[bold]{name}[/bold]  {_sentences(figure)}", soft_wrap=True)


def _sentences(figure: Measure) -> str:
    limit = f"Limited by {figure.limited_by}." if figure.limited_by else ""
    return escape(" ".join(text for text in (f"{figure.detail}." if figure.detail else "", limit) if text))


def _amount(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{number} {unit}".strip()


def _baseline(figure: Measure) -> str:
    return "" if figure.baseline is None else _amount(figure.baseline, "")


def _goal(name: str) -> str:
    if name not in GOALS:
        return ""
    side, goal, _ = GOALS[name]
    return f"{'≤' if side == AT_MOST else '≥'} {goal:,g}"
