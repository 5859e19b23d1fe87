"""Files of messages: brought once, whole and bounded; what is not to be had says why; view-once is never touched."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.contracts.bridge import FileMissing, FileSeen, MessageSeen
from core.contracts.chats import Attachment
from core.contracts.ids import new_id
from core.contracts.states import Direction, FileProblem
from core.contracts.states import MessageKind as WireKind
from core.errors import NotFound, Unavailable
from core.settings import BridgeSettings
from desktop_bridge.errors import ChatNotProven
from desktop_bridge.inbound.files import ChatFiles
from desktop_bridge.inbound.intake import PageIntake
from desktop_bridge.journal.journal import open_journal
from desktop_bridge.page.media import PageFiles, labelled_size
from desktop_bridge.sandbox.models import JournalKind, Media, MessageKind
from desktop_bridge.sends.ports import Target
from tests.desktop_bridge.stage import Stage, bridge_settings, set_stage

BIG = bytes(range(256)) * 9000
"""2.3 MB: several slices."""
PHOTO = b"\xff\xd8\xff\xe0" + b"photo" * 400


@dataclass
class Server:
    """Keeps what it is given."""

    files: dict[str, bytes] = field(default_factory=dict)
    missing: dict[str, FileProblem] = field(default_factory=dict)
    puts: int = 0
    away: bool = False
    knows: bool = True

    async def put_file(self, external_id: str, position: int, content: bytes) -> Attachment:
        self._answer()
        self.puts += 1
        self.files[external_id] = content if position == 0 else b"another file"
        return self._shown()

    async def file_missing(self, external_id: str, position: int, said: FileMissing) -> Attachment:
        self._answer()
        assert position == 0
        self.missing[external_id] = said.problem
        return self._shown()

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("the server cannot be reached")
        if not self.knows:
            raise NotFound("there is no such file")

    def _shown(self) -> Attachment:
        return Attachment(id=new_id(), mime="application/octet-stream", name=None, size=None, available=True)


@dataclass
class Files:
    """A stage on which files are brought."""

    stage: Stage
    files: ChatFiles
    intake: PageIntake
    server: Server
    chat: str

    async def says(self, kind: MessageKind, text: str = "", **media: object) -> str:
        made = Media.model_validate(media)
        return await self.stage.sandbox.client.customer_says(self.chat, text, kind=kind, media=made)

    async def read(self) -> dict[str, list[FileSeen]]:
        """Let the intake see what is new, and return the files of each new message."""
        self.stage.told.clear()
        await self.intake.scan()
        await self.intake.flush()
        return {m.external_id: m.files for m in self.stage.told if isinstance(m, MessageSeen)}

    async def bring_all(self) -> None:
        lock = asyncio.Lock()
        while await self.files.bring_one(lock, self.server):
            assert not lock.locked()

    async def bring_until_none_waits(self) -> None:
        async with asyncio.timeout(90):
            while (due := self.stage.journal.files.next_due_in()) is not None:
                await asyncio.sleep(due)  # house: sleep - the pause before the next try is what is waited for
                await self.files.bring_one(asyncio.Lock(), self.server)

    async def fetched(self) -> list[str]:
        """Return the messages whose file the page asked its service for."""
        journal = (await self.stage.sandbox.client.state()).journal
        return [entry.message for entry in journal if entry.kind is JournalKind.MEDIA_FETCHED]

    def left_on_disk(self) -> list[Path]:
        return list(self.stage.browser.downloads.iterdir())


@asynccontextmanager
async def bringing(home: Path, pauses: tuple[float, ...] = (0.0, 0.0), **settings: str) -> AsyncIterator[Files]:
    async with set_stage(home) as stage:
        if settings:
            await stage.sandbox.client.configure(**settings)
            await stage.page.reader.until("read.session", lambda s: s["side"], 5)
        files = ChatFiles(stage.page, PageFiles(stage.browser), stage.journal, pauses=pauses)

        async def post(news: list[object]) -> None:
            stage.told.extend(news)  # type: ignore[arg-type]

        intake = PageIntake(stage.page, stage.journal, post, files)  # type: ignore[arg-type]
        await intake.scan()
        chat = await stage.sandbox.client.add_chat("Anna")
        yield Files(stage, files, intake, Server(), chat.id)


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("build", ["testid", "plain"])
@pytest.mark.parametrize("lang", ["en", "pt", "es"])
async def test_files_of_every_kind_arrive_byte_for_byte(tmp_path: Path, build: str, lang: str) -> None:
    async with bringing(tmp_path, build=build, lang=lang) as desk:
        kinds = {
            MessageKind.IMAGE: ("image/jpeg", True),
            MessageKind.STICKER: ("image/webp", True),
            MessageKind.VOICE: ("audio/ogg", True),
            MessageKind.VIDEO: ("video/mp4", False),
            MessageKind.DOCUMENT: ("application/pdf", True),
        }
        wanted = {}
        for kind, (mime, loaded) in kinds.items():
            content = kind.encode() + BIG
            said = await desk.says(kind, mime=mime, data=_b64(content), name=f"{kind}.bin", loaded=loaded)
            wanted[said] = content
        files = await desk.read()
        assert set(files) == set(wanted)
        assert {said: len(one) for said, one in files.items()} == dict.fromkeys(wanted, 1)
        await desk.bring_all()
        got = {said: hashlib.sha256(content).hexdigest() for said, content in desk.server.files.items()}
        assert got == {said: hashlib.sha256(content).hexdigest() for said, content in wanted.items()}
        assert desk.server.puts == len(kinds)
        assert desk.stage.journal.files.waiting == 0
        assert desk.left_on_disk() == []


async def test_a_blurred_picture_is_fetched_and_not_its_likeness(tmp_path: Path) -> None:
    async with bringing(tmp_path) as desk:
        said = await desk.says(MessageKind.IMAGE, mime="image/jpeg", data=_b64(PHOTO), loaded=False)
        await desk.read()
        assert await desk.fetched() == []
        await desk.bring_all()
        assert desk.server.files == {said: PHOTO}


async def test_a_document_over_the_limit_is_never_asked_for(tmp_path: Path) -> None:
    async with bringing(tmp_path) as desk:
        said = await desk.says(MessageKind.DOCUMENT, name="film.mkv", fill=17 * 2**20)
        files = await desk.read()
        assert (files[said][0].problem, files[said][0].size) == (FileProblem.TOO_LARGE, 17 * 2**20)
        await desk.bring_all()
        assert desk.server.files == {}
        assert await desk.fetched() == []


async def test_a_document_that_lies_about_its_size_is_given_up_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop_bridge.page.media.labelled_size", lambda _: 1000)
    async with bringing(tmp_path) as desk:
        document = await desk.says(MessageKind.DOCUMENT, name="a.bin", fill=17 * 2**20)
        picture = await desk.says(MessageKind.IMAGE, mime="image/png", fill=17 * 2**20)
        await desk.read()
        await desk.bring_all()
        assert desk.server.files == {}
        assert desk.server.missing == {document: FileProblem.TOO_LARGE, picture: FileProblem.TOO_LARGE}
        assert desk.left_on_disk() == []


async def test_a_name_with_a_path_in_it_names_no_file_here(tmp_path: Path) -> None:
    async with bringing(tmp_path) as desk:
        said = await desk.says(MessageKind.DOCUMENT, name="../../evil.exe", mime="application/pdf", data=_b64(b"MZ1"))
        files = await desk.read()
        assert files[said][0].name == "../../evil.exe"
        await desk.bring_all()
        assert desk.server.files == {said: b"MZ1"}
        assert not any("evil" in str(path) for path in await asyncio.to_thread(lambda: [*tmp_path.parent.rglob("*")]))
        assert desk.left_on_disk() == []


async def test_view_once_is_neither_opened_nor_fetched(tmp_path: Path) -> None:
    async with bringing(tmp_path) as desk:
        said = await desk.says(MessageKind.VIEW_ONCE, mime="image/jpeg", data=_b64(PHOTO))
        files = await desk.read()
        assert files == {said: []}
        await desk.bring_all()
        journal = (await desk.stage.sandbox.client.state()).journal
        touched = {JournalKind.VIEW_ONCE_OPENED, JournalKind.MEDIA_FETCHED}
        assert [entry for entry in journal if entry.kind in touched] == []
        assert desk.server.files == {}


async def test_a_file_that_the_service_lost_is_told_as_expired(tmp_path: Path) -> None:
    async with bringing(tmp_path) as desk:
        said = await desk.says(MessageKind.IMAGE, mime="image/jpeg", data=_b64(PHOTO), broken=True)
        await desk.read()
        await desk.bring_all()
        assert desk.server.missing == {said: FileProblem.EXPIRED}
        assert desk.stage.journal.files.waiting == 0


async def test_a_server_that_is_away_or_behind_loses_no_file(tmp_path: Path) -> None:
    async with bringing(tmp_path, pauses=(0.0,) * 3) as desk:
        said = await desk.says(MessageKind.IMAGE, mime="image/jpeg", data=_b64(PHOTO))
        await desk.read()
        lock = asyncio.Lock()
        desk.server.away = True
        for _ in range(8):
            with pytest.raises(Unavailable):
                await desk.files.bring_one(lock, desk.server)
        desk.server.away, desk.server.knows = False, False
        assert await desk.files.bring_one(lock, desk.server)
        desk.server.knows = True
        await desk.bring_all()
        assert desk.server.files == {said: PHOTO}


async def test_the_list_survives_a_kill_between_text_and_bytes(tmp_path: Path) -> None:
    async with bringing(tmp_path) as desk:
        said = await desk.says(MessageKind.IMAGE, mime="image/jpeg", data=_b64(PHOTO))
        await desk.read()
        settings = bridge_settings(desk.stage.sandbox, tmp_path)
        journal = open_journal(settings)  # as another process would find it: nothing was closed
        try:
            again = ChatFiles(desk.stage.page, PageFiles(desk.stage.browser), journal)
            assert await again.bring_one(asyncio.Lock(), desk.server)
        finally:
            journal.close()
        assert desk.server.files == {said: PHOTO}


async def test_a_file_far_up_in_another_chat_is_found_again(tmp_path: Path) -> None:
    async with bringing(tmp_path) as desk:
        said = await desk.says(MessageKind.IMAGE, mime="image/jpeg", data=_b64(PHOTO), loaded=False)
        await desk.read()
        for number in range(80):
            await desk.stage.sandbox.client.customer_says(desk.chat, f"line {number}")
        await desk.read()
        await desk.stage.customer("Ben", "Hello")
        await desk.read()
        await desk.bring_all()
        assert desk.server.files == {said: PHOTO}


async def test_a_deleted_message_keeps_no_file_on_the_list(tmp_path: Path) -> None:
    async with bringing(tmp_path) as desk:
        said = await desk.says(MessageKind.IMAGE, mime="image/jpeg", data=_b64(PHOTO))
        await desk.read()
        assert desk.stage.journal.files.waiting == 1
        await desk.stage.sandbox.client.delete(said)
        await desk.stage.page.reader.until("read.messages", lambda ms: any(not m["kind"] for m in ms), 3)
        await desk.read()
        assert desk.stage.journal.files.waiting == 0


@pytest.mark.parametrize("build", ["testid", "plain"])
async def test_a_download_that_comes_late_is_its_own_messages_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: str
) -> None:
    """The first file comes while the second one is waited for; both bear one name."""
    monkeypatch.setattr("desktop_bridge.page.media.LOAD_SECONDS", 3.0)
    monkeypatch.setattr("desktop_bridge.page.media.LATE_SECONDS", 12.0)
    async with bringing(tmp_path, pauses=(2.0,) * 6, build=build) as desk:
        made = {"name": "offer.pdf", "mime": "application/pdf"}
        first = await desk.says(MessageKind.DOCUMENT, data=_b64(b"%PDF first"), **made)
        second = await desk.says(MessageKind.DOCUMENT, data=_b64(b"%PDF second"), **made)
        await desk.read()
        desk.stage.sandbox.state.configure({"faults": {"slow_files_ms": 5000}})
        assert await desk.files.bring_one(asyncio.Lock(), desk.server)
        desk.stage.sandbox.state.configure({"faults": {"slow_files_ms": 2000}})
        await desk.bring_until_none_waits()
        assert desk.server.missing == {}
        assert desk.server.files == {first: b"%PDF first", second: b"%PDF second"}
        assert build == "testid" or await desk.fetched() == [first, second]  # the browser drops a link for the next one
        assert desk.left_on_disk() == []


async def test_a_document_that_never_comes_does_not_keep_the_next_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its button was pressed for nothing; what might still come of it ends with a reload, before another one is pressed."""
    monkeypatch.setattr("desktop_bridge.page.media.LOAD_SECONDS", 1.0)
    monkeypatch.setattr("desktop_bridge.page.media.LATE_SECONDS", 3.0)
    async with bringing(tmp_path, pauses=(1.0,) * 6, build="plain") as desk:
        lost = await desk.says(MessageKind.DOCUMENT, name="a.pdf", data=_b64(b"%PDF lost"), broken=True)
        second = await desk.says(MessageKind.DOCUMENT, name="b.pdf", data=_b64(b"%PDF second"))
        await desk.read()
        await desk.bring_until_none_waits()
        assert desk.server.files == {second: b"%PDF second"}
        assert desk.server.missing == {lost: FileProblem.NOT_LOADED}


async def test_a_picture_that_is_drawn_late_comes_with_its_file(tmp_path: Path) -> None:
    """Without test ids nothing but the picture itself says what the bubble is."""
    async with bringing(tmp_path, build="plain", lang="pt") as desk:
        await desk.stage.sandbox.client.set_fault(slow_files_ms=1500)
        said = await desk.says(MessageKind.IMAGE, mime="image/jpeg", data=_b64(PHOTO))
        files = await desk.read()
        assert {one: [file.mime for file in files] for one, files in files.items()} == {said: ["image/jpeg"]}
        await desk.bring_all()
        assert desk.server.files == {said: PHOTO}


@pytest.mark.parametrize("build", ["testid", "plain"])
async def test_what_a_caption_or_a_name_says_is_not_the_size_of_the_file(tmp_path: Path, build: str) -> None:
    async with bringing(tmp_path, build=build) as desk:
        names = ["price.pdf", "disk 32 GB", "32 GB", "photos 2024"]
        made = {
            await desk.says(MessageKind.DOCUMENT, "We need 32 GB", name=name, data=_b64(name.encode())): name.encode()
            for name in names
        }
        files = await desk.read()
        assert [(file.size, file.problem) for said in made for file in files[said]] == [(1024, None)] * len(names)
        await desk.bring_all()
        assert desk.server.files == made


class Opens:
    """A page that says by what a chat was to be proven."""

    def __init__(self) -> None:
        self.proofs: list[Sequence[str]] = []

    async def open(self, target: Target) -> None:
        self.proofs.append(target.known)
        raise ChatNotProven("not here")


async def test_what_the_phone_sent_to_many_proves_no_chat_in_which_a_file_is_fetched(tmp_path: Path) -> None:
    """A circular stands in the chat of each namesake, too: the wrong one would be opened, and the file not found there."""
    journal = open_journal(BridgeSettings(home=tmp_path, journal_passphrase=SecretStr("one two three")))
    page = Opens()
    files = ChatFiles(page, None, journal)  # type: ignore[arg-type]
    with journal.store.transaction():
        chat_id = journal.chats.add_chat("Anna")
        for external_id, direction in (("HERS", Direction.IN), ("CIRCULAR", Direction.OUT)):
            journal.chats.keep_message(
                MessageSeen(external_id=external_id, chat_id=chat_id, direction=direction, kind=WireKind.DOCUMENT)
            )
        journal.files.want("CIRCULAR", 0, chat_id, WireKind.DOCUMENT)
    assert await files.bring_one(asyncio.Lock(), Server())
    assert page.proofs == [("HERS",)]
    journal.close()


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("PDF • 17 MB", 17 * 2**20),
        ("menu.pdf\nPDF • 1,5 MB", 3 * 2**19),
        ("PDF\n•\n3 kB", 3 * 1024),
        ("12 kB", 12 * 1024),
        ("5 MB\n3 kB", 3 * 1024),
        ("800 bytes", 800),
        ("1.2 GB", int(1.2 * 2**30)),
        ("no size here", None),
        ("disk 32 GB", None),
        ("32 GB are enough", None),
    ],
)
def test_a_size_is_read_from_the_words(words: str, size: int | None) -> None:
    assert labelled_size(words) == size
