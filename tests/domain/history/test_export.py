"""Reading exports: whatever a phone wrote is got back, in each of its forms, and what is no export is refused with the way out."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.contracts.history import DateOrder, PastKind, PastMessage
from domain.history.dates import DateOrderUnclear
from domain.history.export import read_export
from domain.history.notices import notices
from domain.history.sides import take_sides
from domain.knowledge.documents import Unreadable
from tests.domain.history.rendering import FORMS, LRM, Form, render

AUTHORS = ("Carla Mendes", "Corner Café", "+351 912 345 678", "مريم", "O'Neill & Söhne", "李雷")
_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp"), exclude_characters="<>"),
    min_size=1, max_size=60,
).map(lambda text: " ".join(text.split())).filter(bool)  # fmt: skip
_PASTED = st.sampled_from(
    ["12/05/24, 10:00", "Note: bring it", "- one", "[sic] yes", "https://example.com/a?b=1", "5/3: two of them"]
)
_TEXTS = (
    st.lists(st.one_of(_WORDS, _PASTED), min_size=1, max_size=4)
    .map("\n".join)
    .filter(lambda text: text.split("\n")[0].strip(" .").casefold() not in notices().omitted)
)
"""Whoever writes `null` writes what some phones put in place of a file."""
_START = datetime.fromisoformat("2023-01-31T23:50")


@st.composite
def _chats(draw: st.DrawFn) -> list[PastMessage]:
    """A chat of two with everything that an export may hold."""
    two = draw(st.permutations(AUTHORS))[:2]
    at = _START + timedelta(days=draw(st.integers(0, 400)), minutes=draw(st.integers(0, 1439)))
    found = []
    for _ in range(draw(st.integers(1, 12))):
        at += timedelta(seconds=draw(st.integers(0, 40 * 86_400)))
        author = draw(st.sampled_from(two))
        kind = draw(st.sampled_from([PastKind.TEXT] * 4 + [PastKind.MEDIA, PastKind.DELETED]))
        text = draw(_TEXTS) if kind is PastKind.TEXT else draw(_WORDS | st.just("")) if kind is PastKind.MEDIA else ""
        edited = kind is PastKind.TEXT and draw(st.booleans())
        found.append(PastMessage(at, author, text, kind, edited))
    return found


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chat=_chats())
def test_what_was_written_is_read(form: Form, chat: list[PastMessage]) -> None:
    expected = [
        PastMessage(m.at if form.seconds else m.at.replace(second=0), m.author, m.text, m.kind, m.edited) for m in chat
    ]
    notice = form.stamp(_START) + form.notice + "\n"
    export = read_export(notice + render(chat, form))
    assert export.order is form.order
    assert export.messages[0].kind is PastKind.SYSTEM
    assert list(export.messages[1:]) == expected


def _stamped(*dates: str) -> str:
    return "\n".join(f"{date}, 10:00 - {'AB'[number % 2]}: x" for number, date in enumerate(dates))


def test_one_day_past_the_twelfth_settles_the_order() -> None:
    assert read_export(_stamped("1/2/24", "2/13/24")).order is DateOrder.MDY
    assert read_export(_stamped("1/2/24", "13/2/24")).order is DateOrder.DMY


def test_time_does_not_run_backwards() -> None:
    """No day is past the twelfth; read with the month first, each week would jump back by months."""
    dates = ["3/5/24", "9/5/24", "2/6/24", "8/6/24", "1/7/24"]
    assert read_export(_stamped(*dates)).order is DateOrder.DMY
    swapped = ["/".join((month, day, year)) for day, month, year in (date.split("/") for date in dates)]
    assert read_export(_stamped(*swapped)).order is DateOrder.MDY


def test_a_late_delivery_goes_back_by_a_day_at_most() -> None:
    """One order makes it a day, the other a month."""
    assert read_export(_stamped("5/3/24", "4/3/24", "5/3/24")).order is DateOrder.DMY
    assert read_export(_stamped("3/5/24", "3/4/24", "3/5/24")).order is DateOrder.MDY


def test_where_both_orders_fit_a_person_is_asked() -> None:
    text = _stamped("3/5/24", "4/5/24")
    with pytest.raises(DateOrderUnclear) as refused:
        read_export(text)
    assert "dmy" in str(refused.value)
    assert read_export(text, DateOrder.DMY).messages[0].at == datetime.fromisoformat("2024-05-03T10:00")
    assert read_export(text, DateOrder.MDY).messages[0].at == datetime.fromisoformat("2024-03-05T10:00")
    assert read_export(_stamped("5/5/24", "6/6/24")).messages[0].at == datetime.fromisoformat("2024-05-05T10:00")
    with pytest.raises(Unreadable, match="order ymd"):
        read_export(_stamped("3/5/2024", "4/5/2024"), DateOrder.YMD)


def test_a_pasted_chat_is_a_text() -> None:
    """Lines that begin like messages, but in another form than the file's, belong to the message that they stand in."""
    text = (
        "13.05.24, 10:00 - A: look:\n[12/05/24, 09:00:00] B: hi\n12.05.2024, 09:00 - B: ho\n13.05.24, 10:01 - B: well\n"
    )
    text += "\n".join(f"13.05.24, 10:0{n} - A: more" for n in range(2, 9))
    first, second, *_ = read_export(text).messages
    assert first.text == "look:\n[12/05/24, 09:00:00] B: hi\n12.05.2024, 09:00 - B: ho"
    assert second.text == "well"


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("A: \u200eIMG-20240513-WA0001.jpg (file attached)\nour menu", PastKind.MEDIA, "our menu"),
        ("A: DOC-20240513-WA0001.pdf (Datei angehängt)", PastKind.MEDIA, ""),
        (f"A: {LRM}<attached: 00000012-PHOTO-2024-05-13.jpg>", PastKind.MEDIA, ""),
        (f"A: Prices.pdf • {LRM}2 pages {LRM}document omitted", PastKind.MEDIA, ""),
        ("A: <Média vynechány>", PastKind.MEDIA, ""),
        (f"A: {LRM}Missed voice call", PastKind.SYSTEM, ""),
        ("A: location: https://maps.google.com/?q=38.7,-9.1", PastKind.SYSTEM, ""),
        (
            'You changed the subject from "a: b" to "c: d"',
            PastKind.SYSTEM,
            'You changed the subject from "a: b" to "c: d"',
        ),
        ("Bob added Carla", PastKind.SYSTEM, "Bob added Carla"),
        ("A: is this chat end-to-end encrypted?", PastKind.TEXT, "is this chat end-to-end encrypted?"),
        ("A: I said (file attached)", PastKind.TEXT, "I said (file attached)"),
        ("A: Our hours: 9: to 5", PastKind.TEXT, "Our hours: 9: to 5"),
        ("~\u202fAna: hi", PastKind.TEXT, "hi"),
    ],
)
def test_what_whatsapp_wrote_is_told_from_what_people_wrote(line: str, kind: PastKind, text: str) -> None:
    (message,) = read_export(f"13.05.24, 10:00 - {line}").messages
    assert (message.kind, message.text) == (kind, text)
    assert message.author in {"A", "Ana", None}


@pytest.mark.parametrize(
    "text",
    [
        "Dear Sir,\nwe thank you for your letter.",
        "question,answer\nhours,9 to 5",
        "2024-05-13 10:00 server started",
        "13.05.24, 25:00 - A: x",
    ],
)
def test_what_is_no_export_says_how_to_make_one(text: str) -> None:
    with pytest.raises(Unreadable, match="Export chat"):
        read_export(text)


def test_two_exports_in_one_file_are_refused() -> None:
    with pytest.raises(Unreadable, match="several ways"):
        read_export("13.05.24, 10:00 - A: x\n5/14/24, 10:00 AM - A: y\n15.05.24, 10:00 - A: z")


def test_no_calendar_has_these_days() -> None:
    with pytest.raises(Unreadable, match="no calendar"):
        read_export("31/2/2024, 10:00 - A: x\n30/2/2024, 10:00 - A: y")


_BEGINNINGS = [
    "13.05.24, 10:00 - A: x",
    "[1/2/24, 9:00:00 AM] B: y",
    "2024/1/3 上午9:00 - C: z",
    "99/99/99, 9:00 - D: ",
    ": ",
    "\u200e",
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=40), st.sampled_from(_BEGINNINGS)), max_size=8).map("\n".join))
def test_whatever_a_file_holds_it_is_read_or_refused(text: str) -> None:
    """No text breaks the reader: messages come out, or a reason with a way out."""
    refused = None
    try:
        take_sides(read_export(text).messages, None, None)
    except Unreadable as reason:
        refused = reason
    assert refused is None or refused.hint
