"""Weekdays in a text, ranges spelled out: "Mon-Fri" is five days, "daily" is seven."""

import re
from functools import cache

from agents.text.lists import common
from agents.text.words import fold, phrase_in

_JOIN = re.compile(r"^\s*(?:-|–|—|to|through|till|until|a|à|as|ás|às|bis|até|al|au|ile|до|по|إلى|الى|到|至)\s*$", re.I)
_NEAR_A_DAY = re.compile(r"[-–—/&+]|\d|:")


@cache
def _name() -> re.Pattern[str]:
    names = "|".join(sorted((re.escape(name) for name in common().days), key=len, reverse=True))
    # No boundary in Chinese: its words stand without spaces.
    return re.compile(rf"((?<![^\W_])(?:{names})(?![^\W_])|(?:周|星期|礼拜)[一二三四五六日天])\.?", re.I)


@cache
def _clear_name() -> re.Pattern[str]:
    clear = set(common().days) - common().ambiguous_days
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, clear))})(?![^\W_])", re.I)


def days(text: str) -> frozenset[int]:
    """Return the weekdays that a text names, 0 is Monday."""
    found: set[int] = set()
    last: tuple[int, int] | None = None
    for match in _name().finditer(text):
        name = fold(match[1])
        if name not in common().days:
            continue  # without regard to case the dotless ı is an i: the Turkish "mı" asks and is no day
        if name in common().ambiguous_days and not _stands_for_a_day(text, match):
            continue
        day = common().days[name]
        if last is not None and _JOIN.match(text[last[1] : match.start()]):
            found.update((last[0] + step) % 7 for step in range((day - last[0]) % 7 + 1))
        found.add(day)
        last = (day, match.end())
    return frozenset(found | _spoken(fold(text)))


def _spoken(folded: str) -> set[int]:
    lists = common()
    found: set[int] = set()
    if phrase_in(lists.every_day, folded):
        found.update(range(7))
    if phrase_in(lists.weekdays, folded):
        found.update(range(5))
    if phrase_in(lists.weekend, folded):
        found.update((5, 6))
    return found


def _stands_for_a_day(text: str, match: re.Match[str]) -> bool:
    """Tell the day "So" from the word "so": it has a capital and stands beside a dash, a time or another day."""
    if not match[1][:1].isupper():
        return False
    near = text[max(0, match.start() - 6) : match.start()] + "|" + text[match.end() : match.end() + 8]
    return _NEAR_A_DAY.search(near) is not None or _clear_name().search(text) is not None
