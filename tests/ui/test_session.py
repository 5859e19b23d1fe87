"""Tokens of a session: refreshed once however many ask, ended when the API says so, kept while it is away."""

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from core.contracts.accounts import TokenPair
from core.errors import Unavailable
from ui.client import ApiClient
from ui.session import Credentials, SessionEnded

Handler = Callable[[httpx.Request], httpx.Response]


def pair(number: int, expires_in: int = 900) -> TokenPair:
    return TokenPair(access_token=f"access-{number}", refresh_token=f"refresh-{number}", expires_in=expires_in)


def credentials(handler: Handler, tokens: TokenPair) -> Credentials:
    http = httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://api/api/v1")
    return Credentials(http, tokens)


async def test_many_that_ask_at_once_use_one_refresh_token_once() -> None:
    used: list[str] = []

    async def api(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/auth/refresh"):
            used.append(json.loads(request.content)["refresh_token"])
            await asyncio.sleep(0.01)
            return httpx.Response(200, text=pair(len(used) + 1).model_dump_json())
        if request.headers["authorization"] == "Bearer access-1":
            return httpx.Response(
                401, json={"title": "", "status": 401, "code": "not_authenticated", "detail": "expired"}
            )
        return httpx.Response(200, json={"items": []})

    held = credentials(api, pair(1))  # type: ignore[arg-type]
    client = ApiClient(held.http, held)
    pages = await asyncio.gather(*(client.channels() for _ in range(20)))
    assert [page.items for page in pages] == [[]] * 20
    assert used == ["refresh-1"]
    assert await held.bearer() == "access-2"


async def test_a_refused_refresh_ends_the_session_for_good() -> None:
    calls: list[str] = []

    def api(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        return httpx.Response(401, json={"title": "", "status": 401, "code": "x", "detail": "no longer valid"})

    held = credentials(api, pair(1, expires_in=0))
    for _ in range(3):
        with pytest.raises(SessionEnded):
            await held.bearer()
    assert calls == ["/api/v1/auth/refresh"]


async def test_a_server_that_is_away_does_not_end_the_session() -> None:
    away = True

    def api(request: httpx.Request) -> httpx.Response:
        if away:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, text=pair(2).model_dump_json())

    held = credentials(api, pair(1, expires_in=0))
    with pytest.raises(Unavailable):
        await held.bearer()
    away = False
    assert await held.bearer() == "access-2"
