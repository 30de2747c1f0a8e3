from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from indexes.analyse import analyse
from indexes.hybrid import HybridIndex, HybridQuery
from indexes.lexical.bm25 import VARIANTS
from indexes.lexical.compiled import CompiledBm25Search
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import LexicalSearch
from indexes.lexical.postings import Postings, term_hash
from indexes.lexical.rank_bm25 import RankBm25Search
from indexes.lexical.search import Bm25Search
from tests.support.index_entries import commit
from tests.support.shared_data import passages

words = st.sampled_from(list("abcdefghij"))
corpora = st.lists(st.lists(words, max_size=20), min_size=1, max_size=30)
VOCABULARY = 5_000
questions = st.lists(st.sampled_from(list("abcdefghijxyz")), min_size=1, max_size=8)


def segments_of(corpus: list[list[str]], sizes: list[int], live: np.ndarray | None = None) -> list[LivePostings]:
    """Cut a corpus into segments of these sizes, the last one taking the rest."""
    bags = [Counter(map(term_hash, terms)) for terms in corpus]
    ends = sorted({min(sum(sizes[: i + 1]), len(bags)) for i in range(len(sizes))} | {len(bags)})
    return [
        LivePostings(Postings.of_bags(bags[start:end]), None if live is None else live[start:end])
        for start, end in zip([0, *ends], ends, strict=False)
    ]


def scores_of(search: LexicalSearch, question: list[str], row_count: int) -> np.ndarray:
    return search.match(question).of_rows(np.arange(row_count))[0]


@settings(max_examples=300, deadline=None)
@given(corpora, questions, st.lists(st.integers(1, 10), max_size=5), st.data())
def test_robertson_scores_equal_rank_bm25_however_rows_fell_into_segments(
    corpus: list[list[str]], question: list[str], sizes: list[int], data: st.DataObject
) -> None:
    dead = data.draw(st.sets(st.integers(0, len(corpus) - 1), max_size=len(corpus) - 1))
    live = np.array([row not in dead for row in range(len(corpus))])
    kept = [terms for row, terms in enumerate(corpus) if row not in dead]
    if not any(kept):
        return  # rank-bm25 divides by zero
    expected = BM25Okapi(kept).get_scores(question)
    segments = segments_of(corpus, sizes, None if live.all() else live)
    robertson = VARIANTS["bm25-robertson"]
    for search in (
        Bm25Search(segments, robertson),
        CompiledBm25Search(segments, robertson),
        RankBm25Search(segments),
    ):
        np.testing.assert_allclose(scores_of(search, question, len(corpus))[live], expected, atol=1e-6)


@settings(max_examples=200, deadline=None)
@given(corpora, questions, st.lists(st.integers(1, 10), max_size=5), st.data())
def test_no_score_depends_on_segments_or_on_what_was_deleted(
    corpus: list[list[str]], question: list[str], sizes: list[int], data: st.DataObject
) -> None:
    dead = data.draw(st.sets(st.integers(0, len(corpus) - 1)))
    live = np.array([row not in dead for row in range(len(corpus))])
    kept = [terms for row, terms in enumerate(corpus) if row not in dead]
    fresh = Bm25Search(segments_of(kept, []) if kept else [], VARIANTS["bm25"])
    worn = Bm25Search(segments_of(corpus, sizes, live), VARIANTS["bm25"])
    np.testing.assert_allclose(
        scores_of(worn, question, len(corpus))[live], scores_of(fresh, question, len(kept)), rtol=1e-12
    )
    assert worn.match(question).known_idf == pytest.approx(fresh.match(question).known_idf)


@settings(max_examples=300, deadline=None)
@given(corpora, questions, st.integers(1, 10), st.lists(st.integers(1, 10), max_size=5), st.data())
def test_the_best_allowed_rows_are_those_of_a_full_sort(
    corpus: list[list[str]], question: list[str], k: int, sizes: list[int], data: st.DataObject
) -> None:
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=len(corpus), max_size=len(corpus))))
    for variant, engine in product(VARIANTS.values(), (Bm25Search, CompiledBm25Search)):
        matches = engine(segments_of(corpus, sizes), variant).match(question)
        every, shares = matches.of_rows(np.arange(len(corpus)))
        expected = sorted((-every[row], row) for row in np.flatnonzero(allowed & (shares > 0)).tolist())[:k]
        rows, scores = matches.top(k, allowed)
        assert list(zip((-scores).tolist(), rows.tolist(), strict=True)) == expected


@given(corpora, questions)
def test_no_passage_exceeds_the_ceiling_or_covers_more_than_the_question(
    corpus: list[list[str]], question: list[str]
) -> None:
    matches = Bm25Search(segments_of(corpus, []), VARIANTS["bm25"]).match(question)
    scores, shares = matches.of_rows(np.arange(len(corpus)))
    assert np.all(scores <= matches.ceiling + 1e-9)
    assert np.all(shares <= 1 + 1e-9)


@pytest.mark.parametrize("lexical", ["bm25-robertson", "rank-bm25"])
def test_real_passages_score_as_rank_bm25_scores_them(tmp_path: Path, lexical: str) -> None:
    texts = passages("squad2", 200) + passages("cmrc2018", 200)
    commit(tmp_path, dict(enumerate(texts[:150])))
    commit(tmp_path, dict(enumerate(texts[150:], 150)))
    reference = BM25Okapi([analyse(text) for text in texts])
    with HybridIndex.open(tmp_path, lexical) as index:
        for question in ("Who ruled the duchy of Normandy?", "锣鼓经是什么时候出现的？"):
            expected = reference.get_scores(analyse(question))
            hits = index.search(HybridQuery(question, None, 10, "lexical")).hits
            assert [hit.lexical_score for hit in hits] == pytest.approx(np.sort(expected)[::-1][:10], abs=1e-6)
            assert [hit.lexical_score for hit in hits] == pytest.approx(
                [expected[hit.chunk_id] for hit in hits], abs=1e-6
            )


def test_no_word_of_a_document_lies_in_the_index(tmp_path: Path) -> None:
    commit(tmp_path, {1: "confidential merger with Zephyrine"})
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert written
    assert b"onfidential" not in written
    assert b"ephyrin" not in written.lower()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 10, 100]), st.booleans(), st.booleans())
def test_both_engines_find_the_same_among_many_rows(seed: int, k: int, filtered: bool, worn: bool) -> None:
    random = np.random.default_rng(seed)
    segments = [skewed_segment(random, rows, worn=worn) for rows in (17_000, 500, 5_000)]
    row_count = sum(segment.postings.row_count for segment in segments)
    allowed = random.random(row_count) < random.choice([0.001, 0.1, 0.9]) if filtered else None
    question = [str(term) for term in random.zipf(1.3, 12) % VOCABULARY]
    ours, compiled = (
        engine(segments, VARIANTS["bm25"]).match(question) for engine in (Bm25Search, CompiledBm25Search)
    )
    every, shares = ours.of_rows(np.arange(row_count))
    held = shares > 0 if allowed is None else allowed & (shares > 0)
    expected = np.lexsort((np.arange(row_count), -np.where(held, every, -1.0)))[: min(k, held.sum())]
    for matches in (ours, compiled):
        rows, scores = matches.top(k, allowed)
        np.testing.assert_array_equal(rows, expected)
        np.testing.assert_allclose(scores, every[expected], rtol=1e-12)
    rows = np.sort(expected)
    np.testing.assert_allclose(compiled.of_rows(rows), ours.of_rows(rows), rtol=1e-12)


def test_postings_with_a_hole_are_not_opened(tmp_path: Path) -> None:
    postings = segments_of([["a", "b"], ["a"]], [2])[0].postings
    postings.save(tmp_path)
    assert Postings.open(tmp_path).row_count == 2
    replace(postings, starts=np.zeros_like(postings.starts)).save(tmp_path)
    with pytest.raises(ValueError, match="do not fit"):
        Postings.open(tmp_path)


def test_both_engines_know_a_term_that_is_in_a_passage_a_thousand_times() -> None:
    corpus = [["a"] * 1000 + ["b"], ["a", "c"], ["b"] * 300]
    wide, narrow = segments_of(corpus, [3])[0], segments_of([["a", "b", "b"], ["c"]], [2])[0]
    assert wide.postings.frequencies.dtype != narrow.postings.frequencies.dtype
    expected = Bm25Search([wide, narrow], VARIANTS["bm25"]).match(["a", "b"])
    matches = CompiledBm25Search([wide, narrow], VARIANTS["bm25"]).match(["a", "b"])
    np.testing.assert_allclose(matches.of_rows(np.arange(5)), expected.of_rows(np.arange(5)), rtol=1e-12)
    for mine, other in zip(matches.top(4, None), expected.top(4, None), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12)


def skewed_segment(random: np.random.Generator, rows: int, *, worn: bool) -> LivePostings:
    """Return rows of which some terms are in most and most terms in few, some of them dead where worn."""
    drawn = random.zipf(1.3, (rows, 30)) % VOCABULARY
    bags = [Counter(term_hash(str(term)) for term in row) for row in drawn.tolist()]
    return LivePostings(Postings.of_bags(bags), random.random(rows) < 0.9 if worn else None)
