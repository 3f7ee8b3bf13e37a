"""The locked requirements hold what pyproject.toml asks for, each with hashes, and no address of any index."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hotline.runtime import paths

LOCKS = ["run.txt", "dev.txt", "uv.txt"]
_PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==([^ ;\\]+)", re.MULTILINE)


def lock(name: str) -> str:
    return (paths.checkout() / "requirements" / name).read_text()


def pins(name: str) -> dict[str, str]:
    return {canonicalize_name(package): version for package, version in _PIN.findall(lock(name))}


def asked_for(*extras: str) -> list[Requirement]:
    project = tomllib.loads((paths.checkout() / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in listed]


@pytest.mark.parametrize(("name", "extras"), [("run.txt", []), ("dev.txt", ["dev"])])
def test_every_dependency_is_locked_in_a_version_that_is_asked_for(name: str, extras: list[str]) -> None:
    locked = pins(name)
    for wanted in asked_for(*extras):
        assert locked.get(canonicalize_name(wanted.name), "none") in wanted.specifier, f"run `make lock` for {wanted}"


def test_what_tests_run_with_is_what_the_product_runs_with() -> None:
    assert pins("run.txt").items() <= pins("dev.txt").items()


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_a_pin_with_hashes_and_nothing_else(name: str) -> None:
    for entry in re.sub(r"\s*\\\n\s*", " ", re.sub(r"^#.*\n", "", lock(name), flags=re.MULTILINE)).splitlines():
        assert _PIN.match(entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_no_file_of_the_set_up_names_an_index_or_a_mirror() -> None:
    root = paths.checkout()
    files = [root / "Makefile", root / "compose.yaml", *(root / "requirements").iterdir()]
    files += [root / ".ci/run", *Path(root / "hotline/runtime").glob("*.py"), root / "hotline/doctor.py"]
    for file in files:
        assert not re.findall(r"(?:https?|ftp)://[^\s'\"]+|--(?:extra-)?index-url|--find-links", file.read_text()), file
