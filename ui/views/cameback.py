"""Text that came back unsent: why, what is new in the chat since, and which parts are left."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.contracts.chats import Message
from core.contracts.drafts import Draft, Send
from core.contracts.states import Direction, SendStatus
from ui.views.faults import Words, words_for

_BACK = frozenset({SendStatus.RETURNED, SendStatus.EXPIRED, SendStatus.ABANDONED})
_GONE = frozenset({SendStatus.SENT, SendStatus.DELIVERED, SendStatus.READ})
_RETURNED = "returned"
"""How the reason of a draft begins that holds text which came back; see `domain.drafts.store`."""
_MOST_NEWS = 3


@dataclass(frozen=True, slots=True)
class CameBack:
    """What the card says above text that came back. `news` are the customer's messages since it was approved, newest last."""

    words: Words
    parts: str | None = None
    news: list[Message] = field(default_factory=list)
    more: int = 0


def came_back(draft: Draft, sends: Sequence[Send], messages: Sequence[Message]) -> CameBack | None:
    """Return why a draft is text that came back, None for any other draft."""
    if not (draft.decision_reason or "").startswith(_RETURNED):
        return None
    own = sorted((s for s in sends if s.draft_id == draft.parent_id), key=lambda s: s.part)
    back = [send for send in own if send.status in _BACK]
    if not back:
        # A newer message carried it over once more: the reason is the draft's own.
        why = (draft.decision_reason or "").partition(":")[2].strip()
        said = f"It came back once more: {why}." if why else "It came back unsent."
        return CameBack(Words(said, "Read what is new, then approve or change the text."))
    since = min(send.queued_at for send in back)
    news = [m for m in messages if m.direction is Direction.IN and m.received_at > since]
    return CameBack(
        words=words_for(back[0].error_code, back[0].error_detail),
        parts=_parts(own, back),
        news=news[-_MOST_NEWS:],
        more=max(len(news) - _MOST_NEWS, 0),
    )


def _parts(own: Sequence[Send], back: Sequence[Send]) -> str | None:
    total = back[0].parts_total
    if total == 1 or len(back) == total:
        return None
    gone = [send for send in own if send.status in _GONE]
    left = _named([send.part + 1 for send in back])
    if not gone:
        return f"Here is {left} of {total}."
    sent = _named([send.part + 1 for send in gone])
    return f"{sent[:1].upper()}{sent[1:]} of {total} {'was' if len(gone) == 1 else 'were'} sent. Here is what is left: {left}."


def _named(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"part {numbers[0]}"
    return f"parts {', '.join(str(number) for number in numbers[:-1])} and {numbers[-1]}"
