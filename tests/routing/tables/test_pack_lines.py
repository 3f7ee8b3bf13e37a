"""A pack's line files become a table: the default's rows, the city's over them, every problem where it stands."""

from datetime import date

import pytest

from config.packs import SHIPPED, Notice, PackErrors, load_pack
from config.packs.problems import Problems
from config.workdays import load_workdays
from routing.tables import LineStatus, Table
from routing.tables.pack_lines import PackFrame, checked_table_of_pack, read_pack_lines, table_of_pack
from tests.config.packs_on_disk import Packs, packs

__all__ = ["packs"]

HEADING = "number,name,mode,unit,status,targets,hours,expert,announcement,from,to,confirm,source,note\n"
TODAY = date(2026, 10, 8)
WORKDAYS = load_workdays()


def row(
    number: str, mode: str = "dual", *, targets: str = "", source: str = "§18", status: str = "open", to: str = ""
) -> str:
    return f"{number},某热线,{mode},,{status},{targets},,,,,{to},,{source},\n"


class Lines:
    """A city whose lines.csv the tests write."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs

    def table(self, *rows: str) -> Table:
        return self._checked(*rows)[0]

    def notices(self, *rows: str) -> list[str]:
        return [self._placed(str(notice)) for notice in self._checked(*rows)[1]]

    def problems(self, *rows: str) -> list[str]:
        with pytest.raises(PackErrors) as caught:
            self.table(*rows)
        return [self._placed(line) for line in caught.value.lines]

    def _checked(self, *rows: str) -> tuple[Table, tuple[Notice, ...]]:
        self._packs.write("lines.csv", HEADING + "".join(rows))
        return checked_table_of_pack(self._packs.load(), WORKDAYS, today=TODAY)

    def _placed(self, text: str) -> str:
        return text.replace(f"{self._packs.city}/", "")


@pytest.fixture
def lines(packs: Packs) -> Lines:
    return Lines(packs)


@pytest.mark.parametrize("city", sorted(path.parent.name for path in SHIPPED.glob("[a-z]*/lines.csv")))
def test_every_shipped_pack_has_a_good_table(city: str) -> None:
    table = table_of_pack(load_pack(SHIPPED, city), WORKDAYS, today=TODAY)
    assert {"110", "119", "120", "122", "12315"} <= set(table.lines)
    assert (table.city, table.general_skill, table.numbers[0]) == (city, "general", "12345")
    assert all(line.source for line in table.rows())


def test_a_row_names_its_city_and_article_or_the_default(lines: Lines) -> None:
    table = lines.table(row("12315"), row("12316", source="试验 §20"), row("12366", "sub_center", source="附件一(5)"))
    sources = {number: table.lines[number][0].source for number in ("12315", "12316", "12366", "110")}
    assert sources == {"12315": "试验 §18", "12316": "试验 §20", "12366": "试验 附件一(5)", "110": "default"}


def test_a_citys_rows_replace_the_defaults_of_the_same_number(lines: Lines) -> None:
    first, last = row("12388", status="suspended", to="2026-12-31"), "12388,新,dual,,open,,,,,2027-01-01,,,§18,\n"
    table = lines.table(first, last)
    assert [line.status for line in table.lines["12388"]] == [LineStatus.SUSPENDED, LineStatus.OPEN]
    assert table.lines["12380"][0].source == "default"


def test_a_pack_without_lines_of_its_own_has_the_defaults(packs: Packs) -> None:
    table = table_of_pack(packs.load(), WORKDAYS, today=TODAY)
    assert {line.source for line in table.rows()} == {"default"}


def test_the_version_changes_with_the_rows_only(lines: Lines) -> None:
    first = lines.table(row("12315"))
    assert lines.table(row("12315"), "\n").version == first.version
    assert lines.table(row("12315", source="§19")).version != first.version


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([row("12315", "both")], "lines.csv:2: mode: “both”无法识别；请填写：整体并入、"),
        ([row("12315"), row("12315")], "lines.csv:3: number: 与第2行号码相同，日期重叠"),
        ([row("12315", source="")], "lines.csv:2: source: 为空；请填写依据的条款，如“§18”"),
        ([row("12331", "alias", targets="line:12399")], "lines.csv:2: targets: 归并到的号码12399不在表中"),
        ([row("12315", targets="skill:taxes")], "lines.csv:2: targets: 技能“taxes”不存在"),
        ([row("12345")], "lines.csv:2: number: 12345是本热线自己的号码"),
        ([row("12315"), row("119", "external")], "lines.csv:3: mode: 119是紧急号码，方式应为“紧急”"),
        ([row("119", "emergency", status="retired")], "lines.csv:2: status: 紧急号码119的状态应为“正常”"),
    ],
)
def test_a_problem_has_file_line_and_column(lines: Lines, rows: list[str], problem: str) -> None:
    (found,) = lines.problems(*rows)
    assert found.startswith(problem)


def test_all_problems_are_told_at_once(lines: Lines) -> None:
    found = lines.problems(row("1", "both", status=""), row("12315", source=""))
    assert [each.split(": ")[:2] for each in found] == [
        ["lines.csv:2", "number"],
        ["lines.csv:2", "mode"],
        ["lines.csv:2", "status"],
        ["lines.csv:3", "source"],
    ]


def test_a_default_without_an_emergency_number_is_refused(packs: Packs, lines: Lines) -> None:
    file = packs.own_default() / "lines.csv"
    kept = [line for line in file.read_text("utf-8").splitlines(keepends=True) if not line.startswith("122,")]
    file.write_text("".join(kept), "utf-8")
    (found,) = lines.problems(row("12315"))
    assert found.startswith("lines.csv: number: 缺少紧急号码122（交通事故报警）")


def test_warnings_are_notices_where_the_row_stands(lines: Lines) -> None:
    notices = lines.notices(row("12315"), row("12316", to="2026-01-01"))
    assert "lines.csv:3: to: 已于2026-01-01失效，不再起作用" in notices


def test_problems_are_gathered_for_a_caller_who_asks_for_rows(packs: Packs) -> None:
    packs.write("lines.csv", HEADING + row("12315") + row("12316", "both"))
    problems = Problems()
    rows = read_pack_lines(packs.load(), problems)
    assert [(file, line) for file, line, each in rows if each.number == "12315"] == [(packs.city / "lines.csv", 2)]
    assert [error.line for error in problems.errors] == [3]


def test_a_frame_checks_against_the_pack_and_the_rows_in_force(packs: Packs) -> None:
    pack = packs.load()
    frame = PackFrame(pack, WORKDAYS)
    table = frame.table("7", table_of_pack(pack, WORKDAYS, today=TODAY).rows())
    assert table.version == "7"
    numbered = list(enumerate(table.rows(), 2))
    assert frame.check(numbered, list(table.rows()), 1_791_400_000.0).emergencies == ()
    without = [(number, line) for number, line in numbered if line.number != "110"]
    assert not frame.check(without, None, 1_791_400_000.0).accepted


def test_a_file_that_cannot_be_read_is_told(packs: Packs) -> None:
    packs.write("lines.csv", b"number,name\n1,2\n")
    with pytest.raises(PackErrors) as caught:
        table_of_pack(packs.load(), WORKDAYS, today=TODAY)
    assert "mode: is a missing column" in "".join(caught.value.lines)
    assert all(f"{packs.city}/lines.csv:1: " in line for line in caught.value.lines)
