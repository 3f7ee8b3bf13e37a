"""Whatever stands in a pack's files, the answer is a pack or `PackErrors` with sentences, never anything else."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from config.packs import SHIPPED, Pack, PackErrors, load_pack
from tests.config.packs_on_disk import CITY, Packs

DEFAULT = (SHIPPED / "_default" / "city.toml").read_text("utf-8").splitlines()
AGENTS = ["id,name,skills,address", "1001,甲,general; enterprise,desk:8001", "1002,乙,general,desk:8002"]

words = st.sampled_from(
    [
        "[limits]",
        "[keys.9]",
        "[entry]",
        "[deadlines]",
        "[urgent.x]",
        "[prompts]",
        "[city]",
        "[duty]",
        "=",
        "{",
        "}",
        "[",
        "]",
        '"',
        "1",
        "x",
        ".",
        "#",
    ]
)
loose_line = st.lists(words, max_size=5).map(" ".join) | st.text(max_size=20)


def outcome(city: bytes, agents: bytes = b"", default: bytes | None = None) -> Pack | PackErrors:
    with tempfile.TemporaryDirectory() as folder:
        packs = Packs(Path(folder) / "cities")
        packs.write("city.toml", city)
        if default is not None:
            (packs.own_default() / "city.toml").write_bytes(default)
        packs.write("agents.csv", agents)
        try:
            return load_pack(packs.folder, "trial")
        except PackErrors as errors:
            return errors


def assert_told(found: Pack | PackErrors) -> None:
    """A pack, or problems of one line each."""
    if isinstance(found, PackErrors):
        assert found.lines
        assert not [line for line in found.lines if "\n" in line]


@settings(max_examples=150)
@given(st.lists(st.sampled_from(DEFAULT) | loose_line, max_size=12))
def test_any_city_toml(more: list[str]) -> None:
    assert_told(outcome("\n".join([CITY, *more]).encode("utf-8", errors="replace")))


@settings(max_examples=150)
@given(st.lists(st.integers(0, len(DEFAULT) - 1), max_size=4), st.lists(loose_line, max_size=3), st.data())
def test_any_default(without: list[int], more: list[str], data: st.DataObject) -> None:
    lines = [line for number, line in enumerate(DEFAULT) if number not in without]
    for line in more:
        lines.insert(data.draw(st.integers(0, len(lines))), line)
    assert_told(outcome(CITY.encode(), default="\n".join(lines).encode("utf-8", errors="replace")))


def test_a_default_with_values_where_tables_should_be() -> None:
    for section in ("entry", "prompts", "keys", "limits", "skills", "duty", "deadlines", "urgent", "not_accepted"):
        found = outcome(CITY.encode(), default=f"{section} = 3\n".encode())
        assert isinstance(found, PackErrors)
        assert any(f"{section}: must be a table" in line for line in found.lines)


@settings(max_examples=150)
@given(
    st.binary(max_size=200) | st.lists(st.sampled_from(AGENTS) | st.text(max_size=30)).map(lambda rows: "\n".join(rows))
)
def test_any_roster(table: bytes | str) -> None:
    data = table if isinstance(table, bytes) else table.encode("utf-8", errors="replace")
    assert_told(outcome(CITY.encode(), data))


def test_what_is_right_is_a_pack() -> None:
    assert isinstance(outcome(CITY.encode()), Pack)
