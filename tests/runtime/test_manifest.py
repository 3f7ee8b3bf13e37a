"""When a tree of packages is built again, and what is recorded of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from hotline.runtime import debian
from hotline.runtime.manifest import FILE_NAME, Manifest, MendRecord, PackageRecord, Recipe

RECIPE = Recipe("current", ("asterisk", "espeak-ng"), "sid", "amd64")


@pytest.mark.parametrize(
    "changed",
    [
        replace(RECIPE, packages=("asterisk",)),
        replace(RECIPE, suite="forky"),
        replace(RECIPE, architecture="arm64"),
        replace(RECIPE, dependencies=False),
        replace(RECIPE, mend=RECIPE.mend + 1),
        replace(RECIPE, format=RECIPE.format + 1),
    ],
)
def test_any_change_of_the_recipe_is_another_tree(changed: Recipe) -> None:
    assert changed.digest != RECIPE.digest
    assert not (changed.satisfied_by(RECIPE) and RECIPE.satisfied_by(changed))


def test_equal_recipes_name_the_same_tree() -> None:
    assert replace(RECIPE).digest == RECIPE.digest
    assert RECIPE.satisfied_by(replace(RECIPE))


def test_a_tree_with_more_packages_satisfies_but_one_with_fewer_does_not() -> None:
    wider = replace(RECIPE, packages=(*RECIPE.packages, "redis-server"))
    assert RECIPE.satisfied_by(wider)
    assert not wider.satisfied_by(RECIPE)


def test_settings_that_name_a_program_take_its_packages_out_of_the_recipe() -> None:
    everything = debian.switch_recipe({})
    assert everything is not None
    assert {"asterisk", "asterisk-modules", "redis-server", "espeak-ng"} <= set(everything.packages)
    without_redis = debian.switch_recipe({"REDIS_URL": "redis://127.0.0.1"})
    assert without_redis is not None
    assert set(everything.packages) - set(without_redis.packages) == {"redis-server", "redis-tools"}
    named = {"HOTLINE_ASTERISK": "/usr/sbin/asterisk", "HOTLINE_ESPEAK": "espeak-ng", "HOTLINE_REDIS_URL": "redis://h"}
    assert debian.switch_recipe(named) is None


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    package = PackageRecord("asterisk", "1:22.10.1-1", "asterisk_1%3a22.10.1-1_amd64.deb", 2534036, "ab" * 32)
    mended = MendRecord("mended", "一句话。", "0" * 64, "1" * 64)
    manifest = Manifest(RECIPE, "2026-01-01T00:00:00+00:00", (package,), {"asterisk": "22.10.1"}, mended)
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest


@pytest.mark.parametrize("text", ["", "{", "[]", '{"recipe": {}}', '{"recipe": {"unknown": 1}, "packages": []}'])
def test_a_manifest_that_cannot_be_read_is_none_so_that_the_tree_is_built_again(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    assert Manifest.read(tmp_path) is None
