"""What the signals of the page mean: whose bubble it is, its tick, its id, its time. Pure functions."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from core.contracts.states import TICK_ORDER, Direction, MessageKind, Tick
from desktop_bridge.page.landmarks import Landmarks

_LEGACY_ID = re.compile(r"^(?P<own>true|false)_[^_]+_(?P<id>[^_]+)(?:_.+)?$")
_MARKS = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_STAMP = re.compile(r"^\[(?P<time>[^,\]]+), (?P<date>[^\]]+)\] ?(?P<author>.*?):?\s*$", re.DOTALL)
_CLOCK = re.compile(r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?::\d{2})?\s*(?P<half>[ap]\.?\s?m\.?)?", re.IGNORECASE)
_DATE = re.compile(r"(\d{1,4})\D+(\d{1,2})\D+(\d{1,4})")


@dataclass(frozen=True)
class Bubble:
    """One message of the open chat. `raw_id` is the page's own attribute, `external_id` the bare id.

    `empty` is one that is not drawn, `blank` one that is, but shows nothing yet that tells what it holds: a picture still to come, say.
    """

    raw_id: str
    external_id: str
    direction: Direction
    kind: MessageKind
    text: str | None
    author: str | None
    wa_at: datetime | None
    tick: Tick | None
    quoted: str | None
    edited: bool
    deleted: bool
    cut: bool
    empty: bool
    reaction: str | None = None
    blank: bool = False


@dataclass(frozen=True)
class Row:
    """One row of the list. `nth` tells rows of the same title apart for the moment of one click, `place` where it stands (px).

    `twin` is how many rows that look the same stand below it: of namesakes with the same words the one with news is the upper one.
    """

    title: str
    raw_title: str
    nth: int
    preview: str
    unread: int
    group: bool
    selected: bool
    place: int = 0
    twin: int = 0

    @property
    def mark(self) -> tuple[tuple[str, str, int], int]:
        """Its look, told apart from that of namesakes on the same page of the list."""
        return self.look, self.twin

    @property
    def look(self) -> tuple[str, str, int]:
        """What of a row changes when something happens in its chat."""
        return self.title, self.preview, self.unread


def bare_id(raw: str) -> str:
    """Return the message's own id: a legacy prefix, jid and author are cut off."""
    legacy = _LEGACY_ID.match(raw)
    return legacy["id"] if legacy else raw


def clean_title(raw: str) -> str:
    """Return a title without direction marks and doubled spaces, NFC."""
    return " ".join(unicodedata.normalize("NFC", raw.translate(_MARKS)).split())


def direction(raw: dict[str, Any], chat_title: str | None) -> Direction:
    """Ours only if one signal says out and none says in; whatever is in doubt counts as inbound."""
    signals = raw["signals"]
    legacy_id = _LEGACY_ID.match(raw["id"])
    said = {signals["tail"], signals["legacy"], signals["side"]}
    if signals["you"] or raw["tick"] is not None:
        said.add("out")
    if legacy_id:
        said.add("out" if legacy_id["own"] == "true" else "in")
    author = stamp_author(raw["stamp"])
    if author and chat_title and clean_title(author) == clean_title(chat_title):
        said.add("in")
    return Direction.OUT if "out" in said and "in" not in said else Direction.IN


def tick(raw: dict[str, Any] | None, landmarks: Landmarks) -> Tick | None:
    """Return the tick that label, icon and colour agree on; where they disagree, the lesser one."""
    if raw is None:
        return None
    if raw.get("failed"):
        return Tick.FAILED
    label = raw["label"] or ""
    by_label = [t for t in Tick if t is not Tick.FAILED and landmarks.says(f"tick_{t.value}", label)] if label else []
    by_icon = landmarks.ticks.icons.get(raw["icon"] or "")
    if by_icon is Tick.DELIVERED and raw["colour"] in landmarks.ticks.colours.get(Tick.READ, []):
        by_icon = Tick.READ
    if by_label and by_label[0] is Tick.READ and by_icon is Tick.DELIVERED:
        return Tick.READ  # the same icon stands for both; the label is the better witness
    claims = [*by_label[:1], *([by_icon] if by_icon else [])]
    return min(claims, key=TICK_ORDER.__getitem__, default=None)


def stamp_author(stamp: str | None) -> str | None:
    """Return the name inside `[10:15, 08/10/2026] Name: `."""
    found = _STAMP.match(stamp) if stamp else None
    return (found["author"] or None) if found else None


def stamp_time(stamp: str | None, language: str, zone: tzinfo | None) -> datetime | None:
    """Return the minute inside a stamp, in `zone` (the computer's own where None), or None where it cannot be told."""
    found = _STAMP.match(stamp) if stamp else None
    clock = _CLOCK.search(found["time"]) if found else None
    date = _DATE.search(found["date"]) if found else None
    if clock is None or date is None:
        return None
    first, second, third = (int(part) for part in date.groups())
    if len(date[1]) == 4:
        year, month, day = first, second, third
    elif language.lower().startswith("en") and not language.lower().endswith(("gb", "au", "in", "ie", "nz", "za")):
        year, month, day = third, first, second
    else:
        year, month, day = third, second, first
    hour = int(clock["hour"])
    if clock["half"]:
        hour = hour % 12 + (12 if clock["half"].lower().startswith("p") else 0)
    try:
        at = datetime(year if year > 99 else 2000 + year, month, day, hour, int(clock["minute"]), tzinfo=zone)
    except ValueError:
        return None
    return at if zone is not None else at.astimezone()


def bubble(raw: dict[str, Any], *, title: str | None, language: str, landmarks: Landmarks) -> Bubble:
    """Decide what one raw message of the page is."""
    text = raw["text"] if raw["text"] is not None else raw["systemText"]
    if text is None and _unstamped_notice(raw) and not landmarks.says("deleted", raw["whole"]):
        text = raw["whole"]
    deleted = text is None and bool(raw["whole"]) and landmarks.says("deleted", raw["whole"])
    deleted = deleted or (text is not None and raw["stamp"] is None and landmarks.says("deleted", text))
    kind = _kind(raw, has_text=bool(text) or deleted)
    side = Direction.IN if kind is MessageKind.SYSTEM else direction(raw, title)
    return Bubble(
        raw_id=raw["id"],
        external_id=bare_id(raw["id"]),
        direction=side,
        kind=kind,
        text=None if deleted or text is None else text.strip(),
        author=stamp_author(raw["stamp"]),
        wa_at=stamp_time(raw["stamp"], language, None),
        tick=tick(raw["tick"], landmarks) if side is Direction.OUT else None,
        quoted=raw["quoted"],
        edited=raw["edited"],
        deleted=deleted,
        cut=raw["more"],
        empty=raw["empty"],
        reaction=raw["reaction"],
        blank=kind is MessageKind.UNKNOWN
        and not deleted
        and not raw["empty"]
        and not _CLOCK.sub("", raw["whole"] or "").strip(),
    )


def _kind(raw: dict[str, Any], *, has_text: bool) -> MessageKind:
    if raw["kind"]:
        return MessageKind(raw["kind"])
    if _unstamped_notice(raw):
        return MessageKind.SYSTEM
    return MessageKind.TEXT if has_text else MessageKind.UNKNOWN


def _unstamped_notice(raw: dict[str, Any]) -> bool:
    """A line of the page itself: words without a sender, a tick or any time of day."""
    words = raw["whole"]
    return bool(words) and raw["kind"] is None and raw["tick"] is None and not _CLOCK.search(words)


def not_one_person(state: dict[str, Any], landmarks: Landmarks) -> bool:
    """Tell whether header, box or messages of the open chat say that several people are in it, or a channel."""
    subtitle = state["subtitle"] or ""
    members = [clean_title(part) for part in subtitle.split(",")]
    return (
        state["several"]
        or landmarks.says("compose_group", state["label"] or "")
        or landmarks.says("group_info", subtitle)
        or (len(members) > 1 and any(landmarks.says("member_you", member) for member in members))
        or any("@g.us" in raw or "@newsletter" in raw for raw in state["ids"])
    )


def row(raw: dict[str, Any], nth: int) -> Row:
    """Decide what one raw row of the list is; the owner's own mark `unread` has no number and is no news."""
    digits = re.sub(r"\D", "", raw["unread"] or "")
    return Row(
        title=clean_title(raw["title"]),
        raw_title=raw["title"],
        nth=nth,
        preview=clean_title(raw["preview"]),
        unread=int(digits) if digits else 0,
        group=raw["group"],
        selected=raw["selected"],
        place=raw["place"],
    )


def rows(raw: list[dict[str, Any]]) -> list[Row]:
    """Decide what the raw rows of the list are, in the order of the eye."""
    seen = Counter[str]()
    found = []
    for item in raw:
        found.append(row(item, seen[item["title"]]))
        seen[item["title"]] += 1
    alike = Counter(one.look for one in found)
    for place, one in enumerate(found):
        alike[one.look] -= 1
        found[place] = replace(one, twin=alike[one.look])
    return found


def later(first: Tick | None, second: Tick | None) -> bool:
    """Tell whether `second` is a step forward from `first`."""
    if second is None:
        return False
    return first is None or TICK_ORDER[second] > TICK_ORDER[first]
