"""Tokens that are forged, old, foreign or of the wrong kind never name a caller."""

from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.errors import NotAuthenticated, SetupError
from core.security.keys import DirectoryHasher, load_signing_key, new_key
from core.security.passwords import hash_password, needs_rehash, verify_password
from core.security.tokens import AccessTokens, is_device_token, new_opaque, opaque_sha256, opaque_tenant


@pytest.fixture
def tokens() -> AccessTokens:
    return AccessTokens(Ed25519PrivateKey.generate(), "waxos", timedelta(minutes=5))


@pytest.fixture
def staff() -> Principal:
    return Principal(TenantId(uuid4()), uuid4(), Role.STAFF, session_version=7)


def test_a_token_comes_back_as_the_principal(tokens: AccessTokens, staff: Principal) -> None:
    assert tokens.verify(tokens.issue(staff)) == staff


def test_a_device_keeps_its_channel(tokens: AccessTokens) -> None:
    device = Principal(TenantId(uuid4()), uuid4(), Role.DEVICE, channel_id=uuid4())
    assert tokens.verify(tokens.issue(device)) == device


def test_refused(tokens: AccessTokens, staff: Principal) -> None:
    good = tokens.issue(staff)
    claims = jwt.decode(good, options={"verify_signature": False})
    head, body, signature = good.split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    foreign = AccessTokens(Ed25519PrivateKey.generate(), "waxos", timedelta(minutes=5)).issue(staff)
    forged = [
        f"{head}.{body}.{flipped}",
        foreign,
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, tokens.key.public_key().public_bytes_raw(), algorithm="HS256"),
        jwt.encode(claims | {"aud": "another"}, tokens.key, algorithm="EdDSA"),
        jwt.encode(claims | {"iss": "another"}, tokens.key, algorithm="EdDSA"),
        jwt.encode(claims | {"role": "emperor"}, tokens.key, algorithm="EdDSA"),
        jwt.encode({k: v for k, v in claims.items() if k != "exp"}, tokens.key, algorithm="EdDSA"),
        jwt.encode({k: v for k, v in claims.items() if k != "tid"}, tokens.key, algorithm="EdDSA"),
        "",
        "not.a.token",
        new_opaque("device", new_id()).text,
    ]
    for token in forged:
        with pytest.raises(NotAuthenticated):
            tokens.verify(token)


def test_an_expired_token_says_so(tokens: AccessTokens, staff: Principal) -> None:
    old = AccessTokens(tokens.key, "waxos", timedelta(minutes=-5)).issue(staff)
    with pytest.raises(NotAuthenticated) as caught:
        tokens.verify(old)
    assert caught.value.reason_code == "token_expired"


def test_opaque_tokens_are_stored_as_hash_and_keep_their_kind() -> None:
    tenant = new_id()
    token = new_opaque("refresh", tenant)
    assert token.text.startswith("wxr_")
    assert token.text not in token.sha256
    assert opaque_sha256("refresh", token.text) == token.sha256
    assert opaque_tenant("refresh", token.text) == tenant
    assert is_device_token(new_opaque("device", new_id()).text)
    with pytest.raises(NotAuthenticated):
        opaque_sha256("device", token.text)
    with pytest.raises(NotAuthenticated):
        opaque_tenant("refresh", "wxr_nothing-of-the-kind")


@pytest.mark.parametrize("value", ["", "short", "not base64 at all!", "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_an_unusable_signing_key_is_one_clear_line_without_its_content(value: str) -> None:
    with pytest.raises(SetupError) as caught:
        load_signing_key(SecretStr(value))
    assert "WAXOS_AUTH__SIGNING_KEY" in caught.value.detail
    assert caught.value.hint is not None
    assert not value or value not in caught.value.detail


def test_the_directory_hash_depends_on_key_and_kind() -> None:
    hasher = DirectoryHasher.from_setting(SecretStr(new_key()))
    assert hasher("email", "a@b.example") == hasher("email", "a@b.example")
    assert hasher("email", "a@b.example") != hasher("device", "a@b.example")
    assert hasher("email", "a@b.example") != DirectoryHasher.from_setting(SecretStr(new_key()))("email", "a@b.example")


def test_passwords() -> None:
    stored = hash_password("correct horse")
    assert verify_password(stored, "correct horse")
    assert not verify_password(stored, "wrong horse")
    assert not verify_password(None, "no such user")
    assert not verify_password("garbage", "correct horse")
    assert not needs_rehash(stored)
