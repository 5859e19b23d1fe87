"""Pages of the web: fetched within bounds, read again when they change, followed a little, and never used once they are gone."""

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core.contracts.knowledge import NewPageSource, Source, SourceChange
from core.contracts.principal import Principal
from core.contracts.states import DraftStatus, SourceState
from core.db.session import Database
from core.errors import InvalidInput
from domain.drafts.models import Draft
from domain.knowledge import pages, service
from domain.knowledge.addresses import inside, page_url
from domain.knowledge.fetching import WebFetcher
from domain.knowledge.ingest import MOST_ATTEMPTS, Ingester
from domain.knowledge.search import KnowledgeSearch
from tests.domain.desk import Desk
from tests.standins.site import Site, run_site

Read = Callable[[UUID], Awaitable[Source]]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with run_site() as running:
        running.page("/", "Opening hours", "The shop opens at nine on every weekday.")
        yield running


@pytest.fixture
def fetcher() -> WebFetcher:
    return WebFetcher(permitted=("127.0.0.1/32",), most_bytes=2 * 1024 * 1024, seconds=5)


@pytest.fixture
def read(db: Database, tenant: UUID, ingester: Ingester, fetcher: WebFetcher) -> Read:
    """Read one source as a worker does, and return it as it then stands."""

    async def reading(source_id: UUID) -> Source:
        await replace(ingester, fetcher=fetcher).ingest(tenant, source_id)
        async with db.unit_of_work(tenant) as session:
            return await service.get_source(session, source_id)

    return reading


async def _add(db: Database, caller: Principal, url: str, **more: Any) -> Source:
    async with db.unit_of_work(caller.tenant_id) as session:
        return await pages.add_page(session, caller, NewPageSource(url=url, **more))


async def _sync(db: Database, caller: Principal, source_id: UUID) -> None:
    async with db.unit_of_work(caller.tenant_id) as session:
        await pages.sync_now(session, caller, source_id)


async def _all(db: Database, tenant: UUID) -> list[Source]:
    async with db.unit_of_work(tenant) as session:
        return (await service.list_sources(session)).items


async def test_a_page_is_found_with_its_address_and_read_again_only_when_it_changed(
    db: Database, caller: Principal, site: Site, read: Read, search: KnowledgeSearch
) -> None:
    added = await _add(db, caller, site.url)
    assert (await _add(db, caller, f"{site.url}/#top")).id == added.id, "the same page is the same source"
    first = await read(added.id)
    assert (first.state, first.failure, first.title, first.version) == (SourceState.READY, None, "Opening hours", 1)
    [passage] = (await search.search("When does the shop open on a weekday?", 1)).passages
    assert passage.source_url == f"{site.url}/"

    site.headers["ETag"] = '"one"'
    await _sync(db, caller, added.id)
    same = await read(added.id)
    assert (same.state, same.version, same.chunks_done) == (SourceState.READY, 1, first.chunks_done)
    site.status["/"] = 304
    await _sync(db, caller, added.id)
    assert (await read(added.id)).version == 1
    assert 'if-none-match: "one"' in site.requests[-1].lower()
    site.status.clear()

    site.page("/", "Opening hours", "The shop opens at seven on every weekday.")
    await _sync(db, caller, added.id)
    [passage] = (await search.search("When does the shop open on a weekday?", 1)).passages
    assert "nine" in passage.text, "the old version is found until the new one is whole"
    assert (await read(added.id)).version == 2
    found = (await search.search("When does the shop open on a weekday?", 5)).passages
    assert ["seven" in one.text for one in found] == [True]
    async with db.unit_of_work(caller.tenant_id) as session:
        assert [one.version for one in await service.list_versions(session, added.id)] == [2, 1]


async def test_a_page_that_is_gone_is_not_used_and_one_that_cannot_be_reached_stays(
    db: Database, caller: Principal, tenant: UUID, site: Site, read: Read, search: KnowledgeSearch
) -> None:
    added = await _add(db, caller, site.url)
    await read(added.id)
    site.status["/"] = 503
    await _sync(db, caller, added.id)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        seen = await read(added.id)
        assert seen.state is (SourceState.READY if attempt == MOST_ATTEMPTS else SourceState.QUEUED)
    assert "answers 503" in (seen.failure or "")
    assert len((await search.search("When does the shop open on a weekday?", 1)).passages) == 1

    site.status["/"] = 404
    await _sync(db, caller, added.id)
    gone = await read(added.id)
    assert (gone.state, gone.chunks_done) == (SourceState.FAILED, 0)
    assert "no such page" in (gone.failure or "")
    assert (await search.search("When does the shop open on a weekday?", 1)).passages == []
    async with db.unit_of_work(tenant) as session:
        for table in ("knowledge_chunks", "knowledge_vectors_usem3_512"):
            assert await session.scalar(text(f"select count(*) from {table}")) == 0  # noqa: S608 - two names of ours


async def test_of_a_version_that_is_half_read_nothing_is_found(
    db: Database, caller: Principal, site: Site, read: Read, search: KnowledgeSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = await _add(db, caller, site.url)
    await read(added.id)
    many = "".join(f"<h2>Part {number}</h2><p>The shop opens at seven in part {number}.</p>" for number in range(80))
    site.bodies["/"] = f"<html><body>{many}</body></html>".encode()
    await _sync(db, caller, added.id)

    async def dies(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Ingester, "_publish", dies)
    with pytest.raises(MemoryError):
        await read(added.id)
    async with db.unit_of_work(caller.tenant_id) as session:
        assert await session.scalar(text("select count(*) from knowledge_chunks where version = 2")) == 64
    found = await search.candidates("When does the shop open on a weekday?", 20)
    assert ["nine" in one.text for one in found] == [True]


@pytest.mark.parametrize("act", ["changed", "gone", "out of date", "removed"])
async def test_a_draft_that_cites_what_changed_is_withdrawn(
    desk: Desk, db: Database, caller: Principal, site: Site, read: Read, act: str
) -> None:
    added = await _add(db, caller, site.url)
    await read(added.id)
    waiting = await desk.customer_writes("When do you open?")
    await desk.store(await desk.claim(waiting), "At nine.", source_id=added.id, source_version=1)
    other = await desk.customer_writes("What is tea?")
    await desk.store(await desk.claim(other), "A drink.")
    in_the_making = await desk.claim(await desk.customer_writes("And on Monday?"))
    if act in {"changed", "gone"}:
        site.page("/", "Opening hours", "The shop opens at seven.")
        site.status |= {"/": 404} if act == "gone" else {}
        await _sync(db, caller, added.id)
        assert (await desk.pending(waiting)).status == DraftStatus.PENDING, "nothing changed yet"
        await read(added.id)
    else:
        async with db.unit_of_work(caller.tenant_id) as session:
            if act == "removed":
                await service.remove_source(session, caller, added.id)
            else:
                past = datetime.now(UTC) - timedelta(days=1)
                await service.change_source(session, caller, added.id, SourceChange(valid_until=past))
    assert [one.status for one in await desk.all(Draft, chat_id=waiting)] == [DraftStatus.SUPERSEDED]
    assert (await desk.pending(other)).status == DraftStatus.PENDING
    late = await desk.store(in_the_making, "At nine, too.", source_id=added.id, source_version=1)
    assert late == (DraftStatus.PENDING if act == "out of date" else DraftStatus.SUPERSEDED)


async def test_a_small_crawl_stays_on_its_host_below_its_folder_within_its_number_and_its_robots(
    db: Database, caller: Principal, tenant: UUID, site: Site, read: Read
) -> None:
    links = [
        "a.html",
        "/help/b.html",
        "/help/b.html#part",
        "/help/secret/x.html",
        "/elsewhere.html",
        "http://10.0.0.1/help/",
        "mailto:x",
    ]
    site.page("/help/", "Help", "Help is near.", *links)
    site.page("/help/a.html", "A", "Parcels take two days.", "c.html", "d.html", "e.html")
    for name in "bcde":
        site.page(f"/help/{name}.html", name.upper(), f"This is the page of the letter {name}.")
    site.bodies["/robots.txt"] = b"User-agent: *\nDisallow: /help/secret/\n"
    root = await _add(db, caller, f"{site.url}/help/", crawl_pages=5)
    await read(root.id)
    for page in [one for one in await _all(db, tenant) if one.parent_id]:
        await read(page.id)
    for page in await _all(db, tenant):
        await read(page.id)
    got = {(one.url or "").removeprefix(site.url): one.state for one in await _all(db, tenant)}
    assert set(got) == {"/help/", "/help/a.html", "/help/b.html", "/help/c.html", "/help/d.html"}
    assert set(got.values()) == {SourceState.READY}
    assert not {"/elsewhere.html", "/help/secret/x.html"} & set(site.asked)
    async with db.unit_of_work(tenant) as session:
        await service.remove_source(session, caller, root.id)
    assert await _all(db, tenant) == []


async def test_what_never_ends_or_is_too_large_is_given_up(
    db: Database, caller: Principal, site: Site, read: Read
) -> None:
    site.endless = True
    seen = await read((await _add(db, caller, site.url)).id)
    assert (seen.state, "larger than 2 MB" in (seen.failure or "")) == (SourceState.FAILED, True)
    site.endless = False
    site.headers = {"Content-Encoding": "gzip"}
    site.bodies["/bomb"] = gzip.compress(b"<p>" + b"a" * 30_000_000)
    seen = await read((await _add(db, caller, f"{site.url}/bomb")).id)
    assert (seen.state, "larger than 2 MB" in (seen.failure or "")) == (SourceState.FAILED, True)


async def test_a_page_into_a_private_network_says_so(
    db: Database, caller: Principal, tenant: UUID, ingester: Ingester, site: Site
) -> None:
    added = await _add(db, caller, site.url)
    await ingester.ingest(tenant, added.id)
    async with db.unit_of_work(tenant) as session:
        seen = await service.get_source(session, added.id)
    assert seen.state is SourceState.FAILED
    assert "web pages (80, 443)" in (seen.failure or "")
    assert site.asked == []


async def test_a_page_is_due_again_after_its_hours_and_its_validity_can_be_changed(
    db: Database, caller: Principal, tenant: UUID, site: Site, read: Read, search: KnowledgeSearch
) -> None:
    added = await _add(db, caller, site.url, sync_hours=24)
    await read(added.id)

    async def due_in() -> dict[str, float]:
        async with db.unit_of_work(tenant) as session:
            rows = await session.execute(
                text("select kind, extract(epoch from due_at - now()) as s from due where id = :id"), {"id": added.id}
            )
            return {row.kind: float(row.s) / 3600 for row in rows}

    assert {kind: round(hours) for kind, hours in (await due_in()).items()} == {service.SYNC_TASK: 24}
    await pages.sync_due(db, tenant, added.id)
    assert set(await due_in()) == {service.INGEST_TASK}
    await read(added.id)

    async with db.unit_of_work(tenant) as session:
        yesterday = datetime.now(UTC) - timedelta(days=1)
        changed = await service.change_source(
            session, caller, added.id, SourceChange(valid_until=yesterday, sync_hours=None)
        )
    assert (changed.title, changed.sync_hours) == ("Opening hours", None)
    assert await due_in() == {}
    [passage] = (await search.search("When does the shop open on a weekday?", 1)).passages
    assert passage.stale
    async with db.unit_of_work(tenant) as session:
        await service.change_source(
            session, caller, added.id, SourceChange(valid_from=yesterday + timedelta(days=9), valid_until=None)
        )
    assert (await search.search("When does the shop open on a weekday?", 1)).passages == []
    with pytest.raises(InvalidInput, match="end before it begins"):
        async with db.unit_of_work(tenant) as session:
            await service.change_source(session, caller, added.id, SourceChange(valid_until=yesterday))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Shop.Example/a b", None), ("HTTPS://Shop.Example", "https://shop.example/"), ("shop.example/x?y=1#z", "https://shop.example/x?y=1"),
        ("http://shop.example:80/", "http://shop.example/"), ("https://shop.example:8443/", "https://shop.example:8443/"),
        ("ftp://shop.example/", None), ("file:///etc/passwd", None), ("javascript:alert(1)", None), ("http://", None),
        ("https://user:secret@shop.example/", None), ("http://shop.example:99999/", None), ("http://[::1", None), ("", None),
        ("https://shop.example./", "https://shop.example/"), ("http://a\\b/", None), ("x" * 2100, None),
    ],
)  # fmt: skip
def test_an_address_is_kept_in_one_spelling(typed: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(InvalidInput):
            page_url(typed)
    else:
        assert page_url(typed) == kept


def test_a_crawl_stays_inside() -> None:
    start = "https://shop.example/help/index.html"
    assert inside("https://shop.example/help/deep/a.html", start)
    for away in (
        "https://shop.example/other",
        "http://shop.example/help/a",
        "https://www.shop.example/help/a",
        "https://shop.example/helper",
    ):
        assert not inside(away, start), away
