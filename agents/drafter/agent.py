"""The drafter on a language model. Loaded by the factory only where a provider is configured."""

from collections.abc import Sequence
from importlib.resources import files
from uuid import UUID

from pydantic_ai import Agent
from pydantic_ai.exceptions import UnexpectedModelBehavior

from agents.drafter.output import DraftOutput
from agents.drafter.prepared import prepared_reply
from agents.ports import Previous
from agents.text.questions import asks
from agents.text.sayable import sayable
from agents.text.veil import NOTE, Veil
from core.aal import Aal, CallLog, Purpose
from core.aal.errors import ProviderAnswerUnusable
from core.aal.language import LanguageDetector
from core.contracts.reasoning import AiCall, Claim, Conversation, DraftProposal, Passage, Retrieval, ToneProfile
from core.contracts.states import Direction

_MOST_PARTS = 3
_HISTORY = 10


def seed_prompt() -> str:
    """Return the drafter's instructions as they ship."""
    return files("agents.drafter").joinpath("prompt.md").read_text("utf-8")


def drafting_agent(instructions: str) -> Agent[None, DraftOutput]:
    """Return the agent; the model comes with each run, and the AAL beneath it does the repairing and falling back."""
    return Agent(output_type=DraftOutput, instructions=instructions, retries=0)


class ModelDrafter:
    """Asks the chain for the facts of a reply and keeps only what cites a passage that was really given."""

    def __init__(self, aal: Aal, instructions: str | None = None, detector: LanguageDetector | None = None) -> None:
        self._aal = aal
        self._detector = detector or LanguageDetector()
        self._agent = drafting_agent(instructions or seed_prompt())

    async def draft(
        self, conversation: Conversation, retrieval: Retrieval, tone: ToneProfile, previous: Previous | None = None
    ) -> tuple[DraftProposal, list[AiCall]]:
        """Return the proposal and the rows of its calls; what staff wrote for these very questions needs none.

        Raises:
            ProviderError: no provider gave a usable answer.
        """
        wanted = asks(conversation)
        questions = [ask.text for ask in wanted]
        if not questions:
            return DraftProposal(parts=[], language=conversation.language), []
        if not retrieval.passages:
            return DraftProposal(parts=[], missing=questions, language=conversation.language), []
        if previous is None or not previous.hint:
            prepared = await prepared_reply(wanted, retrieval.passages, self._aal.embedder, conversation)
            if prepared is not None:
                return prepared, []
        log = CallLog()
        veil = Veil(conversation, [passage.text for passage in retrieval.passages if passage.live])
        model = self._aal.model(Purpose.DRAFT, log, sayable(self._detector, conversation.language, veil))
        try:
            prompt = _prompt(conversation, retrieval.passages, tone, previous, veil)
            result = await self._agent.run(prompt, model=model)
        except UnexpectedModelBehavior:
            last = log.calls[-1]
            raise ProviderAnswerUnusable(last.provider, last.model, reason="not of the asked shape") from None
        output = DraftOutput.model_validate(veil.off_all(result.output.model_dump()))
        return _proposal(output, retrieval.passages, conversation.language), log.calls


def _prompt(
    conversation: Conversation, passages: Sequence[Passage], tone: ToneProfile, previous: Previous | None, veil: Veil
) -> str:
    who = {Direction.IN: "customer", Direction.OUT: "business"}
    history = "\n".join(f"{who[turn.direction]}: {turn.text}" for turn in conversation.history[-_HISTORY:] if turn.text)
    knowledge = "\n\n".join(f"[{number}] {_said(passage)}" for number, passage in enumerate(passages, start=1))
    blocks = [
        _block("conversation", history or "(nothing before)"),
        _block("new messages", conversation.burst_text()),
        _block("passages", knowledge),
    ]
    if previous is not None and (previous.parts or previous.reasons or previous.hint):
        faults = "\n".join((*previous.reasons, *((f"asked by staff: {previous.hint}",) if previous.hint else ())))
        blocks.append(_block("the reply that is to be replaced", "\n".join(previous.parts)))
        blocks.append(_block("what is to be different", faults))
    language = conversation.language or "the customer's language"
    last = [f"Business: {tone.business_name or 'this business'}. Reply in: {language}."]
    return "\n\n".join([*map(veil.over, blocks), *last, *([NOTE] if veil.used else [])])


def _block(name: str, text: str) -> str:
    # The closing marker cannot be forged: its brackets are taken out of what stands inside.
    return f"⟦{name}⟧\n{text.replace('⟦', '[').replace('⟧', ']')}\n⟦end of {name}⟧"


def _said(passage: Passage) -> str:
    answer = f"\nApproved answer, use it word for word: {passage.curated_answer}" if passage.curated_answer else ""
    return f"({passage.source_title}) {passage.text}{answer}"


def _proposal(output: DraftOutput, passages: Sequence[Passage], language: str | None) -> DraftProposal:
    """Turn numbers into ids; a claim that cites nothing we gave counts as not known."""
    claims: list[Claim] = []
    unfounded: list[str] = []
    for claim in output.claims:
        ids: list[UUID] = [passages[n - 1].id for n in claim.passages if 1 <= n <= len(passages)]
        if ids:
            claims.append(Claim(text=claim.text, passage_ids=ids))
        else:
            unfounded.append(claim.text)
    parts = [part.strip() for part in output.parts if part.strip()][:_MOST_PARTS]
    missing = [*output.missing, *unfounded]
    if parts and not claims:
        parts, missing = [], missing or parts
    return DraftProposal(
        parts=parts,
        claims=claims,
        missing=missing,
        language=language,
        confidence=0.0 if missing else output.confidence,
    )
