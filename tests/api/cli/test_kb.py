"""`waxos kb` against a running API: what it adds is read by a worker, found, listed and removed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.db.session import Database, Effects, Ring
from core.jobs.ask import serve_answers
from core.jobs.registry import Registry, Resources
from core.jobs.sweep import sweep
from domain.knowledge.tasks import register
from tests.api.cli.conftest import Terminal
from tests.api.conftest import Server
from tests.standins.site import run_site

HOURS = "# Opening hours\n\nOn Sundays the shop is open from 10 to 14.\n\n# Parking\n\nThere are six places behind the house.\n"


@pytest.fixture
async def _worker(server: Server, behind: Database) -> AsyncIterator[None]:
    """What a worker does, on this loop: answers questions and reads what is due."""
    registry, resources = Registry(), Resources(server.settings, behind)
    register(registry)

    async def read_what_is_due() -> None:
        while True:
            rung = Effects()
            await sweep(Database(behind.engine, rung), registry.tasks)
            for ring in rung.seen:
                assert isinstance(ring, Ring)
                await registry.tasks[ring.task].handler(resources, ring.tenant_id, ring.id)
            await asyncio.sleep(0.05)

    assert server.settings.redis_url is not None
    answering = serve_answers(server.settings.redis_url.get_secret_value(), registry, resources)
    tasks = [asyncio.create_task(answering), asyncio.create_task(read_what_is_due())]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.usefixtures("_worker")
async def test_knowledge_is_added_found_listed_and_removed(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "hours.md").write_text(HOURS)
    (tmp_path / "broken.pdf").write_text("not a PDF")
    status, out, err = await terminal.waxos("kb", "add", str(tmp_path / "hours.md"), "--json")
    assert (status, err) == (0, "")
    [source] = json.loads(out)
    assert (source["state"], source["chunks_done"]) == ("ready", 2)

    status, out, _ = await terminal.waxos("kb", "add", str(tmp_path / "broken.pdf"))
    assert status == 1
    assert "failed" in out
    status, out, _ = await terminal.waxos(
        "kb", "add", "--question", "Do you wrap gifts?", "--answer", "Yes, for free.", "--json"
    )
    assert json.loads(out)[0]["kind"] == "curated"

    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "is the shop open on Sunday?"}\n\n{"question": "do you wrap gifts?"}\n')
    status, out, _ = await terminal.waxos("kb", "search", "--file", str(questions), "--json")
    first, second = (json.loads(line)["passages"][0] for line in out.splitlines())
    assert (first["source_id"], first["heading"]) == (source["id"], "Opening hours")
    assert second["curated_answer"] == "Yes, for free."
    status, out, _ = await terminal.waxos("kb", "search", "where can I park?")
    assert (status, "six places behind the house" in out) == (0, True)

    _, out, _ = await terminal.waxos("kb", "list", "--json")
    assert len(json.loads(out)) == 3
    assert (await terminal.waxos("kb", "remove", source["id"]))[0] == 0
    _, out, _ = await terminal.waxos("kb", "list", "--json")
    assert source["id"] not in out


@pytest.mark.usefixtures("_worker")
async def test_a_page_is_added_and_read_again(terminal: Terminal) -> None:
    async with run_site() as site:
        site.page("/", "Opening hours", "The shop opens at nine on weekdays.")
        status, out, err = await terminal.waxos(
            "kb", "add", site.url, "--every", "24", "--valid-from", "2020-01-01", "--json"
        )
        assert (status, err) == (0, "")
        [page] = json.loads(out)
        assert (page["title"], page["sync_hours"], page["version"]) == ("Opening hours", 24, 1)
        assert page["valid_from"].startswith("2020-01-01")
        site.page("/", "Opening hours", "The shop opens at seven on weekdays.")
        status, out, _ = await terminal.waxos("kb", "sync", "--json")
        assert (status, [one["version"] for one in json.loads(out)]) == (0, [2])
        site.bodies.clear()
        status, out, _ = await terminal.waxos("kb", "sync", page["id"])
        assert status == 1
        assert "no such page" in " ".join(out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add",), "nothing to add"),
        (("add", "/nowhere/at-all.md"), "cannot be read"),
        (("search",), "no question"),
        (("search", "--file", "/nowhere/at-all.jsonl"), "holds no questions"),
        (("add", "https://user:secret@shop.example/"), "carries a name or password"),
        (("remove", "0190d0de-0000-7000-8000-000000000000"), "no such source"),
    ],
)
async def test_wrong_use_is_one_clear_line(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    status, _, err = await terminal.waxos("kb", *words)
    assert status == 1
    assert said in err
    assert "Traceback" not in err
