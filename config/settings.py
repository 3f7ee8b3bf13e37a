"""Settings of one installation: defaults, then ``hotline.toml``, then ``HOTLINE_…`` environment variables.

Reads and checks only; it starts nothing and holds no secret that was not given or generated on this machine.
"""

import os
import secrets
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.errors import ConfigError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SipSettings(_Section):
    """Where the switch listens and which trunk carries ``phone:`` addresses."""

    bind: str = "127.0.0.1"
    port: int = Field(default=5060, ge=1, le=65535)
    rtp_start: int = Field(default=20000, ge=1024, le=65000)
    rtp_end: int = Field(default=20999, ge=1025, le=65535)
    trunk: str = Field(default="127.0.0.1:5062", description="host:port of the carrier's SIP trunk")
    desks: str | None = Field(
        default=None,
        description="host:port of the exchange that the agents' desk phones are on",
    )
    backup_trunk: str | None = Field(default=None, description="host:port of a second trunk, for `backup:` targets")
    emergency_desks: dict[str, str] = Field(
        default_factory=dict,
        description="by name (110), host:port or host of the desks that hand citizens over to the hotline",
    )
    channels: int | None = Field(default=None, ge=2, description="calls that the trunk carries at once; none: any")
    reserved: int = Field(default=0, ge=0, description="how many of the channels are kept free for emergencies")
    softphone: bool = Field(
        default=False, description="accept calls to the hotline from any SIP phone that reaches the port (sandbox)"
    )


class SwitchSettings(_Section):
    """The Asterisk that carries the calls."""

    managed: bool = Field(default=True, description="start it from the runtime; false: an Asterisk run by the system")
    host: str = "127.0.0.1"
    http_port: int = Field(default=8088, ge=1, le=65535)
    spool: Path | None = Field(default=None, description="where recordings appear; default: inside the state folder")
    claim_ms: int = Field(default=1000, ge=100, le=5000, description="how long the dialplan waits for a worker")


class ApiSettings(_Section):
    bind: str = "127.0.0.1"
    port: int = Field(default=8012, ge=1, le=65535)


class Settings(BaseSettings):
    """One installation of the hotline."""

    model_config = SettingsConfigDict(
        env_prefix="HOTLINE_", env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    city: str = "yichun"
    packs: Path | None = Field(default=None, description="folder of city packs; default: those shipped")
    state: Path = Field(default=Path(".runtime/state/default"), description="everything the product writes")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; default: SQLite in the state folder")
    redis_url: str | None = Field(default=None, description="default: a private redis-server")
    workers: int = Field(default=1, ge=1, le=64)
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    switch: SwitchSettings = SwitchSettings()
    sip: SipSettings = SipSettings()
    api: ApiSettings = ApiSettings()

    @property
    def state_dir(self) -> Path:
        return self.state.expanduser().resolve()

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.state_dir / 'hotline.db'}"

    @property
    def packs_dir(self) -> Path:
        return (self.packs or Path(__file__).parent / "cities").resolve()

    @property
    def recording_spool(self) -> Path:
        return (self.switch.spool or self.state_dir / "switch" / "spool" / "monitor").resolve()


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings; ``path`` defaults to ``$HOTLINE_SETTINGS`` or ``hotline.toml`` in the working folder.

    Raises `ConfigError` with the file, the field and the reason.
    """
    given = path or (Path(os.environ["HOTLINE_SETTINGS"]) if "HOTLINE_SETTINGS" in os.environ else None)
    source = given or Path("hotline.toml")
    values: dict[str, Any] = {}
    if source.is_file():
        try:
            values = tomllib.loads(source.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(str(source), None, None, f"is not valid TOML: {error}") from None
    elif given is not None:
        raise ConfigError(str(source), None, None, "does not exist; name a settings file that does")
    redis_url = os.environ.get("REDIS_URL")
    if redis_url and "redis_url" not in values and "HOTLINE_REDIS_URL" not in os.environ:
        values["redis_url"] = redis_url
    try:
        return _FileFirst(**values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(str(source) if values else "environment", None, field, first["msg"]) from None


class _FileFirst(Settings):
    """Environment variables win over the file's values, which pydantic receives as arguments."""

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, env_settings, *_, **__):  # type: ignore[no-untyped-def]
        return env_settings, init_settings


def secret(state: Path, name: str) -> str:
    """A secret of this installation (a password, a token), made on first use and kept readable by its owner only."""
    folder = state / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    with os.fdopen(fd, "w") as file:
        file.write(secrets.token_urlsafe(24))
    return path.read_text("ascii").strip()
