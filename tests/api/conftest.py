"""A real API process-in-miniature: uvicorn on loopback, real Postgres, real Valkey; and two businesses that share it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import redis
import structlog
import uvicorn
from pydantic import SecretStr
from websockets.asyncio.client import connect

from api.app import create_app
from core.contracts.bridge import ChatSeen, LeaseRequest, MessageSeen, Observations
from core.contracts.ids import new_id
from core.contracts.states import ChannelState, Direction, Role
from core.db.session import Database, Effect, create_engine
from core.embedded.valkey import EmbeddedValkey
from core.realtime.bus import RedisPublisher
from core.security.keys import DirectoryHasher, new_key
from core.settings import Settings, load_settings
from domain.accounts.service import NewMember, create_desk
from domain.directory.service import Directory
from tests.conftest import DatabaseUrls
from tests.domain.desk import Desk

PASSWORD = "a good long password"
V1 = "/api/v1"


@dataclass(frozen=True, slots=True)
class Server:
    """A running API."""

    url: str
    settings: Settings

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=20, verify=False)  # noqa: S501 - plain HTTP

    def socket(self, path: str, token: str | None = None, **headers: str) -> connect:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return connect("ws" + self.url.removeprefix("http") + V1 + path, additional_headers=headers, proxy=None)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Server]:
    """Serve an API on a free port until left."""
    config = uvicorn.Config(create_app(settings), port=0, log_config=None, lifespan="on", ws="websockets-sansio")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            await task
            raise RuntimeError("the API did not start")
        await asyncio.sleep(0.01)
    try:
        yield Server(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", settings)
    finally:
        server.should_exit = True
        await task


@pytest.fixture(scope="module", autouse=True)
def _plain_logs() -> Iterator[None]:
    """Log lines without drawings: a traceback with every local value takes minutes to draw."""
    plain = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ]
    structlog.configure(processors=plain)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def api_settings(
    database_urls: DatabaseUrls, valkey_server: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings of the module's API. Its Valkey is empty: modules count their pairings and sign-ins from one address, by the minute."""
    client = redis.Redis.from_url(valkey_server.url)
    client.flushall()
    client.close()
    home: Path = tmp_path_factory.mktemp("api")
    return load_settings(
        {},
        home=home,
        database_url=database_urls.app,
        redis_url=valkey_server.url,
        auth={"signing_key": new_key(), "directory_key": new_key()},
        storage={"folder": home / "blobs"},
        desk={"quiet_seconds": 0},
        knowledge={"private_networks": ["127.0.0.1/32"]},
        api={"port": 0, "max_upload_mb": 1},
    )


@pytest.fixture(scope="module")
async def server(api_settings: Settings) -> AsyncIterator[Server]:
    """The module's API."""
    async with serving(api_settings) as running:
        yield running


@pytest.fixture(scope="module")
async def behind(api_settings: Settings) -> AsyncIterator[Database]:
    """The API's own database as a worker has it, whose events the API's listeners hear: to make a business, a draft, to move time."""
    assert api_settings.database_url is not None
    assert api_settings.redis_url is not None
    engine = create_engine(api_settings.database_url.get_secret_value(), pool_size=3)
    publish = RedisPublisher(api_settings.redis_url.get_secret_value())

    def sink(effects: Sequence[Effect]) -> None:
        for effect in effects:
            publish(effect)

    yield Database(engine, sink)
    await engine.dispose()


@dataclass
class Business:
    """One business with an owner, a member of staff, a channel and its paired bridge, all by the public API."""

    server: Server
    tenant_id: UUID
    emails: dict[Role, str]
    tokens: dict[Role, str]
    channel_id: UUID
    device_id: UUID
    device_token: str
    installation: UUID
    epoch: int = 0
    bubbles: int = 0

    @property
    def owner(self) -> httpx.AsyncClient:
        return self.server.client(self.tokens[Role.OWNER])

    @property
    def staff(self) -> httpx.AsyncClient:
        return self.server.client(self.tokens[Role.STAFF])

    @property
    def bridge(self) -> httpx.AsyncClient:
        return self.server.client(self.device_token)

    async def ask(self, client: httpx.AsyncClient, method: str, path: str, **kwargs: Any) -> httpx.Response:
        async with client:
            return await client.request(method, V1 + path, **kwargs)

    async def lease(self) -> int:
        body = LeaseRequest(installation_id=self.installation, state=ChannelState.LINKED, app_version="1")
        answer = await self.ask(self.bridge, "POST", "/bridge/lease", json=body.model_dump(mode="json"))
        assert answer.status_code == 200, answer.text
        self.epoch = answer.json()["epoch"]
        return self.epoch

    async def draft(self, behind: Database, chat_id: UUID, *parts: str) -> dict[str, Any]:
        """Let a worker make a draft of these parts, and return it as the API shows it."""
        row = await Desk(behind, self.tenant_id).draft_for(chat_id, *parts)
        found: dict[str, Any] = (await self.ask(self.staff, "GET", f"/drafts/{row.id}")).json()
        return found

    async def customer_writes(self, text: str, chat_id: UUID | None = None) -> UUID:
        """Let the bridge report a customer's message, and return the chat."""
        if not self.epoch:
            await self.lease()
        chat_id = chat_id or new_id()
        self.bubbles += 1
        seen = Observations(
            epoch=self.epoch,
            chats=[ChatSeen(id=chat_id, title="Carla Customer", unread=1)],
            messages=[
                MessageSeen(
                    external_id=f"EXT{self.bubbles:04d}{chat_id.hex[-8:]}",
                    chat_id=chat_id,
                    direction=Direction.IN,
                    text=text,
                )
            ],
        )
        answer = await self.ask(self.bridge, "POST", "/bridge/observations", json=seen.model_dump(mode="json"))
        assert answer.status_code == 200, answer.text
        return chat_id


async def open_business(server: Server, behind: Database, name: str) -> Business:
    """Make a business and pair its bridge."""
    key = server.settings.auth.directory_key
    emails = {role: f"{role.value}.{new_id().hex}@example.com" for role in (Role.OWNER, Role.STAFF)}
    members = [NewMember(email, f"{name} {role.value}", role, SecretStr(PASSWORD)) for role, email in emails.items()]
    directory = Directory(DirectoryHasher.from_setting(key))
    desk = await create_desk(behind, directory, name=name, timezone="Europe/Lisbon", members=members)
    tokens = {role: (await sign_in(server, email))["access_token"] for role, email in emails.items()}
    async with server.client(tokens[Role.OWNER]) as owner:
        channel = (await owner.post(f"{V1}/channels", json={"kind": "sandbox", "name": "Front desk"})).json()
        pairing = (await owner.post(f"{V1}/devices/pairings", json={"channel_id": channel["id"]})).json()
    paired = await pair(server, pairing["code"])
    return Business(
        server,
        desk.tenant_id,
        emails,
        tokens,
        UUID(channel["id"]),
        UUID(paired["device_id"]),
        paired["token"],
        new_id(),
    )


def decision(draft: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the body of a decision on a draft as it was seen."""
    return {"version": draft["version"], "text_sha256": draft["text_sha256"], **more}


async def sign_in(server: Server, email: str, password: str = PASSWORD) -> dict[str, Any]:
    async with server.client() as anybody:
        answer = await anybody.post(f"{V1}/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def pair(server: Server, code: str) -> dict[str, Any]:
    async with server.client() as anybody:
        answer = await anybody.post(
            f"{V1}/devices/pair", json={"code": code, "name": "Computer", "app_version": "1", "protocol": 1}
        )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(scope="module")
async def business(server: Server, behind: Database) -> Business:
    """The module's business."""
    return await open_business(server, behind, "First")


@pytest.fixture(scope="module")
async def other_business(server: Server, behind: Database) -> Business:
    """Another business on the same API."""
    return await open_business(server, behind, "Second")
