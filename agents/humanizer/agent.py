"""The humanizer on a language model, with the rules as its safety net. Loaded by the factory only where a provider is configured."""

from importlib.resources import files

from pydantic_ai import Agent
from pydantic_ai.exceptions import UnexpectedModelBehavior

from agents.humanizer.rules import RuleHumanizer, first_name, greeting, with_closing
from agents.text.sayable import sayable
from agents.text.veil import NOTE, Veil
from core.aal import Aal, CallLog, Purpose
from core.aal.language import LanguageDetector
from core.contracts.reasoning import AiCall, Conversation, DraftProposal, HumanReply, ToneProfile
from core.errors import ProviderError


def seed_prompt() -> str:
    """Return the humanizer's instructions as they ship."""
    return files("agents.humanizer").joinpath("prompt.md").read_text("utf-8")


class ModelHumanizer:
    """Asks the chain for the wording; where no provider answers, the rules give one."""

    def __init__(self, aal: Aal, instructions: str | None = None, detector: LanguageDetector | None = None) -> None:
        self._aal = aal
        self._detector = detector or LanguageDetector()
        self._agent: Agent[None, HumanReply] = Agent(
            output_type=HumanReply, instructions=instructions or seed_prompt(), retries=0
        )
        self._rules = RuleHumanizer()

    async def humanize(
        self, conversation: Conversation, proposal: DraftProposal, tone: ToneProfile
    ) -> tuple[HumanReply, list[AiCall]]:
        """Return one to three parts and the rows of the calls they took."""
        if proposal.verbatim:
            return await self._rules.humanize(conversation, proposal, tone)
        log, veil = CallLog(), Veil(conversation)
        try:
            accepts = sayable(self._detector, conversation.language or proposal.language, veil)
            model = self._aal.model(Purpose.HUMANIZE, log, accepts)
            result = await self._agent.run(_prompt(conversation, proposal, tone, veil), model=model)
        except (ProviderError, UnexpectedModelBehavior):
            reply, _ = await self._rules.humanize(conversation, proposal, tone)
            return reply, log.calls
        said = [veil.off(part).strip() for part in result.output.parts]
        parts = [part for part in said if part] or list(proposal.parts)
        parts[-1] = with_closing(parts[-1], conversation, tone)
        return HumanReply(parts=parts[:3]), log.calls


def _prompt(conversation: Conversation, proposal: DraftProposal, tone: ToneProfile, veil: Veil) -> str:
    facts = veil.over("\n".join(proposal.parts).replace("⟦", "[").replace("⟧", "]"))
    name = veil.over(first_name(conversation.contact_name) or "")
    greet = f"greet {name or 'without a name'}" if greeting(conversation, tone) else "do not greet"
    voice = [
        f"Language: {conversation.language or proposal.language or 'that of the facts'}.",
        f"Register: {tone.formality}. Emoji: {'a few are fine' if tone.emoji else 'none'}. First reply: {greet}.",
        f"Business: {tone.business_name or 'this business'}. Notes on its voice: {tone.notes or 'none'}.",
    ]
    return f"⟦facts⟧\n{facts}\n⟦end of facts⟧\n\n" + "\n".join([*voice, *([NOTE] if veil.used else [])])
