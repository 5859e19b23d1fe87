"""The humanizer that needs no model: the language's greeting, the business's closing line, and natural parts. It adds no fact."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from agents.text.lists import common
from core.aal.language import base_of
from core.contracts.reasoning import AiCall, Conversation, DraftProposal, HumanReply, ToneProfile
from core.contracts.states import Direction

_NAME = re.compile(r"^[^\W\d_]{2,20}(?:[-'’][^\W\d_]{2,20})?$")
_TITLE_WORDS = frozenset({"the", "shop", "store", "company", "gmbh", "ltd", "llc", "inc"})
_ONE_PART = 280
_MOST_PARTS = 3


@cache
def _manners() -> Mapping[str, Mapping[str, Sequence[str]]]:
    return tomllib.loads(files("agents.humanizer").joinpath("manners.toml").read_text("utf-8"))


class RuleHumanizer:
    """Deterministic: the same proposal gives the same reply."""

    async def humanize(
        self, conversation: Conversation, proposal: DraftProposal, tone: ToneProfile
    ) -> tuple[HumanReply, list[AiCall]]:
        """Return the proposal's text with a greeting on the first reply of a chat, the closing line, and in one to three parts."""
        parts = list(proposal.parts)
        if len(parts) == 1:
            parts = _split(parts[0], [claim.text for claim in proposal.claims])
        parts[0] = greeting(conversation, tone) + parts[0]
        parts[-1] = with_closing(parts[-1], conversation, tone)
        return HumanReply(parts=parts[:_MOST_PARTS]), []


def greeting(conversation: Conversation, tone: ToneProfile) -> str:
    """Return the greeting for the first reply of a chat; empty later, where it is switched off, or in a language we cannot greet in."""
    answered = any(turn.direction is Direction.OUT for turn in conversation.history)
    manners = _manners().get(base_of(conversation.language)) if conversation.language else None
    if answered or manners is None or not tone.greeting:
        return ""
    named, unnamed = manners[tone.formality]
    name = first_name(conversation.contact_name)
    return named.format(name=name) if name else unnamed


def first_name(contact: str | None) -> str | None:
    """Return what a contact may be called by; none for numbers, firms and decorated names."""
    words = re.sub(r"[^\w\s'’\-]", " ", contact or "").split()
    if not words or any(char.isdigit() for char in contact or "") or words[0].lower() in _TITLE_WORDS | common().titles:
        return None
    word = words[0]
    return (word.capitalize() if word.isupper() or word.islower() else word) if _NAME.match(word) else None


def with_closing(text: str, conversation: Conversation, tone: ToneProfile) -> str:
    """Add the closing line unless our last message already carried it: repeated in every bubble it reads like a machine."""
    closing = tone.closing.strip()
    ours = [turn.text or "" for turn in conversation.history if turn.direction is Direction.OUT]
    if not closing or closing in text or (ours and closing in ours[-1]):
        return text
    return f"{text}\n\n{closing}"


def _split(text: str, pieces: Sequence[str]) -> list[str]:
    """Cut a long text where one claim ends and the next begins, in parts of about equal length."""
    if len(text) <= _ONE_PART or len(pieces) < 2:
        return [text]
    wanted = min(_MOST_PARTS, len(pieces), -(-len(text) // _ONE_PART))
    parts: list[str] = []
    start = 0
    for piece in pieces[1:]:
        at = text.find(piece, start)
        if at > start and len(parts) < wanted - 1 and at - start >= len(text) / wanted * 0.7:
            parts.append(text[start:at].strip())
            start = at
    parts.append(text[start:].strip())
    return [part for part in parts if part]
