"""What endpoints ask for in their signatures: who calls with which right, and a session in one transaction of the caller's tenant.

`caller: DraftsDecide` reads as policy: the endpoint is closed to anybody without that scope. An endpoint without a caller is public,
and a test lists those by name.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import Depends, Path, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from api.limits import REQUESTS_PER_CALLER
from api.resources import Resources, resources_of
from core.contracts.principal import Principal, Scope
from core.errors import NotAllowed, NotAuthenticated
from core.security.tokens import is_device_token
from domain.devices import service as devices

_BEARER = HTTPBearer(
    auto_error=False, description="An access token of a member (JWT), or the token of a paired device."
)


async def _resources(connection: HTTPConnection) -> Resources:
    return resources_of(connection)


Res = Annotated[Resources, Depends(_resources)]
"""The resources of the process: for what must not hold a session while it waits."""


async def identify(res: Resources, token: str) -> Principal:
    """Return who a token speaks for, and count the request.

    Raises:
        NotAuthenticated: nobody that may come in. TooMany: more requests in a minute than anybody needs.
    """
    caller = (
        await devices.authenticate(res["db"], token)
        if is_device_token(token)
        else await res["sessions"].authenticate(token)
    )
    structlog.contextvars.bind_contextvars(tenant_id=str(caller.tenant_id), caller=str(caller.subject_id))
    await res["limiter"].use(REQUESTS_PER_CALLER, str(caller.subject_id))
    return caller


async def _authenticated(
    res: Res, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Principal:
    if credentials is None:
        raise NotAuthenticated("this needs a token", hint="sign in, and send it as `Authorization: Bearer …`")
    return await identify(res, credentials.credentials)


Caller = Annotated[Principal, Depends(_authenticated)]


def _having(*any_of: Scope) -> Callable[[Principal], Awaitable[Principal]]:
    async def check(caller: Caller) -> Principal:
        if not caller.scopes & set(any_of):
            raise NotAllowed(
                f"a {caller.role.value} may not do this (it needs {any_of[0].value})", hint="ask the owner of the desk"
            )
        return caller

    return check


async def _member(caller: Caller) -> Principal:
    if Scope.BRIDGE in caller.scopes:
        raise NotAllowed("a device is not a member", hint="sign in as a person")
    return caller


AnyMember = Annotated[Principal, Depends(_member)]
MembersRead = Annotated[Principal, Depends(_having(Scope.MEMBERS_READ))]
ChatsRead = Annotated[Principal, Depends(_having(Scope.CHATS_READ))]
ChatsWrite = Annotated[Principal, Depends(_having(Scope.CHATS_WRITE))]
DraftsDecide = Annotated[Principal, Depends(_having(Scope.DRAFTS_DECIDE))]
KnowledgeRead = Annotated[Principal, Depends(_having(Scope.KNOWLEDGE_READ))]
KnowledgeSearched = Annotated[Principal, Depends(_having(Scope.KNOWLEDGE_READ, Scope.BRIDGE))]
KnowledgeWrite = Annotated[Principal, Depends(_having(Scope.KNOWLEDGE_WRITE))]
ChannelsRead = Annotated[Principal, Depends(_having(Scope.CHANNELS_READ))]
ChannelsWrite = Annotated[Principal, Depends(_having(Scope.CHANNELS_WRITE))]
ChannelsRun = Annotated[Principal, Depends(_having(Scope.CHANNELS_RUN))]
UsageRead = Annotated[Principal, Depends(_having(Scope.USAGE_READ))]
UsageWrite = Annotated[Principal, Depends(_having(Scope.USAGE_WRITE))]
BridgeDevice = Annotated[Principal, Depends(_having(Scope.BRIDGE))]


async def _session(caller: Caller, res: Res) -> AsyncIterator[AsyncSession]:
    async with res["db"].unit_of_work(caller.tenant_id) as session:
        yield session


Db = Annotated[AsyncSession, Depends(_session, scope="function")]
"""One transaction of the caller's tenant: committed before the answer is sent, rolled back by any error."""


async def client_address(connection: HTTPConnection) -> str:
    """Return the address of the other end, as the server saw it."""
    return connection.client.host if connection.client else "unknown"


ClientAddress = Annotated[str, Depends(client_address)]
ExternalIdPath = Annotated[str, Path(min_length=1, max_length=160, description="bare WhatsApp message id")]
