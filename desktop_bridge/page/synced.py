"""Whether the page shows all there is: only then does the absence of a bubble mean anything."""

from typing import Any

from core.contracts.texts import comparable

AT_END_PX = 100
"""So near the end of the conversation counts as its end."""

_CUT = "…"


def is_synced(seen: dict[str, Any]) -> bool:
    """Decide from `read.synced`.

    Nothing is being fetched, the list is drawn, the newest message is drawn and on screen, and the chat's row in the list speaks of no
    other message: a row that does shows news which the conversation has not got yet.
    """
    if seen["busy"] or not seen["rows"] or seen["empty"] or seen["below"] > AT_END_PX:
        return False
    return row_agrees(seen["preview"], seen["text"])


def row_agrees(preview: str | None, text: str | None) -> bool:
    """Tell whether a row's preview may be of this message; one without words, as of a picture, contradicts nothing."""
    shown, said = comparable(preview or ""), comparable((text or "").removesuffix(_CUT).rstrip(" …"))
    return not shown or not said or shown.startswith(said) or said.startswith(shown.rstrip(" …"))
