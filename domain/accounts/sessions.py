"""Sessions of members: sign in, renew, sign out, and who a token speaks for.

Signing in never tells whether an address is known: an unknown one takes the same steps. A refresh token is used once; within ten
seconds a repeat gets the same answer (a lost one is asked again), later a second use means that it was stolen and ends its session.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.accounts import TokenPair
from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.db.session import Database
from core.errors import NotAuthenticated
from core.security.passwords import hash_password, needs_rehash, verify_password
from core.security.tokens import AccessTokens, OpaqueToken, new_opaque, opaque_sha256, opaque_tenant
from domain.accounts.models import RefreshToken, User
from domain.accounts.repository import AccountsRepository, RefreshTokenRepository
from domain.audit import service as audit
from domain.directory.service import Directory, Kind, Whose

WRONG_TRIES = 10
LOCKED_FOR = timedelta(minutes=15)
REPEAT_WINDOW = timedelta(seconds=10)
MEMBER_CACHE_S = 60.0
_CACHE_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a member's token is compared with; kept for at most a minute."""

    session_version: int
    role: Role
    until: float


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions of the members of every business."""

    db: Database
    directory: Directory
    tokens: AccessTokens
    refresh_life: timedelta
    _known: dict[tuple[UUID, UUID], _Standing] = field(default_factory=dict)

    async def login(self, email: str, password: str) -> TokenPair:
        """Begin a session.

        Raises:
            NotAuthenticated: unknown address, wrong password or locked account; which of them is not told.
        """
        async with self.db.without_tenant() as session:
            found = await self.directory.find(session, Kind.EMAIL, email)
        wrong: list[Whose] = []
        for whose in found or [Whose(new_id(), new_id())]:
            async with self.db.unit_of_work(whose.tenant_id) as session:
                user = await AccountsRepository(session).user(whose.subject_id)
            stored = user.password_hash if user is not None else None
            if await asyncio.to_thread(verify_password, stored, password):
                pair = await self._open(whose, password)
                if pair is not None:
                    return pair
            else:
                wrong.append(whose)
        for whose in wrong:
            await self._count_wrong(whose)
        raise NotAuthenticated(
            "e-mail or password is wrong, or the account is resting after too many tries",
            hint=f"check both; after {WRONG_TRIES} wrong tries an account rests for 15 minutes",
            code="login_failed",
        )

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Give the next pair of tokens for a refresh token.

        Raises:
            NotAuthenticated: not a token, expired, ended, or used before.
        """
        tenant_id = opaque_tenant("refresh", refresh_token)
        async with self.db.unit_of_work(tenant_id) as session:
            pair = await self._rotate(session, tenant_id, refresh_token)
        if pair is None:  # raised only now, so that what was noted about a stolen token is committed
            raise NotAuthenticated("this session is over", hint="sign in again", code="session_over")
        return pair

    async def logout(self, refresh_token: str) -> None:
        """End the session of a refresh token; an unknown one is over already."""
        async with self.db.unit_of_work(opaque_tenant("refresh", refresh_token)) as session:
            tokens = RefreshTokenRepository(session)
            row = await tokens.lock(opaque_sha256("refresh", refresh_token))
            if row is not None:
                await tokens.end_family(row.family_id, datetime.now(UTC))

    async def authenticate(self, access_token: str) -> Principal:
        """Return the member a token speaks for; a change of role or an ended session is seen within a minute.

        Raises:
            NotAuthenticated: the token is forged or expired, or its session was ended.
        """
        caller = self.tokens.verify(access_token)
        await self.require_standing(caller)
        return caller

    async def require_standing(self, caller: Principal) -> None:
        """See that a member who came in is still one, with the same role and session; known for at most a minute.

        Raises:
            NotAuthenticated: no more.
        """
        key = (caller.tenant_id, caller.subject_id)
        standing = self._known.get(key)
        if standing is None or standing.until < time.monotonic() or not _matches(standing, caller):
            standing = await self._look_up(caller)
            if standing is None or not _matches(standing, caller):
                raise NotAuthenticated("this session was ended", hint="sign in again", code="session_over")
            if len(self._known) >= _CACHE_MOST:
                self._known.clear()
            self._known[key] = standing

    async def _look_up(self, caller: Principal) -> _Standing | None:
        self._known.pop((caller.tenant_id, caller.subject_id), None)
        async with self.db.unit_of_work(caller.tenant_id) as session:
            user = await AccountsRepository(session).user(caller.subject_id)
        if user is None or user.disabled_at is not None:
            return None
        return _Standing(user.session_version, Role(user.role), time.monotonic() + MEMBER_CACHE_S)

    async def _open(self, whose: Whose, password: str) -> TokenPair | None:
        async with self.db.unit_of_work(whose.tenant_id) as session:
            user = await AccountsRepository(session).lock_user(whose.subject_id)
            now = datetime.now(UTC)
            if user is None or user.disabled_at or (user.locked_until and user.locked_until > now):
                return None
            user.failed_logins, user.locked_until = 0, None
            if needs_rehash(user.password_hash):
                user.password_hash = await asyncio.to_thread(hash_password, password)
            token = new_opaque("refresh", whose.tenant_id)
            RefreshTokenRepository(session).add(self._link(user, new_id(), token, now))
            caller = _principal(user)
            audit.record(session, caller, "member.signed_in", "member", user.id)
        return self._pair(caller, token)

    async def _count_wrong(self, whose: Whose) -> None:
        async with self.db.unit_of_work(whose.tenant_id) as session:
            user = await AccountsRepository(session).lock_user(whose.subject_id)
            if user is None:
                return
            user.failed_logins += 1
            if user.failed_logins >= WRONG_TRIES:
                user.failed_logins, user.locked_until = 0, datetime.now(UTC) + LOCKED_FOR
                audit.record_machine(session, user.tenant_id, "member.locked", "member", user.id)

    async def _rotate(self, session: AsyncSession, tenant_id: UUID, text: str) -> TokenPair | None:
        tokens = RefreshTokenRepository(session)
        row = await tokens.lock(opaque_sha256("refresh", text))
        now = datetime.now(UTC)
        if row is None or row.revoked_at is not None or row.expires_at <= now:
            return None
        user = await AccountsRepository(session).user(row.user_id)
        if user is None or user.disabled_at is not None:
            return None
        # Made from the token and a key of the server, so that a repeat of a lost answer yields the same one.
        next_secret = bytes.fromhex(self.directory.hasher("refresh.next", text))
        token = new_opaque("refresh", tenant_id, next_secret)
        if row.used_at is None:
            link = self._link(user, row.family_id, token, now)
            row.used_at, row.replaced_by = now, link.id
            tokens.add(link)
        elif not await self._is_repeat(tokens, row, now):
            await tokens.end_family(row.family_id, now)
            audit.record(session, _principal(user), "session.token_reused", "session", row.family_id)
            return None
        return self._pair(_principal(user), token)

    async def _is_repeat(self, tokens: RefreshTokenRepository, row: RefreshToken, now: datetime) -> bool:
        following = await tokens.get(row.replaced_by) if row.replaced_by else None
        untouched = following is not None and following.used_at is None
        return untouched and row.used_at is not None and now - row.used_at <= REPEAT_WINDOW

    def _link(self, user: User, family_id: UUID, token: OpaqueToken, now: datetime) -> RefreshToken:
        return RefreshToken(
            tenant_id=user.tenant_id,
            id=new_id(),
            user_id=user.id,
            family_id=family_id,
            token_sha256=token.sha256,
            expires_at=now + self.refresh_life,
        )

    def _pair(self, caller: Principal, token: OpaqueToken) -> TokenPair:
        return TokenPair(
            access_token=self.tokens.issue(caller),
            refresh_token=token.text,
            expires_in=int(self.tokens.lifetime.total_seconds()),
        )


def _principal(user: User) -> Principal:
    return Principal(TenantId(user.tenant_id), user.id, Role(user.role), user.session_version)


def _matches(standing: _Standing, caller: Principal) -> bool:
    return standing.session_version == caller.session_version and standing.role is caller.role
