"""Two hundred planted personal data: no provider reads one of them, and the replies have them back in their places."""

import random
import re
from collections.abc import AsyncIterator

import pytest

from agents.drafter import build_drafter
from agents.humanizer import build_humanizer
from agents.text.veil import Veil
from core.aal import Aal, build_aal
from core.contracts.reasoning import Conversation, ToneProfile
from core.contracts.states import Direction
from core.settings import AalSettings
from tests.agents.conversations import conversation, turn
from tests.agents.knowledge import passage, retrieval
from tests.core.aal.conftest import link
from tests.standins.provider import Asked, ProviderStandin, Reply, run_provider
from tests.standins.provider.scribe import block

VENDORS = ("bytez", "openrouter", "groq", "gemini", "openai")
CHATS = 40
FIRST = ("Ana", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ingrid", "Jorge")
LAST = ("Silva", "Okafor", "Lindqvist", "Marchetti", "Yılmaz", "Petrov", "Haddad", "Kowalski")
WORDS = "Please note that I am {name}. Call me at {phone} or write to {email}, pay by card {card} or from {iban}. When are you open?"


def digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("123456789") for _ in range(count))


def card(chance: random.Random) -> str:
    head = "4" + digits(chance, 14)
    doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(reversed(head))]
    number = head + str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)
    return chance.choice((number, " ".join(number[i : i + 4] for i in range(0, 16, 4))))


def iban(chance: random.Random) -> str:
    account = digits(chance, 18)
    check = 98 - int(account + "131400") % 97
    return f"DE{check:02d}{account}"


def phone(chance: random.Random) -> str:
    mobile = digits(chance, 7)
    german, american = f"171 {mobile}", f"(212) 5{mobile[:2]}-{mobile[2:6]}"
    return chance.choice((f"+49 {german}", f"0{german}", f"+34 612 {mobile[:3]} {mobile[3:6]}", f"+1 {american}"))


def planted(chance: random.Random, number: int) -> dict[str, str]:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    return {
        "name": f"{first} {last}",
        "phone": phone(chance),
        "email": f"{first.lower()}.{number}@mail{number}.example",
        "card": card(chance),
        "iban": iban(chance),
    }


def echo(asked: Asked) -> Reply:
    """Say back what the customer said: whatever is put under a placeholder comes back under it."""
    wanted = set((asked.schema or {}).get("properties", {}))
    if wanted == {"parts"}:
        greeted = re.search(r"First reply: greet ([^\n]+)\.", asked.text())
        return {"parts": [f"Hi {greeted[1] if greeted else ''}! {block(asked.text(), 'facts')}"]}
    said = block(asked.text(), "new messages")
    claims = [{"text": said, "passages": [1]}]
    return {"parts": [said], "claims": claims, "missing": [], "confidence": 0.9}


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[ProviderStandin]:
    async with run_provider() as running:
        running.answer_with(echo)
        yield running


@pytest.fixture(scope="module")
def layers(provider: ProviderStandin) -> list[Aal]:
    return [build_aal(AalSettings(chain=[link(name, provider.base_url(name))], attempt_seconds=30)) for name in VENDORS]


async def test_two_hundred_personal_data_reach_no_provider_and_come_back(
    provider: ProviderStandin, layers: list[Aal]
) -> None:
    chance = random.Random(5)
    data = [planted(chance, number) for number in range(CHATS)]
    restored = 0
    told = []
    for number, given in enumerate(data):
        layer = layers[number % len(layers)]
        words = WORDS.format_map(given)
        talk = conversation(
            words, contact=given["name"], history=[turn(f"My number is {given['phone']}, thanks.", Direction.IN)]
        )
        proposal, drafted = await build_drafter(layer).draft(
            talk, retrieval(passage("We are open from 9 to 5.")), ToneProfile()
        )
        reply, worded = await build_humanizer(layer).humanize(talk, proposal, ToneProfile())
        told += [*drafted, *worded]
        restored += proposal.parts == [words] and reply.parts == [f"Hi {given['name'].split()[0]}! {words}"]
    assert sum(len(given) for given in data) == 200
    assert {request.vendor for request in provider.journal} == set(VENDORS)
    seen = "\n".join(str(request.body) for request in provider.journal) + str(told)
    bare = re.sub(r"[\s\-()]", "", seen)
    leaked = [value for given in data for value in given.values() if re.sub(r"[\s\-()]", "", value) in bare]
    assert leaked == []
    assert not [name for given in data for name in given["name"].split() if re.search(rf"\b{name}\b", seen)]
    assert restored / CHATS >= 0.99
    assert "[phone-1]" in seen  # there was something to hide, and it was asked about


def test_what_an_answer_needs_stays() -> None:
    words = "Are you open on Saturday 12/12/2026 at 9:30? I pay 20 EUR for 3 cakes to Main Street 5."
    assert Veil(conversation(words, contact=None)).over(words) == words


def test_a_number_beside_what_might_be_an_address_is_hidden() -> None:
    words = "I am Ana Lindqvist. Call me at 0171 6821859, or come to Calle Mayor 12."
    assert (
        Veil(conversation(words, contact=None)).over(words).endswith("Call me at [phone-1], or come to Calle Mayor 12.")
    )


def test_a_mark_that_stands_for_nothing_is_no_answer_and_a_spoilt_one_is_read() -> None:
    veil = Veil(talk := conversation("Call +49 171 2345678.", contact="Ana"))
    assert veil.over(talk.burst_text()) == "Call [phone-1]."
    assert (
        veil.off("Hi {NAME-1}, we call [[phone_1]] or room number 1.")
        == "Hi Ana, we call +49 171 2345678 or room number 1."
    )
    assert veil.unknown({"parts": ["We call [phone-1]."], "missing": []}) is None
    assert "[phone-2]" in (veil.unknown({"parts": ["We call [phone-2]."]}) or "")


@pytest.mark.parametrize("vendor", ["openai"])
async def test_a_reply_with_a_hole_is_corrected(vendor: str, provider: ProviderStandin, layers: list[Aal]) -> None:
    talk: Conversation = conversation("Is it true that you open at nine?", contact="Ana")
    holed = {
        "parts": ["We call you at [phone-7]."],
        "claims": [{"text": "We call.", "passages": [1]}],
        "missing": [],
        "confidence": 1,
    }
    provider.script(vendor, holed)
    proposal, _ = await build_drafter(layers[-1]).draft(talk, retrieval(passage("We open at 9.")), ToneProfile())
    assert proposal.parts == ["Is it true that you open at nine?"]
