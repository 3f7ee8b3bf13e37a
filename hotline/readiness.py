"""Whether workers are well, told across processes by one small file each: written by workers, read by the API."""

import json
import os
import time
from pathlib import Path

VALID_S = 15.0  # a worker that has not told for this long is not well


class Readiness:
    """What one worker tells."""

    def __init__(self, state: Path, worker: str) -> None:
        self._path = _folder(state) / f"{worker}.json"
        self._path.parent.mkdir(parents=True, exist_ok=True)

    def tell(self, well: bool, canary_ms: float) -> None:
        """The last canary came back (or not), after so many milliseconds."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"well": well, "canary_ms": round(canary_ms, 1), "at": time.time()}), "ascii")
        os.replace(new, self._path)


def wells(state: Path, now: float | None = None) -> dict[str, str]:
    """Each worker that has told something, and what is wrong with it; an empty text means that it is well."""
    moment = time.time() if now is None else now
    found: dict[str, str] = {}
    for path in sorted(_folder(state).glob("*.json")):
        try:
            told = json.loads(path.read_text("ascii"))
            age = moment - float(told["at"])
            found[path.stem] = (
                f"silent for {age:.0f} s" if age > VALID_S else "" if told["well"] else "its canary call did not return"
            )
        except (OSError, ValueError, KeyError):
            found[path.stem] = "its report cannot be read"
    return found


def _folder(state: Path) -> Path:
    return state / "run" / "workers"
