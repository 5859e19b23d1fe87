"""Linking a number over the public API: consent first, then a code that only an owner sees, kept in Redis for seconds."""

from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from core.contracts.bridge import LeaseRequest
from core.contracts.ids import new_id
from core.contracts.sessions import CODE_SECONDS, Breaker, BreakerState, BridgeHealth
from core.contracts.states import ChannelState, Role
from core.db.session import Database
from tests.api.conftest import Business, Server, open_business, pair

CODE = "2@Zk9-not-for-any-log,abc,def=="


@pytest.fixture(scope="module")
async def shop(server: Server, behind: Database) -> Business:
    return await open_business(server, behind, "Shop")


@pytest.fixture
async def web(server: Server, shop: Business) -> "Web":
    """A channel of WhatsApp Web with a bridge of its own that shows a code."""
    made = await shop.ask(shop.owner, "POST", "/channels", json={"kind": "whatsapp_web", "name": "Number"})
    channel_id = UUID(made.json()["id"])
    code = await shop.ask(shop.owner, "POST", "/devices/pairings", json={"channel_id": str(channel_id)})
    token = (await pair(server, code.json()["code"]))["token"]
    return Web(server, shop, channel_id, token)


class Web:
    def __init__(self, server: Server, shop: Business, channel_id: UUID, token: str) -> None:
        self.server, self.shop, self.channel_id, self.token = server, shop, channel_id, token
        self.installation, self.epoch = new_id(), 0

    async def lease(self, state: ChannelState = ChannelState.QR, health: BridgeHealth | None = None) -> dict[str, Any]:
        body = LeaseRequest(
            installation_id=self.installation, epoch=self.epoch or None, state=state, app_version="1", health=health
        )
        answer = await self.shop.ask(
            self.server.client(self.token), "POST", "/bridge/lease", json=body.model_dump(mode="json")
        )
        assert answer.status_code == 200, answer.text
        self.epoch = answer.json()["epoch"]
        found: dict[str, Any] = answer.json()
        return found

    async def hand_in(self, data: str = CODE) -> Any:
        body = {"epoch": self.epoch, "data": data}
        return await self.shop.ask(self.server.client(self.token), "POST", "/bridge/link-code", json=body)

    async def look(self, who: Business | None = None, role: Role = Role.OWNER) -> Any:
        who = who or self.shop
        return await who.ask(who.server.client(who.tokens[role]), "GET", f"/channels/{self.channel_id}/link-code")

    async def act(self, what: str, body: Any = None, role: Role = Role.OWNER) -> Any:
        return await self.shop.ask(
            self.server.client(self.shop.tokens[role]), "POST", f"/channels/{self.channel_id}/{what}", json=body
        )

    async def accept(self) -> None:
        text = (await self.shop.ask(self.shop.owner, "GET", "/channels/risk")).json()
        assert text["official"][0].startswith("The official route")
        number = f"+35191{self.channel_id.int % 10**7:07d}"
        answer = await self.act("risk", {"version": text["version"], "number": number, "accepted": True})
        assert answer.status_code == 200, answer.text


async def test_nothing_is_handed_in_or_shown_before_the_owner_accepted(web: Web) -> None:
    assert (await web.lease())["risk_accepted"] is False
    for answer in (await web.hand_in(), await web.look()):
        assert (answer.status_code, answer.json()["code"]) == (409, "consent_missing")
    assert (
        await web.act("risk", {"version": "1", "number": "+351912345678", "accepted": True}, Role.STAFF)
    ).status_code == 403
    await web.accept()
    assert (await web.lease())["risk_accepted"] is True


async def test_the_code_goes_to_an_owner_who_looks_and_to_nobody_else(
    web: Web, other_business: Business, server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    await web.accept()
    await web.lease()
    assert (await web.hand_in()).json() == {"kept": False, "wanted_seconds": 0.0}
    first = await web.look()
    assert (first.status_code, first.json()["data"], first.headers["cache-control"]) == (200, None, "no-store")
    taken = (await web.hand_in()).json()
    assert taken["kept"] is True
    assert 0 < taken["wanted_seconds"] <= 60
    assert (await web.look()).json()["data"] == CODE
    assert (await web.look(role=Role.STAFF)).status_code == 403
    assert (await web.look(other_business)).status_code == 404
    assert server.settings.redis_url is not None
    async with Redis.from_url(server.settings.redis_url.get_secret_value(), decode_responses=True) as redis:
        (key,) = [name async for name in redis.scan_iter("waxos:link:*:code") if await redis.get(name) == CODE]
        assert 0 < await redis.ttl(key) <= CODE_SECONDS
    await web.lease(ChannelState.LINKED)
    assert (await web.look()).json()["code"] == "no_code"
    assert (await web.hand_in(data="x" * 5000)).status_code == 422
    assert CODE not in "".join(capfd.readouterr())


async def test_the_code_waits_for_nobody_when_redis_is_away(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    await web.accept()
    await web.lease()

    async def away(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(Redis, "execute_command", away)
    answer = await web.look()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_staff_see_why_it_does_not_send_and_an_admin_or_owner_lets_it_go_on(web: Web) -> None:
    await web.accept()
    await web.lease(ChannelState.RESTRICTED)
    assert (await web.act("resume", role=Role.STAFF)).status_code == 403
    assert (await web.act("resume")).json()["code"] == "still_restricted"
    now = "2026-03-02T09:30:00Z"
    health = BridgeHealth.model_validate({"at": now, "page_answers": True, "last_scan_at": now})
    opened = Breaker(state=BreakerState.OPEN, failures=3, reason="no box", screenshot="changed-box.png")
    await web.lease(ChannelState.BROKEN, health.model_copy(update={"breaker": opened}))
    assert (await web.act("resume")).json()["stopped_reason"] is None
    listed = await web.shop.ask(web.shop.staff, "GET", "/channels")
    shown = next(one for one in listed.json()["items"] if one["id"] == str(web.channel_id))["health"]
    assert (shown["verdict"], shown["says"]) == ("reads_only", "Reads, but cannot send: no box.")
    assert shown["seen"]["breaker"]["screenshot"] == "changed-box.png"
    assert (await web.act("use-here")).json()["code"] == "not_taken_over"
    assert (await web.act("try-again")).status_code == 200
    assert (await web.lease(ChannelState.BROKEN))["asked"] == "try_again"
    assert (await web.lease(ChannelState.BROKEN))["asked"] is None
