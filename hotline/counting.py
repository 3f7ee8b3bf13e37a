"""Where the processes of an installation add up their metrics. Must be prepared before `config.metrics` is imported,
because prometheus-client decides at import whether it counts for one process or for many.
"""

import os
import shutil
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def prepare(state: Path) -> None:
    """Begin to count anew, in a folder that all processes started from here share."""
    folder = state / "run" / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[VARIABLE] = str(folder)
