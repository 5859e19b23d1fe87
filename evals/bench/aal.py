"""`waxos bench aal`: drafts while providers fail, providers that are all down or slow, and what our layer costs beside a bare Router."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import structlog
import typer

from agents.drafter import build_drafter
from agents.humanizer import build_humanizer
from core.aal import Aal, build_aal
from core.aal.errors import NoProviderAnswered
from core.contracts.ids import new_id
from core.contracts.reasoning import AiCall, Conversation, Passage, Retrieval, ToneProfile, Turn
from core.contracts.states import Direction, MessageKind
from core.errors import WaxosError
from core.settings import AalSettings
from evals.bench.overhead import overhead
from evals.bench.providers import Providers, percentile, providers

LIMITS = {
    "mixed_success": 0.999,
    "mixed_suggestion_p95_s": 2.0,
    "slow_tenth_suggestion_p95_s": 2.0,
    "all_refused_s_max": 3.0,
    "all_500_s_max": 3.0,
    "all_hang_s_max": 3.0,
    "router_ratio_p50": 1.3,
}
USUAL_S = 0.2
FAULTS = (
    "429",
    "429_retry_after",
    "500",
    "503",
    "hang",
    "reset",
    "bad_json",
    "empty",
    "no_choices",
    "huge",
    "cut_off",
    "wrong_language",
)
FAULT_SHARE = 0.025
TOLD_WITHIN = 2.5
"""`WAXOS_AAL__TOTAL_SECONDS` of a desk that wants to hear within three seconds that nobody answers, also of providers that hang."""

_FACT = "On Saturday we are open from 9 to 13, and there is parking behind the shop."


@dataclass(slots=True)
class Tally:
    """What a phase saw: seconds of each suggestion, and how those without one ended."""

    took: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    calls: list[AiCall] = field(default_factory=list)

    @property
    def success(self) -> float:
        """Return the share of suggestions that came."""
        return len(self.took) / (len(self.took) + self.failed.total())


def aal(
    drafts: Annotated[int, typer.Option(min=10, max=100_000, help="Suggestions while the primary fails.")] = 5000,
    slow: Annotated[int, typer.Option(min=10, max=100_000, help="Suggestions while a tenth is slow.")] = 1000,
    calls: Annotated[int, typer.Option(min=20, max=100_000, help="Calls of each way in the comparison.")] = 500,
    at_once: Annotated[int, typer.Option(min=1, max=100, help="Suggestions made at once.")] = 8,
    proxy: Annotated[
        Path | None,
        typer.Option(help="Python of an environment with `litellm[proxy]`; left out, no proxy is measured."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: metric and value.")] = False,
) -> None:
    """Measure the AI layer against the provider stand-in: faults, slowness, silence, and overhead per call."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    found = asyncio.run(measure(drafts, slow, calls, at_once, proxy))
    found |= {f"{name}_limit": limit for name, limit in LIMITS.items() if name in found}
    for metric, value in found.items():
        typer.echo(json.dumps({"metric": metric, "value": value}) if as_json else f"{metric:<40}{value:>10.4g}")


async def measure(drafts: int, slow: int, calls: int, at_once: int, proxy: Path | None) -> dict[str, float]:
    """Return all figures, on one stand-in."""
    async with providers() as vendors:
        found = await mixed_faults(vendors, drafts, at_once)
        found |= await slow_tenth(vendors, slow, at_once)
        found |= await all_down(vendors)
        found |= await overhead(vendors, calls, proxy)
    return found


async def mixed_faults(vendors: Providers, drafts: int, at_once: int) -> dict[str, float]:
    """Let the primary fail in every way, three answers in ten, with a healthy second."""
    await vendors.behave("openai", USUAL_S, dict.fromkeys(FAULTS, FAULT_SHARE))
    await vendors.behave("groq", USUAL_S)
    layer = build_aal(AalSettings(chain=vendors.chain("openai", "groq")))
    await _warm(layer)
    tally = await _suggestions(layer, drafts, at_once)
    asked = await vendors.behave("openai", USUAL_S)
    return {
        "mixed_drafts": float(drafts),
        "mixed_success": round(tally.success, 5),
        "mixed_suggestion_p50_s": round(percentile(tally.took, 0.5), 3),
        "mixed_suggestion_p95_s": round(percentile(tally.took, 0.95), 3),
        "mixed_suggestion_p99_s": round(percentile(tally.took, 0.99), 3),
        "mixed_by_second_share": round(_share_of(tally.calls, "groq"), 3),
        "mixed_requests_per_answer": round((asked["openai"] + asked["groq"]) / (2 * drafts), 3),
    }


async def slow_tenth(vendors: Providers, suggestions: int, at_once: int) -> dict[str, float]:
    """Let one call in ten of the primary take ten seconds; then the same without a second beside it, for comparison."""
    found: dict[str, float] = {}
    for name, hedge, count in (("", None, suggestions), ("_unhedged", 0.0, max(10, suggestions // 20))):
        await vendors.behave("openai", USUAL_S, {"slow": 0.1})
        await vendors.behave("groq", USUAL_S)
        given = {} if hedge is None else {"hedge_seconds": hedge}
        layer = build_aal(AalSettings.model_validate({"chain": vendors.chain("openai", "groq"), **given}))
        await _warm(layer)
        tally = await _suggestions(layer, count, at_once)
        asked = await vendors.behave("openai", USUAL_S)
        found |= {
            f"slow_tenth{name}_suggestion_p50_s": round(percentile(tally.took, 0.5), 3),
            f"slow_tenth{name}_suggestion_p95_s": round(percentile(tally.took, 0.95), 3),
            f"slow_tenth{name}_requests_per_answer": round((asked["openai"] + asked["groq"]) / (2 * count), 3),
        }
    return found


async def all_down(vendors: Providers) -> dict[str, float]:
    """Take every provider away in three ways: how long until that is said, and until a suggestion comes when they are back."""
    found: dict[str, float] = {}
    for name in ("refused", "500", "hang"):
        entries = vendors.chain("openai", "groq", "gemini")
        if name == "refused":
            entries = [entry.model_copy(update={"base_url": "http://127.0.0.1:9/v1"}) for entry in entries]
        layer = build_aal(AalSettings(chain=entries, total_seconds=TOLD_WITHIN))
        await layer.warm()
        for vendor in ("openai", "groq", "gemini"):
            await vendors.behave(vendor, 0.0, {name: 1.0} if name != "refused" else None)
        took = [await _told(layer) for _ in range(9)]
        found |= {f"all_{name}_s_max": round(max(took), 3), f"all_{name}_s_then": round(took[-1], 3)}
        if name != "refused":
            for vendor in ("openai", "groq", "gemini"):
                await vendors.behave(vendor, USUAL_S)
            found[f"all_{name}_recovered_s"] = round(await _back(layer), 3)
    return found


async def _told(layer: Aal) -> float:
    began = time.perf_counter()
    try:
        await _suggest(layer)
    except NoProviderAnswered:
        return time.perf_counter() - began
    raise WaxosError("a provider that was down gave an answer")


async def _back(layer: Aal) -> float:
    """Return how long after the providers are back a suggestion comes; asks as often as customers might."""
    began = time.perf_counter()
    while time.perf_counter() - began < 60:
        try:
            await _suggest(layer)
        except NoProviderAnswered:
            await asyncio.sleep(0.25)  # house: sleep - a customer every quarter of a second
            continue
        return time.perf_counter() - began
    raise WaxosError("no suggestion came within a minute after the providers were back")


async def _warm(layer: Aal) -> None:
    await layer.warm()
    for _ in range(2):
        await _suggest(layer)


async def _suggestions(layer: Aal, count: int, at_once: int) -> Tally:
    tally, left = Tally(), iter(range(count))

    async def work() -> None:
        for _ in left:
            began = time.perf_counter()
            try:
                tally.calls += await _suggest(layer)
            except NoProviderAnswered as error:
                tally.failed[error.call.outcome] += 1
            else:
                tally.took.append(time.perf_counter() - began)

    await asyncio.gather(*(work() for _ in range(at_once)))
    return tally


async def _suggest(layer: Aal) -> list[AiCall]:
    """Make one suggestion for a question that no other has asked.

    Raises:
        NoProviderAnswered: nobody gave the facts, or the wording had to come from the rules, which counts as none here.
    """
    asked, found = _conversation(), _found()
    tone = ToneProfile(business_name="Bench")
    proposal, drafted = await build_drafter(layer).draft(asked, found, tone)
    if not proposal.parts:
        raise WaxosError("a draft of the benchmark says nothing")
    _, worded = await build_humanizer(layer).humanize(asked, proposal, tone)
    bad = [call for call in worded if call.outcome != "ok"]
    if bad:
        raise NoProviderAnswered([], bad[0])
    return [*drafted, *worded]


def _share_of(calls: Sequence[AiCall], provider: str) -> float:
    return sum(call.provider == provider for call in calls) / len(calls)


def _conversation() -> Conversation:
    turn = Turn(
        message_id=new_id(),
        seq=1,
        direction=Direction.IN,
        kind=MessageKind.TEXT,
        text="When are you open on Saturday?",
        at=datetime.now(UTC),
    )
    return Conversation(chat_id=new_id(), contact_name="Ana", language="en", history=[], burst=[turn])


def _found() -> Retrieval:
    passages = [Passage(id=new_id(), source_id=new_id(), source_title="Hours", text=_FACT, language="en", score=0.9)]
    return Retrieval(query="hours", passages=passages, floor=0.5)
