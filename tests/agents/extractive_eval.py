"""Plays the labelled questions through retriever, drafter, humanizer and checker without a provider, and counts.

By hand: `python -m tests.agents.extractive_eval dev` prints every case that went wrong.
"""

import asyncio
import sys
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from agents.compliance import build_checker
from agents.drafter import build_drafter
from agents.humanizer import build_humanizer
from agents.ports import Checker, Drafter, Humanizer
from agents.retriever import build_retriever
from core.aal import Aal, build_aal
from core.contracts.reasoning import ToneProfile
from core.contracts.states import Verdict
from core.settings import AalSettings
from tests.agents.conversations import conversation
from tests.agents.search import MemorySearch, passages

DATA = Path(__file__).parent / "data"


@dataclass(slots=True)
class Outcome:
    """One question: what was expected, what was said, and how long our own work took."""

    source: str
    ask: list[str]
    expect: list[str]
    reply: str
    missing: list[str]
    verdict: Verdict | None
    reasons: list[str]
    milliseconds: float

    @property
    def right(self) -> bool:
        return bool(self.expect) and not self.missing and all(piece in self.reply for piece in self.expect)


@dataclass(slots=True)
class Tally:
    """All outcomes of a split."""

    outcomes: list[Outcome] = field(default_factory=list)

    def _of(self, answerable: bool) -> list[Outcome]:
        return [o for o in self.outcomes if bool(o.expect) is answerable]

    @property
    def hit_rate(self) -> float:
        """Share of the answerable questions answered with the right words."""
        asked = self._of(True)
        return sum(o.right for o in asked) / len(asked)

    @property
    def wrong_rate(self) -> float:
        """Share of the answerable questions answered with other words."""
        asked = self._of(True)
        return sum(bool(o.reply) and not o.right and not o.missing for o in asked) / len(asked)

    @property
    def false_rate(self) -> float:
        """Share of the unanswerable questions that were answered."""
        asked = self._of(False)
        return sum(bool(o.reply) for o in asked) / len(asked)

    @property
    def passed_rate(self) -> float:
        """Share of the replies that the checker passes as they are."""
        said = [o for o in self.outcomes if o.reply]
        return sum(o.verdict is Verdict.PASS for o in said) / len(said)

    @property
    def p95_milliseconds(self) -> float:
        times = sorted(o.milliseconds for o in self.outcomes)
        return times[int(0.95 * (len(times) - 1))]


async def run(split: str, aal: Aal | None = None) -> Tally:
    """Play every file of a split."""
    aal = aal or build_aal(AalSettings())
    await aal.warm()
    drafter, humanizer, checker = build_drafter(aal), build_humanizer(aal), build_checker(aal.embedder)
    tally = Tally()
    for cases in sorted((DATA / split).glob("*.toml")):
        data = tomllib.loads(cases.read_text("utf-8"))
        knowledge = next(p for p in cases.parent.glob(f"{cases.stem}.*") if p.suffix != ".toml")
        found = passages(knowledge, data["language"])
        search = MemorySearch(found, aal.embedder, data["language"])
        for case in data["cases"]:
            tally.outcomes.append(await _play(case, data["language"], search, drafter, humanizer, checker, cases.stem))
    return tally


async def _play(
    case: dict[str, list[str]],
    language: str,
    search: MemorySearch,
    drafter: Drafter,
    humanizer: Humanizer,
    checker: Checker,
    source: str,
) -> Outcome:
    talk = conversation(*case["ask"], language=language)
    started = time.perf_counter()
    retrieval = await build_retriever(search).retrieve(talk)
    proposal, _ = await drafter.draft(talk, retrieval, ToneProfile())
    reply, report = "", None
    if proposal.parts:
        human, _ = await humanizer.humanize(talk, proposal, ToneProfile())
        report = await checker.check(talk, human.parts, proposal.claims, retrieval.passages)
        reply = "\n".join(human.parts)
    spent = (time.perf_counter() - started) * 1000
    return Outcome(
        source=source,
        ask=case["ask"],
        expect=case.get("expect", []),
        reply=reply,
        missing=proposal.missing,
        verdict=report.verdict if report else None,
        reasons=[f"{f.check}: {f.reason}" for f in report.findings] if report else [],
        milliseconds=spent,
    )


def _print(tally: Tally) -> None:
    for o in tally.outcomes:
        wrong = (o.expect and not o.right) or (not o.expect and o.reply) or (o.verdict not in {None, Verdict.PASS})
        if wrong:
            kind = "MISS " if o.expect and not o.right else "FALSE" if not o.expect else "CHECK"
            sys.stdout.write(
                f"{kind} {o.source}: {o.ask} want {o.expect}\n      got {o.reply!r} missing {o.missing} {o.reasons}\n"
            )
    sys.stdout.write(
        f"hit {tally.hit_rate:.2%}  other words {tally.wrong_rate:.2%}  false {tally.false_rate:.2%}  "
        f"passed {tally.passed_rate:.2%}  p95 {tally.p95_milliseconds:.0f} ms  n {len(tally.outcomes)}\n"
    )


if __name__ == "__main__":
    _print(asyncio.run(run(sys.argv[1])))
