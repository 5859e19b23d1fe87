"""A field of chunks to search in: tenants of very different size, vectors in clusters as embeddings lie, words as rare as words are.

How the vectors lie is fitted to the bundled model over 6,000 texts: the intrinsic dimension (two nearest neighbours) is 27 with both,
the median cosine to the nearest neighbour 0.68 here and 0.58 there, to the tenth 0.55 and 0.47, between any two 0.1 and 0.18.

It is filled by COPY as the superuser of a server of its own, with the indexes made afterwards from their own definitions.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from core.contracts.ids import new_id

Floats = NDArray[np.float32]

WIDTH = 512
_LATENT, _DECAY, _COMMON = 256, 0.5, 0.4
_SUBJECT_CHUNKS, _SOURCE_CHUNKS = 12, 50
_VOCABULARY, _WORDS, _ZIPF, _STOPPED = 20_000, 30, 1.1, 10
_LARGEST, _SECOND, _SHRINK, _LEAST = 0.4, 0.1, 0.88, 12
_COPY_ROWS = 5_000
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TABLES = ("knowledge_chunks", "knowledge_vectors_usem3_512")
_BUILDING = "set maintenance_work_mem = '512MB'"


@dataclass(slots=True)
class TenantField:
    """One tenant: its vectors as the database holds them, and what its questions are made from."""

    tenant_id: UUID
    source_ids: list[UUID]
    ids: list[UUID]
    vectors: Floats
    subjects: Floats
    words: NDArray[np.int64]

    @property
    def size(self) -> int:
        """How many chunks it has."""
        return len(self.ids)

    @property
    def source_chunks(self) -> int:
        """How many chunks a source has; that of the last one is no matter here."""
        return min(self.size, _SOURCE_CHUNKS)

    def source_of(self, position: int) -> UUID:
        """Return the source of a chunk."""
        return self.source_ids[position // _SOURCE_CHUNKS]

    def nearest(self, vector: Floats, count: int) -> set[UUID]:
        """Return the exact nearest chunks, found without the database."""
        near = np.argsort(-(self.vectors @ vector), kind="stable")[:count]
        return {self.ids[index] for index in near}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as search gets it."""

    text: str
    vector: Floats


def sizes(chunks: int, tenants: int) -> list[int]:
    """Return how many chunks each tenant has, the largest first: two fifths, a tenth, and a tail of ever smaller ones."""
    if tenants < 3:
        raise ValueError("there must be three tenants")
    big = [round(chunks * _LARGEST), round(chunks * _SECOND)]
    weights = [_SHRINK**index for index in range(tenants - 2)]
    rest = chunks - sum(big)
    tail = [max(_LEAST, round(rest * weight / sum(weights))) for weight in weights]
    tail[0] += rest - sum(tail)
    return [*big, *tail]


@dataclass(slots=True)
class Field:
    """Makes tenants and questions; the same seed makes the same field."""

    chance: np.random.Generator
    _lift: Floats
    _common: Floats
    _rarity: NDArray[np.float64]

    @classmethod
    def seeded(cls, seed: int) -> "Field":
        """Return the maker for a seed."""
        chance = np.random.default_rng(seed)
        weights = np.arange(1, _LATENT + 1) ** -_DECAY
        lift = (weights / np.linalg.norm(weights))[:, None] * chance.normal(size=(_LATENT, WIDTH)) / np.sqrt(WIDTH)
        common = _COMMON * _unit(chance.normal(size=(1, WIDTH)).astype(np.float32))
        # Stop words, the most frequent ones, are in no index.
        rarity = np.cumsum((np.arange(_VOCABULARY) + _STOPPED) ** -_ZIPF)
        return cls(chance, lift.astype(np.float32), common, rarity / rarity[-1])

    def tenant(self, size: int) -> TenantField:
        """Return a tenant whose chunks lie around subjects, some of which it has much to say about."""
        count = max(2, size // _SUBJECT_CHUNKS)
        subjects = self.chance.normal(size=(count, _LATENT)).astype(np.float32)
        shares = self.chance.dirichlet(np.full(count, 2.0))
        chosen = self.chance.choice(count, size=size, p=shares)
        words = self._words(chosen)
        vectors = self._vectors(subjects[chosen]).astype(np.float16).astype(np.float32)
        sources = [new_id() for _ in range(-(-size // _SOURCE_CHUNKS))]
        return TenantField(new_id(), sources, [new_id() for _ in range(size)], _unit(vectors), subjects, words)

    def question(self, tenant: TenantField) -> Asked:
        """Return a question about one of the tenant's subjects, in words of one of its chunks and some of its own."""
        subject = tenant.subjects[self.chance.integers(len(tenant.subjects))]
        row = tenant.words[self.chance.integers(tenant.size)]
        chosen = [*self.chance.choice(row, size=5, replace=False), *self._everybodys(3)]
        return Asked(" ".join(f"w{word}" for word in chosen), self._vectors(subject[None, :])[0])

    def _vectors(self, centres: Floats) -> Floats:
        latent = centres + self.chance.normal(size=centres.shape).astype(np.float32)
        return _unit(latent @ self._lift + self._common)

    def _words(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Half of a chunk's words are everybody's, half its subject's."""
        common = self._everybodys((len(chosen), _WORDS // 2))
        special = (chosen[:, None] * 37 + self.chance.integers(0, 60, size=(len(chosen), _WORDS // 2))) % _VOCABULARY
        return np.concatenate([common, special], axis=1)

    def _everybodys(self, shape: int | tuple[int, int]) -> NDArray[np.int64]:
        return np.searchsorted(self._rarity, self.chance.random(shape)).astype(np.int64)


def fill(connection: psycopg.Connection, tenants: Sequence[TenantField]) -> None:
    """Write tenants, sources, chunks and vectors as the superuser, and make the indexes."""
    indexes = _without_indexes(connection)
    connection.execute("set session_replication_role = replica")
    for tenant in tenants:
        connection.execute(
            "insert into tenants (id, name, timezone, locale, tone) values (%s, 'Bench', 'UTC', 'en', '{}')",
            (tenant.tenant_id,),
        )
        connection.execute(
            "insert into knowledge_sources (tenant_id, id, kind, title, state, version, live_version, pages, chunks_total, chunks_done, "
            "live_chunks, attempt) select %s, id, 'file', 'Bench', 'ready', 1, 1, 1, %s, %s, %s, 1 from unnest(%s::uuid[]) as id",
            (tenant.tenant_id, *[tenant.source_chunks] * 3, tenant.source_ids),
        )
        _copy(
            connection,
            "knowledge_chunks (tenant_id, id, source_id, position, text, search_config, search)",
            "text",
            _texts(tenant),
        )
        _copy(
            connection, "knowledge_vectors_usem3_512 (tenant_id, id, source_id, embedding)", "binary", _binaries(tenant)
        )
    connection.execute("set session_replication_role = origin")
    connection.execute(_BUILDING)
    for definition in indexes:
        connection.execute(definition)
    for table in (*_TABLES, "knowledge_sources"):
        connection.execute(f"vacuum analyze {table}")


def _without_indexes(connection: psycopg.Connection) -> list[str]:
    """Drop the indexes that are slow to fill row by row, and return how they are made."""
    rows = connection.execute(
        "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index join pg_class c on c.oid = indexrelid "
        "where indrelid::regclass::text = any(%s) and not indisunique",
        (list(_TABLES),),
    ).fetchall()
    for name, _ in rows:
        connection.execute(f"drop index {name}")
    # `ON ONLY` would make the index of the partitioned table without those of its parts.
    return [definition.replace(" ON ONLY ", " ON ") for _, definition in rows]


def _copy(connection: psycopg.Connection, target: str, form: str, parts: Iterator[bytes]) -> None:
    with connection.cursor().copy(f"copy {target} from stdin (format {form})") as copy:
        for part in parts:
            copy.write(part)


def _texts(tenant: TenantField) -> Iterator[bytes]:
    lines = io.StringIO()
    for position, (chunk_id, row) in enumerate(zip(tenant.ids, tenant.words, strict=True)):
        text = " ".join(f"w{word}" for word in row)
        search = " ".join(f"w{word}:{place + 1}" for place, word in enumerate(row))
        lines.write(
            f"{tenant.tenant_id}\t{chunk_id}\t{tenant.source_of(position)}\t{position}\t{text}\tsimple\t{search}\n"
        )
    yield lines.getvalue().encode()


def _binaries(tenant: TenantField) -> Iterator[bytes]:
    """Yield PostgreSQL's binary COPY format: all rows have the same length, so numpy writes them at once."""
    row = np.dtype(
        [("fields", ">i2")]
        + [item for name in ("tenant", "id", "source") for item in ((f"{name}_size", ">i4"), (name, "V16"))]
        + [("vector_size", ">i4"), ("width", ">i2"), ("unused", ">i2"), ("vector", ">f2", (WIDTH,))]
    )
    yield _SIGNATURE
    for start in range(0, tenant.size, _COPY_ROWS):
        ids = tenant.ids[start : start + _COPY_ROWS]
        rows = np.zeros(len(ids), dtype=row)
        rows["fields"] = 4
        for name, keys in (
            ("tenant", [tenant.tenant_id] * len(ids)),
            ("id", ids),
            ("source", [tenant.source_of(start + place) for place in range(len(ids))]),
        ):
            rows[f"{name}_size"] = 16
            rows[name] = np.frombuffer(b"".join(key.bytes for key in keys), dtype="V16")
        rows["vector_size"], rows["width"] = 4 + 2 * WIDTH, WIDTH
        rows["vector"] = tenant.vectors[start : start + len(ids)]
        yield rows.tobytes()
    yield b"\xff\xff"


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
