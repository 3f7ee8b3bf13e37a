"""The baseline: the hotline's call as plain Asterisk dialplan, with a configuration of its own and the same modules.

MixMonitor (the same two files), Answer, Playback of the same greeting, Queue, which dials the desk phones.
"""

import contextlib
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from bench import g711, processes
from bench.desks import Desks
from bench.raw import check_pair
from bench.subject import Ports, Recorded
from config.asterisk_config import MODULES
from hotline.programs import remove_socket_dir, socket_dir
from hotline.runtime import paths

_FILES = Path(__file__).parent / "plain"
_GROUPS = ("base", "audio", "sip", "bridging", "dialplan")
_OFF = {
    "cdr": "[general]\nenable = no\n",
    "cel": "[general]\nenable = no\n",
    "http": "[general]\nenabled = no\n",
    "ari": "[general]\nenabled = no\n",
    "manager": "[general]\nenabled = no\n",
    "queuerules": "",
    "acl": "",
    "ccss": "",
    "features": "",
    "pjproject": "",
    "stasis": "",
    "udptl": "",
}
_BOOT_LIMIT_S = 15.0


class PlainDialplan:
    """Implements `bench.subject.Subject`."""

    name = "dialplan"

    def __init__(self, folder: Path, ports: Ports, greeting: Path, agents: Sequence[str]) -> None:
        self.folder = folder
        self._agents = agents
        self.ports = ports
        self.desks = Desks(folder, ports.desks, ports.desk_audio)
        self._greeting = greeting
        self._recordings = folder / "recordings"
        self._process: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------ life

    def start(self) -> None:
        self._configure()
        self.desks.start()
        command = [*paths.asterisk(), "-f", "-C", str(self.folder / "etc/asterisk.conf")]
        self._process = processes.start(command, self.folder, "asterisk")
        deadline = time.monotonic() + _BOOT_LIMIT_S
        while "fully booted" not in self._command("core waitfullybooted"):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"the baseline's Asterisk does not start; see {self.folder / 'log/messages'}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            processes.stop(self._process)
        self.desks.stop()
        remove_socket_dir(self.folder / "run")

    def roles(self) -> Mapping[int, str]:
        return {self._process.pid: "asterisk"} if self._process is not None else {}

    def idle(self) -> bool:
        return self._command("core show channels count").startswith("0 active channels")

    def unarchived(self) -> int:
        return 0  # its recordings are what they are

    def _command(self, line: str) -> str:
        config = self.folder / "etc/asterisk.conf"
        return processes.output([*paths.asterisk(), "-C", str(config), "-rx", line])

    # ------------------------------------------------------------ configuration

    def _configure(self) -> None:
        for name in ("etc", "lib/keys", "spool", "cache", "log", "music", "recordings"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        g711.write_wav(self.folder / "music/music.wav", g711.tone(300, 5.0, level=2000))
        modules = [name for group in _GROUPS for name in MODULES[group]] + ["app_queue"]
        values = {
            "folder": self.folder,
            "modules_dir": paths.asterisk_module_dir(),
            "data_dir": paths.asterisk_data_dir(),
            "run_dir": socket_dir(self.folder / "run", "asterisk.ctl"),
            "recordings": self._recordings,
            "music_dir": self.folder / "music",
            "greeting": self._greeting.with_suffix(""),
            "sip_port": self.ports.sip,
            "trunk_port": self.ports.trunk,
            "second_trunk_port": self.ports.second_trunk,
            "rtp_start": self.ports.rtp_first,
            "rtp_end": self.ports.rtp_last,
            "modules": "\n".join(f"require = {name}.so" for name in modules),
            "desks": "\n".join(self._desk(number) for number in self._agents),
            "members": "\n".join(f"member => PJSIP/{number}" for number in self._agents),
        }
        for name, text in _OFF.items():
            (self.folder / "etc" / f"{name}.conf").write_text(text, "ascii")
        for source in _FILES.glob("*.conf"):
            text = Template(source.read_text("ascii")).substitute(values)
            (self.folder / "etc" / source.name).write_text(text, "utf-8")

    def _desk(self, number: str) -> str:
        return (
            f"\n[{number}](phone)\ncontext = from-desk\naors = {number}\n"
            f"[{number}]\ntype = aor\ncontact = sip:{number}@127.0.0.1:{self.ports.desks}"
        )

    # ------------------------------------------------------------ recordings

    def recorded(self, expected: int, least_s: float) -> Recorded:
        complete = bad = 0
        for citizen in self._recordings.glob("*-c.sln"):
            others = citizen.with_name(citizen.name.replace("-c.sln", "-o.sln"))
            if check_pair(citizen, others, least_s):
                complete += 1
            else:
                bad += 1
            for path in (citizen, others):
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
        return Recorded(complete, bad + max(0, expected - complete - bad))
