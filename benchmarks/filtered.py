"""What a filter does to the whole search: its time beside the search without one, and what both lists find.

    python -m benchmarks.filtered [--size 20000] [--rounds 5]

The passages and questions are those of `benchmarks.retrieval`. Every passage is a document with a number in its
metadata, drawn at random, and with its place in the collection in a second one; a filter lets a range of either
pass. `ms` is the calling thread's processor time of a hybrid search, the least of the rounds for each question,
averaged over the questions; × says how many times the search without a filter. Recall@10 of the dense list is
counted against comparing everything that is allowed, in the question's language, as in `benchmarks.retrieval`;
the lexical list is exact, and `words` says in how many questions its ten best are those of scoring every passage.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.engines.base import DEPTH
from benchmarks.engines.ours import Ours, entry, merge
from benchmarks.measuring.places import CORPUS
from benchmarks.passages.build import build_corpus
from benchmarks.passages.corpus import Corpus, Question
from core.filters import Field, Filter, Name, Within
from core.settings import Settings
from core.types import Attributes
from indexes.hybrid import HybridIndex, HybridQuery
from indexes.loops import LOOPS
from indexes.writing import commit_to_index

_GENERATION = 1
_PASSAGES_A_COMMIT = 2048
_SHARES = (0.999, 0.5, 0.1, 0.01, 0.001, 0.0001)
_DRAWN, _PLACE = "drawn", "place"
_BEST = 10
_SEED = 7


@dataclass(frozen=True, slots=True)
class _Limit:
    """A filter, and the passages that it lets pass; None for all."""

    name: str
    wanted: Filter | None
    allowed: NDArray[np.bool_]


def main() -> None:
    """Build the index in a folder of its own, measure, and print a line for each filter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=20_000, help="passages")
    parser.add_argument("--rounds", type=int, default=5, help="of which the fastest counts, for each question")
    options = parser.parse_args()
    corpus = build_corpus(CORPUS, options.size, Settings().models_dir)
    drawn = np.random.default_rng(_SEED).permutation(options.size)
    with tempfile.TemporaryDirectory() as folder:
        _build(corpus, drawn, Path(folder))
        with HybridIndex.open(Settings(data_dir=Path(folder)).index_folder(_GENERATION)) as index:
            LOOPS.wait()
            _measure(index, corpus, list(_limits(drawn)), options.rounds)


def _build(corpus: Corpus, drawn: NDArray[np.int64], folder: Path) -> None:
    for first in range(0, corpus.size, _PASSAGES_A_COMMIT):
        numbers = range(first, min(first + _PASSAGES_A_COMMIT, corpus.size))
        entries = [
            replace(
                entry(corpus.passage(number)),
                attributes=Attributes(str(number), metadata={_DRAWN: int(drawn[number]), _PLACE: number}),
            )
            for number in numbers
        ]
        commit_to_index(Settings(data_dir=folder), _GENERATION, entries)
    merge(folder, at_rest=True)


def _limits(drawn: NDArray[np.int64]) -> Iterator[_Limit]:
    size = len(drawn)
    yield _Limit("none", None, np.ones(size, np.bool_))
    for share in _SHARES:
        count = max(1, round(share * size))
        for key, numbers in ((_DRAWN, drawn), (_PLACE, np.arange(size))):
            wanted = Within(Field(Name.METADATA, key), "number", lt=count)
            yield _Limit(f"{key}, {100 * share:g} %", wanted, numbers < count)


def _measure(index: HybridIndex, corpus: Corpus, limits: list[_Limit], rounds: int) -> None:
    engine = Ours()
    queries = [engine.asked("hybrid", question, _BEST) for question in corpus.questions]
    for query in queries:
        index.search(query)  # warms up
    fastest = {limit.name: np.full(len(queries), np.inf) for limit in limits}
    for _ in range(rounds):
        for limit in limits:  # side by side, so that what else the machine does meets all of them
            for place, query in enumerate(queries):
                began = time.thread_time()
                index.search(replace(query, wanted=limit.wanted))
                fastest[limit.name][place] = min(fastest[limit.name][place], time.thread_time() - began)
    print(f"{corpus.size:,} passages, {len(queries)} questions")
    print(f"  {'filter':<16}{'allowed':>9}{'ms':>8}{'×':>7}{'p99, ms':>9}{'recall@10':>11}{'words':>8}")
    usual = fastest[limits[0].name].mean()
    for limit in limits:
        times = 1000 * fastest[limit.name]
        dense = np.mean([_dense_recall(index, corpus, q, limit) for q in corpus.questions])
        words = np.mean([_same_words(index, query, limit) for query in queries])
        figures = f"{times.mean():>8.2f}{times.mean() / usual / 1000:>7.2f}{np.quantile(times, 0.99):>9.2f}"
        print(f"  {limit.name:<16}{np.count_nonzero(limit.allowed):>9,}{figures}{dense:>11.3f}{words:>8.3f}")


def _dense_recall(index: HybridIndex, corpus: Corpus, question: Question, limit: _Limit) -> float:
    """Return the part of the best allowed passages in the question's language that the dense list holds."""
    asked = HybridQuery(question.text, question.vector, DEPTH, "dense", limit.wanted, centre=question.centre)
    found = index.search(asked).hits.chunk_ids
    own = np.flatnonzero(limit.allowed & (corpus.is_zh[: corpus.size] == (question.language == "zh")))
    found = found[np.isin(found, own)][:_BEST]
    similar = corpus.vectors[own] @ (question.vector - question.centre)
    least = np.sort(similar)[-min(len(found), len(own)) :][:1]  # equal vectors count as each other
    got = corpus.vectors[found] @ (question.vector - question.centre)
    return float(np.mean(got >= least - 1e-6)) if len(found) else 1.0


def _same_words(index: HybridIndex, query: HybridQuery, limit: _Limit) -> bool:
    """Tell whether the best allowed passages by words are those of a search that scores them all."""
    limited = replace(query, depth=_BEST, mode="lexical", wanted=limit.wanted)
    everything = index.search(replace(query, depth=index.snapshot.row_count, mode="lexical")).hits.chunk_ids
    best = everything[limit.allowed[everything]][:_BEST]
    return index.search(limited).hits.chunk_ids.tolist() == best.tolist()


if __name__ == "__main__":
    main()
