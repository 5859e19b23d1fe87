"""Files as they are uploaded: the chat in a zip is found, and what would hurt or help nobody is refused by name."""

import io
import zipfile

import pytest

from domain.history import opening
from domain.history.opening import open_export
from domain.knowledge.documents import Unreadable

CHAT = "13.05.24, 10:00 - Ana: Olá, tudo bem?\n"


def _zip(*files: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_is_read_in_any_unicode(encoding: str) -> None:
    assert open_export(CHAT.encode(encoding), "chat.txt").text == CHAT


@pytest.mark.parametrize(
    ("filename", "other"),
    [
        ("WhatsApp Chat with Ana Lima.txt", "Ana Lima"),
        ("WhatsApp Chat with Ana Lima (2).txt", "Ana Lima"),
        ("WhatsApp Chat - Ana Lima.zip", "Ana Lima"),
        ("Chat de WhatsApp con +34 600 000 000.txt", "+34 600 000 000"),
        ("Conversa do WhatsApp com Ana.txt", "Ana"),
        ("WhatsApp-Chat mit Ana.txt", "Ana"),
        ("Discussion WhatsApp avec Ana.txt", "Ana"),
        ("Ana ile WhatsApp Sohbeti.txt", "Ana"),
        ("Чат WhatsApp с контактом Анна.txt", "Анна"),
        ("与李雷的 WhatsApp 聊天.txt", "李雷"),
        ("_chat.txt", None),
        ("notes.txt", None),
    ],
)
def test_the_files_name_says_whose_chat_it_is(filename: str, other: str | None) -> None:
    assert open_export(CHAT.encode(), filename).other == other


def test_the_chat_in_a_zip_is_found_among_its_media() -> None:
    media = [("IMG-1.jpg", b"\xff\xd8\xff" * 9), ("terms.txt", b"our terms"), ("__MACOSX/._chat.txt", b"x")]
    opened = open_export(_zip(*media, ("_chat.txt", CHAT.encode())), "WhatsApp Chat - Ana.zip")
    assert (opened.text, opened.other) == (CHAT, "Ana")
    inner = open_export(_zip(("WhatsApp Chat with Rui.txt", CHAT.encode())), "export.zip")
    assert inner.other == "Rui"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b" \n\0", "empty"),
        (b"PK\x03\x04 and then nothing", "damaged"),
        (_zip(("a.jpg", b"x")), "no text file"),
        (_zip(("a.txt", b"x"), ("b.txt", b"y")), "one by one"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a chat"),
    ],
)
def test_what_cannot_be_opened_says_why(data: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        open_export(data, "x.zip")


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that says how large it is, nor one that lies about it."""
    monkeypatch.setattr(opening, "MOST_TEXT_BYTES", 1024 * 1024)
    honest = _zip(("_chat.txt", b"0" * (2 * 1024 * 1024)))
    with pytest.raises(Unreadable, match="larger than 1 MB"):
        open_export(honest, "x.zip")
    size = (2 * 1024 * 1024).to_bytes(4, "little")
    lying = honest.replace(size, (99).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(Unreadable, match=r"larger than 1 MB|damaged"):
        open_export(lying, "x.zip")


def test_a_locked_zip_asks_to_be_unpacked() -> None:
    data = bytearray(_zip(("_chat.txt", CHAT.encode())))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = data.index(mark)
        data[at + (6 if mark == b"PK\x03\x04" else 8)] |= 1
    with pytest.raises(Unreadable, match="password"):
        open_export(bytes(data), "x.zip")


def test_a_file_that_was_saved_again_in_an_old_encoding_is_read() -> None:
    chat = "".join(f"13.05.24, 10:0{n} - Ana: Olá, não há pão de véspera, só à tarde. Até amanhã!\n" for n in range(9))
    assert open_export(chat.encode("cp1252"), "chat.txt").text == chat


def test_letters_that_nobody_can_tell_are_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "decode", lambda raw: raw.decode("utf-8", errors="replace"))
    with pytest.raises(Unreadable, match="unknown encoding"):
        open_export(b"13.05.24, 10:00 - Ana: \xff\xfe\x81", "chat.txt")
    kept = "13.05.24, 10:00 - Ana: the sign \ufffd itself"
    assert open_export(kept.encode(), "chat.txt").text == kept
