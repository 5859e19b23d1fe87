"""Which providers a tenant's policy lets read its customers' words. What is filtered out is never asked, also not as the last one left."""

from collections.abc import Sequence
from dataclasses import replace

from core.aal.chain import Link
from core.contracts.policies import DataUsePolicy


def refusal(link: Link, policy: DataUsePolicy) -> str | None:
    """Return why a policy keeps a provider from reading anything, None where it may."""
    if policy.providers is not None and link.provider not in policy.providers:
        return "this business has not chosen it"
    if link.data.may_train and not policy.training:
        return "it trains on what it reads" if link.data.trains == "yes" else "it is not known that it does not train"
    if policy.zero_retention and link.data.may_keep and not link.facts.zero_retention_body:
        return (
            "it keeps what it reads" if link.data.keeps_days != "unknown" else "it is not known that it keeps nothing"
        )
    return None


def permitted(links: Sequence[Link], policy: DataUsePolicy) -> tuple[Link, ...]:
    """Return the links that a policy allows, in their order, each asking for what the policy wants of it."""
    return tuple(
        replace(link, zero_retention=policy.zero_retention and bool(link.facts.zero_retention_body))
        for link in links
        if refusal(link, policy) is None
    )
