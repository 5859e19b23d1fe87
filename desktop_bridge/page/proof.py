"""Which chat was proven to be open, so that every later look can tell whether it still is."""

from dataclasses import dataclass
from typing import Any

from desktop_bridge.page.bubbles import clean_title
from desktop_bridge.page.landmarks import Labels


@dataclass(frozen=True)
class Proof:
    """What the page showed when a chat was proven: header and label as they stood, and the ids (raw) that proved it."""

    title: str
    label: str
    ids: tuple[str, ...]

    def want(self) -> dict[str, Any]:
        """Return it as JSON for the page."""
        return {"title": self.title, "label": self.label, "ids": list(self.ids)}

    def holds(self, state: dict[str, Any]) -> bool:
        """Tell whether a `read.state` still shows this chat."""
        same = (state["title"] or "", state["label"] or "") == (self.title, self.label)
        return bool(state["open"]) and same and bool(set(self.ids) & set(state["ids"]))


def label_agrees(label: str, title: str, words: Labels) -> bool:
    """Tell whether a compose label speaks of this chat. Where it names none, as in the older build, it does not contradict.

    Behind words that are known the rest must be the title itself; in another language it must end with the title as a word.
    """
    said = clean_title(label)
    for word in sorted((clean_title(text) for text in words.texts), key=len, reverse=True):
        if said[: len(word)].lower() == word.lower():
            rest = said[len(word) :].strip()
            if not rest or rest == title:
                return True
    known = any(said.lower().startswith(text) for text in words.texts)
    return not said or (not known and f" {said}".endswith(f" {title}"))
