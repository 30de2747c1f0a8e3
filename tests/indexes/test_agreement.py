"""Both engines rank real passages alike: the same questions, vectors and terms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.language import detect_language
from core.settings import Settings
from core.types import Hit, IndexEntry, SearchMode
from indexes.backends import Index, open_any_writer, open_index
from indexes.embedders.reference import reference_of
from indexes.hybrid import HybridQuery
from indexes.translation.concepts import concepts
from indexes.translation.dictionary import Dictionary
from tests.support.shared_data import shared_file

if TYPE_CHECKING:
    from indexes.embedders.e5 import E5Embedder

pytestmark = pytest.mark.milvus

_PASSAGES, _QUESTIONS = 60, 15
_MODELS = Path(__file__).resolve().parents[2] / ".test-artifacts" / "models"


def rows(name: str, language: str, count: int) -> Iterator[dict[str, str]]:
    with shared_file("xquad", name).open(encoding="utf-8") as lines:
        found = [row for row in map(json.loads, lines) if row["id"].startswith(language)]
    assert len(found) >= count
    yield from found[:: len(found) // count][:count]


def test_both_engines_find_the_same_ten_passages_of_real_text(e5: E5Embedder, tmp_path: Path) -> None:
    ours = Settings(data_dir=tmp_path / "ours", index="embedded")
    theirs = Settings(data_dir=tmp_path / "theirs", index="milvus", milvus_uri=str(tmp_path / "milvus.db"))
    # English first: the lengths that Milvus' weights are made with are not those of the whole.
    for start, language in ((0, "en"), (1000, "zh")):
        texts = [row["text"] for row in rows("corpus.jsonl", language, _PASSAGES)]
        vectors = e5.embed_passages(texts)
        entries = [
            IndexEntry(start + n, "", "", text, vector)
            for n, (text, vector) in enumerate(zip(texts, vectors, strict=True))
        ]
        for settings in (ours, theirs):
            with open_any_writer(settings, 1) as writer:
                writer.add(entries)
                writer.commit()
    reference, dictionary = reference_of(e5, _MODELS), Dictionary.open(_MODELS)
    indexes = [open_index(settings, 1) for settings in (ours, theirs)]
    overlaps: dict[SearchMode, list[float]] = {"lexical": [], "dense": [], "hybrid": []}
    for language in ("en", "zh"):
        for row in rows("queries.jsonl", language, _QUESTIONS):
            text = row["text"]
            spoken = detect_language(text)
            for mode, shared in overlaps.items():
                query = HybridQuery(
                    text,
                    e5.embed_query(text),
                    50,
                    mode,
                    centre=reference.centre(spoken),
                    concepts=concepts(text, spoken, dictionary),
                )
                mine, other = (top_ten(index, query) for index in indexes)
                shared.append(len(mine.keys() & other.keys()) / max(len(mine), 1))
                for id_ in mine.keys() & other.keys():
                    scores = (mine[id_].lexical_score, other[id_].lexical_score)
                    if None not in scores:  # hybrid: not every hit of the ten is among either list's fifty
                        assert scores[1] == pytest.approx(scores[0], rel=1e-5)
                    cosines = (mine[id_].dense_score, other[id_].dense_score)
                    if None not in cosines:
                        assert cosines[1] == pytest.approx(cosines[0], abs=1e-5)
    for index in indexes:
        index.close()
    means = {mode: float(np.mean(shared)) for mode, shared in overlaps.items()}
    print(f"share of the ten best in both: {means}")
    assert means["lexical"] >= 0.995
    assert means["dense"] >= 0.995
    # What a question's words are called in the other language is weighed by what Milvus can be asked.
    assert means["hybrid"] >= 0.95


def top_ten(index: Index, query: HybridQuery) -> dict[int, Hit]:
    return {hit.chunk_id: hit for hit in index.search(query).hits[:10]}
