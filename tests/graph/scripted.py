"""Agents without a model: each does the least that its real one does, counts its turns, and may be replaced by a test."""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from agents.ports import Previous
from core.contracts.ids import new_id
from core.contracts.reasoning import (
    AiCall,
    CheckReport,
    Claim,
    Conversation,
    DraftProposal,
    Finding,
    HumanReply,
    Passage,
    Retrieval,
    ToneProfile,
)
from core.contracts.states import Verdict
from core.contracts.texts import text_sha256
from domain.drafts.runs import ClaimedRun
from graph.context import Agents

PASSAGE = Passage(
    id=UUID("01990000-0000-7000-8000-000000000001"),
    source_id=UUID("01990000-0000-7000-8000-000000000002"),
    source_title="Opening hours",
    text="On Saturday we are open from 9 to 13.",
    score=0.9,
)


@dataclass
class ScriptedAgents:
    """All four agents in one; `turns` counts how often each was asked."""

    passages: list[Passage] = field(default_factory=lambda: [PASSAGE])
    replies: list[str] = field(default_factory=list)
    checks: bool = True
    voice: str = "Hello! {}"
    raises: dict[str, Exception] = field(default_factory=dict)
    wait: dict[str, asyncio.Event] = field(default_factory=dict)
    reached: dict[str, asyncio.Event] = field(default_factory=dict)
    provider_ms: int = 0
    turns: Counter[str] = field(default_factory=Counter)
    previous: list[Previous | None] = field(default_factory=list)
    seen: list[Conversation] = field(default_factory=list)
    journal: Path | None = None

    async def agents_for(self, run: ClaimedRun) -> Agents:  # noqa: ARG002 - one business is enough here
        return Agents(self, self, self, self)

    async def retrieve(self, conversation: Conversation) -> Retrieval:
        await self._turn("retrieve")
        self.seen.append(conversation)
        text = conversation.burst_text()
        asks = not re.fullmatch(r"thanks\W*", text, re.IGNORECASE)
        return Retrieval(query=text if asks else "", passages=self.passages if asks else [], floor=0.3)

    async def draft(
        self,
        conversation: Conversation,
        retrieval: Retrieval,
        tone: ToneProfile,  # noqa: ARG002
        previous: Previous | None = None,
    ) -> tuple[DraftProposal, list[AiCall]]:
        calls = await self._turn("draft")
        self.previous.append(previous)
        if not retrieval.passages:
            return DraftProposal(parts=[], missing=[conversation.burst_text()]), calls
        best = retrieval.passages[0]
        text = self.replies.pop(0) if self.replies else best.text
        return DraftProposal(parts=[text], claims=[Claim(text=text, passage_ids=[best.id])], confidence=0.9), calls

    async def humanize(
        self,
        conversation: Conversation,  # noqa: ARG002
        proposal: DraftProposal,
        tone: ToneProfile,  # noqa: ARG002
    ) -> tuple[HumanReply, list[AiCall]]:
        calls = await self._turn("humanize")
        return HumanReply(parts=[self.voice.format(part) for part in proposal.parts]), calls

    async def check(
        self,
        conversation: Conversation,  # noqa: ARG002
        parts: Sequence[str],
        claims: Sequence[Claim],  # noqa: ARG002
        passages: Sequence[Passage],
        tone: ToneProfile | None = None,  # noqa: ARG002
    ) -> CheckReport:
        await self._turn("check")
        known = set(re.findall(r"\d+", " ".join(passage.text for passage in passages)))
        findings = [
            Finding(check="numbers", verdict=Verdict.NEEDS_STAFF, reason=f"{number} is in no source", part=index)
            for index, part in enumerate(parts)
            for number in re.findall(r"\d+", part)
            if self.checks and number not in known
        ]
        return CheckReport(
            verdict=Verdict.NEEDS_STAFF if findings else Verdict.PASS,
            findings=findings,
            score=0.0 if findings else 1.0,
            text_sha256=text_sha256(parts),
            checker_version="scripted",
        )

    async def _turn(self, name: str) -> list[AiCall]:
        """Note the turn, wait or fail where a test wants it, and return the row of a provider's call."""
        self.turns[name] += 1
        if self.journal is not None:
            with self.journal.open("a") as lines:
                lines.write(f"{name}\n")
        if name in self.reached:
            self.reached[name].set()
        if name in self.wait:
            await self.wait[name].wait()
        if name in self.raises:
            raise self.raises[name]
        if not self.provider_ms:
            return []
        await asyncio.sleep(self.provider_ms / 1000)
        return [AiCall(id=new_id(), purpose=name, provider="scripted", model="m1", latency_ms=self.provider_ms)]
