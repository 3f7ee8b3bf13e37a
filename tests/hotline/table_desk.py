"""`hotline table` typed by several people on one installation of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from hotline import cli
from hotline.commands import table_files, tables
from routing.tables.columns import HEADINGS


class Ran:
    """What a command came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}{self.err}"

    @property
    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.out)
        return told


class Desk:
    """The command on an installation of its own, typed by one person or another."""

    def __init__(self, folder: Path, type_: Callable[[str, list[str]], Ran]) -> None:
        self.folder, self._type = folder, type_

    def __call__(self, *arguments: str, by: str = "cli:li") -> Ran:
        return self._type(by, ["table", *arguments, "--settings", str(self.folder / "hotline.toml")])

    def done(self, *arguments: str, by: str = "cli:li") -> Ran:
        ran = self(*arguments, by=by)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran

    def file(self, name: str = "表.csv", **cells: str) -> Path:
        """The pack's table with one cell in the row of 12366 changed, as CSV or XLSX: column=text."""
        path = self.folder / name
        self.done("export", "1", str(path), "--force")
        if path.suffix == ".xlsx":
            _edit(path, cells)
        else:
            text = path.read_text("utf-8-sig")
            (row,) = [line for line in text.splitlines() if line.startswith("12366,")]
            parts = dict(zip(HEADINGS, row.split(","), strict=True)) | cells
            path.write_text(text.replace(row, ",".join(parts.values())), "utf-8-sig")
        return path

    def draft(self, **cells: str) -> int:
        """A checked draft of 李."""
        made = self.done("import", str(self.file(**cells)), "--why", "来函", "--json").json
        number: int = made["table"]["number"]
        self.done("check-draft", str(number))
        return number


def _edit(path: Path, cells: dict[str, str]) -> None:
    book = load_workbook(path)
    sheet = book.active
    assert sheet is not None
    for row in sheet.iter_rows(min_row=2):
        if str(row[0].value) == "12366":
            for column, text in cells.items():
                row[list(HEADINGS).index(column)].value = text
    book.save(path)


def open_desk(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk in a folder, with a database that is made when it is first used."""
    (folder / "hotline.toml").write_text(f'city = "yichun"\nstate = "{folder / "state"}"\n', "utf-8")
    monkeypatch.delenv("HOTLINE_DATABASE_URL", raising=False)

    def type_(by: str, arguments: list[str]) -> Ran:
        for module in (tables, table_files):
            monkeypatch.setattr(module, "who", lambda: by)
        monkeypatch.setattr("sys.argv", ["hotline", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Ran(int(ended.value.code or 0), *capsys.readouterr())

    return Desk(folder, type_)
