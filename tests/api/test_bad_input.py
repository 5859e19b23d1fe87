"""What no column holds is refused in plain words, never with a fault of ours."""

import base64

import pytest

from tests.api.conftest import Business

HUGE = 10**30


@pytest.mark.parametrize(
    "path",
    [
        f"/chats?cursor={base64.urlsafe_b64encode(f'o{HUGE}'.encode()).decode()}",
        "/chats?q=a%00b",
        f"/chats/{{chat_id}}/messages?before_seq={HUGE}",
        f"/chats/{{chat_id}}/messages?cursor={HUGE}",
    ],
)
async def test_numbers_and_characters_in_addresses(business: Business, path: str) -> None:
    chat_id = await business.customer_writes("What does tea cost?")
    answer = await business.ask(business.owner, "GET", path.format(chat_id=chat_id))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_a_cursor_in_other_digits_is_no_fault(business: Business) -> None:
    chat_id = await business.customer_writes("What does tea cost?")
    answer = await business.ask(business.owner, "GET", f"/chats/{chat_id}/messages?cursor=%C2%B2")
    assert answer.status_code < 500


async def test_a_character_in_a_body(business: Business) -> None:
    answer = await business.ask(business.owner, "POST", "/channels", json={"kind": "sandbox", "name": "a\0b"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
