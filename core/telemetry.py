"""Logs: one line an event, with request and tenant, and with every secret taken out before anything is written.

`configure_logging` is called once by an entry point. Our modules use `structlog.get_logger(__name__)` and name events `noun.verb`;
libraries that use the standard `logging` come out of the same door, through the same redaction.
"""

import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO
from uuid import UUID

import structlog
from pydantic import SecretBytes, SecretStr

from core.settings import LogSettings, Settings

REDACTED = "[redacted]"
_SHORTEST_SECRET = 8

_SECRET_NAMES = re.compile(
    r"authorization|cookie|passw(or)?d|passphrase|secret|api[_-]?key|private[_-]?key|signing[_-]?key|directory[_-]?key"
    r"|(access|refresh|device|id|bearer|session|csrf)[_-]?token|^token$|pairing[_-]?code|database_url|admin_url|redis_url",
    re.IGNORECASE,
)
_PERSONAL_NAMES = re.compile(
    r"e?-?mail|phone|msisdn|address|title|author|contact_name|customer|^jid$|^to$|^from$", re.IGNORECASE
)
_CONTENT_NAMES = re.compile(
    r"^(text|texts|body|message_text|parts|prompt|completion|content|question|answer|quoted_text)$"
)

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), REDACTED),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*"), REDACTED),
    (re.compile(r"\bwx[rd]_[\w-]{16,}"), REDACTED),
    (re.compile(r"\b(sk|pk|rk|gsk|xai|or|hf)[-_][A-Za-z0-9_-]{16,}"), REDACTED),
    (re.compile(r"\bAIza[\w-]{30,}"), REDACTED),
    (re.compile(r"(?i)\b(bearer|basic|key)\s+[A-Za-z0-9._~+/=-]{16,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@]+@"), rf"\1:{REDACTED}@"),
    (
        re.compile(r"(?i)([?&](?:token|access_token|refresh_token|key|api_key|code|password|secret)=)[^&\s\"']+"),
        rf"\1{REDACTED}",
    ),
)
_QUIET = (
    "httpx",
    "httpcore",
    "uvicorn.access",
    "asyncio",
    "websockets",
    "alembic",
    "celery",
    "kombu",
    "amqp",
    "LiteLLM",
    "openai",
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.:-])\+?\d[\d ()./-]{7,}\d(?![\w:-])")


@dataclass(slots=True)
class Redactor:
    """Takes out of a log event what must not be in a log: by name of the field, by form, and by value where we know the value."""

    known: frozenset[str] = frozenset()
    _names: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def for_settings(cls, settings: Settings) -> "Redactor":
        """Know every secret of the settings by value, so that it is found even inside a vendor's error text."""
        return cls(frozenset(value for value in _secret_values(settings) if len(value) >= _SHORTEST_SECRET))

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Redact one event, as a structlog processor."""
        for name in list(event):
            event[name] = self._value(name, event[name])
        return event

    def text(self, value: str) -> str:
        """Return a text without known secrets and without anything that has the form of one."""
        for secret in self.known:
            if secret in value:
                value = value.replace(secret, REDACTED)
        for pattern, instead in _PATTERNS:
            value = pattern.sub(instead, value)
        return value

    def _value(self, name: str, value: Any) -> Any:
        kind = self._kind(name)
        if kind == "secret" and value is not None:
            return REDACTED
        if kind == "content" and value is not None:
            return f"[{len(value) if isinstance(value, str | list | tuple) else 1} withheld]"
        if isinstance(value, SecretStr | SecretBytes):
            return REDACTED
        if isinstance(value, Mapping):
            return {key: self._value(str(key), item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(name, item) for item in value]
        if isinstance(value, str | bytes):
            text = self.text(value.decode(errors="replace") if isinstance(value, bytes) else value)
            return _without_persons(text) if kind == "personal" or name in {"event", "exception"} else text
        if isinstance(value, BaseException):
            return self.text(f"{type(value).__name__}: {value}")
        return value

    def _kind(self, name: str) -> str | None:
        if name not in self._names:
            kinds = (("secret", _SECRET_NAMES), ("content", _CONTENT_NAMES), ("personal", _PERSONAL_NAMES))
            self._names[name] = next((kind for kind, pattern in kinds if pattern.search(name)), None)
        return self._names[name]


def configure_logging(settings: Settings, *, process: str, out: TextIO | None = None) -> Redactor:
    """Send structlog and the standard logging through one redacting door to `out` (stderr). Call once, in an entry point."""
    redactor = Redactor.for_settings(settings)
    log: LogSettings = settings.log
    level = getattr(logging, log.level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if log.format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(), *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redactor,
            last,
        ],
    )
    handler = logging.StreamHandler(out or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    _quieten(level)
    return redactor


@contextmanager
def log_context(*, request_id: str | None = None, tenant_id: UUID | None = None, **more: Any) -> Iterator[None]:
    """Put request and tenant on every line that is logged inside, also by libraries and across awaits."""
    values = {"request_id": request_id, "tenant_id": str(tenant_id) if tenant_id else None, **more}
    with structlog.contextvars.bound_contextvars(**{key: value for key, value in values.items() if value is not None}):
        yield


def _named(process: str) -> Any:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add


def _quieten(level: int) -> None:
    """Libraries that log each request, task or address speak up from warnings on only."""
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _without_persons(text: str) -> str:
    return _PHONE.sub("[phone]", _EMAIL.sub("[email]", text))


def _secret_values(model: Any) -> Iterator[str]:
    if isinstance(model, SecretStr):
        value = model.get_secret_value()
        yield value
        if "://" in value and "@" in value:
            yield value.rsplit("@", 1)[0].rsplit(":", 1)[-1]
        return
    if isinstance(model, Mapping):
        items: Iterable[Any] = model.values()
    elif isinstance(model, list | tuple):
        items = model
    elif hasattr(type(model), "model_fields"):
        items = [getattr(model, name) for name in type(model).model_fields]
    else:
        return
    for item in items:
        yield from _secret_values(item)
