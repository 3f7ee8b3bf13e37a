"""The agents' desk phones of one system under test: a SIPp that picks up every call and echoes what it hears.

It runs as long as its system does, because a system asks now and then whether its phones are there.
"""

import subprocess
from pathlib import Path

from bench import processes, scenarios
from hotline.runtime import paths

RING_S = 0.5


class Desks:
    """Phones behind one UDP port. ``audio`` is the one port where all of them listen and speak."""

    def __init__(self, folder: Path, port: int, audio: int) -> None:
        self._folder = folder
        self._port, self._audio = port, audio
        self._messages = folder / "desk.messages"
        self._read_to = 0
        self._numbers: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        scenario = self._folder / "desk.xml"
        scenario.write_text(scenarios.desk(ring_s=RING_S), "utf-8")
        options = {
            "-sf": scenario,
            "-i": "127.0.0.1",
            "-p": self._port,
            "-mi": "127.0.0.1",
            "-mp": self._audio,
            "-shortmessage_file": self._messages,
            "-error_file": self._folder / "desk.errors",
        }
        flags = ("-rtp_echo", "-aa", "-nostdin", "-trace_shortmsg", "-trace_err")
        arguments = [*paths.sipp(), *(str(part) for pair in options.items() for part in pair), *flags]
        self.process = processes.start(arguments, self._folder, "desk")

    def stop(self) -> None:
        if self.process is not None:
            processes.stop(self.process)

    def picked_up(self) -> list[str]:
        """The numbers rung and picked up (acknowledged) since the last time this was asked."""
        if not self._messages.exists():
            return []
        with self._messages.open("rb") as file:
            file.seek(self._read_to)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        self._read_to += len(complete)
        return self._taken(complete.decode("ascii", "replace").splitlines())

    def _taken(self, lines: list[str]) -> list[str]:
        """From SIPp's short messages: date, time, seconds, R or S, Call-ID, CSeq, first line."""
        taken = []
        for line in lines:
            columns = line.split("\t")
            if len(columns) < 7 or columns[3] != "R":
                continue
            call, request = columns[4], columns[6]
            if request.startswith("INVITE sip:"):
                self._numbers[call] = request.removeprefix("INVITE sip:").partition("@")[0]
            elif request.startswith("ACK ") and call in self._numbers:
                taken.append(self._numbers.pop(call))
        return taken
