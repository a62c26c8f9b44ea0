"""The desk's settings: defaults, a TOML file, the environment and the command line, read once, at start."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, InstanceOf, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from api.platform.errors import SettingsError
from lane.platform import errors
from lane.platform.settings import ProgramSettings, read_settings
from lane.platform.settings_section import Section, is_loopback

ENV_PREFIX = "PASSENGER_LANE_DESK_"


def _place(given: object) -> object:
    """A URL where it looks like one. The ValueError does not repeat it: it may hold a password."""
    if not isinstance(given, str) or "://" not in given:
        return given
    try:
        url = make_url(given)
    except (ArgumentError, ValueError) as error:
        raise ValueError("this is not a URL of a database") from error
    if url.drivername not in ("postgresql", "postgres") or not url.database:
        raise ValueError("give the path of an SQLite file, or postgresql://user:password@host/database")
    return url


class Argon2Cost(Section):
    """What one password check costs; the defaults are those of RFC 9106 for memory-constrained machines."""

    time_cost: int = Field(default=3, ge=1)
    """Rounds of one password check."""
    memory_kib: int = Field(default=65536, ge=8)
    """Memory of one password check, in KiB."""
    parallelism: int = Field(default=4, ge=1)
    """Lanes of memory that one password check fills."""


class Provider(Section):
    """The site's identity provider, by OpenID Connect."""

    issuer: str = Field(pattern="^(https://|http://(localhost|127[.]0[.]0[.]1)(:|/|$))")
    """Its address, exactly as it calls itself. http:// is for localhost alone."""
    client_id: str = Field(min_length=1, max_length=256)
    """What it calls this desk."""
    client_secret: SecretStr | None = None
    """What this desk proves itself with to it."""
    client_secret_file: Path | None = None
    """The same in a file, in place of `client_secret`."""
    scope: str = "openid profile"
    """What is asked for."""
    name_claim: str = "preferred_username"
    """Where it says what somebody is called; the name stays in the desk's database."""
    role_claim: str = "groups"
    """Where it says what somebody is."""
    roles: dict[str, Literal["officer", "supervisor", "auditor", "administrator"]] = Field(min_length=1)
    """What it says → the role here. Who has none of these, or two different roles, is not signed in."""

    @model_validator(mode="after")
    def _one_secret(self) -> "Provider":
        if (self.client_secret is None) == (self.client_secret_file is None):
            raise ValueError("set client_secret or client_secret_file")
        return self

    @property
    def secret(self) -> str:
        """What this desk proves itself with. Raises SettingsError where its file cannot be read."""
        if self.client_secret is not None:
            return self.client_secret.get_secret_value()
        try:
            return Path(self.client_secret_file or "").read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"provider.client_secret_file: {error}") from error


class Settings(ProgramSettings):
    """Everything that can be set at a desk. Seconds end in `_s`."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX)

    database: Annotated[Path | InstanceOf[URL], NoDecode, BeforeValidator(_place)] = Path("desk.sqlite3")
    """An SQLite file, or a PostgreSQL server's `postgresql://…`."""
    host: str = "127.0.0.1"
    """The address to listen at. Beyond this machine HTTPS is required: see `cookie_secure`."""
    port: int = Field(default=8300, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
    workers: int = Field(default=1, ge=1, le=64)
    """How many processes answer, behind one address."""
    cookie_secure: bool = False
    """A proxy in front of the desk speaks HTTPS: cookies go over HTTPS only. This, or `tls_certificate`, is
    required where the desk listens beyond this machine."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Addresses or networks of the proxies in front, such as ["127.0.0.1"]: from them alone the desk takes
    (X-Forwarded-For) where a browser is, so that failed sign-ins count for its address."""
    tls_certificate: Path | None = None
    """The desk speaks HTTPS by itself, with this certificate and those between it and the root (PEM)."""
    tls_key: Path | None = None
    """The certificate's key (PEM, not encrypted), where it is not in the same file."""
    keys: Path | None = None
    """The folder for the files with the desk's keys, `kek` and `ledger-key`. Unset, they lie beside an SQLite
    file; beside a database on a server there is no place for them, and this is required."""
    server_connections: int = Field(default=12, ge=4, le=200)
    """How many connections to a PostgreSQL server each worker may have for the desk, and as many again for
    the keys of faces; two more carry events. The server's `max_connections` must have room for all."""
    ledger_key: Path | None = None
    """The file with the key that signs the ledger's heads, in place of the one in `keys`."""
    policies: Path | None = None
    """A folder with the policies of the site's lanes, now and before: decisions are replayed by them."""
    lease_s: int = Field(default=120, ge=10, le=600)
    """How long a case is an officer's without a sign that somebody works on it."""
    correction_window_s: float = Field(default=3.0, ge=0, le=30)
    """How long the lane waits with a decision, so that a slip can be corrected."""
    escalate_after_s: int = Field(default=120, ge=10, le=3600)
    """A case that waits longer comes before all others, and supervisors are told."""
    duties: dict[str, Annotated[str, Field(pattern="^[a-z0-9_-]{0,32}$")]] = Field(default_factory=dict)
    """Referral code to the duty that its case needs, beside those that are known; empty takes one away."""
    session_absolute_s: int = Field(default=12 * 3600, ge=60)
    """After how long a session ends, whatever the officer does."""
    session_idle_s: int = Field(default=30 * 60, ge=60)
    """After how long a session ends in which nobody does anything."""
    least_free_mb: int = Field(default=256, ge=0)
    """With less room than this beside an SQLite file, the desk says that it is not ready."""
    busy_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """How long a request waits for the database before it is answered that it is busy."""
    seeded_share: float = Field(default=0.02, ge=0, le=0.5)
    """How many of an officer's cases are prepared ones, whose truth is known; 0: none."""
    lane_silent_after_s: int = Field(default=15, ge=5, le=600)
    """A lane that tells nothing for so long is shown as silent."""
    request_s: int = Field(default=120, ge=10, le=600)
    """How long a lane may take up what an officer asks for its next passenger."""
    stretch_minutes: int = Field(default=60, ge=5, le=240)
    """How long an officer works at a stretch before a break is due."""
    shift_hours: float = Field(default=8, ge=1, le=16)
    """How long a shift is planned to run; nothing ends by it, the queue only says what is left."""
    argon2: Argon2Cost = Argon2Cost()
    """What one password check costs."""
    evaluation_window_days: int = Field(default=30, ge=1, le=366)
    """Over how long the matcher in service is counted; older counts are removed."""
    metrics_token: SecretStr | None = Field(default=None, min_length=32, max_length=256)
    """What a monitoring system sends to read the metrics; without it, supervisors alone do."""
    retention_s: int = Field(default=12 * 3600, ge=1, le=366 * 86400)
    """How long faces stay after their passage closed; who passed through is erased at once."""
    keyring: Annotated[Path | InstanceOf[URL] | None, NoDecode, BeforeValidator(_place)] = None
    """Where the keys of faces lie: a file, or `postgresql://…`. Without it: beside the database's file,
    `<database>.keys`, or on its server in the schema `keyring`."""
    kek_file: Path | None = None
    """The file with the key-encryption key, made where there is none, in place of the one in `keys`."""
    kek: SecretStr | None = None
    """The key-encryption key itself, 32 bytes in base64, in place of a file."""
    kms_address: str | None = Field(default=None, pattern="^https?://[^@]+$")
    """A key management service with a transit interface (OpenBao, Vault), which keeps that key instead."""
    kms_key: str = Field(default="passenger-lane", pattern="^[A-Za-z0-9_-]{1,64}$")
    """The name of the key there."""
    kms_token: SecretStr | None = None
    """What the desk shows to the service."""
    faces_warning: int = Field(default=100_000, ge=1)
    """From how many passages with faces the desk warns: at 100,000 stored faces China asks for a filing."""
    telemetry_endpoint: str | None = Field(default=None, pattern="^https?://[^@]+$")
    """Where traces of requests are sent, over OTLP: a collector's address such as http://127.0.0.1:4318.
    Needs the extra `telemetry`; unset, nothing is sent."""
    origin: str | None = Field(default=None, pattern=r"^https?://[a-z0-9.-]+(:[0-9]+)?$")
    """The desk's address in a browser, such as https://desk.example. Passkeys and the identity provider need
    it; http:// is for localhost alone."""
    provider: Provider | None = None
    """The site's identity provider; needs `origin`. Unset, people sign in here."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """From which level on the desk logs: debug, info, warning or error."""

    @property
    def https(self) -> bool:
        """Whether browsers reach the desk over HTTPS alone."""
        return self.cookie_secure or self.tls_certificate is not None

    def key_file(self, name: str) -> Path:
        """Where the key of that name lies. Raises SettingsError where nobody said where."""
        if self.keys is not None:
            return self.keys / name
        if isinstance(self.database, Path):
            return self.database.with_name(f"{self.database.name}.{name}")
        raise SettingsError(
            f"the database is on a server, and nothing says where the desk's key file {name} lies: "
            "set keys to a folder for the desk alone, which stays from start to start and is not in the "
            "database's backup"
        )

    @property
    def passkey_domain(self) -> str:
        """The host that passkeys are bound to."""
        return urlsplit(self.origin or "").hostname or ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never come into a log."""
        values = [getattr(self, name) for name in type(self).model_fields]
        found = [one.get_secret_value() for one in values if isinstance(one, SecretStr)]
        found += [str(one.password) for one in values if isinstance(one, URL) and one.password]
        if self.provider is not None:
            found.append(self.provider.secret)
        return tuple(found)

    @model_validator(mode="after")
    def _beyond_this_machine_only_with_https(self) -> "Settings":
        if not self.https and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from other machines: put HTTPS in front of the desk "
                "and set cookie_secure = true, or set tls_certificate, or listen on 127.0.0.1"
            )
        if self.tls_key is not None and self.tls_certificate is None:
            raise ValueError("tls_key is set and tls_certificate is not: set both")
        if self.provider is not None and self.origin is None:
            raise ValueError("provider is set and origin is not: the provider sends browsers back there")
        if (self.origin or "").startswith("http://") and self.passkey_domain != "localhost":
            raise ValueError("origin begins with http:// and is not localhost: browsers need https://")
        return self


def load(config: Path | None = None, **overrides: object) -> Settings:
    """Settings from `overrides`, the environment, `config` and the defaults; the first that sets a key wins.

    Raises SettingsError that names each key which is unknown, missing or wrong, and where it stands.
    """
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        return read_settings(Settings, config, given, _is_a_lanes)
    except errors.SettingsError as error:
        raise SettingsError(str(error)) from None


def _is_a_lanes(name: str) -> bool:
    """A lane's own `[desk]`, where a demo or a test runs both."""
    return name.startswith(f"{ENV_PREFIX}_")
