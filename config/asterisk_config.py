"""Writes the configuration of the switch (Asterisk 22) from the settings and the templates of `config/asterisk/`.

It only writes files, owner-readable ones; it starts nothing, and no password comes from a template or goes to a log.
"""

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jinja2

from config.asterisk_emergency import (
    ENDPOINTS,
    ROUTES_CONTEXT,
    ROUTES_FILE,
    Emergency,
    EmergencyNumber,
    checked,
    routes_text,
)
from config.errors import ConfigError
from config.settings import Settings, SipSettings

TEMPLATES = Path(__file__).parent / "asterisk"
ARI_USER = "hotline"
APP_PREFIX = "hotline-w"
"""ARI applications of workers are named this and a number; the dialplan offers calls to all of them."""

OFFER_PAUSE_MS = 10
QUALIFY_EVERY_S = 5
RTP_TIMEOUT_S = 60
RTP_TIMEOUT_HOLD_S = 600

# What is loaded, and why it is needed. Asterisk refuses to boot when one of them fails to load.
MODULES: Mapping[str, tuple[str, ...]] = {
    "base": ("res_timing_timerfd", "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "pbx_config"),
    "audio": ("codec_alaw", "codec_ulaw", "format_sln", "format_wav", "res_musiconhold"),
    "sip": (
        "res_pjproject",
        "res_rtp_asterisk",
        "res_pjsip",
        "res_pjsip_session",
        "res_pjsip_sdp_rtp",
        "res_pjsip_authenticator_digest",  # without it each request is let in with a warning
        "res_pjsip_endpoint_identifier_ip",
        "res_pjsip_caller_id",
        "res_pjsip_header_funcs",
        "res_pjsip_nat",
        "res_pjsip_rfc3326",
        "res_pjsip_dlg_options",
        "res_pjsip_pubsub",
        "chan_pjsip",
    ),
    "bridging": ("bridge_simple", "bridge_softmix", "bridge_holding", "chan_bridge_media"),  # holding: music in a room
    "ari": (
        "res_http_websocket",
        "res_websocket_client",  # res_ari links to it; no client is configured
        "res_stasis",
        "res_stasis_answer",
        "res_stasis_playback",
        "res_stasis_recording",
        "res_stasis_snoop",
        "res_stasis_broadcast",
        "app_stasis",
        "app_stasis_broadcast",
        "res_ari",
        "res_ari_model",
        "res_ari_applications",
        "res_ari_asterisk",
        "res_ari_bridges",
        "res_ari_channels",
        "res_ari_endpoints",  # tells whether a trunk answers
        "res_ari_events",
        "res_ari_playbacks",
    ),
    "dialplan": (
        "app_mixmonitor",
        "app_dial",
        "app_playback",
        "app_stack",
        "func_callerid",
        "func_env",
        "func_groupcount",
        "func_logic",
        "func_strings",
        "func_uri",
    ),
}
EMPTY = ("acl", "ccss", "features", "pjproject", "udptl", "websocket_client")
"""Files that Asterisk misses with a warning or an error, and of which nothing is used."""

SOFTPHONE_MODULES = ("res_pjsip_endpoint_identifier_anonymous",)


@dataclass(frozen=True)
class DutyPhone:
    """A duty phone as the dialplan rings it."""

    address: str
    endpoint: str

    @property
    def on_trunk(self) -> bool:
        return self.address.startswith("phone:")


@dataclass(frozen=True)
class Instance:
    """Where one Asterisk lives: what it reads and writes, all below `target` but its programs and sockets.

    `run_dir` holds the control socket, whose path may have at most 107 bytes.
    """

    target: Path
    run_dir: Path
    modules_dir: Path
    data_dir: Path
    system_name: str
    http_host: str
    http_port: int
    rtp_start: int
    rtp_end: int
    ari_user: str
    ari_password: str = field(repr=False)

    @property
    def config(self) -> Path:
        """The file to start Asterisk with (`asterisk -C`)."""
        return self.target / "etc" / "asterisk.conf"

    def folders(self) -> list[Path]:
        names = ("etc", "lib/keys", "spool/monitor", "spool/tmp", "spool/recording", "spool/fallback", "log", "cache")
        return [self.target / name for name in names]


def slips_dir(settings: Settings) -> Path:
    """Where the dialplan writes a slip for each call it had to serve without a worker (see `config.slips`)."""
    return settings.state_dir / "switch" / "spool" / "fallback"


@dataclass(frozen=True)
class Configuration:
    """All files of one instance's ``etc``, by name. Nothing is written before `save`."""

    instance: Instance
    files: Mapping[str, str] = field(repr=False)

    def with_file(self, name: str, text: str) -> "Configuration":
        """The same with another text for one file."""
        return replace(self, files={**self.files, name: text})

    def changed(self) -> frozenset[str]:
        """Names of the files that `save` would write, replace or remove."""
        etc = self.instance.target / "etc"
        present = {path.name for path in etc.iterdir()} if etc.is_dir() else set()
        same = {name for name in present & self.files.keys() if (etc / name).read_text("utf-8") == self.files[name]}
        return frozenset((present | self.files.keys()) - same)

    def save(self) -> frozenset[str]:
        """Write what changed, each file at once and readable by its owner only. Returns the names that changed."""
        for folder in self.instance.folders():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        changed = self.changed()
        for name in changed:
            path = self.instance.target / "etc" / name
            if name not in self.files:
                path.unlink()
                continue
            new = path.with_name(f".{name}.new")
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(self.files[name])
            new.replace(path)
        return changed


def render(
    settings: Settings,
    instance: Instance,
    *,
    duty_phones: Sequence[str],
    hello: Path | None = None,
    notice: Path | None,
    sorry: Path | None,
    moh_dir: Path,
    ring_s: int = 25,
    emergency: Emergency | None = None,
    table: str = "",
) -> Configuration:
    """The switch's configuration.

    ``hello``, ``notice`` and ``sorry`` are 8 kHz mono WAV files: the first word of every call, what a citizen hears
    before the duty phones ring, and after none of them answered. ``duty_phones`` are addresses (``desk:8001``,
    ``phone:13800000000``), rung in this order for ``ring_s`` seconds each. ``emergency`` is what the emergency key
    leads to (None: the duty phones), with the routes of the transfer table ``table``. Raises `ConfigError` for what
    Asterisk could not use.
    """
    sip = settings.sip
    danger = checked(emergency or Emergency())
    if sip.rtp_end < sip.rtp_start + 3:
        raise ConfigError("settings", None, "sip.rtp_end", "leaves no ports for audio; set it above sip.rtp_start")
    modules = [module for group in MODULES.values() for module in group]
    if sip.softphone:
        modules += SOFTPHONE_MODULES
    made = fill(
        instance,
        [TEMPLATES],
        modules=modules,
        bind=sip.bind,
        port=sip.port,
        media_address=_media_address(sip.bind),
        trunk=_host_port("sip.trunk", sip.trunk),
        desks=_host_port("sip.desks", sip.desks) if sip.desks else None,
        backup_trunk=_host_port("sip.backup_trunk", sip.backup_trunk) if sip.backup_trunk else None,
        emergency_desks=_emergency_desks(sip),
        channels=sip.channels,
        ordinary=_ordinary_channels(sip),
        emergency=_sounds(danger),
        routes_context=ROUTES_CONTEXT,
        routes_file=ROUTES_FILE,
        softphone=sip.softphone,
        qualify_frequency=QUALIFY_EVERY_S,
        rtp_timeout=RTP_TIMEOUT_S,
        rtp_timeout_hold=RTP_TIMEOUT_HOLD_S,
        app_prefix=APP_PREFIX,
        claim_ms=settings.switch.claim_ms,
        offer_rounds=offer_rounds(settings.switch.claim_ms),
        pause_s=OFFER_PAUSE_MS / 1000,
        monitor_dir=_path(settings.recording_spool),
        slips_dir=_path(slips_dir(settings)),
        moh_dir=_path(moh_dir),
        hello=_sound(hello),
        notice=_sound(notice),
        sorry=_sound(sorry),
        duty_phones=[_duty_phone(address, desks=sip.desks is not None) for address in duty_phones],
        ring_s=ring_s,
    )
    return made.with_file(ROUTES_FILE, routes_text(danger.routes, table))


def fill(instance: Instance, templates: Sequence[Path], **values: Any) -> Configuration:
    """Fill every template of the folders; of two templates with one name, the first folder's counts."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - not HTML; every value is checked where it enters
    )
    common = {
        "target": _path(instance.target),
        "run_dir": _path(instance.run_dir),
        "modules_dir": _path(instance.modules_dir),
        "data_dir": _path(instance.data_dir),
        "system_name": _word("system_name", instance.system_name),
        "http_host": instance.http_host,
        "http_port": instance.http_port,
        "rtp_start": instance.rtp_start,
        "rtp_end": instance.rtp_end,
        "ari_user": _word("ari_user", instance.ari_user),
        "ari_password": _word("ari_password", instance.ari_password),
    }
    files = {f"{name}.conf": "; Generated by the hotline. Nothing of this is used.\n" for name in EMPTY}
    for name in environment.list_templates(extensions=["j2"]):
        files[name.removesuffix(".j2")] = environment.get_template(name).render(common | values)
    return Configuration(instance, files)


def offer_rounds(claim_ms: int) -> list[int]:
    """Lengths (ms) of the offers of a call to the workers, with `OFFER_PAUSE_MS` between them, ``claim_ms`` in all.

    A claim that comes in a pause is refused (404) and the next offer answered by the next claim. The lengths differ,
    so that no worker that always takes the same time meets pauses only. None is long enough to hurt the recording,
    which keeps up with at most 100 ms that come at once.
    """
    rounds: list[int] = []
    left = claim_ms
    while left > 0:
        rounds.append(min(50 + 7 * len(rounds) % 36, max(left, 20)))
        left -= rounds[-1] + OFFER_PAUSE_MS
    return rounds


# ---------------------------------------------------------------- values that Asterisk can hold


def _path(path: Path) -> str:
    """A path as it may stand in a .conf file and in an application's arguments."""
    text = str(path)
    if not path.is_absolute() or re.search(r"[^\w ./+@~=:-]", text):
        raise ConfigError(
            "settings", None, "state", f"{text}: Asterisk cannot use this path; choose one of letters, digits and ._-+"
        )
    return text


def _sound(path: Path | None) -> str | None:
    """A sound file as Playback names it: without its extension."""
    return None if path is None else _path(path.with_suffix(""))


def _sounds(emergency: Emergency) -> dict[str, Any]:
    """The emergency path as the templates want it: sounds by their names in Asterisk."""

    def number(each: EmergencyNumber) -> dict[str, str | None]:
        sounds = {"connecting": _sound(each.connecting), "failed": _sound(each.failed) or ""}
        return {"key": each.key, "number": each.number, **sounds}

    return {
        "report_keys": emergency.keys,
        "menu": _sound(emergency.menu),
        "choice_s": f"{emergency.choice_s:g}",
        "numbers": [number(each) for each in emergency.numbers],
        "ringing": _sound(emergency.ringing),
    }


def _ordinary_channels(sip: SipSettings) -> int | None:
    """How many channels calls may use that are no emergencies."""
    if sip.channels is None:
        return None
    if sip.reserved >= sip.channels:
        raise ConfigError("settings", None, "sip.reserved", "leaves no channel for calls; set it below sip.channels")
    return sip.channels - sip.reserved


def _emergency_desks(sip: SipSettings) -> dict[str, str]:
    for name, address in sip.emergency_desks.items():
        _word("sip.emergency_desks", name)
        _host_port("sip.emergency_desks", address if ":" in address else f"{address}:5060")
    return sip.emergency_desks


def _word(name: str, value: str) -> str:
    if not re.fullmatch(r"[\w.-]+", value, re.ASCII):
        raise ConfigError("settings", None, name, "may have letters, digits and ._- only")
    return value


def _host_port(name: str, value: str) -> str:
    host, _, port = value.rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]", host) or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError("settings", None, name, f"{value} is not host:port, such as 10.0.0.5:5060")
    return value


def _media_address(bind: str) -> str | None:
    """The address for audio: that of the SIP port, unless it listens on all of them."""
    try:
        address = ipaddress.ip_address(bind)
    except ValueError:
        raise ConfigError("settings", None, "sip.bind", f"{bind} is not an IP address") from None
    return None if address.is_unspecified else bind


def _duty_phone(address: str, *, desks: bool) -> DutyPhone:
    kind, _, number = address.partition(":")
    if kind not in ("desk", "phone") or not re.fullmatch(r"\+?[0-9*#]{2,20}", number):
        raise ConfigError("settings", None, "duty_phones", "an address is desk:8001 or phone:13800000000")
    if kind == "desk" and not desks:
        raise ConfigError("settings", None, "sip.desks", "is needed to ring a duty phone of the form desk:…")
    return DutyPhone(address, f"PJSIP/{number}@{ENDPOINTS[kind]}")
