"""Writes the small shell scripts that start unpacked Debian programs with their own loader and libraries.

A script replaces itself by the program (`exec`), so the process one starts is the program's own. It finds its tree
from its own place, so the checkout may be moved.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hotline.runtime.elf import Elf, ElfError
from hotline.runtime.errors import SetupError
from hotline.runtime.versions import REBUILD

# Libraries that Debian's programs find by an absolute path, which means the machine's, not the tree's
_PRIVATE_LIBRARIES = ("pulseaudio",)

_TEMPLATE = """\
#!/bin/sh
# Written by hotline.runtime: starts Debian's {name} with its own loader and libraries.
tree=$(CDPATH= cd -- "${{0%/*}}/../debian/{link}" && pwd -P) || exit 127
unset LD_PRELOAD LD_LIBRARY_PATH
export {environment}
exec "$tree/{loader}" --library-path {library_path} "$tree/{program}" "$@"
"""


class Loader:
    """The dynamic loader and the library folder inside a tree, as the tree's own program asks for them."""

    def __init__(self, tree: Path, program: str) -> None:
        try:
            asked = Elf((tree / program).read_bytes()).interpreter()
        except (OSError, ElfError) as error:
            raise SetupError(f"The package of {program} is not what was expected ({error}): {REBUILD}.") from None
        # packages ship in /usr alone; /lib and /lib64 are links made by an installation
        loader = tree / "usr" / asked.lstrip("/").removeprefix("usr/")
        if not loader.exists():
            raise SetupError(f"The loader {asked} of {program} is in no package: {REBUILD}.")
        self.path = loader.resolve().relative_to(tree.resolve())
        self.libraries = self.path.parent
        self._tree = tree

    def library_path(self) -> list[Path]:
        """Folders to search, inside the tree."""
        private = (self.libraries / name for name in _PRIVATE_LIBRARIES)
        return [self.libraries, *(folder for folder in private if (self._tree / folder).is_dir())]

    def command(self, program: str) -> list[str]:
        """The command that starts a program of this tree, where the tree is now."""
        path = ":".join(str(self._tree / folder) for folder in self.library_path())
        return [str(self._tree / self.path), "--library-path", path, str(self._tree / program)]

    def check(self, program: str) -> None:
        """Raise SetupError unless every library of a program is found, and inside the tree."""
        loader, *rest = self.command(program)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}
        listed = subprocess.run([loader, "--list", *rest], env=environment, capture_output=True, text=True, check=False)
        for line in (listed.stdout + listed.stderr).splitlines():
            library, arrow, found = line.strip().partition(" => ")
            outside = bool(arrow) and not found.startswith(str(self._tree))
            if outside or "error while loading" in line:
                missing = library if outside else line.strip()
                raise SetupError(f"{program} lacks a library ({missing}): {REBUILD} to take newer packages.")


def write(
    folder: Path, name: str, link: str, program: str, loader: Loader, environment: Mapping[str, Path] | None = None
) -> None:
    """Write the script `folder/name` that starts `program` of the tree behind `link`, whole or not at all.

    `environment` values are paths inside the tree.
    """
    # iconv's converters must be of the same C library
    inside = {"GCONV_PATH": loader.libraries / "gconv", **(environment or {})}
    script = _TEMPLATE.format(
        name=name,
        link=link,
        program=program,
        loader=loader.path,
        library_path=":".join(f'"$tree/{path}"' for path in loader.library_path()),
        environment=" ".join(f'{variable}="$tree/{path}"' for variable, path in inside.items()),
    )
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{name}.part"
    unfinished.write_text(script)
    unfinished.chmod(0o755)
    os.replace(unfinished, folder / name)
