"""Files of messages: taken in as what they are, given out for saving only, and to nobody else."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.routes.chats.files import disposition
from core.contracts.ids import new_id
from tests.api.conftest import Business

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
WEB_PAGE = b"<!doctype html><script>alert(document.cookie)</script>"
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


async def _file(business: Business, content: bytes | AsyncIterator[bytes] | None, **seen: Any) -> tuple[str, str]:
    """Report a message with one file, hand in its bytes, and return the chat's id and the message's external id."""
    chat_id, external_id = new_id(), f"F{new_id().hex}"
    await business.customer_writes("A file follows", chat_id)
    message = {
        "external_id": external_id, "chat_id": str(chat_id), "direction": "in", "kind": "document",
        "files": [{"mime": "image/jpeg", "name": "picture.jpg", **seen}],
    }  # fmt: skip
    body = {"epoch": business.epoch, "messages": [message]}
    assert (await business.ask(business.bridge, "POST", "/bridge/observations", json=body)).status_code == 200
    if content is not None:
        await business.ask(business.bridge, "PUT", f"/bridge/messages/{external_id}/files/0", content=content)
    return str(chat_id), external_id


async def _shown(business: Business, chat_id: str) -> dict[str, Any]:
    answer = await business.ask(business.staff, "GET", f"/chats/{chat_id}/messages")
    shown: dict[str, Any] = answer.json()["items"][-1]["attachments"][0]
    return shown


async def _fetched(business: Business, chat_id: str) -> httpx.Response:
    file_id = (await _shown(business, chat_id))["id"]
    return await business.ask(business.staff, "GET", f"/chats/{chat_id}/files/{file_id}")


@pytest.mark.parametrize(
    ("content", "mime", "picture"),
    [
        (PNG, "image/png", True),
        (b"\xff\xd8\xff\xe0" + b"j" * 50, "image/jpeg", True),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp", True),
        (b"GIF89a" + b"\0" * 20, "image/gif", True),
        (WEB_PAGE, "application/octet-stream", False),
        (DRAWING, "application/octet-stream", False),
        (b"%PDF-1.7\n", "application/pdf", False),
        (b"OggS\0\2", "audio/ogg", False),
        (b"\0\0\0\x20ftypisom", "video/mp4", False),
        (b"PK\x03\x04rest", "application/zip", False),
        (b"plain words", "application/octet-stream", False),
    ],
)
async def test_a_file_is_what_its_bytes_say_and_never_a_page(
    business: Business, content: bytes, mime: str, picture: bool
) -> None:
    chat_id, _ = await _file(business, content)
    shown = await _shown(business, chat_id)
    assert (shown["available"], shown["mime"], shown["picture"]) == (True, mime, picture)
    answer = await _fetched(business, chat_id)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == mime
    assert answer.headers["content-disposition"].startswith('attachment; filename="picture.jpg"')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize("content", [b"MZ\x90\0" + b"\0" * 5000, b"\x7fELF\2\1", b"#!/bin/sh\nrm -rf /", b""])
async def test_programs_and_nothing_are_not_kept(business: Business, content: bytes) -> None:
    chat_id, external_id = await _file(business, content)
    shown = await _shown(business, chat_id)
    assert (shown["available"], shown["problem"]) == (False, "refused" if content else "empty")
    assert (await _fetched(business, chat_id)).status_code == 404
    again = await business.ask(business.bridge, "PUT", f"/bridge/messages/{external_id}/files/0", content=PNG)
    assert (again.json()["available"], again.json()["problem"]) == (True, None)


async def test_a_file_that_is_not_to_be_had_says_why(business: Business) -> None:
    chat_id, external_id = await _file(business, None, problem="too_large", size=17 * 2**20)
    shown = await _shown(business, chat_id)
    assert (shown["available"], shown["problem"], shown["size"]) == (False, "too_large", 17 * 2**20)
    path = f"/bridge/messages/{external_id}/files/0/problem"
    assert (await business.ask(business.bridge, "PUT", path, json={"problem": "bored"})).status_code == 422
    assert (await business.ask(business.bridge, "PUT", path, json={"problem": "expired"})).status_code == 200
    assert (await _shown(business, chat_id))["problem"] == "expired"


async def test_a_file_over_the_limit_leaves_nothing(business: Business) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    chat_id, external_id = await _file(business, None)
    answer = await business.ask(business.bridge, "PUT", f"/bridge/messages/{external_id}/files/0", content=endless())
    assert answer.status_code == 413
    assert (await _shown(business, chat_id))["available"] is False


async def test_the_file_of_a_deleted_message_is_not_given_out(business: Business) -> None:
    chat_id, external_id = await _file(business, PNG)
    gone = {"external_id": external_id, "chat_id": chat_id, "direction": "in", "kind": "document", "deleted": True}
    await business.ask(
        business.bridge, "POST", "/bridge/observations", json={"epoch": business.epoch, "messages": [gone]}
    )
    assert (await _fetched(business, chat_id)).status_code == 410


async def test_another_business_gets_nothing(business: Business, other_business: Business) -> None:
    chat_id, external_id = await _file(business, PNG)
    file_id = (await _shown(business, chat_id))["id"]
    path = f"/chats/{chat_id}/files/{file_id}"
    assert (await business.ask(business.staff, "GET", path)).status_code == 200
    assert (await other_business.ask(other_business.staff, "GET", path)).status_code == 404
    assert (await business.ask(business.bridge, "GET", path)).status_code == 403
    other_chat = await business.customer_writes("Hello?")
    assert (await business.ask(business.staff, "GET", f"/chats/{other_chat}/files/{file_id}")).status_code == 404
    for verb, body in (("", {"content": PNG}), ("/problem", {"json": {"problem": "expired"}})):
        path = f"/bridge/messages/{external_id}/files/0{verb}"
        assert (await other_business.ask(other_business.bridge, "PUT", path, **body)).status_code == 404


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("../../evil.exe", "evil.exe"),
        ("..\\..\\evil.exe", "evil.exe"),
        ('a"b\r\nX-Evil: 1.pdf', "a_bX-Evil_ 1.pdf"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        (None, "file"),
        ("/", "file"),
        (".htaccess", "htaccess"),
    ],
)
def test_a_name_is_a_name_and_no_path(name: str | None, saved: str) -> None:
    assert disposition(name).startswith(f'attachment; filename="{saved}"; ')
