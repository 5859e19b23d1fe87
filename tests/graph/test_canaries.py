"""Keys and planted personal data after runs that went well and runs that failed: where they must not be found, they are not."""

import random

import pytest
import redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.aal import build_aal
from core.aal.circuits import Circuits, MemoryMarks
from core.aal.language import LanguageDetector
from core.contracts.states import DraftStatus
from core.db.session import Database
from core.jobs.marks import RedisMarks
from core.settings import AalSettings, DeskSettings
from graph.team import build_team
from tests.agents.text.test_veil import WORDS, echo, planted
from tests.core.aal.conftest import CANARY, link
from tests.graph.conftest import runner_of
from tests.graph.desk import Desk
from tests.graph.test_team import HOURS, shelf
from tests.standins.provider import RESET, ProviderStandin, run_provider, status

OWN = {"messages", "chats", "contacts", "contact_addresses", "drafts", "sends"}
"""Tables of the conversation itself; a draft says what the customer is to read."""


async def test_no_key_and_nothing_personal_lies_about_after_runs(
    app_engine: AsyncEngine,
    admin: AsyncEngine,
    db: Database,
    desk: Desk,
    valkey_url: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    given = [planted(random.Random(number), number) for number in range(6)]
    async with run_provider() as provider:
        provider.answer_with(echo)
        await _runs(provider, app_engine, db, desk, valkey_url, [WORDS.format_map(one) for one in given])
        journal = str(provider.journal)
    out, err = capfd.readouterr()
    client = redis.Redis.from_url(valkey_url)
    kept = {"logs": out + err, "redis": str([(key, client.type(key), client.dump(key)) for key in client.keys("*")])}
    kept |= await _tables(admin)
    assert "waxos:mark:" in kept["redis"], "no provider failed, so nothing was looked at"
    assert CANARY in journal
    assert [place for place, content in kept.items() if CANARY in content] == []
    values = [value for one in given for value in one.values()]
    assert any(value in kept["messages"] for value in values)
    found = {
        (place, value) for place, content in kept.items() if place not in OWN for value in values if value in content
    }
    assert found == set()
    assert [value for value in values if value in journal] == []


async def _runs(
    provider: ProviderStandin, engine: AsyncEngine, db: Database, desk: Desk, redis_url: str, words: list[str]
) -> None:
    """Draft for each text: some at the first try, some after failures that quote the key, the last ones without any answer."""
    marks = RedisMarks(redis_url, wait_s=10)
    chain = [link(name, provider.base_url(name)) for name in ("openai", "groq")]
    aal = build_aal(AalSettings(chain=chain, attempt_seconds=30), cooldowns=Circuits(MemoryMarks(), marks))
    await aal.warm()
    found = shelf(HOURS)
    runner = runner_of(
        engine, db, DeskSettings(quiet_seconds=0), build_team(aal, LanguageDetector(), lambda _: found).agents_for
    )
    outcomes = []
    for number, said in enumerate(words):
        if number == 2:
            provider.script("openai", status(500), RESET)
        if number >= 4:
            provider.script("openai", status(401))
            provider.script("groq", status(429, retry_after="60"))
        chat = await desk.another_chat()
        outcomes.append(await runner.run(desk.tenant, await chat.asks(said)))
    await marks.close()
    assert {DraftStatus(outcome) for outcome in outcomes[:4] if outcome} <= {
        DraftStatus.PENDING,
        DraftStatus.BLOCKED,
    }  # a card in a reply
    assert outcomes[4:] == ["failed"] * 2


async def _tables(admin: AsyncEngine) -> dict[str, str]:
    """Return what stands in every table, whoever's it is."""
    async with admin.connect() as connection:
        names = await connection.execute(
            text("select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
                 " and table_schema not in ('pg_catalog', 'information_schema')")
        )  # fmt: skip
        found = {}
        for schema, name in names.all():
            rows = await connection.execute(text(f'select t::text from "{schema}"."{name}" t'))  # noqa: S608 - names of the catalog
            found[name] = "\n".join(row[0] for row in rows)
        return found
