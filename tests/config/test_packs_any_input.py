"""Whatever stands in a pack's files, the answer is a pack or `PackErrors` with sentences, never anything else."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from config.packs import SHIPPED, Pack, PackErrors, load_pack
from tests.config.packs_on_disk import CITY, Packs

DEFAULT = (SHIPPED / "_default" / "city.toml").read_text("utf-8").splitlines()
LINES = (SHIPPED / "yichun" / "lines.csv").read_text("utf-8").splitlines()

words = st.sampled_from(
    [
        "[limits]",
        "[keys.9]",
        "[entries]",
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


def outcome(city: bytes, lines: bytes, agents: bytes) -> Pack | PackErrors:
    with tempfile.TemporaryDirectory() as folder:
        packs = Packs(Path(folder) / "cities")
        packs.write("city.toml", city)
        packs.write("lines.csv", lines)
        packs.write("agents.csv", agents)
        try:
            return load_pack(packs.folder, "trial")
        except PackErrors as errors:
            assert all(error.file and str(error).count("\n") == 0 for error in errors.exceptions)
            return errors


@settings(max_examples=150)
@given(st.lists(st.sampled_from(DEFAULT) | loose_line, max_size=12))
def test_any_city_toml(more: list[str]) -> None:
    outcome("\n".join([CITY, *more]).encode("utf-8", errors="replace"), b"", b"")


@settings(max_examples=150)
@given(
    st.binary(max_size=200) | st.lists(st.sampled_from(LINES) | st.text(max_size=30)).map(lambda rows: "\n".join(rows))
)
def test_any_table(table: bytes | str) -> None:
    data = table if isinstance(table, bytes) else table.encode("utf-8", errors="replace")
    outcome(CITY.encode(), data, data)


def test_what_is_right_is_a_pack() -> None:
    assert isinstance(outcome(CITY.encode(), b"", b""), Pack)
