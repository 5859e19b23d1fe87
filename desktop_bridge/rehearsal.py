"""A bridge on a loopback page that answers what it is told to on its standard input: the subject of the benchmarks.

Everything is the real thing but the server: journal, reader, inbound side, send machine and limits. A chat is named by a message of
its customer, as the server does it.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.contracts.bridge import SendOrder
from core.errors import InvalidInput, NotAllowed, NotFound, WaxosError
from core.settings import BridgeSettings
from desktop_bridge import host
from desktop_bridge.byhand import Desk, local_order, open_desk, send_machine
from desktop_bridge.inbound.settled import keep_sent

READ_SECONDS = 15.0
"""Longest time to look for a message before it counts as one that the page does not show."""


class _Ask(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Read(_Ask):
    """Read every chat that has something new."""

    do: Literal["read"]


class Memory(_Ask):
    """Say how much memory the browser has."""

    do: Literal["memory"]


class Answer(_Ask):
    """Send `text` to the chat that holds the customer's message `message`."""

    do: Literal["answer"]
    message: str
    text: str


_ASKS: TypeAdapter[Read | Memory | Answer] = TypeAdapter(Annotated[Read | Memory | Answer, Field(discriminator="do")])


async def rehearse(settings: BridgeSettings, tell: Callable[[dict[str, Any]], None]) -> None:
    """Open the page, then obey one JSON object a line until the input ends; each is answered with one.

    Raises:
        NotAllowed: the page is not on this computer.
    """
    if not host.on_loopback(settings.page_url):
        raise NotAllowed("a rehearsal works on a page of this computer only", hint="start `waxos bridge sandbox`")
    began = time.monotonic()
    async with open_desk(settings) as desk:
        session = await desk.page.linked()
        await desk.intake.scan()
        tell({"did": "start", "state": session.state, "ms": _since(began)})
        async for line in _lines():
            tell(await _obey(desk, line))


async def _lines() -> AsyncIterator[str]:
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            yield line


async def _obey(desk: Desk, line: str) -> dict[str, Any]:
    try:
        ask = _ASKS.validate_json(line)
    except ValidationError as error:
        return {"did": "nothing", "code": InvalidInput.code, "detail": error.errors()[0]["msg"]}
    if isinstance(ask, Memory):
        return {"did": "memory", "mb": round(host.browser_memory(desk.browser.profile) / 2**20, 1)}
    try:
        if isinstance(ask, Answer):
            return await _answer(desk, ask)
        return {"did": "read", "chats": await desk.intake.scan()}
    except WaxosError as fault:
        return {"did": ask.do, "status": "error", "code": fault.reason_code, "detail": fault.detail}


async def _answer(desk: Desk, ask: Answer) -> dict[str, Any]:
    order = await _order(desk, ask)
    newest = desk.journal.chats.newest(order.chat_id, 1)
    machine = send_machine(desk, newest[0].external_id)
    began = time.monotonic()
    status = await machine.run(order)
    took = _since(began)
    keep_sent(desk.journal, order)
    attempt = desk.journal.sends.last(order.send_id)
    report = attempt.report if attempt else None
    steps = desk.journal.sends.steps(order.send_id)
    return {
        "did": "answer",
        "status": status,
        "code": report.code if report else None,
        "detail": report.detail if report else None,
        "screenshot": report.screenshot if report else None,
        "external_id": report.external_id if report else None,
        "chat_id": str(order.chat_id),
        "ms": took,
        "steps": {phase: round((at - steps[0][2]).total_seconds() * 1000, 1) for _, phase, at in steps},
    }


async def _order(desk: Desk, ask: Answer) -> SendOrder:
    """Read until the message is known, and make the order that a server would make then.

    Raises:
        NotFound: the page does not show it.
    """
    chats = desk.journal.chats
    end = time.monotonic() + READ_SECONDS
    while not (known := chats.known([ask.message])):
        seen = await desk.page.reader.ask("watch.count")
        await desk.intake.scan()
        left = end - time.monotonic()
        if not chats.known([ask.message]) and left <= 0:
            raise NotFound("the page does not show this message", hint="is it a customer's, in a chat of one person?")
        await desk.page.reader.changed(seen, min(max(left, 0.1), 1.0))
    chat = chats.chat(known[ask.message].chat_id)
    if chat is None or chat.title is None:
        raise NotFound("this chat was left out")
    return local_order(desk.journal, chat.id, chat.title, ask.text)


def write_line(answer: dict[str, Any]) -> None:
    """Print one answer as a line of JSON, at once."""
    sys.stdout.write(json.dumps(answer, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)
