"""What a file really is, by its content. Runs in the sandboxed child only."""

import codecs
import io
import re
import zipfile
from typing import Final

from charset_normalizer import from_bytes

from domain.knowledge.documents import Unreadable

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
CSV: Final = "text/csv"
TEXT: Final = "text/plain"
ANSWER: Final = "application/vnd.waxos.answer+json"
"""A curated answer, stored as JSON {question, answer}."""

KNOWN = {
    PDF: "a PDF",
    DOCX: "a Word document (.docx)",
    HTML: "a web page",
    MARKDOWN: "Markdown",
    CSV: "a CSV table",
    TEXT: "plain text",
}
_TEXTUAL = frozenset({HTML, MARKDOWN, CSV, TEXT})
_OTHERS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"RIFF": "an image, sound or film",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a document of an old version of Word, Excel or PowerPoint, or one with a password",
    b"{\\rtf": "a rich text document (.rtf)",
    b"\x1f\x8b": "a compressed archive",
    b"7z\xbc\xaf": "a compressed archive",
    b"Rar!": "a compressed archive",
    b"MZ": "a program",
    b"\x7fELF": "a program",
    b"ID3": "a sound file",
    b"OggS": "a sound file",
}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CODE_PAGES = ["cp1252", "cp1254", "cp1251", "cp1256", "gb18030", "big5"]
_HTML_START = re.compile(r"^\s*(<!doctype html|<html|<head|<body)", re.IGNORECASE)
_MOST_UNPACKED = 200 * 1024 * 1024
_MOST_ENTRIES = 5_000
_HINT = "Save it as PDF, .docx, .html, .md, .txt or .csv and upload that."


def sniff(data: bytes, declared: str | None) -> str:
    """Return which of the known types `data` is; `declared` settles only what the content leaves open.

    Raises:
        Unreadable: empty, of an unknown type, or not what it was declared to be.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise Unreadable("The file is empty.", hint="Check the original and upload it again.")
    found = _found(data)
    wanted = declared if declared in KNOWN else None
    if found is None:
        raise Unreadable(f"The file is {_other(data)}, which holds no text that WAXOS can read.", hint=_HINT)
    if found in _TEXTUAL:
        if wanted in _TEXTUAL:
            return wanted if wanted != TEXT else found
        if wanted is None:
            return found
    elif wanted in {None, found}:
        return found
    raise Unreadable(
        f"The file is named like {KNOWN[wanted or TEXT]} but its content is {KNOWN[found]}.",
        hint="Give it its right ending, or check that the right file was chosen.",
    )


def decode(data: bytes) -> str:
    """Return the text of a text file in UTF-8, UTF-16 or a code page of its time, with line feeds only."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return _lines(data.decode(name, errors="replace"))
    if wide := _wide(data):
        return _lines(data.decode(wide, errors="replace"))
    try:
        return _lines(data.decode("utf-8"))
    except UnicodeDecodeError:
        return _lines(data.decode(_code_page(data[:200_000]), errors="replace"))


def check_archive(data: bytes) -> None:
    """Refuse a zipped document that is damaged, locked, or unpacks to more than it should.

    Raises:
        Unreadable: with the reason.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile:
        raise Unreadable("The document is damaged.", hint="Open it in Word, save it again and upload that.") from None
    if not any(re.fullmatch(r"word/document\d*\.xml", entry.filename) for entry in entries):
        raise Unreadable("The file is an archive or another office document, not a Word document.", hint=_HINT)
    size = sum(entry.file_size for entry in entries)
    if size > _MOST_UNPACKED or len(entries) > _MOST_ENTRIES:
        raise Unreadable(
            f"The document unpacks to {size // 1024 // 1024} MB in {len(entries)} parts, which is too large to read.",
            hint="Split it, or take out its pictures.",
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable("The document is locked with a password.", hint="Save it without one and upload that.")


def _found(data: bytes) -> str | None:
    if b"%PDF-" in data[:1024]:
        return PDF
    if data.startswith(b"PK\x03\x04"):
        return DOCX if b"word/" in data else None
    if _is_binary(data):
        return None
    return HTML if _HTML_START.match(decode(data[:4096])) else TEXT


def _wide(data: bytes) -> str | None:
    """Return in which UTF-16 a text without a mark of it is: every second byte of most languages' letters is the same few."""
    head = data[:2000]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) < 8 or max(even, odd) * 4 < len(head) or min(even, odd) * 20 > len(head):
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    controls = sum(ord(char) < 32 and char not in "\t\n\r\f" for char in head.decode(name, errors="ignore"))
    return None if controls else name


def _is_binary(data: bytes) -> bool:
    if data.startswith(tuple(bom for bom, _ in _BOMS)) or _wide(data):
        return False
    if data.startswith(tuple(_OTHERS)):
        return True
    head = data[:8192]
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    return b"\0" in head or controls * 50 > len(head)


def _other(data: bytes) -> str:
    if data.startswith(b"PK\x03\x04"):
        return "an archive or an office document other than .docx"
    return next((name for magic, name in _OTHERS.items() if data.startswith(magic)), "of an unknown kind")


def _code_page(data: bytes) -> str:
    """Return the likeliest of the code pages that old files in the languages of tier 1 are in."""
    best = from_bytes(data, cp_isolation=_CODE_PAGES, language_threshold=0.0).best()
    return str(best.encoding) if best else "cp1252"


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
