"""What in an export WhatsApp wrote itself: placeholders of files, marks of deleted and edited texts, notices."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from core.contracts.history import PastKind, PastMessage
from domain.history.headers import INVISIBLE

_BRACKETED = re.compile(r"<[^<>\n]{3,80}>\.?")
_EDITED = re.compile(rf"[\s{INVISIBLE}]*<([^<>\n]{{3,60}})>$")
_IOS_FILE = re.compile(r"[\u200e]?<[^<>\n:：]{2,30}\s?[:：]\s?[^<>\n]+\.\w{2,5}>$")
_FILE_NAME = re.compile(r"(?:IMG|VID|AUD|PTT|STK|DOC)-\d{8}-WA\d+\.\w{2,5}|[^\n/]{1,120}\.\w{2,5}")
_SPACES = re.compile(r"[ \u00a0\u202f]+")
_PLACE = re.compile(r"https://maps\.google\.com/\?q=-?\d")


@dataclass(frozen=True, slots=True)
class Notices:
    """The word lists of `notices.toml`."""

    omitted: frozenset[str]
    attached: frozenset[str]
    deleted: frozenset[str]
    other: frozenset[str]
    me: frozenset[str]
    edited: Sequence[str]
    begins: tuple[str, ...]
    encryption: Sequence[str]
    file_before: Sequence[str]
    file_after: Sequence[str]
    file_around: Sequence[Sequence[str]]


@cache
def notices() -> Notices:
    """Return the lists."""
    data = tomllib.loads(files("domain.history").joinpath("notices.toml").read_text("utf-8"))
    sets: dict[str, Any] = {
        name: frozenset(data.pop(name)) for name in ("omitted", "attached", "deleted", "other", "me")
    }
    return Notices(begins=tuple(data.pop("begins")), **sets, **data)


def split_author(rest: str) -> tuple[str | None, str]:
    """Part what follows the time into author and text; no author where WhatsApp speaks."""
    author, colon, text = rest.partition(": ")
    if not colon and rest.rstrip().endswith(":"):
        author, colon, text = rest.rstrip()[:-1], ":", ""
    name = author.strip(f"{INVISIBLE} \u00a0\u202f~")
    folded = name.casefold()
    if not colon or not name or len(name) > 100 or re.search(r"[\"“”«»]", name):
        return None, plain(rest)
    if any(part in folded for part in notices().encryption):
        return None, plain(rest)
    return name, text


def classify(text: str) -> tuple[PastKind, str, bool]:
    """Return what a text of an author is, what somebody wrote in it, and whether it was changed later."""
    text, edited = _without_edit_note(text)
    marked = text.lstrip(" ").startswith("\u200e")
    bare = plain(text)
    first, _, caption = bare.partition("\n")
    said = _SPACES.sub(" ", bare).casefold().rstrip(" .")
    if said in notices().deleted:
        return PastKind.DELETED, "", False
    if said in notices().other or said.startswith(notices().begins) or _PLACE.search(said):
        return PastKind.SYSTEM, "", False
    if _is_placeholder(first) or _IOS_FILE.search(bare):
        return PastKind.MEDIA, caption.strip() if not _IOS_FILE.search(caption) else "", edited
    return (PastKind.SYSTEM, bare, False) if marked else (PastKind.TEXT, bare, edited)


def is_about_encryption(message: PastMessage) -> bool:
    """Return whether a message is the notice with which a chat begins; phones of Apple sign it with the name of the other."""
    said = message.text.casefold()
    return message.kind is PastKind.SYSTEM and any(part in said for part in notices().encryption)


def other_of(filename: str) -> str | None:
    """Return whose chat a file is by the name that WhatsApp gave it; none where it says nothing."""
    name = re.sub(r"(?:\s?\(\d+\))?(?:\.(?:txt|zip))+$", "", filename.strip(), flags=re.IGNORECASE)
    name = _SPACES.sub(" ", name)
    folded = name.casefold()
    lists = notices()
    around = [("", after) for after in lists.file_after] + [(before, after) for before, after in lists.file_around]
    for before, after in [(before, "") for before in lists.file_before] + around:
        if folded.startswith(before) and folded.endswith(after) and len(folded) > len(before) + len(after):
            return plain(name[len(before) : len(name) - len(after)]) or None
    return None


def plain(text: str) -> str:
    """Return a text without the marks and blanks around it."""
    return text.strip(f"{INVISIBLE}\n\t \u00a0\u202f")


def _without_edit_note(text: str) -> tuple[str, bool]:
    match = _EDITED.search(text)
    if match is None or not any(part in match[1].casefold() for part in notices().edited):
        return text, False
    return text[: match.start()], True


def _is_placeholder(first: str) -> bool:
    """Return whether the first line stands for a file: a note in brackets, in words, or the file's name."""
    line = plain(first)
    if _BRACKETED.fullmatch(line):
        return True
    said = _SPACES.sub(" ", line).casefold().rstrip(" .")
    if said in notices().omitted or any(said.endswith("\u200e" + words) for words in notices().omitted):
        return True
    name, _, note = line.rpartition(" (")
    return note.rstrip(")").casefold() in notices().attached and _FILE_NAME.fullmatch(plain(name)) is not None
