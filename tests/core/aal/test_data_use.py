"""Who may read customers' words: what is not known counts as the worst, and what a business's rules keep out is never asked."""

import pytest
from pydantic import SecretStr

from core.aal import CallLog, Purpose, build_aal
from core.aal.catalog import catalog
from core.aal.chain import build_chain
from core.aal.data_use import refusal
from core.contracts.policies import DataUsePolicy
from core.settings import AalSettings, ProviderSettings
from tests.core.aal.conftest import Chain
from tests.core.aal.test_providers import ask
from tests.standins.provider import ProviderStandin, status

NONE = DataUsePolicy()
VENDORS = ("bytez", "openrouter", "groq", "gemini", "openai", "local")


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        (NONE, {"openrouter", "groq", "openai", "local"}),
        (DataUsePolicy(training=True), set(VENDORS)),
        (DataUsePolicy(zero_retention=True), {"openrouter", "local"}),
        (DataUsePolicy(training=True, zero_retention=True), {"openrouter", "local"}),
        (DataUsePolicy(providers=["groq", "bytez"]), {"groq"}),
        (DataUsePolicy(providers=[]), set()),
    ],
    ids=["none", "training", "no_retention", "both", "chosen", "nobody"],
)
def test_unknown_counts_as_trains_and_keeps(policy: DataUsePolicy, allowed: set[str]) -> None:
    chain = build_chain(
        AalSettings(
            chain=[ProviderSettings.model_validate({"provider": v, "model": "m", "api_key": "k" * 12}) for v in VENDORS]
        ),
        catalog(),
    )
    assert {link.provider for link in chain if refusal(link, policy) is None} == allowed


def test_an_owner_may_say_that_the_contract_rules_training_out() -> None:
    paid = ProviderSettings(provider="gemini", model="gemini-2.5-flash", api_key=SecretStr("k" * 12), trains="no")
    (link,) = build_chain(AalSettings(chain=[paid]), catalog())
    assert refusal(link, NONE) is None
    assert link.data.source.startswith("said in the settings of this desk")
    assert refusal(link, DataUsePolicy(zero_retention=True)) == "it keeps what it reads"


async def test_what_is_kept_out_is_not_asked_also_when_all_others_fail(
    chain: Chain, providers: ProviderStandin
) -> None:
    aal = chain("gemini", "groq", "bytez", "openai")
    providers.script("groq", status(500))
    log = CallLog()
    await ask(aal.under(NONE), log)
    assert [request.vendor for request in providers.journal] == ["groq", "openai"]
    assert log.calls[0].provider == "openai"
    assert aal.under(NONE) is aal.under(DataUsePolicy())
    nobody = aal.under(DataUsePolicy(providers=["bytez"]))
    assert not nobody.configured
    assert nobody.model(Purpose.DRAFT) is None
    told = (await aal.status(NONE)).chain
    assert [(link.provider, link.why_not is None) for link in told] == [
        ("gemini", False), ("groq", True), ("bytez", False), ("openai", True),
    ]  # fmt: skip


async def test_openrouter_is_asked_to_keep_nothing_where_the_business_wants_it(
    chain: Chain, providers: ProviderStandin
) -> None:
    aal = chain("openrouter")
    await ask(aal.under(NONE))
    await ask(aal.under(DataUsePolicy(zero_retention=True)))
    usual, strict = (request.body["provider"] for request in providers.journal)
    assert usual == {"data_collection": "deny"}
    assert strict == {"data_collection": "deny", "zdr": True}


def test_views_share_who_rests() -> None:
    aal = build_aal(AalSettings(groq_api_key=SecretStr("k" * 12)))
    assert aal.under(NONE)._cooldowns is aal._cooldowns
