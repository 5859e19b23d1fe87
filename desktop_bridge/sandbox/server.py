"""The sandbox's web server: the business's page, the customer's page, their pushes, and the control hook."""

import asyncio
import base64
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from desktop_bridge.sandbox.control import Control
from desktop_bridge.sandbox.delivery import Delivery
from desktop_bridge.sandbox.drawings import emoji_svg, media_svg
from desktop_bridge.sandbox.models import Dialog, JournalKind, Media, NewChat, NewMessage, Screen
from desktop_bridge.sandbox.state import Event, SandboxState, UnknownChat, chat_row, without_bytes

PAGE = Path(__file__).parent / "page"
HISTORY = 60
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class _StrictHeaders:
    """Every answer carries the same strict headers, and nothing is cached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = CSP
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "no-referrer"
                headers["cache-control"] = "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)


async def _pump(socket: WebSocket, queue: asyncio.Queue[Event]) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.send_json(await queue.get())


class Pages:
    """Both pages and their sockets."""

    def __init__(self, state: SandboxState, delivery: Delivery) -> None:
        self._state = state
        self._delivery = delivery
        self._commands: dict[str, Callable[[asyncio.Queue[Event], Event], object]] = {
            "open": self._open,
            "older": self._older,
            "read": lambda _, c: state.mark_read(c["chat"]),
            "draft": lambda _, c: state.save_draft(c["chat"], c["device"], c["text"]),
            "send": self._send,
            "retry": lambda _, c: delivery.retry(c["id"]),
            "gesture": self._gesture,
            "open_once": lambda _, c: state.note(JournalKind.VIEW_ONCE_OPENED, chat=c["chat"], message=c["id"]),
            "recording": lambda _, c: state.note(JournalKind.RECORDING_STARTED, chat=c["chat"]),
            "unblock": lambda _, c: state.unblock(c["chat"]),
            "dismiss": lambda *_: state.configure({"interstitial": False, "dialog": Dialog.NONE.value}),
            "answered": lambda *_: state.note(JournalKind.QUESTION_ANSWERED),
            "screen": lambda _, c: state.configure({"screen": Screen(c["screen"]).value}),
        }

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._business),
            Route("/customer/{chat}", self._customer),
            Route("/media/{message}", self._media),
            Route("/emoji/{code}.svg", self._emoji),
            Mount("/page", StaticFiles(directory=PAGE)),
            WebSocketRoute("/push", self._business_socket),
            WebSocketRoute("/push/{chat}", self._customer_socket),
        ]

    async def _business(self, _: Request) -> Response:
        return FileResponse(PAGE / "index.html")

    async def _customer(self, request: Request) -> Response:
        """An unknown name becomes a contact; the address then carries its id, so that titles may repeat."""
        name = request.path_params["chat"].strip()
        if name in self._state.chats:
            return FileResponse(PAGE / "customer.html")
        try:
            chat = self._state.find_chat(name)
        except UnknownChat:
            chat = self._state.add_chat(NewChat(title=name))
        return RedirectResponse(f"/customer/{chat.id}")

    async def _media(self, request: Request) -> Response:
        """The file of a bubble; what was asked for is noted, so that a test can tell that nobody asked for a file."""
        message = self._state.messages.get(request.path_params["message"])
        if message is None:
            return Response(status_code=404)
        self._state.note(JournalKind.MEDIA_FETCHED, chat=message.chat, message=message.id)
        media = message.media or Media()
        late = self._state.settings.faults.slow_files_ms / 1000
        await asyncio.sleep(late)  # house: sleep - that it comes late is the fault that is asked for
        if media.broken:
            return Response(status_code=410)
        if media.fill:
            return Response(bytes(media.fill), media_type=media.mime or "application/octet-stream")
        if not media.data:
            return Response(media_svg(message), media_type="image/svg+xml")
        return Response(base64.b64decode(media.data), media_type=media.mime or "application/octet-stream")

    async def _emoji(self, request: Request) -> Response:
        return Response(emoji_svg(request.path_params["code"]), media_type="image/svg+xml")

    async def _business_socket(self, socket: WebSocket) -> None:
        if not await _accepted(socket):
            return
        page = secrets.token_hex(4)
        with self._state.listen() as queue:
            self._state.note(JournalKind.PAGE_OPENED, note=page)
            queue.put_nowait(self._hello())
            if "fresh" in socket.query_params:
                self._delivery.page_loaded()
            await self._converse(socket, queue, lambda command: self._commands[command["do"]](queue, command))
        self._state.note(JournalKind.PAGE_LEFT, note=page)

    async def _customer_socket(self, socket: WebSocket) -> None:
        chat = socket.path_params["chat"]
        if chat not in self._state.chats or not await _accepted(socket):
            return
        with self._state.listen(chat) as queue:
            title, account = self._state.chats[chat].title, self._state.settings.account_name
            history = [without_bytes(m) for m in self._state.history(chat, HISTORY)]
            queue.put_nowait({"type": "hello", "title": title, "account": account, "messages": history})
            self._delivery.seen_by_customer(chat)
            await self._converse(socket, queue, lambda c: self._says(chat, c["text"]))

    async def _converse(
        self, socket: WebSocket, queue: asyncio.Queue[Event], obey: Callable[[dict[str, Any]], object]
    ) -> None:
        pump = asyncio.create_task(_pump(socket, queue))
        try:
            async for command in socket.iter_json():
                obey(command)
        finally:
            pump.cancel()

    def _hello(self) -> Event:
        return {
            "type": "hello",
            "settings": self._state.settings.model_dump(mode="json"),
            "chats": [chat_row(chat) for chat in self._state.in_order()],
        }

    def _says(self, chat: str, text: str) -> None:
        if text.strip():
            self._state.add_message(NewMessage(chat=chat, text=text.strip()))

    def _open(self, queue: asyncio.Queue[Event], command: Event) -> None:
        chat = command["chat"]
        self._state.note(JournalKind.CHAT_OPENED, chat=chat)
        self._delivery.after(
            self._state.settings.faults.history_delay_ms, lambda: self._send_history(queue, chat, None)
        )

    def _send(self, _: asyncio.Queue[Event], command: Event) -> None:
        self._delivery.accept(command["chat"], command["id"], command["text"], command.get("quoted"))
        self._state.save_draft(command["chat"], command["device"], "")

    def _older(self, queue: asyncio.Queue[Event], command: Event) -> None:
        self._send_history(queue, command["chat"], command["before"])

    def _send_history(self, queue: asyncio.Queue[Event], chat: str, before: str | None) -> None:
        messages = self._state.history(chat, HISTORY, before)
        queue.put_nowait(
            {
                "type": "history",
                "chat": chat,
                "older": before is not None,
                "complete": len(messages) < HISTORY,
                "messages": [without_bytes(m) for m in messages],
            }
        )

    def _gesture(self, _: asyncio.Queue[Event], command: Event) -> None:
        """The page reports a send or open gesture, and which counted fault struck it."""
        kind = JournalKind.GESTURE_LOST if command["lost"] else JournalKind.GESTURE_MADE
        self._state.note(kind, chat=command["chat"], note=command["what"])
        if command["lost"]:
            self._state.use_up("lost_opens" if command["what"] == "open" else "lost_clicks")


async def _accepted(socket: WebSocket) -> bool:
    """Only our own pages may listen: another site's script in the same browser is turned away."""
    if socket.headers.get("origin") != f"http://{socket.headers.get('host')}":
        await socket.close(code=4403)
        return False
    await socket.accept()
    return True


def create_sandbox(state: SandboxState, token: str) -> Starlette:
    """The sandbox on this state; `token` protects the control hook. Answers on loopback names only."""
    delivery = Delivery(state)
    control = Control(state, delivery, token)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            delivery.close()

    return Starlette(
        routes=[*Pages(state, delivery).routes(), control.mount()],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"], www_redirect=False),
            Middleware(_StrictHeaders),
        ],
        exception_handlers=control.refusals,
        lifespan=lifespan,
    )
