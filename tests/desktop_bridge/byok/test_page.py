"""The door of the key's page: a link that works once, two halves of a session, and nothing for who comes from elsewhere."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser

from desktop_bridge.byok.door import HALF, LINK_FILE, Door
from desktop_bridge.byok.owner import OwnerDesk
from desktop_bridge.byok.vault import Vault
from desktop_bridge.byok.web import open_page
from desktop_bridge.journal.journal import Journal
from desktop_bridge.link.client import ServerClient
from desktop_bridge.sandbox.running import run_sandbox

SECRET = "canary-9e21-of-the-owner"


@dataclass
class Opened:
    """A page that is served, and how to come in."""

    door: Door
    home: Path

    def link(self) -> str:
        return str(json.loads((self.home / LINK_FILE).read_text())["link"])

    def client(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.door.origin, headers=headers, trust_env=False)

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[httpx.AsyncClient]:
        async with self.client(Origin=self.door.origin) as client:
            found = re.search(r'content="([^"]{20,})"', (await client.get(self.link())).text)
            assert found is not None
            client.headers[HALF] = found[1]
            yield client


@pytest.fixture
async def page(vault: Vault, journal: Journal, tmp_path: Path, with_extra: None) -> AsyncIterator[Opened]:  # noqa: ARG001
    server = ServerClient("http://127.0.0.1:9", None)
    async with open_page(OwnerDesk(journal, server, vault), tmp_path) as door:
        yield Opened(door, tmp_path)
    await server.close()
    assert not (tmp_path / LINK_FILE).exists()


async def test_a_link_works_once_and_the_next_one_is_another(page: Opened) -> None:
    link = page.link()
    assert (page.home / LINK_FILE).stat().st_mode & 0o777 == 0o600
    async with page.client() as anybody:
        first, second = await anybody.get(link), await anybody.get(link)
        guessed = await anybody.get("/enter/" + "x" * 43)
    assert (first.status_code, second.status_code, guessed.status_code) == (200, 410, 410)
    cookie = first.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/"))
    assert page.link() != link


async def test_neither_half_of_a_session_is_worth_anything_alone(page: Opened) -> None:
    async with page.entered() as owner, page.client() as anybody:
        assert (await owner.get("/api/state")).status_code == 200
        half, cookies = owner.headers[HALF], dict(owner.cookies)
        assert (await anybody.get("/api/state")).status_code == 401
        assert (await anybody.get("/api/state", headers={HALF: half})).status_code == 401
        anybody.cookies.update(cookies)
        assert (await anybody.get("/api/state")).status_code == 401
        assert (await anybody.get("/api/state", headers={HALF: half + "x"})).status_code == 401
        assert (await anybody.get("/api/state", headers={HALF: half})).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "rebound.example", "127.0.0.1", "[::1]"])
async def test_another_name_for_this_computer_reaches_nothing(page: Opened, host: str) -> None:
    """A name that is pointed at 127.0.0.1 (DNS rebinding) comes with itself as the host, and so shows what it is."""
    async with page.entered() as owner:
        port = f":{page.door.port}" if host != "127.0.0.1" else ""
        for path in ("/", "/api/state", page.link().removeprefix(page.door.origin)):
            answer = await owner.get(path, headers={"Host": host + port})
            assert answer.status_code == 421, path
            assert "set-cookie" not in answer.headers
        assert (await owner.get(page.link())).status_code == 200  # it was not used up


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", None])
async def test_what_another_page_sends_changes_nothing(page: Opened, vault: Vault, origin: str | None) -> None:
    async with page.entered() as owner:
        del owner.headers["Origin"]
        body = {"key": SECRET, "password": "a long password", "provider": "openai"}
        headers = {"Origin": origin} if origin else {}
        answer = await owner.post("/api/key", json=body, headers=headers)
        assert answer.status_code == 403
    assert vault.facts() is None


async def test_every_answer_is_strict_and_what_is_wrong_is_not_repeated(page: Opened) -> None:
    async with page.entered() as owner:
        answers = [
            await owner.get(path) for path in ("/", "/page.js", "/page.css", "/enter.js", "/no.js", "/api/state")
        ]
        answers += [await owner.post("/api/key", json={"key": SECRET, "password": 7, "more": SECRET})]
        answers += [await owner.post("/api/key", json={"key": "x " + SECRET, "password": SECRET, "provider": "openai"})]
        answers += [await owner.post("/api/key", content=b"[" * 100_000)]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store", answer.url
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert SECRET not in answer.text
    assert [answer.status_code for answer in answers[-3:]] == [422, 422, 413]


async def test_a_foreign_page_in_a_real_browser_gets_nothing(page: Opened, chromium: Browser) -> None:
    """The owner is in, and another page on this computer tries: it can neither read, nor act, nor frame."""
    context = await chromium.new_context()
    mine = await context.new_page()
    opening = page.home / "own-key.html"  # as `waxos bridge key page --open` does: from a page of another site
    opening.write_text(f'<!doctype html><meta http-equiv="refresh" content="0;url={page.link()}">')
    await mine.goto(opening.as_uri())
    await mine.wait_for_url(f"{page.door.origin}/")
    await mine.get_by_role("textbox", name="Key", exact=True).wait_for()
    assert await mine.evaluate("document.cookie") == ""
    assert not opening.exists()
    async with run_sandbox() as elsewhere:
        foreign = await context.new_page()
        await foreign.goto(elsewhere.url)
        tries: Any = await foreign.evaluate(
            """async (origin) => {
                const one = (path, options) => fetch(origin + path, options).then((a) => a.type + a.status, () => "refused");
                return [
                    await one("/api/state", {credentials: "include"}),
                    await one("/api/lock", {method: "POST", mode: "no-cors", credentials: "include", body: "{}"}),
                ];
            }""",
            page.door.origin,
        )
    assert set(tries) <= {"refused", "opaque0"}
    framed = await context.new_page()
    answer = await framed.goto(page.door.origin)
    assert answer is not None
    assert "frame-ancestors 'none'" in (await answer.all_headers())["content-security-policy"]
    await context.close()
