"""The door: no route of the panel or of Gradio without a session, no foreign origin, nothing executable in anybody's text."""

import itertools

import gradio
import httpx
import pytest
from playwright.async_api import Page, Request, expect
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from core.contracts.reasoning import Finding
from core.contracts.states import Verdict
from tests.ui.conftest import Panel, SignIn
from tests.ui.standin_api import PASSWORD, Standin

PUBLIC = {"/login", "/logout", "/health", "/static/panel.css", "/favicon.ico"}
GRADIO = [
    "/", "/config", "/config/", "/info", "/theme.css", "/robots.txt", "/manifest.json", "/user", "/token", "/app_id", "/monitoring",
    "/login_check", "/login", "/logout", "/dev/reload", "/openapi.json", "/docs", "/assets/x.js", "/static/img/logo.svg",
    "/gradio_api/info", "/gradio_api/queue/join", "/gradio_api/queue/data?session_hash=x", "/gradio_api/queue/status",
    "/gradio_api/run/predict", "/gradio_api/api/predict", "/gradio_api/call/predict", "/gradio_api/component_server",
    "/gradio_api/upload", "/gradio_api/upload_progress", "/gradio_api/file=/etc/passwd", "/gradio_api/file/etc/passwd",
    "/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/heartbeat/x", "/gradio_api/stream/x", "/gradio_api/runs",
    "/gradio_api/vibe-edit", "/gradio_api/vibe-code", "/gradio_api/deep_link", "/gradio_api/mcp", "/gradio_api/reset",
    "/gradio_api/process_recording", "/gradio_api/startup-events", "/gradio_api/custom_component/x/client/component/y.js",
]  # fmt: skip

PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "</textarea><img src=x onerror=alert(1)>",
    "${alert(1)}", "{{constructor.constructor('alert(1)')()}}", "`${alert(1)}`", "<iframe src=javascript:alert(1)>",
    '"><details open ontoggle=alert(1)>', "![a](https://beacon.example/x.png)", "<img src=https://beacon.example/y.png>",
    "<style>@import 'https://beacon.example/z.css'</style>", "<a href=javascript:alert(1)>x</a>", "</mark></div><script>alert(1)</script>",
]  # fmt: skip


@pytest.fixture
async def anonymous(panel: Panel, story: Standin) -> httpx.AsyncClient:
    assert panel.api.story is story
    return httpx.AsyncClient(base_url=panel.url, headers={"Origin": panel.url}, trust_env=False)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_every_route_of_gradio_refuses_the_anonymous(anonymous: httpx.AsyncClient, method: str) -> None:
    for path in GRADIO:
        answer = await anonymous.request(method, "/panel" + path)
        assert answer.status_code == 401, path
        assert "gradio" not in answer.text.lower(), path
    page = await anonymous.get("/panel/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=/panel/")
    for cookie in ("", "x", "../../etc", "a" * 43):
        headers = {"Cookie": f"waxos_session={cookie}"}
        assert (await anonymous.get("/panel/config", headers=headers)).status_code == 401


async def test_every_route_that_gradio_declares_is_refused_without_a_session(anonymous: httpx.AsyncClient) -> None:
    app = gradio.routes.App.create_app(gradio.Blocks(analytics_enabled=False))
    included = [route.original_router.routes for route in app.routes if hasattr(route, "original_router")]
    paths = {route.path for route in [*app.routes, *itertools.chain(*included)] if hasattr(route, "path")}
    assert len(paths) > 40
    for path in paths:
        assert (await anonymous.get("/panel" + path.replace("{", "").replace("}", ""))).status_code == 401, path


async def test_signed_in_people_reach_only_what_the_panel_needs(panel: Panel, sign_in: SignIn) -> None:
    page = await sign_in()
    cookies = {c["name"]: c for c in await page.context.cookies()}
    session = cookies["waxos_session"]
    assert session["httpOnly"]
    assert session["sameSite"] == "Strict"
    jar = {"waxos_session": session["value"]}
    async with httpx.AsyncClient(base_url=panel.url, cookies=jar, trust_env=False) as client:
        for path in (
            "/gradio_api/file=/etc/passwd",
            "/gradio_api/proxy=http://127.0.0.1/",
            "/gradio_api/vibe-code",
            "/monitoring",
        ):
            assert (await client.get("/panel" + path)).status_code == 404, path
        body = {"data": {}, "fn_name": "chat_list", "component_id": 1, "session_hash": "x"}
        for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            answer = await client.post("/panel/gradio_api/component_server/", json=body, headers=origin)
            assert answer.status_code == 403
        config = (await client.get("/panel/config")).text
    assert "access." not in config
    assert "refresh." not in config


async def test_the_event_socket_wants_a_session_and_our_origin(panel: Panel, sign_in: SignIn) -> None:
    page = await sign_in()
    cookie = next(c["value"] for c in await page.context.cookies() if c["name"] == "waxos_session")
    address = panel.url.replace("http", "ws") + "/events"
    for headers in ({"Origin": panel.url}, {"Origin": "https://evil.example", "Cookie": f"waxos_session={cookie}"}):
        with pytest.raises(InvalidStatus):
            await connect(address, additional_headers=headers, proxy=None)
    async with connect(
        address, origin=panel.url, additional_headers={"Cookie": f"waxos_session={cookie}"}, proxy=None
    ) as socket:  # type: ignore[arg-type]
        assert "link" in str(await socket.recv())


async def test_login_wants_its_own_form_and_says_what_was_wrong(anonymous: httpx.AsyncClient) -> None:
    form = {"email": "ana@shop.example", "password": PASSWORD}
    assert (await anonymous.post("/login", data=form)).status_code == 403
    page = await anonymous.get("/login", params={"next": "https://evil.example/"})
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    wrong = await anonymous.post("/login", data={**form, "password": "guess", "csrf": csrf})
    assert wrong.status_code == 401
    assert "E-mail address or password is wrong." in wrong.text
    assert "guess" not in wrong.text
    csrf = wrong.text.split('name="csrf" value="')[1].split('"')[0]
    foreign = await anonymous.post("/login", data={**form, "csrf": csrf}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    good = await anonymous.post("/login", data={**form, "csrf": csrf, "next": "https://evil.example/"})
    assert (good.status_code, good.headers["location"]) == (303, "/panel/")


async def test_signing_out_ends_every_tab(story: Standin, sign_in: SignIn) -> None:
    first, second = await sign_in(), await sign_in()
    await expect(second.locator('.link-state[data-state="live"]')).to_be_visible()
    await first.click(".account summary")
    await first.click(".menu form button")
    await first.wait_for_url("**/login")
    await second.wait_for_url("**/login")
    assert ("POST", "/auth/logout") in {(method, path) for method, path, _ in story.calls}


def watch(page: Page, own: str) -> list[str]:
    """Collect everything that a planted text must never cause."""
    seen: list[str] = []

    def on_request(request: Request) -> None:
        if not request.url.startswith((own, own.replace("http", "ws"), "data:", "blob:")):
            seen.append(f"request {request.url}")

    page.on("dialog", lambda dialog: seen.append(f"dialog {dialog.message}"))
    page.on("request", on_request)
    page.on("console", lambda m: seen.append(m.text) if "Content Security Policy" in m.text else None)
    page.on("pageerror", lambda error: seen.append(f"error {error}"))
    return seen


async def test_planted_markup_runs_nowhere_and_calls_nobody(panel: Panel, story: Standin, sign_in: SignIn) -> None:
    chat = story.chat(PAYLOADS[1], channel_name=PAYLOADS[2], language=PAYLOADS[1])
    for payload in PAYLOADS:
        story.hear(chat.id, payload, author=payload, quoted_text=payload, minutes_ago=2)
    story.tell(chat.id, PAYLOADS[0], author=PAYLOADS[1])
    bad = " ".join(PAYLOADS)
    finding = Finding(check=bad, verdict=Verdict.NEEDS_STAFF, reason=bad, part=0, start=2, end=40)
    draft = story.draft(
        chat.id,
        *PAYLOADS[:2],
        bad,
        findings=[finding],
        missing=PAYLOADS,
        unreadable=PAYLOADS,
        model=bad,
        prompt_version=bad,
    )
    source = draft.sources[0].model_copy(update={"text": bad, "source_title": bad})
    claim = draft.claims[0].model_copy(update={"text": bad})
    story.drafts[draft.id] = draft.model_copy(update={"sources": [source], "claims": [claim]})
    story.source(bad, failure=bad)
    page = await sign_in()
    seen = watch(page, panel.url)
    await page.reload()
    await page.click(".chat-row")
    await expect(page.locator(".msg.in .body")).to_have_text(PAYLOADS)
    assert [await box.input_value() for box in await page.locator(".card textarea").all()] == [*PAYLOADS[:2], bad]
    await page.click('.claims [data-act="show-source"]')
    await expect(page.locator(".source blockquote")).to_have_text(bad)
    await page.click('[data-view="knowledge"]')
    await expect(page.locator(".table b")).to_have_text(bad)
    await page.fill("#knowledge-query input", bad)
    await page.click("#knowledge-search")
    await expect(page.locator("#knowledge-found blockquote")).to_have_text(f"About {bad}")
    await page.wait_for_timeout(300)
    assert seen == []
    injected = ".desk :is(script, iframe, svg[onload], [onerror], [ontoggle], style, a[href^=javascript], img)"
    assert await page.locator(injected).count() == 0


async def test_inline_script_is_forbidden_even_where_escaping_failed(sign_in: SignIn) -> None:
    page = await sign_in()
    await page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned = 1\">')")
    await page.wait_for_timeout(200)
    assert await page.evaluate("window.pwned") is None
