"""What a tree of unpacked packages is made from (its recipe) and what came out (its manifest, beside it as JSON).

The recipe's hash names the tree, so a changed recipe is a new tree and a finished tree never changes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hotline.runtime import mend

FORMAT = 1  # of a tree and its manifest: a new one rebuilds every tree
FILE_NAME = "MANIFEST.json"


@dataclass(frozen=True)
class Recipe:
    """A set of programs to unpack; `link` is the stable name that points at the tree in use."""

    link: str
    packages: tuple[str, ...]
    suite: str
    architecture: str
    dependencies: bool = True
    mend: int = mend.VERSION
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """Names the tree: equal for equal recipes, and for no others."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def satisfied_by(self, built: Recipe) -> bool:
        """Whether a tree built from `built` holds all this recipe wants, made the same way."""
        wider = set(self.packages) <= set(built.packages)
        return wider and asdict(self) | {"packages": None} == asdict(built) | {"packages": None}


@dataclass(frozen=True)
class PackageRecord:
    """A package in a tree, as its file was."""

    name: str
    version: str
    file: str
    size: int
    sha256: str


@dataclass(frozen=True)
class MendRecord:
    """What the mend did to Asterisk: its state, one sentence, and the program's SHA-256 before and after."""

    state: str
    sentence: str
    sha256_before: str
    sha256_after: str


@dataclass(frozen=True)
class Manifest:
    """A finished tree: its recipe, its packages and the versions its programs told when they were started."""

    recipe: Recipe
    built_at: str
    packages: tuple[PackageRecord, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    mend: MendRecord | None = None

    def write(self, tree: Path) -> None:
        """Put the manifest into its tree, whole or not at all."""
        unfinished = tree / (FILE_NAME + ".part")
        unfinished.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")
        os.replace(unfinished, tree / FILE_NAME)

    @classmethod
    def read(cls, tree: Path) -> Manifest | None:
        """The manifest of a tree; None where there is none, or one of another format."""
        try:
            record = json.loads((tree / FILE_NAME).read_text())
            recipe = Recipe(**record["recipe"] | {"packages": tuple(record["recipe"]["packages"])})
            packages = tuple(PackageRecord(**package) for package in record["packages"])
            mended = MendRecord(**record["mend"]) if record["mend"] else None
            return cls(recipe, record["built_at"], packages, record["versions"], mended)
        except (OSError, ValueError, KeyError, TypeError):
            return None
