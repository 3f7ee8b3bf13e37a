"""The operators' documentation says nothing that is not so: every command, option, route, role and message is real."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.packs import SHIPPED, load_pack
from hotline import cli
from hotline.accounts import Role
from hotline.api.call_transfers import REFUSALS
from hotline.commands.table_words import STATES
from routing.tables.columns import HEADINGS, MODE_WORDS
from tests.hotline.api_roles import ROLES
from tests.hotline.table_desk import Desk, open_desk

DOCS = Path(__file__).parents[2] / "docs"
_ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/api/[a-z{}/-]+)")
_COLUMNS = (Role.AGENT, Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR)
_COMMANDS = "─ Commands ─"  # the box in the help of a group
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def documented() -> list[tuple[str, str]]:
    """Every line of the documentation that names a command: the file, and the command with what follows."""
    found = {
        (file.name, text.strip())
        for file in sorted(DOCS.glob("*.md"))
        for text in re.findall(r"hotline [a-z][^`\n）；。，]*", file.read_text("utf-8"))
    }
    return sorted(found)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return open_desk(tmp_path, capsys, monkeypatch)


@pytest.mark.parametrize(("file", "text"), documented())
def test_every_documented_command_and_option_exists(file: str, text: str) -> None:
    words = text.split()[1:]
    path, asked = [words[0]], _help(words[0])
    while asked is not None and _COMMANDS in asked and len(path) < len(words):  # a group: the next word is its command
        path.append(words[len(path)])
        asked = _help(*path)
    assert asked is not None, f"{file}: there is no command {' '.join(path)}"
    missing = [option for option in _OPTION.findall(text) if option not in asked]
    assert not missing, f"{file}: {text}"


def _help(*path: str) -> str | None:
    """What a command says of itself; None when there is none."""
    ran = CliRunner().invoke(cli.app, [*path, "--help"], env={"COLUMNS": "300"})
    return ran.output if ran.exit_code == 0 else None


@pytest.mark.parametrize("text", ["hotline table nothing 2", "hotline nothing", "hotline table show 2 --nothing"])
def test_a_command_that_is_not_there_is_noticed(text: str) -> None:
    with pytest.raises(AssertionError):
        test_every_documented_command_and_option_exists("this test", text)


def test_the_documentation_is_there() -> None:
    assert {file for file, _ in documented()} >= {"转接表.md", "账号与权限.md", "限制使用.md", "转接.md"}


def test_every_documented_route_exists() -> None:
    named = {route for file in DOCS.glob("*.md") for route in _ROUTE.findall(file.read_text("utf-8"))}
    assert named
    assert named <= ROLES.keys()


def test_the_documented_roles_are_those_of_the_routes() -> None:
    told: dict[tuple[str, str], frozenset[Role]] = {}
    for text in (DOCS / "账号与权限.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in text.strip("|").split("|")]
        if len(cells) == 2 + len(_COLUMNS):
            roles = frozenset(role for role, cell in zip(_COLUMNS, cells[2:], strict=True) if cell == "✓")
            told |= dict.fromkeys(_ROUTE.findall(cells[1]), roles)
    assert told == ROLES


@pytest.mark.parametrize("name", ["转接表.md", "账号与权限.md", "限制使用.md", "转接.md"])
def test_every_link_inside_a_document_leads_to_a_heading(name: str) -> None:
    text = (DOCS / name).read_text("utf-8")
    headings = {re.sub(r"[：，]", "", heading).lower() for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def test_what_citizens_hear_is_documented_as_it_is_said() -> None:
    prompts = load_pack(SHIPPED, "yichun").prompts
    for name, keys in {
        "转接.md": ("transfer_begins", "transfer_hold", "transfer_failed", "transfer_not_answered"),
        "转接表.md": ("line_suspended", "line_retired", "line_closed"),
        "限制使用.md": ("restricted_bye",),
    }.items():
        text = (DOCS / name).read_text("utf-8")
        for key in keys:
            said = prompts[key].text.replace("{line:digits}", "12366").removesuffix("。")
            assert said in text, f"{name}: {key}"


def test_every_refusal_of_a_transfer_is_documented() -> None:
    text = (DOCS / "转接.md").read_text("utf-8")
    undocumented = {word for word, sentence in REFUSALS.items() if sentence not in text}
    assert undocumented == {"no_transfer"}  # only seen by whoever is a moment late


def test_every_documented_message_is_really_said(desk: Desk, tmp_path: Path) -> None:
    """Makes each mistake of the list in 转接表.md."""
    table = (DOCS / "转接表.md").read_text("utf-8").partition("\n## 错误信息和改法\n")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert len(documented) > 15
    told = "".join([*_wrong_files(desk, tmp_path), *_wrong_commands(desk)])
    assert [message for message in documented if message.rstrip("…") not in told] == []


def _wrong_files(desk: Desk, folder: Path) -> Iterator[str]:
    """What is said of files with every mistake."""
    yield _checked(
        desk,
        {
            "95598": {"状态": "正长"},
            "12301": {"服务时间": "工作日 8点到12点"},
            "12366": {"生效日期": "2026/13/1"},
            "12300": {"号码": "1.2E+10"},
            "12396": {"备注": "=SUM(A1)"},
        },
    )
    yield _checked(
        desk,
        {
            "12396": {"号码": "12345"},
            "12319": {"转接目标": "phone:12345"},
            "12330": {"转接目标": "phone:12330"},
            "12331": {"方式": "归并"},
            "12358": {"方式": "归并", "转接目标": "line:12399"},
            "12365": {"方式": "归并", "转接目标": "line:12369"},
            "12369": {"方式": "归并", "转接目标": "line:12365"},
            "12366": {"转接目标": "skill:tax"},
            "119": {},
        },
    )
    for name, text in (
        ("列.csv", "号码,名称,方式,责任单位,状态,依据,去向\n12366,税务,设分中心,,正常,§1,\n"),
        ("同.csv", "号码,名称,方式,责任单位,状态,依据\n" + "12366,税务,设分中心,,正常,§1\n" * 2),
        ("页.xls", "<html><table></table></html>"),
    ):
        (folder / name).write_text(text, "utf-8")
        yield desk("check", str(folder / name)).out


def _checked(desk: Desk, changes: dict[str, dict[str, str]]) -> str:
    """What is said of the pack's table with these cells; a number without cells is taken out."""
    file = desk.file()
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    kept = [row | changes.get(row["号码"], {}) for row in rows if changes.get(row["号码"]) != {}]
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(HEADINGS.values()))
        writer.writeheader()
        writer.writerows(kept)
    return desk("check", str(file), "--replace").out


def _wrong_commands(desk: Desk) -> Iterator[str]:
    """What is said to people who are too early, too late, or not the right ones."""
    yield desk("rollback", "--why", "试").err
    file = desk.file()
    file.write_text(file.read_text("utf-8-sig").replace("119,火警,", "119,消防,"), "utf-8-sig")
    desk.done("import", str(file), "--why", "改名")
    yield desk("approve", "2", "--why", "同意", by="cli:wang").err
    desk.done("check-draft", "2")
    yield desk("approve", "2", "--why", "同意").err
    yield desk("approve", "2", "--why", "同意", by="cli:wang").err
    desk.done("confirm-emergency", "2", "--why", "核实", by="cli:chen")
    yield desk("approve", "2", "--why", "同意", "--at", "2020-01-01", by="cli:wang").err


def test_every_state_and_every_column_is_documented() -> None:
    text = (DOCS / "转接表.md").read_text("utf-8")
    assert [word for word in STATES.values() if f"| {word} |" not in text] == []
    assert [name for name, heading in HEADINGS.items() if f"| {heading} | `{name}` |" not in text] == []
    modes = [(words[0], mode) for mode, words in MODE_WORDS.items()]
    assert [word for word, mode in modes if f"| {word} | `{mode}` |" not in text] == []
