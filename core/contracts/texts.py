"""What a sendable text is, how it is fingerprinted, and when a bubble shows it: one definition for server, bridge and panel."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

MAX_PART_CHARS = 4096
"""Longest part: the Cloud API's limit, the stricter of the two channels."""

_ALLOWED_CONTROLS = {"\n", "\u200d", "\u200c", "\u200e", "\u200f"}
_PART_SEPARATOR = "\x1e"
_INVISIBLE = dict.fromkeys([0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFE0E, 0xFE0F])
_LIST_MARK = re.compile(r"(?m)^\s*(?:[-*•>]|\d+\.)\s+")
_STYLE = re.compile(r"[*_~`]")


class TextFault(StrEnum):
    """What keeps a text from being sent; the error code of its send."""

    EMPTY = "text_empty"
    TOO_LONG = "text_too_long"
    CONTROL = "control_character"


def fault_in(text: str) -> TextFault | None:
    """Return what keeps a text from being sent as it is, None where nothing does."""
    if not text.strip():
        return TextFault.EMPTY
    if len(text) > MAX_PART_CHARS:
        return TextFault.TOO_LONG
    return TextFault.CONTROL if _control_in(text) else None


def _control_in(text: str) -> str | None:
    odd = (char for char in text if unicodedata.category(char) in {"Cc", "Cs", "Co"} and char not in _ALLOWED_CONTROLS)
    return next(odd, None)


def _clean(value: str) -> str:
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    char = _control_in(text)
    if char is not None:
        raise ValueError(f"the text holds a control character (U+{ord(char):04X}); remove it and try again")
    if not text:
        raise ValueError("the text is empty")
    return text


PartText = Annotated[str, Field(max_length=MAX_PART_CHARS), AfterValidator(_clean)]
"""One part of a reply: NFC, line feeds only, trimmed, no control characters, 1 to 4096 characters."""


def text_sha256(parts: Sequence[str]) -> str:
    """Return the hex SHA-256 that names an ordered list of parts; parts never hold U+001E, so the join is unambiguous."""
    return hashlib.sha256(_PART_SEPARATOR.join(parts).encode("utf-8")).hexdigest()


def comparable(text: str) -> str:
    """Return what survives the page's redrawing: no style or list marks, no invisible characters, single spaces."""
    plain = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    plain = _STYLE.sub("", _LIST_MARK.sub("", plain))
    return " ".join(plain.split())


def same_on_page(approved: str, shown: str) -> bool:
    """Tell whether a bubble shows the approved text. Only for telling our own bubble, never for deciding what may be sent."""
    plain = comparable(approved)
    return plain == comparable(shown) if plain else approved.strip() == shown.strip()
