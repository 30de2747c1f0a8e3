from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types import Embeddings
from indexes.dense import DenseSearch, DenseSegment


def unit_vectors(rows: int, dimension: int, seed: int) -> Embeddings:
    """Return random L2-normalised vectors."""
    vectors = np.random.default_rng(seed).standard_normal((rows, dimension), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their names."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(
    rows=st.integers(1, 300),
    dimension=st.integers(1, 40),
    cuts=st.lists(st.integers(0, 300), max_size=5),
    seed=st.integers(0, 2**32 - 1),
)
def test_vectors_saved_in_blocks_are_those_saved_at_once(
    rows: int, dimension: int, cuts: list[int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    vectors = unit_vectors(rows, dimension, seed)
    one, many = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("many")
    DenseSegment.save(one, [vectors])
    DenseSegment.save(many, iter(np.split(vectors, sorted(min(cut, rows) for cut in cuts))))
    assert files(one) == files(many)
    assert np.array_equal(DenseSegment.open(one).vectors, vectors)


@given(
    rows=st.integers(1, 400),
    k=st.integers(1, 60),
    share=st.sampled_from([None, 0.0, 0.03, 0.3, 0.97, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_exact_search_finds_what_numpy_finds(
    rows: int, k: int, share: float | None, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("segment")
    vectors = unit_vectors(rows, 24, seed)
    DenseSegment.save(folder, [vectors])
    question = unit_vectors(1, 24, seed + 1)[0]
    mask = None if share is None else np.random.default_rng(seed).random(rows) < share
    candidates = np.arange(rows) if mask is None else np.flatnonzero(mask)
    expected = np.sort(vectors[candidates] @ question)[::-1][:k]

    [(found, cosines)] = DenseSearch([DenseSegment.open(folder)], "cpu").top(question, k, [mask])

    assert set(found.tolist()) <= set(candidates.tolist())
    assert len(set(found.tolist())) == len(found) == len(expected)
    assert np.allclose(cosines, expected, atol=1e-5)
    assert np.allclose(cosines, vectors[found] @ question, atol=1e-5)


def test_a_segment_without_vectors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without vectors"):
        DenseSegment.save(tmp_path, [])
