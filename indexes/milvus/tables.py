"""The two collections of a generation: its passages, and the statistics of their terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.types import Embeddings
from indexes.milvus import facets
from indexes.milvus.connection import Fields, Milvus
from indexes.milvus.terms import Sparse, frequencies

# Milvus' own bound on a search.
MOST_HITS = 16_384


@dataclass(frozen=True, slots=True)
class Names:
    """What the collections of a generation are called."""

    passages: str
    statistics: str

    @classmethod
    def of(cls, milvus: Milvus, generation_id: int) -> Names:
        """Return the names for a generation."""
        return cls(milvus.name(generation_id, "passages"), milvus.name(generation_id, "terms"))


@dataclass(frozen=True, slots=True)
class Passage:
    """A row as it is read back: how often it holds each term, and its vector where that was asked for."""

    chunk_id: int
    language: str
    length: int
    counts: Mapping[int, int]
    vector: Embeddings


def create(milvus: Milvus, names: Names, dimension: int) -> None:
    """Make both collections where they are not there; the statistics come last: what has them is whole."""
    from pymilvus import DataType  # noqa: PLC0415 - an optional part

    client = milvus.client
    if not milvus.exists(names.passages):
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("chunk_id", DataType.INT64, is_primary=True)
        schema.add_field("language", DataType.VARCHAR, max_length=8)
        schema.add_field("length", DataType.INT64)
        schema.add_field("scattered", DataType.INT64)
        schema.add_field(facets.FIELD, DataType.ARRAY, element_type=DataType.INT64, max_capacity=facets.MOST)
        schema.add_field("dense", DataType.FLOAT_VECTOR, dim=dimension)
        schema.add_field("terms", DataType.SPARSE_FLOAT_VECTOR)
        params = client.prepare_index_params()
        # Milvus Lite compares all vectors as fast as it does anything; it indexes no arrays.
        params.add_index("dense", index_type="FLAT" if milvus.is_lite else "AUTOINDEX", metric_type="IP")
        params.add_index("terms", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
        if not milvus.is_lite:
            for name in ("language", "scattered", facets.FIELD):
                params.add_index(name, index_type="INVERTED")
        with milvus.reaching():
            client.create_collection(names.passages, schema=schema, index_params=params, consistency_level="Strong")
    if not milvus.exists(names.statistics):
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("term", DataType.INT64, is_primary=True)
        schema.add_field("documents", DataType.INT64)
        schema.add_field("tokens", DataType.INT64)
        schema.add_field("note", DataType.VARCHAR, max_length=128)
        schema.add_field("anchor", DataType.FLOAT_VECTOR, dim=2)
        params = client.prepare_index_params()
        params.add_index("anchor", index_type="FLAT", metric_type="IP")
        with milvus.reaching():
            client.create_collection(
                names.statistics, schema=schema, index_params=params, consistency_level="Strong"
            )


def drop(milvus: Milvus, names: Names) -> None:
    """Remove both collections."""
    for name in (names.statistics, names.passages):
        with milvus.reaching():
            milvus.client.drop_collection(name)


def dimension_of(milvus: Milvus, names: Names) -> int:
    """Return the length of a passage's vector."""
    with milvus.reaching():
        fields = milvus.client.describe_collection(names.passages)["fields"]
    return next(int(field["params"]["dim"]) for field in fields if field["name"] == "dense")


def passages(
    milvus: Milvus, names: Names, ids: list[int], reference_length: float, *, vectors: bool
) -> list[Passage]:
    """Return the passages of these ids that are there, by id."""
    fields = ["chunk_id", "language", "length", "terms", *(["dense"] if vectors else [])]
    found = [passage_of(row, reference_length) for row in milvus.rows(names.passages, ids, fields)]
    return sorted(found, key=lambda passage: passage.chunk_id)


def passage_of(row: Fields, reference_length: float) -> Passage:
    """Return a row as a passage."""
    held: Sparse = row["terms"]
    length = int(row["length"])
    vector = np.asarray(row.get("dense", ()), np.float32)
    return Passage(
        int(row["chunk_id"]), row["language"], length, frequencies(held, length, reference_length), vector
    )
