"""Sessions on a real Postgres: no oracle, rotation, reuse, lock-out."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.states import Role
from core.db.session import Database
from core.errors import InvalidInput, NotAuthenticated
from core.security.keys import new_key
from core.security.tokens import AccessTokens
from core.settings import AuthSettings
from domain.accounts.service import Desk, NewMember, create_desk
from domain.accounts.sessions import WRONG_TRIES, Sessions
from domain.directory.service import Directory

PASSWORD = "a good long password"


@pytest.fixture
def sessions(db: Database, directory: Directory) -> Sessions:
    auth = AuthSettings(signing_key=SecretStr(new_key()))
    return Sessions(db, directory, AccessTokens.from_settings(auth), timedelta(days=30))


def member(email: str, role: Role = Role.OWNER, password: str = PASSWORD) -> NewMember:
    return NewMember(email, "Somebody", role, SecretStr(password))


async def make_desk(db: Database, directory: Directory, *members: NewMember) -> Desk:
    return await create_desk(db, directory, name="A business", timezone="Europe/Lisbon", members=members)


async def test_login_finds_the_tenant_of_the_address(db: Database, directory: Directory, sessions: Sessions) -> None:
    desk = await make_desk(db, directory, member("Owner.One@Example.com"))
    pair = await sessions.login("owner.one@example.com", PASSWORD)
    caller = await sessions.authenticate(pair.access_token)
    assert (caller.tenant_id, caller.subject_id, caller.role) == (desk.tenant_id, desk.user_ids[0], Role.OWNER)


async def test_one_address_in_two_businesses_opens_the_one_whose_password_it_is(
    db: Database, directory: Directory, sessions: Sessions
) -> None:
    first = await make_desk(db, directory, member("both@example.com"))
    second = await make_desk(db, directory, member("both@example.com", password="quite another one"))
    for desk, password in ((first, PASSWORD), (second, "quite another one")):
        caller = await sessions.authenticate((await sessions.login("both@example.com", password)).access_token)
        assert caller.tenant_id == desk.tenant_id


async def test_wrong_password_unknown_address_and_locked_account_answer_alike(
    db: Database, directory: Directory, sessions: Sessions
) -> None:
    await make_desk(db, directory, member("locked@example.com"))
    answers = []
    for email, password in [("nobody@example.com", PASSWORD), *[("locked@example.com", "wrong")] * WRONG_TRIES]:
        with pytest.raises(NotAuthenticated) as caught:
            await sessions.login(email, password)
        answers.append((caught.value.detail, caught.value.hint, caught.value.reason_code))
    with pytest.raises(NotAuthenticated) as caught:
        await sessions.login("locked@example.com", PASSWORD)
    answers.append((caught.value.detail, caught.value.hint, caught.value.reason_code))
    assert len(set(answers)) == 1


async def test_a_lock_ends(db: Database, directory: Directory, sessions: Sessions) -> None:
    desk = await make_desk(db, directory, member("rested@example.com"))
    for _ in range(WRONG_TRIES):
        with pytest.raises(NotAuthenticated):
            await sessions.login("rested@example.com", "wrong")
    async with db.unit_of_work(desk.tenant_id) as session:
        await session.execute(text("update users set locked_until = now() - interval '1 second'"))
    assert await sessions.login("rested@example.com", PASSWORD)


async def test_refresh_gives_the_next_pair_and_repeats_it_for_a_lost_answer(
    db: Database, directory: Directory, sessions: Sessions
) -> None:
    await make_desk(db, directory, member("repeat@example.com"))
    first = await sessions.login("repeat@example.com", PASSWORD)
    pairs = await asyncio.gather(*(sessions.refresh(first.refresh_token) for _ in range(5)))
    assert {pair.refresh_token for pair in pairs} == {pairs[0].refresh_token}
    assert pairs[0].refresh_token != first.refresh_token
    assert (await sessions.refresh(pairs[0].refresh_token)).refresh_token != pairs[0].refresh_token


async def test_a_token_used_again_later_ends_the_whole_session(
    db: Database, directory: Directory, sessions: Sessions, admin: AsyncEngine
) -> None:
    desk = await make_desk(db, directory, member("stolen@example.com"))
    first = await sessions.login("stolen@example.com", PASSWORD)
    thief = await sessions.refresh(first.refresh_token)
    async with db.unit_of_work(desk.tenant_id) as session:
        await session.execute(text("update refresh_tokens set used_at = used_at - interval '11 seconds'"))
    for token in (first.refresh_token, thief.refresh_token):
        with pytest.raises(NotAuthenticated):
            await sessions.refresh(token)
    async with admin.connect() as connection:
        noted = await connection.scalar(
            text("select count(*) from audit_entries where tenant_id = :t and action = 'session.token_reused'"),
            {"t": desk.tenant_id},
        )
    assert noted == 1


async def test_logout_ends_the_session(db: Database, directory: Directory, sessions: Sessions) -> None:
    await make_desk(db, directory, member("bye@example.com"))
    pair = await sessions.login("bye@example.com", PASSWORD)
    await sessions.logout(pair.refresh_token)
    with pytest.raises(NotAuthenticated):
        await sessions.refresh(pair.refresh_token)


async def test_a_risen_session_version_ends_access_tokens_within_the_cache_time(
    db: Database, directory: Directory, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await make_desk(db, directory, member("ended@example.com"))
    pair = await sessions.login("ended@example.com", PASSWORD)
    await sessions.authenticate(pair.access_token)
    async with db.unit_of_work(desk.tenant_id) as session:
        await session.execute(text("update users set session_version = session_version + 1"))
    await sessions.authenticate(pair.access_token)
    monkeypatch.setattr("domain.accounts.sessions.time", SimpleNamespace(monotonic=lambda: 10.0**9))
    with pytest.raises(NotAuthenticated):
        await sessions.authenticate(pair.access_token)
    assert await sessions.authenticate((await sessions.login("ended@example.com", PASSWORD)).access_token)


@pytest.mark.parametrize(
    "members",
    [
        [member("a@example.com", Role.STAFF)],
        [member("a@example.com"), member("A@example.com", Role.STAFF)],
        [member("not an address")],
        [member("a@example.com", password="short")],
    ],
)
async def test_an_unusable_desk_is_refused(db: Database, directory: Directory, members: list[NewMember]) -> None:
    with pytest.raises(InvalidInput) as caught:
        await make_desk(db, directory, *members)
    assert caught.value.hint
