"""What the figures were measured on: processor, memory, system and versions, and the commit. No names of anybody."""

import os
import platform
import subprocess
from pathlib import Path

from hotline.runtime import paths


def cores() -> int:
    return os.cpu_count() or 1


def describe() -> dict[str, object]:
    """The machine, for the results."""
    return {
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cores": cores(),
        "memory_gb": round(int(_field("/proc/meminfo", "MemTotal").split()[0]) / 1e6, 1),
        "os": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "asterisk": _version([*paths.asterisk(), "-V"], "Asterisk "),
        "redis": _version([*paths.redis_server(), "--version"], "v="),
        "sipp": _version([*paths.sipp(), "-v"], "SIPp v"),
    }


def commit() -> str:
    """The commit that is checked out, with ``-dirty`` when files differ from it; "unknown" outside a repository."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD").strip()
        return f"{head}-dirty" if _git("status", "--porcelain", "--", ":!bench/results").strip() else head
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(paths.checkout()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text("utf-8", "replace").splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"


def _version(command: list[str], after: str) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return said.partition(after)[2].split()[0].rstrip(".") if after in said else "unknown"
