"""Fits the relevance of `domain.knowledge.search` on questions of three businesses: `python -m evals.quality.retrieval.calibrate`.

Each business is judged by weights that were fitted on the other two. Prints how often the right passage came first by vectors, by
words and by both; the weights; and for some floors how many answered questions keep their passage and how many unanswered ones are
turned away. The weights and the floor chosen are constants of the search.
"""

import asyncio
import tempfile
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from sqlalchemy import text

from core.aal.embedding import Embedders
from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.db.session import Database, Effects, create_engine
from core.settings import AalSettings
from core.storage.blobs import LocalBlobs
from domain.knowledge import service
from domain.knowledge.ingest import Ingester
from domain.knowledge.nearness import Found
from domain.knowledge.search import KnowledgeSearch, contrast, ranked
from evals.database import fresh_database

KNOWLEDGE = {"shop": "shop.md", "clinic": "clinic.md", "hotel": "answers.csv"}
FLOORS = (0.2, 0.3, 0.4, 0.5, 0.6)
_JUDGED = 5
_NOT_FOUND = 1000

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with what was found, best first; `answer` is text that the right passage holds, none where there is no answer."""

    business: str
    answer: str | None
    found: list[Found]

    def right(self, row: Found) -> bool:
        """Say whether a passage answers the question."""
        return self.answer is not None and self.answer.lower() in f"{row.heading}\n{row.text}".lower()

    def fused_rank(self, row: Found) -> int:
        """Return the rank of a passage in both searches together."""
        return self.found.index(row) + 1

    def place(self, rank: Callable[[Found], int | None]) -> int:
        """Return the place of the first right passage, from 0, among those that have a `rank`; 1000 where it is not there."""
        rows = sorted((row for row in self.found if rank(row) is not None), key=lambda row: rank(row) or 0)
        return next((place for place, row in enumerate(rows) if self.right(row)), _NOT_FOUND)


def main() -> None:
    """Measure, fit and print."""
    asked = asyncio.run(collect())
    answered = [one for one in asked if one.answer]
    print_hits("vectors", [one.place(lambda row: row.near_rank) for one in answered])
    print_hits("words", [one.place(lambda row: row.said_rank) for one in answered])
    print_hits("both", [one.place(one.fused_rank) for one in answered])
    weights = fit(asked)
    typer.echo("weights: bias, cosine, coverage, contrast = " + ", ".join(f"{weight:.2f}" for weight in weights))
    scores = held_out_scores(asked)
    for floor in FLOORS:
        kept = [
            any(one.right(r) and s >= floor for r, s in zip(one.found, scores[i], strict=False))
            for i, one in enumerate(asked)
        ]
        turned_away = [max(scores[i], default=0.0) < floor for i in range(len(asked))]
        keeps = np.mean([kept[i] for i, one in enumerate(asked) if one.answer])
        refuses = np.mean([turned_away[i] for i, one in enumerate(asked) if not one.answer])
        typer.echo(
            f"floor {floor}: {keeps:.2f} of answered questions keep their passage, {refuses:.2f} of the others are turned away"
        )


async def collect() -> list[Asked]:
    """Teach three businesses and ask their questions."""
    here = files("evals.quality.retrieval")
    questions = tomllib.loads(here.joinpath("questions.toml").read_text("utf-8"))
    asked: list[Asked] = []
    async with _desk() as (db, folder):
        for business, name in KNOWLEDGE.items():
            search = await _taught(db, folder, name, here.joinpath(name).read_bytes())
            for question in questions[business]["questions"]:
                found = ranked(await search.found(question["q"], 40))
                asked.append(Asked(business, question.get("has"), [row for row, _ in found]))
    return asked


def fit(asked: Sequence[Asked], ridge: float = 0.01) -> Numbers:
    """Return the weights of a logistic regression that tells right passages from others, by Newton's method."""
    evidence = np.array([line for one in asked for line in _evidence(one)])
    right = np.array([one.right(row) for one in asked for row in one.found[:_JUDGED]], dtype=np.float64)
    penalty = ridge * np.diag([0.0, 1.0, 1.0, 1.0])
    weights = np.zeros(4)
    for _ in range(50):
        likely = 1 / (1 + np.exp(-evidence @ weights))
        curvature = evidence.T @ (evidence * (likely * (1 - likely) + 1e-9)[:, None]) + penalty
        weights += np.linalg.solve(curvature, evidence.T @ (right - likely) - penalty @ weights)
    return weights


def held_out_scores(asked: Sequence[Asked]) -> list[list[float]]:
    """Return the relevance of the best passages of each question, by weights fitted on the other businesses."""
    weights = {name: fit([one for one in asked if one.business != name]) for name in KNOWLEDGE}
    return [list(1 / (1 + np.exp(-np.array(_evidence(one)) @ weights[one.business]))) for one in asked]


def print_hits(name: str, ranks: Sequence[int]) -> None:
    """Print how often the right passage came first and among three, and the mean reciprocal rank."""
    places = np.array(ranks)
    mrr = np.mean(1 / (places + 1))
    typer.echo(
        f"{name:<8} hit@1 {np.mean(places == 0):.2f}  hit@3 {np.mean(places < 3):.2f}  MRR {mrr:.3f}  n {len(places)}"
    )


def _evidence(one: Asked) -> list[list[float]]:
    cosines = [row.cosine for row in one.found if row.near_rank is not None]
    return [[1.0, row.cosine, row.coverage, contrast(row, cosines)] for row in one.found[:_JUDGED]]


@asynccontextmanager
async def _desk() -> AsyncIterator[tuple[Database, Path]]:
    with fresh_database(durable=False) as server, tempfile.TemporaryDirectory(prefix="waxos-calibrate-") as blobs:
        db = Database(create_engine(server.app_url, pool_size=2), Effects())
        yield db, Path(blobs)
        await db.close()


async def _taught(db: Database, folder: Path, name: str, content: bytes) -> KnowledgeSearch:
    """Make a business that knows one file."""
    owner = Principal(TenantId(new_id()), new_id(), Role.OWNER)
    blobs, embedders = LocalBlobs(folder), Embedders(AalSettings())
    blob = await blobs.put(owner.tenant_id, _once(content), limit=len(content))
    async with db.unit_of_work(owner.tenant_id) as session:
        new_tenant = text("insert into tenants (id, name, timezone, locale, tone) values (:id, 'x', 'UTC', 'en', '{}')")
        await session.execute(new_tenant, {"id": owner.tenant_id})
        source = await service.add_file(
            session, owner, title=name, filename=name, mime=None, size=blob.size, sha256=blob.sha256, blob_key=blob.key
        )
    await Ingester(db, blobs, embedders).ingest(owner.tenant_id, source.id)
    return KnowledgeSearch(db, owner.tenant_id, embedders)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


if __name__ == "__main__":
    main()
