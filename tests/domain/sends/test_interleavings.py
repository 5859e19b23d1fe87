"""Two connections on one chat: whatever the order of their statements, it ends as if one had come after the other."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.states import DraftStatus, SendStatus
from core.contracts.texts import text_sha256
from core.db.session import Database
from tests.conftest import DatabaseUrls, make_tenant
from tests.domain.desk import Desk
from tests.domain.sends import scenes
from tests.domain.sends.interleavings import Act, Ran, Search, one_connection, parents_of
from tests.domain.sends.scenes import OPERATIONS, SCENES, Copier, Operation, Rows, Scene, act_on, answer_of

CORE = frozenset({"approve", "news", "store", "arm", "returned", "disarmed"})
"""What the short form runs in all pairs; the slow form runs all others."""
SHORT = frozenset({"waiting", "leased", "armed"})

ONCE_WRONG = frozenset(
    {("leased", "next_send", "postponed"), ("armed", "news", "absent"), ("armed", "phone", "absent")}
)
"""Pairs that once ended as they should not, which the short form runs as well."""

RANK = {"channels": 0, "chats": 1}


@dataclass
class Stage:
    """What the orders of a module run on."""

    search: Search
    copier: Copier
    db: Database
    scenes: dict[str, Scene]
    tried: list[int] = field(default_factory=list)
    """How many orders each pair had."""

    async def scene(self, name: str) -> Scene:
        if name not in self.scenes:
            tenant = await make_tenant(self.db, "Scene")
            scene = self.scenes[name] = await SCENES[name](await Desk(self.db, tenant).open())
            copied = await scenes.rows_of(scene, self.db, await self.copier.copy(scene))
            assert scenes.view(copied) == scenes.view(await scenes.rows_of(scene, self.db, tenant))
        return self.scenes[name]


@pytest.fixture(scope="module")
async def stage(
    database_urls: DatabaseUrls, app_engine: AsyncEngine, admin: AsyncEngine, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    sides = [one_connection(database_urls.app), one_connection(database_urls.app)]
    async with admin.connect() as observer:
        await observer.execution_options(isolation_level="AUTOCOMMIT")
        stage = Stage(
            Search(*sides, observer, await parents_of(observer)),
            Copier(admin),
            Database(app_engine, lambda _: None),
            {},
        )
        yield stage
    plugins = request.config.pluginmanager
    with plugins.getplugin("capturemanager").global_and_fixture_disabled():  # else nobody would see the line
        told = f"\n{sum(stage.tried)} orders of {len(stage.tried)} pairs were run"
        plugins.getplugin("terminalreporter").write_line(told)
    for side in sides:
        await side.dispose()


def pairs(*, core: bool) -> Iterator[Any]:
    for name, operations in OPERATIONS.items():
        for left, right in combinations_with_replacement(operations, 2):
            both = left.__name__, right.__name__
            short = (name in SHORT and CORE.issuperset(both)) or (name, *both) in ONCE_WRONG
            if short == core:
                yield pytest.param(name, left, right, id=f"{name}: {left.__name__}, {right.__name__}")


@pytest.mark.parametrize(("name", "left", "right"), list(pairs(core=True)))
async def test_every_order_of_two_ends_like_one_after_the_other(
    stage: Stage, name: str, left: Operation, right: Operation
) -> None:
    await every_order(stage, name, left, right)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "left", "right"), list(pairs(core=False)))
async def test_every_order_of_all_others_too(stage: Stage, name: str, left: Operation, right: Operation) -> None:
    await every_order(stage, name, left, right)


async def every_order(stage: Stage, name: str, left: Operation, right: Operation) -> None:
    scene = await stage.scene(name)
    tenant: UUID | None = None

    async def prepare() -> dict[str, Act]:
        nonlocal tenant
        tenant = await stage.copier.copy(scene)
        return {"A": act_on(scene, tenant, left, "A"), "B": act_on(scene, tenant, right, "B")}

    async def outcome(ran: Ran) -> tuple[Rows, Any]:
        assert tenant is not None
        rows = await scenes.rows_of(scene, stage.db, tenant)
        return rows, (scenes.view(rows), answer_of(ran.answers["A"]), answer_of(ran.answers["B"]))

    serial = [(await outcome(await stage.search.one_by_one(await prepare(), first)))[1] for first in "AB"]

    async def judge(ran: Ran) -> None:
        rows, ended = await outcome(ran)
        follow_the_laws(ran, rows)
        assert ended in serial, f"{ran.order} ends as neither of {serial}"

    stage.tried.append(await stage.search.every_order(prepare, judge))


def follow_the_laws(ran: Ran, rows: Rows) -> None:
    assert not ran.deadlock, f"{ran.order} locks itself up"
    for side, answer in ran.answers.items():
        assert not answer_of(answer).startswith(("broke", "refused 5")), f"{ran.order}: {side} ended in {answer!r}"
    for locks in [one for side in ran.locks.values() for one in side]:
        ranks = [RANK.get(table, 2) for table in locks]
        assert ranks == sorted(ranks), f"{ran.order} locks {locks}"
    pending = [draft for draft in rows.drafts if draft.status == DraftStatus.PENDING]
    assert len(pending) <= 1
    assert all(draft.chat_version == rows.chat.version for draft in pending), "a draft waits on an older chat (law 3)"
    parts = [(send.draft_id, send.part) for send in rows.sends if send.retry_of is None]
    assert len(parts) == len(set(parts)), "a part has two rows (law 1)"
    assert sum(send.status in {SendStatus.LEASED, SendStatus.ARMED} for send in rows.sends) <= 1
    of = {draft.id: draft for draft in rows.drafts}
    for send in rows.sends:
        draft = of[send.draft_id]
        assert draft.status in {DraftStatus.APPROVED, DraftStatus.AUTO_APPROVED}
        assert (send.text, send.text_sha256) == (draft.parts[send.part], text_sha256([send.text])), "law 2"
        if send.status in {SendStatus.QUEUED, SendStatus.LEASED}:
            assert send.chat_version == rows.chat.version, "text waits that was approved for an older chat"
        if send.status == SendStatus.RETURNED:
            assert any(back.parent_id == draft.id and send.text in back.parts for back in rows.drafts), "text is lost"
    ours = [message.send_id for message in rows.messages if message.send_id is not None]
    assert len(ours) == len(set(ours)), "two bubbles prove one send"
