"""From the bytes of an uploaded file to the text of the chat in it: plain, or in a zip with media beside it."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from domain.history.headers import not_an_export
from domain.history.notices import other_of
from domain.knowledge.documents import Unreadable
from domain.knowledge.sniffing import decode

MOST_TEXT_BYTES = 50 * 1024 * 1024
_MOST_ENTRIES = 50_000
_CHUNK = 1024 * 1024
_NO_MEDIA = "Export the chat once more without media and upload that."


@dataclass(frozen=True, slots=True)
class Opened:
    """The text, and the name of the other where the file's own name tells it."""

    text: str
    other: str | None


def open_export(data: bytes, filename: str) -> Opened:
    """Return the chat's text from a .txt or .zip file.

    Raises:
        Unreadable: neither, damaged, locked, empty, too large, or in an unknown encoding.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise Unreadable("The file is empty.", hint="Export the chat once more and upload that.")
    if data.startswith(b"PK\x03\x04"):
        raw, inner = _unpacked(data)
        return Opened(_text(raw), other_of(inner) or other_of(filename))
    return Opened(_text(data), other_of(filename))


def _text(raw: bytes) -> str:
    if len(raw) > MOST_TEXT_BYTES:
        raise _too_large()
    if b"\0" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise not_an_export()
    text = decode(raw)
    if "\ufffd" in text and not raw.startswith(b"\xef\xbb\xbf") and "\ufffd".encode() not in raw:
        raise Unreadable(
            "The letters of the file cannot be told: it was saved in an unknown encoding.",
            hint="Upload the file as WhatsApp exported it, without opening and saving it in between.",
        )
    return text


def _unpacked(data: bytes) -> tuple[bytes, str]:
    """Return the one text in a zip and its name. What it unpacks to is counted while it does: a zip says of itself what it likes."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entry = _chat_of(archive)
            if entry.file_size > MOST_TEXT_BYTES:
                raise _too_large()
            parts, size = [], 0
            with archive.open(entry) as unpacking:
                while part := unpacking.read(_CHUNK):
                    size += len(part)
                    if size > MOST_TEXT_BYTES:
                        raise _too_large()
                    parts.append(part)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError):
        raise Unreadable("The zip file is damaged.", hint="Export the chat once more and upload that.") from None
    return b"".join(parts), PurePosixPath(entry.filename).name


def _chat_of(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    entries = archive.infolist()
    if len(entries) > _MOST_ENTRIES:
        raise Unreadable(f"The zip file holds more than {_MOST_ENTRIES:,} files.", hint=_NO_MEDIA)
    texts = [
        entry
        for entry in entries
        if entry.filename.lower().endswith(".txt") and not entry.is_dir() and "__MACOSX" not in entry.filename
    ]
    chats = [entry for entry in texts if _is_chat(entry.filename)] or texts
    if not chats:
        raise Unreadable("There is no chat in the zip file: it holds no text file.", hint=_NO_MEDIA)
    if len(chats) > 1:
        raise Unreadable(
            f"The zip file holds {len(chats)} text files, and none or several are named like a chat.",
            hint="Upload the chats one by one.",
        )
    if chats[0].flag_bits & 1:
        raise Unreadable("The zip file is locked with a password.", hint="Unpack it and upload the text file in it.")
    return chats[0]


def _is_chat(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.lower() == "_chat.txt" or other_of(name) is not None


def _too_large() -> Unreadable:
    return Unreadable(
        f"The text of the chat is larger than {MOST_TEXT_BYTES // 1024 // 1024} MB.",
        hint="Cut the file in two and upload the newer half.",
    )
