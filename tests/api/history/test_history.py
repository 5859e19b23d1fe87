"""Past chats over HTTP: read in a child, redacted, proposed, decided on by an admin; the file itself is nowhere afterwards."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.history import reading
from core.contracts.history import DateOrder, SideReason
from core.db.session import Database
from core.errors import InvalidInput
from tests.api.conftest import Business, Server, open_business
from tests.api.history.exports import CHAT, FILE


@pytest.fixture
async def cafe(server: Server, behind: Database) -> Business:
    """A business whose history no other test has touched."""
    return await open_business(server, behind, "Café")


async def _import(cafe: Business, content: bytes, name: str = FILE, **form: str) -> Any:
    return await cafe.ask(cafe.owner, "POST", "/history/imports", files={"file": (name, content)}, data=form)


async def test_a_chat_becomes_proposals_and_one_a_curated_answer(cafe: Business) -> None:
    imported = (await _import(cafe, CHAT.encode())).json()
    assert (imported["business"], imported["business_known_by"]) == ("Corner Café", SideReason.FILE_NAME)
    assert (imported["date_order"], imported["language"], imported["messages"]) == (DateOrder.DMY, "en", 7)
    assert (imported["first_on"], imported["last_on"]) == ("2024-05-13", "2024-05-14")
    assert imported["proposed"] == {"answer": 2, "eval_case": 2}
    assert imported["redacted"] == {"name": 2, "phone": 1}

    listed = await cafe.ask(cafe.owner, "GET", "/proposals", params={"kind": "answer"})
    dogs, milk = sorted(listed.json()["items"], key=lambda item: item["answer"]["question"])
    assert dogs["answer"]["question"] == "Are dogs allowed on the terrace?"
    assert dogs["answer"]["answer"] == "Dogs are welcome on the terrace all year."
    accept, dismiss = f"/proposals/{dogs['id']}/accept", f"/proposals/{milk['id']}/dismiss"
    accepted = (await cafe.ask(cafe.owner, "POST", accept, json={})).json()
    assert accepted["state"] == "accepted"
    source = await cafe.ask(cafe.staff, "GET", f"/knowledge/sources/{accepted['source_id']}")
    assert (source.json()["kind"], source.json()["title"]) == ("curated", "Are dogs allowed on the terrace?")
    assert (await cafe.ask(cafe.owner, "POST", dismiss)).json()["state"] == "dismissed"
    again = await cafe.ask(cafe.owner, "POST", dismiss)
    assert (again.status_code, again.json()["current"]["state"]) == (409, "dismissed")
    left = await cafe.ask(cafe.owner, "GET", "/proposals", params={"kind": "answer"})
    assert left.json()["items"] == []
    for address, origin, count in (
        ("/proposals", "past_chat", 2),
        ("/proposals", "unanswered", 0),
        ("/history/proposals", "past_chat", 2),
    ):
        cases = await cafe.ask(cafe.owner, "GET", address, params={"origin": origin})
        assert len(cases.json()["items"]) == count
    assert (await cafe.ask(cafe.staff, "GET", "/chats")).json()["items"] == []


async def test_nothing_of_the_customer_and_no_file_is_left(cafe: Business, server: Server) -> None:
    folder = server.settings.storage.folder
    before = set(folder.rglob("*"))
    answer = await _import(cafe, CHAT.encode())
    assert answer.json()["proposed"] == {"answer": 2, "eval_case": 2}
    assert set(folder.rglob("*")) == before
    said = answer.text + (await cafe.ask(cafe.owner, "GET", "/proposals", params={"limit": 100})).text
    for private in ("Carla", "Mendes", "912 345"):
        assert private not in said


async def test_the_same_file_twice_and_in_a_zip(cafe: Business) -> None:
    first = (await _import(cafe, CHAT.encode())).json()
    again = (await _import(cafe, CHAT.encode())).json()
    assert (again["id"], again["repeated"]) == (first["id"], True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(FILE, CHAT)
        archive.writestr("IMG-20240514-WA0001.jpg", b"\xff\xd8\xff")
    zipped = (await _import(cafe, packed.getvalue(), "chat.zip")).json()
    assert (zipped["repeated"], zipped["proposed"], zipped["seen_again"]) == (False, {}, 0)


async def test_what_a_person_has_to_say_is_asked_by_a_code(cafe: Business) -> None:
    unclear = await _import(cafe, CHAT.encode(), "chat.txt")
    assert (unclear.status_code, unclear.json()["code"]) == (422, "business_unclear")
    assert sorted(unclear.json()["current"]["authors"]) == ["Carla Mendes", "Corner Café"]
    named = await _import(cafe, CHAT.encode(), "chat.txt", business="corner café")
    assert (named.status_code, named.json()["business_known_by"]) == (201, "named")
    early = CHAT.replace("13/05", "03/05").replace("14/05", "04/05")
    asked = await _import(cafe, early.encode())
    assert (asked.status_code, asked.json()["code"]) == (422, "date_order_unclear")
    told = await _import(cafe, early.encode(), date_order="mdy")
    assert told.json()["first_on"] == "2024-03-05"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "unreadable"),
        (b"Dear Sir, we thank you.", 422, "unreadable"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\0", 422, "unreadable"),
        (b"PK\x03\x04broken", 422, "unreadable"),
        (b"x" * 1_100_000, 413, "too_large"),
        (b"x" * 2_000_000, 413, "too_large"),
    ],
)
async def test_what_is_no_export_is_refused(business: Business, content: bytes, status: int, code: str) -> None:
    answer = await _import(business, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["hint"]


async def test_only_admins_may(business: Business) -> None:
    file = {"file": (FILE, CHAT.encode())}
    assert (await business.ask(business.staff, "POST", "/history/imports", files=file)).status_code == 403
    assert (await business.ask(business.staff, "GET", "/proposals")).status_code == 403


async def test_one_chat_is_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader of a process has one place; whoever comes second waits for it, and gets it also after a failure."""
    reader = reading.HistoryReader()
    running, most = 0, 0

    async def run(*_given: object) -> dict[str, object]:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(0)  # house: sleep - lets the others in, if they may
        running -= 1
        raise InvalidInput("no")

    monkeypatch.setattr(reading.HistoryReader, "run", run)
    results = await asyncio.gather(
        *(reader.read(_nothing(), "x", None, None) for _ in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [InvalidInput] * 3
    assert most == 1


async def _nothing() -> AsyncIterator[bytes]:
    for part in (b"",):
        yield part
