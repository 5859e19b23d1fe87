"""When two texts are the same: byte for byte in the box, leniently on the page, which redraws what it shows."""

import re
import unicodedata

_INVISIBLE = dict.fromkeys([0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFE0E, 0xFE0F])
_LIST_MARK = re.compile(r"(?m)^\s*(?:[-*•>]|\d+\.)\s+")
_STYLE = re.compile(r"[*_~`]")


def comparable(text: str) -> str:
    """Return what survives the page's redrawing: no style or list marks, no invisible characters, single spaces.

    Only for telling our own new bubble below the noted tail, never for deciding what may be sent.
    """
    plain = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    plain = _STYLE.sub("", _LIST_MARK.sub("", plain))
    return " ".join(plain.split())


def same_on_page(approved: str, shown: str) -> bool:
    """Tell whether a bubble shows the approved text."""
    return comparable(approved) == comparable(shown)


def same_in_box(approved: str, paragraphs: list[str] | None) -> bool:
    """Tell whether the box holds exactly the approved text, paragraph by paragraph."""
    return "\n".join(paragraphs or []) == approved
