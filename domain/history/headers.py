"""How the lines of an export begin: date, time and the mark between them and the author, in the ways that WhatsApp writes them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.knowledge.documents import Unreadable

INVISIBLE = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
"""Marks of writing direction, which WhatsApp puts around what it writes itself."""
_M = f"[{INVISIBLE}]*"
_S = "[ \u00a0\u202f]"
_HALF = (
    rf"[AaPp]\.?{_S}?[Mm]\.?|[ÖöOo][ÖöSs]|ص|م|上午|下午|凌晨|清晨|早上|中午|晚上|午前|午後|오전|오후|पूर्वाह्न|अपराह्न"
    rf"|vorm\.|nachm\.|SA|CH|π\.?μ\.?|μ\.?μ\.?"
)
_BEGINNING = re.compile(
    rf"{_M}(?P<open>\[)?{_M}(?P<a>\d{{1,4}}){_M}(?P<split>[./-]){_M}(?P<b>\d{{1,2}}){_M}(?P=split){_M}(?P<c>\d{{1,4}})\.?{_M}"
    rf"(?P<comma>[,،])?{_S}+(?:(?:klo|kl\.?|at|um|à|às|alle|a las){_S}+)?{_M}(?:(?P<before>{_HALF}){_S}*)?"
    rf"(?P<hour>\d{{1,2}})(?P<colon>[:.])(?P<minute>\d{{2}})(?:(?P=colon)(?P<second>\d{{2}}))?(?:{_S}*(?P<after>{_HALF}))?{_M}"
    rf"(?(open)\]|{_S}[-–])(?:{_S}|$)",
)
_AFTERNOON = frozenset(["pm", "ös", "os", "م", "下午", "晚上", "午後", "오후", "अपराह्न", "nachm", "ch", "μμ"])
_NOON = "中午"
_MOST_MIXED = 0.25


@dataclass(frozen=True, slots=True)
class Header:
    """The beginning of a message as it stands there: three numbers of its date, its time of day, and where it ends in the line."""

    line: int
    date: tuple[int, int, int]
    hour: int
    minute: int
    second: int
    end: int
    form: tuple[object, ...]


def headers(lines: Sequence[str]) -> list[Header]:
    """Return where messages begin. One form holds for a whole file: what looks like another one is a text that somebody pasted.

    Raises:
        Unreadable: no message begins anywhere, or in two forms so often that the file is two exports.
    """
    found = list(_found(lines))
    if not found:
        raise not_an_export()
    forms = Counter(header.form for header in found)
    form, count = forms.most_common(1)[0]
    if len(found) - count > _MOST_MIXED * len(found):
        raise Unreadable(
            "The file writes its dates in several ways, as if it were put together from several exports.",
            hint="Export each chat once more and upload the files one by one.",
        )
    return [header for header in found if header.form == form]


def is_dotted(header: Header) -> bool:
    """Return whether the date is written with dots, which all put the day first."""
    return header.form[1] == "."


def not_an_export() -> Unreadable:
    """Return the refusal of a file that is something else."""
    return Unreadable(
        "This is not a chat that WhatsApp exported: no line of it begins with a date, a time and a name.",
        hint="In WhatsApp open the chat, choose More, Export chat, Without media, and upload that .txt or .zip file as it is.",
    )


def _found(lines: Sequence[str]) -> Iterator[Header]:
    for number, line in enumerate(lines):
        match = _BEGINNING.match(line)
        if match is None:
            continue
        wide = (len(match["a"]) > 2, len(match["c"]) > 2)
        half = match["before"] or match["after"]
        hour = _hour(int(match["hour"]), half)
        if hour > 23 or int(match["minute"]) > 59 or all(wide) or 3 in {len(match["a"]), len(match["c"])}:
            continue
        form = (
            bool(match["open"]), match["split"], *wide, bool(match["comma"]), match["colon"],
            match["second"] is None, half is None,
        )  # fmt: skip
        date = (int(match["a"]), int(match["b"]), int(match["c"]))
        yield Header(number, date, hour, int(match["minute"]), int(match["second"] or 0), match.end(), form)


def _hour(hour: int, half: str | None) -> int:
    if half is None or hour > 12:
        return hour
    bare = re.sub(r"[.\s]", "", half).lower()
    if bare == _NOON:
        return hour if hour in {11, 12} else hour + 12
    return hour % 12 + (12 if bare in _AFTERNOON else 0)
