"""The chain as the settings give it, and the catalog's facts."""

import pytest
from pydantic import SecretStr

from core.aal import Purpose, build_aal
from core.aal.catalog import catalog
from core.aal.chain import build_chain
from core.errors import SetupError
from core.settings import AalSettings, ProviderSettings


def test_keys_alone_make_the_chain_in_its_fixed_order() -> None:
    settings = AalSettings(gemini_api_key=SecretStr("g"), bytez_api_key=SecretStr("b"), groq_api_key=SecretStr("q"))
    assert [link.provider for link in build_chain(settings, catalog())] == ["bytez", "groq", "gemini"]


def test_a_named_provider_keeps_its_place_and_its_model() -> None:
    named = ProviderSettings(provider="groq", model="openai/gpt-oss-120b", api_key=SecretStr("q"))
    chain = build_chain(
        AalSettings(chain=[named], groq_api_key=SecretStr("x"), bytez_api_key=SecretStr("b")), catalog()
    )
    assert [(link.provider, link.model) for link in chain] == [
        ("groq", "openai/gpt-oss-120b"),
        ("bytez", catalog().providers["bytez"].default_model),
    ]


def test_a_provider_without_its_key_stops_the_start() -> None:
    with pytest.raises(SetupError, match="without a key"):
        build_chain(AalSettings(chain=[ProviderSettings(provider="openai", model="gpt-4o-mini")]), catalog())


async def test_an_empty_chain_has_no_model() -> None:
    aal = build_aal(AalSettings())
    assert aal.model(Purpose.DRAFT) is None
    assert (await aal.status()).chain == []


def test_unknown_facts_count_as_the_worst() -> None:
    assert catalog().providers["bytez"].may_train
    assert catalog().providers["gemini"].may_train
    assert not catalog().providers["groq"].may_train
    for facts in catalog().providers.values():
        assert facts.source
        assert facts.source_date


def test_cost_is_rounded_up_and_unknown_where_the_price_is() -> None:
    assert catalog().cost_micro("openai", "gpt-4o-mini", 1, 0) == 1
    assert catalog().cost_micro("bytez", "anything", 1000, 1000) is None
    assert catalog().cost_micro("local", "anything", 1000, 1000) == 0
