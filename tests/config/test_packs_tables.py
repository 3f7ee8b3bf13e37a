"""CSV tables as spreadsheets write them, and the places of keys in TOML files."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from config.packs import SHIPPED
from config.packs.problems import Problems
from config.packs.tables import read_table
from config.packs.toml_lines import key_lines
from tests.config.packs_on_disk import Packs, packs

__all__ = ["packs"]

ROWS = "number,name,unit\n12315,消费者投诉举报热线,市场监管局\n"


@pytest.mark.parametrize(
    "data",
    [
        ROWS.encode(),
        ROWS.encode("utf-8-sig"),
        ROWS.encode("gbk"),
        ROWS.replace("\n", "\r\n").encode("gb18030"),
        ROWS.replace("\n", ",,\n").encode(),
        (ROWS + ",,\n\n").encode("utf-8-sig"),
        ROWS.replace(",", " , ").encode(),
    ],
    ids=["utf-8", "utf-8 with mark", "gbk", "gb18030 of windows", "empty columns", "empty rows", "blanks"],
)
def test_a_table_reads_the_same_in_every_form_a_spreadsheet_writes(tmp_path: Path, data: bytes) -> None:
    problems = Problems()
    (tmp_path / "table.csv").write_bytes(data)
    rows = read_table(tmp_path / "table.csv", ("number", "name"), ("unit",), problems)
    assert [(row.line, row.cells) for row in rows] == [
        (2, {"number": "12315", "name": "消费者投诉举报热线", "unit": "市场监管局"})
    ]
    assert not problems.errors


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_table_in_another_encoding_is_refused_with_the_mend(packs: Packs, encoding: str) -> None:
    packs.write("agents.csv", ROWS.encode(encoding))
    assert packs.problems() == ["agents.csv: is neither UTF-8 nor GBK text; save it as “CSV UTF-8”"]


TRICKY = '''# [not.a.table]
title = "a # b = c"   # comment

[one]
'quoted key' = 1
"k\\"q".x = { in = [1, 2], y = "}" }
list = [
  "[two]", # ]
  "b",
]
text = """
[three]
x = 1
ends with quotes"""""
raw = \'\'\'
y = 2 \'\'\'
after = 1

[[two]]
a = 1
[[two]]
a = 2
[ one . sub ]
z=3
'''


def test_keys_are_found_on_their_lines_around_everything_toml_allows() -> None:
    tomllib.loads(TRICKY)
    lines = key_lines(TRICKY)
    assert lines == {
        ("title",): 2,
        ("one",): 4,
        ("one", "quoted key"): 5,
        ("one", 'k\\"q'): 6,
        ("one", 'k\\"q', "x"): 6,
        ("one", "list"): 7,
        ("one", "text"): 11,
        ("one", "raw"): 15,
        ("one", "after"): 17,
        ("two",): 19,
        ("two", "a"): 20,
        ("one", "sub"): 23,
        ("one", "sub", "z"): 24,
    }


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*/city.toml")), ids=lambda file: file.parent.name)
def test_every_key_of_the_shipped_packs_is_found_on_the_line_that_names_it(file: Path) -> None:
    text = file.read_text("utf-8")
    lines = key_lines(text)

    def check(values: dict[str, Any], path: tuple[str, ...]) -> None:
        for key, value in values.items():
            here = (*path, key)
            if here in lines:
                assert key in text.splitlines()[lines[here] - 1]
            else:  # only tables that have no header of their own, such as [keys] around [keys.0]
                assert isinstance(value, dict)
            if isinstance(value, dict) and "value" not in value:
                check(value, here)

    check(tomllib.loads(text), ())
