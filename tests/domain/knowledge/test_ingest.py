"""From a file to searchable chunks, whatever the file is and whatever happens on the way."""

import asyncio
import json
import os
import signal
from uuid import UUID

import psutil
import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from core.aal.ports import Embedder
from core.contracts.events import Event, EventType
from core.contracts.ids import new_id
from core.contracts.knowledge import NewCuratedAnswer, NewTextSource, Source
from core.contracts.principal import Principal
from core.contracts.states import DraftStatus, SourceState
from core.db.session import Database, Effects, Ring
from core.errors import InvalidInput, NotFound, Unavailable
from core.jobs.sweep import sweep
from core.storage.blobs import LocalBlobs
from domain.knowledge import reading, service
from domain.knowledge.documents import Unreadable
from domain.knowledge.ingest import MOST_ATTEMPTS, Ingester
from domain.knowledge.models import KnowledgeSource
from domain.knowledge.reading import FileReader
from domain.knowledge.search import KnowledgeSearch
from domain.knowledge.service import once
from tests.domain.knowledge import files
from tests.domain.knowledge.conftest import Learn, OneEmbedder, Upload, admin_of

POLICY = [
    [(20, "Garden shop"), (14, "Returns"), (11, "Plants can be brought back within ten days with their receipt.")],
    [(14, "Delivery"), (11, "We deliver inside the city for four euros, from Tuesday to Friday.")],
]
WORD = files.docx(
    [("Heading1", "Prices"), (None, "Prices include the tax."), ("Heading2", "Workshops")],
    [("Workshop", "Price"), ("Pruning roses", "35 EUR"), ("Growing mushrooms", "48 EUR")],
)
PAGE = b"""<html><head><title>Shop</title><script>alert('planted')</script></head><body><h1>Hours</h1>
<p>The shop opens at <b>eight</b>.<script>steal()</script></p><style>p {color: red}</style></body></html>"""
TABLE = b"Frage;Antwort\nHaben Sie Tomaten?;Ja, im Mai.\n"
NOTES = b"OPENING HOURS\n\nMon-Fri 9-17\nSat 10-14\n\nQ: Is there parking?\nA: Yes, behind the house.\n"
MARKDOWN = b"# Care\n\n## Roses\n\nWater them in the morning.\n\n- once a week\n- never at noon\n"


async def chunks_of(db: Database, tenant_id: UUID, source_id: UUID) -> list[dict[str, object]]:
    async with db.unit_of_work(tenant_id) as session:
        rows = await session.execute(
            text(
                "select c.id, position, page, heading, c.text, curated_answer, language, search_config from knowledge_chunks c "
                "join knowledge_vectors_usem3_512 v on v.id = c.id where c.source_id = :source order by position"
            ),
            {"source": source_id},
        )
        return [dict(row) for row in rows.mappings()]


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (files.pdf(POLICY), "policy.pdf", {"heading": "Garden shop › Delivery", "page": 2, "text": POLICY[1][1][1]}),
        (WORD, "prices.docx", {"heading": "Prices › Workshops", "text": "Workshop: Growing mushrooms; Price: 48 EUR"}),
        (PAGE, "hours.html", {"heading": "Hours", "text": "The shop opens at eight."}),
        (
            "Opening hours\n\nWe open at nine each day.".encode("utf-16-le"),
            "wide.txt",
            {"text": "We open at nine each day."},
        ),
        (TABLE, "fragen.csv", {"text": "Haben Sie Tomaten?\nJa, im Mai.", "curated_answer": "Ja, im Mai."}),
        (NOTES, "notes.txt", {"heading": "OPENING HOURS", "curated_answer": "Yes, behind the house."}),
        (MARKDOWN, "care.md", {"heading": "Care › Roses", "text": "- once a week\n- never at noon"}),
    ],
)
async def test_each_kind_of_file_becomes_chunks(
    learn: Learn, db: Database, tenant: UUID, data: bytes, name: str, expected: dict[str, object]
) -> None:
    source = await learn(data, name)
    assert (source.state, source.failure) == (SourceState.READY, None)
    chunks = await chunks_of(db, tenant, source.id)
    assert source.chunks_done == source.chunks_total == len(chunks) > 0
    wanted = str(expected.pop("text", ""))
    [found] = [c for c in chunks if wanted in str(c["text"]) and expected.items() <= c.items()]
    everything = " ".join(str(chunk["text"]) for chunk in chunks)
    assert "planted" not in everything
    assert "steal" not in everything
    assert found["search_config"] == {"de": "german", "en": "english"}.get(str(found["language"]), "simple")


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (files.locked_pdf(b"secret"), "locked.pdf", "password"),
        (files.pdf(POLICY)[:700], "cut.pdf", "damaged"),
        (files.pdf([[], []]), "scan.pdf", "scanned pictures"),
        (b"plain words", "words.pdf", "named like a PDF but its content is plain text"),
        (files.pdf(POLICY), "really-a-pdf.docx", "content is a PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "picture.txt", "PNG image"),
        (WORD[:300], "cut.docx", "damaged|archive"),
        (files.zipped({"word/document.xml": "x", "word/bomb.bin": "0" * 210_000_000}), "bomb.docx", "unpacks to"),
        (b" \n\t ", "blank.txt", "empty"),
        (b"question,answer\n", "header.csv", "No text"),
        ("\u00a0\u200b\ufeff \n".encode(), "unseen.txt", "No text"),
        (files.zipped({"notes.txt": "hello", "b/word/x.txt": "z"}), "renamed.docx", "not a Word document"),
        (b'question,answer\nWhat?,"' + b"word " * 60_000 + b'"\n', "cell.csv", "a cell holds more than"),
        (files.pdf([[]] * 2000), "empty-pages.pdf", "scanned pictures"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_file_that_yields_nothing_says_why(learn: Learn, data: bytes, name: str, reason: str) -> None:
    source = await learn(data, name)
    assert source.state == SourceState.FAILED
    assert source.failure is not None
    assert any(part in source.failure for part in reason.split("|")), source.failure
    assert source.chunks_done == 0


async def test_the_same_bytes_are_one_source_and_a_failed_one_is_tried_again(
    learn: Learn, upload: Upload, other_tenant: UUID
) -> None:
    first = await learn(MARKDOWN, "care.md")
    again = await upload(MARKDOWN, "copy of care.md")
    assert (again.id, again.state) == (first.id, SourceState.READY)
    elsewhere = await upload(MARKDOWN, "care.md", owner=admin_of(other_tenant))
    assert elsewhere.id != first.id
    broken = await learn(b"plain words", "words.pdf")
    assert (await upload(b"plain words", "words.pdf")).state == SourceState.QUEUED
    assert (await learn(b"plain words", "words.pdf")).id == broken.id


async def test_progress_is_told_and_nothing_is_left_to_do(
    learn: Learn, db: Database, tenant: UUID, effects: Effects
) -> None:
    lines = "\n\n".join(f"# Subject {n}\n\nThe answer to question {n} is the number {n * 7}." for n in range(150))
    source = await learn(lines.encode(), "many.md")
    told = [e for e in effects.seen if isinstance(e, Event) and e.type is EventType.SOURCE_UPDATED]
    assert all(event.ids == {"source_id": source.id} for event in told)
    assert [event.versions["chunks_done"] for event in told][-3:] == [64, 128, 150]
    assert Ring(service.INGEST_TASK, tenant, source.id) in effects.seen
    effects.seen.clear()
    await sweep(db, {service.INGEST_TASK})
    assert source.id not in [effect.id for effect in effects.seen]


async def test_reading_again_replaces_what_was_there(
    learn: Learn, ingester: Ingester, db: Database, tenant: UUID
) -> None:
    source = await learn(MARKDOWN, "care.md")
    before = await chunks_of(db, tenant, source.id)
    async with db.unit_of_work(tenant) as session:
        await session.execute(update(KnowledgeSource).values(state=SourceState.QUEUED))
    await ingester.ingest(tenant, source.id)
    after = await chunks_of(db, tenant, source.id)
    assert [c["text"] for c in after] == [c["text"] for c in before]
    assert not {c["id"] for c in after} & {c["id"] for c in before}
    await ingester.ingest(tenant, source.id)
    assert await chunks_of(db, tenant, source.id) == after


class Dying:
    """An embedder whose worker dies at the second batch."""

    name, dims = "usem3-512", 512

    def __init__(self, real: Embedder) -> None:
        self.real, self.calls = real, 0

    async def embed(self, texts: list[str]) -> list[list[float]]:
        self.calls += 1
        if self.calls == 2:
            raise KeyboardInterrupt
        return await self.real.embed(texts)


async def test_a_worker_that_dies_midway_is_followed_by_another(
    upload: Upload,
    ingester: Ingester,
    db: Database,
    blobs: LocalBlobs,
    embedder: Embedder,
    tenant: UUID,
    effects: Effects,
) -> None:
    text_ = "\n\n".join(f"# Subject {n}\n\nNumber {n}." for n in range(100))
    source = await upload(text_.encode(), "many.md")
    dying = Ingester(db, blobs, OneEmbedder(Dying(embedder)), lease_s=2)
    with pytest.raises(KeyboardInterrupt):
        await dying.ingest(tenant, source.id)
    assert len(await chunks_of(db, tenant, source.id)) == 64
    await ingester.ingest(tenant, source.id)
    assert len(await chunks_of(db, tenant, source.id)) == 64, "the lease was not respected"
    await asyncio.sleep(2.1)
    effects.seen.clear()
    await sweep(db, {service.INGEST_TASK})
    assert Ring(service.INGEST_TASK, tenant, source.id) in effects.seen
    await ingester.ingest(tenant, source.id)
    assert [c["position"] for c in await chunks_of(db, tenant, source.id)] == list(range(100))


async def test_a_source_that_kills_its_workers_is_given_up(
    upload: Upload, ingester: Ingester, db: Database, tenant: UUID
) -> None:
    source = await upload(MARKDOWN, "care.md")
    async with db.unit_of_work(tenant) as session:
        await session.execute(update(KnowledgeSource).values(attempt=MOST_ATTEMPTS))
    await ingester.ingest(tenant, source.id)
    async with db.unit_of_work(tenant) as session:
        assert "broken off" in str((await service.get_source(session, source.id)).failure)


async def test_a_killed_child_leaves_the_worker_unharmed_and_is_tried_again(
    upload: Upload, ingester: Ingester, db: Database, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_MODULE", "tests.domain.knowledge.stuck_child")
    source = await upload(MARKDOWN, "care.md")
    work = asyncio.create_task(ingester.ingest(tenant, source.id))
    while not (  # noqa: ASYNC110 - another process has no event to wait for
        children := [c for c in psutil.Process().children() if "stuck_child" in " ".join(c.cmdline())]
    ):
        await asyncio.sleep(0.02)
    os.kill(children[0].pid, signal.SIGKILL)
    await work
    async with db.unit_of_work(tenant) as session:
        waiting = await service.get_source(session, source.id)
    assert (waiting.state, waiting.failure) == (SourceState.QUEUED, None)
    monkeypatch.undo()
    await ingester.ingest(tenant, source.id)
    async with db.unit_of_work(tenant) as session:
        assert (await service.get_source(session, source.id)).state == SourceState.READY


async def test_a_file_that_is_gone_from_the_store_is_said_to_be(
    db: Database, blobs: LocalBlobs, tenant: UUID, upload: Upload, ingester: Ingester
) -> None:
    source = await upload(b"Open from nine.", "hours.txt")
    async with db.unit_of_work(tenant) as session:
        row = await session.get_one(KnowledgeSource, (tenant, source.id))
    await blobs.delete(tenant, row.blob_key or "")
    await ingester.ingest(tenant, source.id)
    async with db.unit_of_work(tenant) as session:
        failed = await service.get_source(session, source.id)
    assert (failed.state, "no longer in the storage" in (failed.failure or "")) == (SourceState.FAILED, True)


async def test_a_child_that_hangs_or_hungers_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MODULE", "tests.domain.knowledge.stuck_child")
    with pytest.raises(Unreadable, match="too long"):
        await FileReader(wall_s=1.0).read(once(b"wait"), "text/plain")
    with pytest.raises(Unreadable, match="memory"):
        await FileReader(memory_mb=300).read(once(b"eat"), "text/plain")
    with pytest.raises(Unreadable, match="too long"):
        await FileReader(cpu_s=1).read(once(b"spin"), "text/plain")
    with pytest.raises(Unavailable):
        await FileReader().read(once(b"die"), "text/plain")


async def test_the_child_knows_no_secret_and_can_write_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAXOS_DATABASE_URL", "postgresql://secret")
    monkeypatch.setattr(reading, "_MODULE", "tests.domain.knowledge.stuck_child")
    document = await FileReader().read(once(b"tell"), "text/plain")
    told = json.loads(document.blocks[0].text)
    assert not [name for name in told["environment"] if name.startswith("WAXOS")]
    assert told["wrote"] is False


async def test_texts_and_answers_are_sources_too(
    db: Database, blobs: LocalBlobs, caller: Principal, tenant: UUID, ingester: Ingester, search: KnowledgeSearch
) -> None:
    async with db.unit_of_work(tenant) as session:
        typed = await service.add_text(
            session, blobs, caller, NewTextSource(title="Winter", text="In winter the shop closes at four o'clock.")
        )
        answer = await service.add_curated(
            session, blobs, caller, NewCuratedAnswer(question="Do you sell bonsai trees?", answer="Yes, from 30 euros.")
        )
        same = await service.add_curated(
            session, blobs, caller, NewCuratedAnswer(question="Do you sell bonsai trees?", answer="Yes, from 30 euros.")
        )
    assert same.id == answer.id
    for source in (typed, answer):
        await ingester.ingest(tenant, source.id)
    best = (await search.search("do you sell bonsai trees", 3)).passages[0]
    assert (best.source_id, best.curated_answer) == (answer.id, "Yes, from 30 euros.")
    best = (await search.search("when does the shop close in winter?", 3)).passages[0]
    assert (best.source_id, best.curated_answer, best.source_title) == (typed.id, None, "Winter")


async def test_a_removed_source_is_gone_and_retires_the_drafts_that_cite_it(
    learn: Learn, db: Database, caller: Principal, tenant: UUID, search: KnowledgeSearch, admin: AsyncEngine
) -> None:
    source = await learn(MARKDOWN, "care.md")
    draft_id = await a_draft_citing(db, tenant, source)
    async with db.unit_of_work(tenant) as session:
        await service.remove_source(session, caller, source.id)
    assert (await search.search("when should roses be watered?", 3)).passages == []
    async with db.unit_of_work(tenant) as session:
        status = await session.scalar(text("select status from drafts where id = :id"), {"id": draft_id})
        assert status == DraftStatus.SUPERSEDED
        assert (await service.list_sources(session)).items == []
        with pytest.raises(NotFound):
            await service.remove_source(session, caller, source.id)
    async with admin.connect() as connection:
        for table in ("knowledge_chunks", "knowledge_vectors_usem3_512"):
            left = text(f"select count(*) from {table} where source_id = :id")  # noqa: S608
            assert (await connection.execute(left, {"id": source.id})).scalar_one() == 0
    assert (await learn(MARKDOWN, "care.md")).id != source.id


async def test_sources_are_listed_in_pages_for_their_tenant_alone(
    upload: Upload, db: Database, tenant: UUID, other_tenant: UUID
) -> None:
    made = [await upload(f"Text number {n}".encode(), f"{n}.txt") for n in range(3)]
    async with db.unit_of_work(tenant) as session:
        first = await service.list_sources(session, limit=2)
        second = await service.list_sources(session, first.next_cursor, limit=2)
        with pytest.raises(InvalidInput):
            await service.list_sources(session, "nonsense")
    assert [s.id for s in first.items + second.items] == [s.id for s in reversed(made)]
    assert second.next_cursor is None
    async with db.unit_of_work(other_tenant) as session:
        assert (await service.list_sources(session)).items == []
        with pytest.raises(NotFound):
            await service.get_source(session, made[0].id)


async def a_draft_citing(db: Database, tenant: UUID, source: Source) -> UUID:
    ids = {name: new_id() for name in ("channel", "chat", "draft", "passage", "row")}
    rows = {
        "channels": "kind, name, mode, timezone, state, epoch) values (:tenant, :channel, 'sandbox', 'x', 'draft', 'UTC', 'linked', 0)",
        "chats": "channel_id, kind, title, status, version, next_seq, unread, answered_seq, resolved_seq) "
        "values (:tenant, :chat, :channel, 'person', 'x', 'open', 1, 1, 0, 0, 0)",
        "drafts": "chat_id, chat_version, version, origin, status, parts, text_sha256, claims, missing, unreadable) "
        "values (:tenant, :draft, :chat, 1, 1, 'machine', 'pending', '{x}', 'x', '[]', '{}', '{}')",
        "draft_passages": "draft_id, passage_id, source_id, source_title, text, score, rank, cited, stale) "
        "values (:tenant, :row, :draft, :passage, :source, 'x', 'x', 1, 0, true, false)",
    }
    async with db.unit_of_work(tenant) as session:
        for table, columns in rows.items():
            await session.execute(
                text(f"insert into {table} (tenant_id, id, {columns}"), ids | {"tenant": tenant, "source": source.id}
            )
    return ids["draft"]


def test_a_lease_outlives_reading_a_file(ingester: Ingester) -> None:
    assert ingester.lease_s > FileReader().wall_s + 10
