"""The vault: one AI key under a master password, inside the encrypted journal. Two locks, and neither opens the other.

The key is sealed with AES-256-GCM under what Argon2id makes of the password. Provider, model and address are sealed with it: who could
change the journal could otherwise send the key to another address. The vault hands the key out and keeps no copy of it.
"""

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr, TypeAdapter, ValidationError

from core.aal.catalog import catalog
from core.contracts.byok import ModelName
from core.errors import Conflict, InvalidInput, NotFound
from core.settings import ProviderSettings
from desktop_bridge import host
from desktop_bridge.errors import WrongPassword
from desktop_bridge.journal.journal import Journal
from desktop_bridge.journal.key import Derivation
from desktop_bridge.journal.own import SealedKey

LEAST_PASSWORD = 10
"""Characters that a master password must have."""

LONGEST_WAIT = 900.0
"""Seconds; the wait after a wrong password begins with one and doubles up to this."""

_LONGEST_KEY = 512
_NONCE_BYTES = 12
_SEALED_FOR = "waxos-bridge own key 1"
_MODEL: TypeAdapter[str] = TypeAdapter(ModelName)
_COST = Derivation(salt="00")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Provider:
    """Whom the key is for, and which model is asked there. An empty `address` is the provider's own."""

    name: str
    model: str = ""
    address: str = ""

    def checked(self) -> "Provider":
        """Return it with what was left out.

        Raises:
            InvalidInput: no such provider, no model, or an address that would carry the key in plain text.
        """
        facts = catalog().providers.get(self.name)
        if facts is None:
            known = ", ".join(sorted(catalog().providers))
            raise InvalidInput(f"there is no provider {self.name[:40]!r}", hint=f"one of: {known}")
        model, address = self.model.strip() or facts.default_model, self.address.strip() or facts.base_url
        try:
            _MODEL.validate_python(model)
        except ValidationError:
            raise InvalidInput(
                "name the model that is to be asked", hint="the provider's page lists its models"
            ) from None
        if urlsplit(address).scheme != "https" and not (address.startswith("http://") and host.on_loopback(address)):
            raise InvalidInput("the address must begin with https://", hint="leave it out for the provider's own")
        return Provider(self.name, model, address)


@dataclass(frozen=True)
class KeyFacts:
    """What may be shown of a kept key."""

    provider: Provider
    made_at: datetime
    wait_seconds: float


class Vault:
    """The key of one journal. Passwords are tried one at a time, each counted before it is tried."""

    def __init__(self, journal: Journal, clock: Callable[[], datetime] = _now, cost: Derivation = _COST) -> None:
        self._journal = journal
        self._clock = clock
        self._cost = cost
        self._one = asyncio.Lock()

    def facts(self) -> KeyFacts | None:
        """Return what may be shown, none where no key is kept."""
        kept = self._journal.own.key()
        return KeyFacts(_provider(kept), kept.made_at, self._wait(kept)) if kept else None

    async def set(self, key: SecretStr, password: SecretStr, provider: Provider) -> None:
        """Keep a first key.

        Raises:
            Conflict: one is kept already. InvalidInput: what was given is no key, password or provider.
        """
        async with self._one:
            if self._journal.own.key() is not None:
                raise Conflict("a key is kept already", hint="exchange it, or delete it first", code="key_exists")
            await self._seal(_key(key), _password(password), provider.checked())

    async def open(self, password: SecretStr) -> tuple[SecretStr, Provider]:
        """Return the key and whom it is for.

        Raises:
            NotFound: no key is kept. WrongPassword: it does not open, or the wait after the last wrong one is not over.
        """
        async with self._one:
            return await self._open(password)

    async def rotate(
        self,
        password: SecretStr,
        *,
        key: SecretStr | None = None,
        new_password: SecretStr | None = None,
        provider: Provider | None = None,
    ) -> None:
        """Keep another key, or the same one under another password, for another provider where one is given. Raises like `open`."""
        fresh = _key(key) if key else None
        sealed_under = _password(new_password) if new_password else password
        meant = provider.checked() if provider else None
        async with self._one:
            old, kept_for = await self._open(password)
            await self._seal(fresh or old, sealed_under, meant or kept_for)

    async def delete(self) -> None:
        """Forget the key: also for who has forgotten the password."""
        async with self._one:
            self._journal.own.forget_key()

    async def _open(self, password: SecretStr) -> tuple[SecretStr, Provider]:
        kept = self._journal.own.key()
        if kept is None:
            raise NotFound("no key is kept on this computer", hint="enter one first: waxos bridge key set")
        wait = self._wait(kept)
        if wait > 0:
            raise WrongPassword("the last password was wrong, so there is a wait", retry_after=wait)
        self._journal.own.note_failure(self._clock())
        how = Derivation.model_validate_json(kept.derivation)
        made = await asyncio.to_thread(how.stretch, password)
        provider = _provider(kept)
        try:
            nonce, sealed = kept.sealed[:_NONCE_BYTES], kept.sealed[_NONCE_BYTES:]
            key = AESGCM(made).decrypt(nonce, sealed, self._bound(provider))
        except InvalidTag:
            raise WrongPassword(
                "this password does not open the key", retry_after=_wait_after(kept.failures + 1)
            ) from None
        self._journal.own.note_success()
        return SecretStr(key.decode("utf-8")), provider

    async def _seal(self, key: SecretStr, password: SecretStr, provider: Provider) -> None:
        how = self._cost.model_copy(update={"salt": secrets.token_hex(16)})
        made = await asyncio.to_thread(how.stretch, password)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = key.get_secret_value().encode("utf-8")
        sealed = nonce + AESGCM(made).encrypt(nonce, plain, self._bound(provider))
        self._journal.own.keep_key(provider.name, provider.model, provider.address, how.model_dump_json(), sealed)

    def _bound(self, provider: Provider) -> bytes:
        where = [_SEALED_FOR, str(self._journal.installation_id), provider.name, provider.model, provider.address]
        return json.dumps(where).encode("utf-8")

    def _wait(self, kept: SealedKey) -> float:
        """Return the seconds left; a clock that was put back lengthens no wait."""
        if kept.failed_at is None:
            return 0.0
        whole = _wait_after(kept.failures)
        return min(whole, max(0.0, whole - (self._clock() - kept.failed_at).total_seconds()))


def _wait_after(failures: int) -> float:
    return float(min(LONGEST_WAIT, 2 ** min(failures - 1, 20)))


def _provider(kept: SealedKey) -> Provider:
    return Provider(kept.provider, kept.model, kept.address)


def _key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value().strip()
    if not 8 <= len(text) <= _LONGEST_KEY or not text.isascii() or not text.isprintable() or " " in text:
        raise _no_key()
    try:  # the AI layer takes no placeholder for a key
        ProviderSettings.model_validate({"provider": "openai", "model": "any", "api_key": text})
    except ValidationError:
        raise _no_key() from None
    return SecretStr(text)


def _no_key() -> InvalidInput:
    return InvalidInput("this is no AI key", hint="copy it whole from the provider's page; it has no spaces")


def _password(password: SecretStr) -> SecretStr:
    if len(password.get_secret_value()) < LEAST_PASSWORD:
        raise InvalidInput(f"a master password needs {LEAST_PASSWORD} characters or more")
    return password
