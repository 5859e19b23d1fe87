"""Random lives of a desk: whatever order acts, crashes, reports and hours come in, no text arrives twice and none is lost unseen.

A life that fails is shrunk to the few acts that it needs.
"""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.bridge import SendOutcome
from core.contracts.states import SendStatus
from core.db.session import Database
from domain.sends.transitions import ALLOWED
from tests.domain.sends.lives import Lives, Stage

S = SendStatus
NOTE_MOVES = """
create table moves (before text, after text);
create function note_move() returns trigger language plpgsql security definer as $$ begin
    insert into moves values (case when tg_op = 'UPDATE' then old.status end, new.status);
    return null;
end $$;
create trigger note_insert after insert on sends for each row execute function note_move();
create trigger note_update after update of status on sends for each row
    when (old.status is distinct from new.status) execute function note_move();
"""


@pytest.fixture
async def stage(db: Database, admin: AsyncEngine) -> Stage:
    """Lives of which the database notes every change of a send's status, by whatever code."""
    async with admin.begin() as connection:
        await connection.exec_driver_sql("drop table if exists moves; drop function if exists note_move cascade")
        await connection.exec_driver_sql(NOTE_MOVES)
    return Stage(asyncio.get_running_loop(), db)


async def live(stage: Stage, admin: AsyncEngine, lives: int, acts: int, *, random: bool) -> set[tuple[Any, Any]]:
    """Run so many lives of so many acts; returns which changes of a status took place, all of them allowed by the table."""
    rules = settings(
        max_examples=lives,
        stateful_step_count=acts,
        deadline=None,
        derandomize=not random,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, lambda: Lives(stage), settings=rules)  # type: ignore[arg-type]
    async with admin.connect() as connection:
        rows = await connection.execute(text("select distinct before, after from moves"))
        moves = {(before, after) for before, after in rows}
    assert all(after == S.QUEUED if before is None else after in ALLOWED[before] for before, after in moves)
    return moves


ACTS = {
    *("approved", "rejected", "cancelled", "sent again part 0", "sent again part 1", "sent again part 0: refused"),
    *("a person says sent", "a person says abandoned", "put back", "restarted", "passed on", "passed on: refused"),
    *(
        "armed",
        "clicked",
        "swallowed",
        "asked again",
        "second permission: refused",
        "arm: chat_moved",
        "arm: tail_unknown",
    ),
    *(f"told {outcome}" for outcome in SendOutcome),
    *("told again", "told by another installation", "told of an earlier arming", "told under a stale epoch", "misread"),
    *("absence by its own: queued", "absence by its own: unknown", "absence by another: unknown", "found after absent"),
    *("waits: bridge_limit", "waits: chat_limit", "waits: unknown_before", "waits: part"),
}
"""What each run must have seen, or it shows nothing."""

RARE_ACTS = {"absence by another: unknown", "arm: chat_moved", "arm: tail_unknown", "found after absent", "swallowed"}
"""What the short form may miss."""

UNREACHED = {(S.QUEUED, S.FAILED), (S.LEASED, S.SENT)}
"""Changes of the table that nothing makes, or that take a database restored to an earlier moment."""
EDGES = {(before, after) for before, allowed in ALLOWED.items() for after in allowed} - UNREACHED


async def test_nothing_arrives_twice_and_nothing_is_lost_unseen(stage: Stage, admin: AsyncEngine) -> None:
    moves = await live(stage, admin, 8, 50, random=False)
    _all_took_place(stage, moves, ACTS - RARE_ACTS, set())


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_nor_in_many_long_lives(stage: Stage, admin: AsyncEngine) -> None:
    moves = await live(stage, admin, 150, 60, random=True)
    _all_took_place(stage, moves, ACTS, EDGES)


def _all_took_place(stage: Stage, moves: set[Any], acts: set[str], edges: set[Any]) -> None:
    missed = sorted(acts - {act for act, count in stage.happened.items() if count})
    unmade = sorted(edges - moves)
    assert not missed + unmade, f"never took place: {missed}, {unmade}"
