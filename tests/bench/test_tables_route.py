"""The bench of the transfer table: its numbers are of every kind, and every figure is there."""

import pytest

from bench import tables_route
from routing.tables import Reception


def test_the_numbers_dialled_are_of_every_kind() -> None:
    table = tables_route._table(1_000)
    receptions = {tables_route._resolve(table, number).reception for number in tables_route._dialled(1_000)}
    assert receptions >= {Reception.OWN, Reception.MERGED, Reception.DUAL, Reception.ALIAS}
    assert receptions & {Reception.FORWARD, Reception.CLOSED}


def test_every_size_has_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_route, "SIZES", (10, 100))
    monkeypatch.setattr(tables_route, "DIALLED", 50)
    figures = tables_route.route_ns()
    assert figures.keys() == {f"{what}_{rows}" for what in ("lookup", "first", "route") for rows in (10, 100)}
    assert all(value > 0 for value in figures.values())
