"""What a sendable text is and how it is fingerprinted: one definition for server, bridge and panel (laws 1 and 2)."""

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

MAX_PART_CHARS = 4096
"""Longest part: the Cloud API's limit, the stricter of the two channels."""

_ALLOWED_CONTROLS = {"\n", "\u200d", "\u200c", "\u200e", "\u200f"}
_PART_SEPARATOR = "\x1e"


def _clean(value: str) -> str:
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    for char in text:
        if unicodedata.category(char) in {"Cc", "Cs", "Co"} and char not in _ALLOWED_CONTROLS:
            raise ValueError(f"the text holds a control character (U+{ord(char):04X}); remove it and try again")
    if not text:
        raise ValueError("the text is empty")
    return text


PartText = Annotated[str, Field(max_length=MAX_PART_CHARS), AfterValidator(_clean)]
"""One part of a reply: NFC, line feeds only, trimmed, no control characters, 1 to 4096 characters."""


def text_sha256(parts: Sequence[str]) -> str:
    """Return the hex SHA-256 that names an ordered list of parts; parts never hold U+001E, so the join is unambiguous."""
    return hashlib.sha256(_PART_SEPARATOR.join(parts).encode("utf-8")).hexdigest()
