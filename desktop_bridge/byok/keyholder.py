"""The holder: a process of its own that holds the owner's key while it is unlocked, and asks the provider. Locking ends the process.

So the key is dropped with the whole memory that it was in, LiteLLM's clients and caches among it. It comes by a pipe: no argument, no
environment and no file holds it; there is no core dump, and what LiteLLM would write to the terminal goes nowhere.
"""

import asyncio
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from pydantic import SecretStr, ValidationError

from core.aal import build_aal
from core.aal.circuits import NeverResting
from core.aal.errors import NoProviderAnswered
from core.aal.language import LanguageDetector, tier_of
from core.contracts.reasoning import AiCall, CheckReport, Conversation, DraftProposal, Retrieval
from core.contracts.states import Verdict
from core.errors import WaxosError
from core.settings import AalSettings, ProviderSettings
from desktop_bridge import host
from desktop_bridge.byok.thought import Answer, Failure, Looked, Opening, Ready, Request, Thinking, Thought

MOST_TRIES = 2
"""One draft and one repair, as on the server."""

_MOST_SEARCHES = 3
_TODO = {
    "provider_key_refused": "exchange the key above",
    "provider_out_of_credit": "add credit at the provider",
    "provider_rejected": "is the model's name right? exchange it above",
}
_TRY_AGAIN = "ask again, or write the reply by hand"


class KeyHolder:
    """The agents on a chain of one link, the owner's provider: there is nobody to fall back to."""

    def __init__(self, opening: Opening) -> None:
        link = ProviderSettings.model_validate(
            {
                "provider": opening.provider,
                "model": opening.model,
                "api_key": SecretStr(opening.key),
                "base_url": opening.address,
            }
        )
        settings = AalSettings(chain=[link], attempt_seconds=30.0, total_seconds=60.0)
        self.aal = build_aal(settings, cooldowns=NeverResting())
        self._detector = LanguageDetector()
        self._drafter = _agent("drafter").build_drafter(self.aal)
        self._humanizer = _agent("humanizer").build_humanizer(self.aal)
        self._checker = _agent("compliance").build_checker(self.aal.embedder, self._detector)

    def look(self, conversation: Conversation) -> Looked:
        """Name the language of the burst, and say what to search for."""
        tag = self._detector.detect(conversation.burst_text()).tag or conversation.language
        conversation = conversation.model_copy(update={"language": tag, "tier": tier_of(tag)})
        asked = importlib.import_module("agents.text.questions").asks(conversation)
        queries = list(dict.fromkeys(str(ask.query) for ask in asked))
        if len(queries) > _MOST_SEARCHES:
            queries = [*queries[: _MOST_SEARCHES - 1], " ".join(queries[_MOST_SEARCHES - 1 :])]
        return Looked(conversation=conversation, queries=queries)

    async def think(self, ask: Thinking) -> Thought | Failure:
        """Draft, humanize and check, with one repair. What was paid for before a failure is told with it."""
        calls: list[AiCall] = []
        try:
            return await self._think(ask, calls)
        except NoProviderAnswered as error:
            told = error.attempts[-1] if error.attempts else error
            hint = _TODO.get(told.reason_code, _TRY_AGAIN)
            return Failure(code=told.reason_code, detail=told.detail, hint=hint, calls=[*calls, error.call])

    async def _think(self, ask: Thinking, calls: list[AiCall]) -> Thought:
        conversation = ask.conversation
        if not conversation.burst_text().strip():
            missing = [f"what the customer sent as {kind}" for kind in conversation.unreadable]
            return Thought(proposal=DraftProposal(parts=[], missing=missing), calls=[])
        retrieval = Retrieval(query="", passages=ask.passages, floor=0.0)
        parts, reasons = list(ask.parent_parts), list[str]()
        for tries in range(1, MOST_TRIES + 1):
            previous = _previous(parts, reasons, ask.hint)
            proposal, made = await self._drafter.draft(conversation, retrieval, ask.tone, previous)
            calls += made
            if not proposal.parts:
                return Thought(proposal=proposal, calls=calls)
            reply, made = await self._humanizer.humanize(conversation, proposal, ask.tone)
            calls += made
            parts = list(reply.parts)
            report: CheckReport = await self._checker.check(
                conversation, parts, proposal.claims, ask.passages, ask.tone
            )
            reasons = [f.reason for f in report.findings if f.verdict != Verdict.PASS and f.part is not None]
            if not reasons or tries == MOST_TRIES:
                break
        return Thought(proposal=proposal, parts=parts, report=report, calls=calls)


def _agent(name: str) -> Any:
    """Import an agent when it is needed: without the extra `byok` the bridge has none."""
    return importlib.import_module(f"agents.{name}")


def _previous(parts: Sequence[str], reasons: Sequence[str], hint: str) -> Any:
    ports = importlib.import_module("agents.ports")
    return ports.Previous(parts, reasons, hint) if parts or reasons or hint else None


async def answer(holder: KeyHolder, line: str) -> Looked | Thought | Failure:
    """Return the answer to one line; whatever goes wrong is a `Failure` that quotes nothing."""
    try:
        request = Request.model_validate_json(line)
        if request.think is not None:
            return await holder.think(request.think)
        if request.look is not None:
            return holder.look(request.look)
        return Failure(code="suggestion_failed", detail="nothing was asked", hint=None)
    except WaxosError as error:
        return Failure(code=error.reason_code, detail=error.detail, hint=error.hint)
    except Exception as error:  # noqa: BLE001 - the edge of a process: a traceback could quote what must not be written
        detail = f"the suggestion could not be made ({type(error).__name__})"
        return Failure(
            code="suggestion_failed", detail=detail, hint="try again; if it stays so, write the reply by hand"
        )


async def serve(lines: TextIO, out: TextIO) -> None:
    """Read the opening, then answer line by line until there are no more."""
    try:
        holder = KeyHolder(Opening.model_validate_json(await asyncio.to_thread(lines.readline)))
        await holder.aal.warm()
    except (WaxosError, ValidationError, ImportError) as error:
        detail = error.detail if isinstance(error, WaxosError) else f"it cannot start ({type(error).__name__})"
        _say(out, Failure(code="holder_failed", detail=detail, hint="is the extra `byok` of WAXOS installed?"))
        return
    _say(out, Ready())
    while line := await asyncio.to_thread(lines.readline):
        _say(out, await answer(holder, line))


def _say(out: TextIO, answer: Answer) -> None:
    out.write(answer.model_dump_json() + "\n")
    out.flush()


def main() -> None:
    """Serve the process that started us, by its pipes; end with it."""
    host.forbid_core_dumps()
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(nowhere, number)
    asyncio.run(serve(sys.stdin, out))


if __name__ == "__main__":
    main()
