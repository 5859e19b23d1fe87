"""What the file of a message really is, by its first bytes; what its sender called it counts for nothing.

Only kinds of this list are ever named to a browser. Everything else, web pages and drawings with scripts included, is
`application/octet-stream`, and programs are not kept at all.
"""

import re
from typing import Final

HEAD_BYTES: Final = 4096
UNKNOWN: Final = "application/octet-stream"

PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What a browser may draw: formats of pixels, without scripts or references."""

_STARTS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"PK\x03\x04", "application/zip"),
)
_MPEG_FRAME = re.compile(rb"\xff[\xf2\xf3\xfa\xfb]")
_AAC_FRAME = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_PROGRAMS: Final = (
    b"MZ",
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"dex\n",
    b"L\x00\x00\x00\x01\x14\x02\x00",
    b"#!/",
    b"#! /",
)


def is_program(head: bytes) -> bool:
    """Tell whether these are the first bytes of something that a computer could run: programs, shortcuts, scripts."""
    return head.startswith(_PROGRAMS)


def sniff(head: bytes) -> str:
    """Return the type that the first bytes of a file show, of the list above; `UNKNOWN` where they show none."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":
        return "audio/mp4" if head[8:11] == b"M4A" else "video/mp4"
    if _MPEG_FRAME.match(head):
        return "audio/mpeg"
    return "audio/aac" if _AAC_FRAME.match(head) else UNKNOWN
