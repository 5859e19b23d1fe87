"""Sign in, renew, sign out; who am I, who else is here."""

from fastapi import APIRouter, Response

from api.deps import AnyMember, ClientAddress, Db, MembersRead, Res
from api.limits import LOGIN_PER_ACCOUNT, LOGIN_PER_ADDRESS, SESSION_PER_ADDRESS
from api.refusals import problems
from core.contracts.accounts import Login, Me, Member, Refresh, TokenPair
from core.contracts.base import Page
from domain.accounts import service as accounts

router = APIRouter(tags=["accounts"])


@router.post("/auth/login", summary="Sign in", responses=problems(401, 422, 429, 503))
async def login(body: Login, res: Res, address: ClientAddress) -> TokenPair:
    """Begin a session with e-mail and password. A wrong password, an unknown address and a resting account answer alike."""
    await res["limiter"].guard(LOGIN_PER_ADDRESS, address)
    account = res["directory"].hasher("limit", body.email)
    await res["limiter"].guard(LOGIN_PER_ACCOUNT, account)
    pair = await res["sessions"].login(body.email, body.password.get_secret_value())
    await res["limiter"].forget(LOGIN_PER_ACCOUNT, account)
    return pair


@router.post("/auth/refresh", summary="Renew a session", responses=problems(401, 422, 429, 503))
async def refresh(body: Refresh, res: Res, address: ClientAddress) -> TokenPair:
    """Give the next pair of tokens. Each refresh token works once; asked again within ten seconds it gives the same answer."""
    await res["limiter"].guard(SESSION_PER_ADDRESS, address)
    return await res["sessions"].refresh(body.refresh_token.get_secret_value())


@router.post("/auth/logout", summary="Sign out", status_code=204, responses=problems(401, 422, 429, 503))
async def logout(body: Refresh, res: Res, address: ClientAddress) -> Response:
    """End the session that a refresh token belongs to. Access tokens of it run out by themselves within minutes."""
    await res["limiter"].guard(SESSION_PER_ADDRESS, address)
    await res["sessions"].logout(body.refresh_token.get_secret_value())
    return Response(status_code=204)


@router.get("/me", summary="Who am I", responses=problems(401, 403, 404, 429, 503))
async def me(caller: AnyMember, db: Db) -> Me:
    """Return the member behind the token, and their business."""
    return await accounts.me(db, caller)


@router.get("/members", summary="List the members", responses=problems(401, 403, 429, 503))
async def members(_caller: MembersRead, db: Db) -> Page[Member]:
    """Return every member of the business, by name."""
    return await accounts.list_members(db)
