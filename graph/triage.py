"""Whether there is anything to answer: rules that need no model, so that silence costs nothing and never depends on a provider."""

from core.contracts.reasoning import Conversation, Retrieval
from core.contracts.states import ChatKind, ChatMode, Direction, RunReason
from domain.drafts.results import RunInput

_QUESTION_MARKS = ("?", "؟", "？")


def why_silent(run_input: RunInput, reason: RunReason) -> str | None:
    """Return in one sentence why this chat gets no draft, None where it may.

    What staff ask for by hand is refused only where the chat is not a person's.
    """
    if run_input.kind != ChatKind.PERSON:
        return "This is not a chat with one person; the desk answers persons only."
    if not run_input.conversation.burst:
        return "The customer has written nothing since the last reply."
    if reason != RunReason.INBOUND:
        return None
    if run_input.mode in (ChatMode.OFF, ChatMode.WATCH):
        return f"Drafts are switched off for this chat (mode {run_input.mode.value})."
    if run_input.paused:
        return "A colleague is answering this chat, so the desk rests; ask for a draft to have one."
    return None


def why_nothing_asked(conversation: Conversation, retrieval: Retrieval) -> str | None:
    """Return why a burst in which the retriever found no question needs no reply, None where it may need one.

    What nobody could read may hold a question, and a "yes" to a question of ours is for a person.
    """
    if retrieval.query or conversation.unreadable:
        return None
    ours = [turn.text or "" for turn in conversation.history if turn.direction == Direction.OUT]
    if ours and any(mark in ours[-1] for mark in _QUESTION_MARKS):
        return "The customer answers a question of ours; please go on from here."
    return "The customer asks nothing: a greeting, thanks or goodbye."
