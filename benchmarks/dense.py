"""The dense list's search, with and without filters: recall against an exact search, and time.

    python -m benchmarks.dense [--rows 100000] [--passages 1500] [--questions 100]

The vectors are e5's of real passages and, to make them many, these passages shifted by differences between their
neighbours, so that they lie as real ones do. The questions are real, and asked as the product asks them: less the
mean question of their language. Filters allow random rows, or the rows closest to some passage (a topic, which
may have nothing to do with the question). Times are of the calling thread's processor time, which a busy machine
disturbs least; wall time stands beside it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks._vectors import centred_questions, many, texts
from core.types import Embeddings
from indexes.dense import DenseSearch, DenseSegment
from indexes.embedders.e5 import E5Embedder
from indexes.lexical.matches import Mask

_SHARES = (1.0, 0.999, 0.5, 0.1, 0.01, 0.001, 0.0001)
_HITS = 10


def main() -> None:
    """Run the benchmark and print a line for each size and filter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000], help="sizes of the segment")
    parser.add_argument("--passages", type=int, default=1500, help="real passages to start from")
    parser.add_argument("--questions", type=int, default=100, help="real questions")
    parser.add_argument("--effort", type=float, default=1.0, help="part of the index to look at, as a factor")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        e5 = E5Embedder(Path(folder))
        passages = e5.embed_passages(texts("corpus.jsonl", arguments.passages))
        questions = centred_questions(e5, texts("queries.jsonl", arguments.questions))
        e5.close()
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), rows, passages, questions, arguments.effort)


def _measure(folder: Path, rows: int, passages: Embeddings, questions: Embeddings, effort: float) -> None:
    started = time.process_time()
    DenseSegment.save(folder, many(passages, rows))
    built_s = time.process_time() - started
    started = time.perf_counter()
    segment = DenseSegment.open(folder)
    opened_s = time.perf_counter() - started
    what = "exact"
    if segment.inverted and segment.tuning:
        shares = " ".join(f"{share:.2f}" for share in segment.tuning.shares)
        what = (
            f"{len(segment.inverted.sizes)} lists, recall {segment.tuning.recall:.3f}, {shares} of all codes read"
        )
    mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(
        f"\n{rows:,} rows: {what}; {mb:.0f} MB, "
        f"built in {built_s:.1f} s of processor time, opened in {opened_s:.3f} s"
    )
    print("filter    allowed recall@10  least  cpu ms  wall ms  ratio exact ms")
    search = DenseSearch([segment], "cpu")
    plain = 0.0
    for name, share, mask in _filters(segment.vectors):
        result = _search(search, segment.vectors, questions, mask, effort)
        plain = plain or result.cpu_ms
        print(
            f"{name:8} {share:8.2%} {result.recall:9.3f} {result.least_recall:6.2f} {result.cpu_ms:7.3f} "
            f"{result.wall_ms:8.3f} {result.cpu_ms / plain:6.2f} {result.exact_ms:8.2f}",
            flush=True,
        )
    for threads in (1, 8):
        with ThreadPoolExecutor(threads) as pool:
            asked = np.tile(questions, (4, 1))
            started = time.perf_counter()
            list(pool.map(lambda question: search.top(question, _HITS, [None], effort), asked))
            print(f"{threads} threads: {len(asked) / (time.perf_counter() - started):.0f} questions a second")
    print(f"resident at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


@dataclass(frozen=True, slots=True)
class _Result:
    recall: float
    least_recall: float
    cpu_ms: float
    wall_ms: float
    exact_ms: float


def _search(
    search: DenseSearch, vectors: Embeddings, questions: Embeddings, mask: Mask | None, effort: float
) -> _Result:
    found, recalls, cpu, wall, exact = [], [], [], [], []
    for question in questions:
        cpu_started, started = time.thread_time(), time.perf_counter()
        found.append(search.top(question, _HITS, [mask], effort)[0][0])
        cpu.append(time.thread_time() - cpu_started)
        wall.append(time.perf_counter() - started)
    for question, rows in zip(questions, found, strict=True):
        started = time.thread_time()
        scores = vectors @ question
        if mask is not None:
            scores[~mask] = -np.inf
        best = np.argpartition(-scores, _HITS)[:_HITS]
        exact.append(time.thread_time() - started)
        best = best[scores[best] > -np.inf]
        recalls.append(len(np.intersect1d(rows, best)) / len(best))
    to_ms = 1000.0
    return _Result(
        float(np.mean(recalls)),
        min(recalls),
        to_ms * float(np.median(cpu)),
        to_ms * float(np.median(wall)),
        to_ms * float(np.median(exact)),
    )


def _filters(vectors: Embeddings) -> Iterator[tuple[str, float, Mask | None]]:
    """Yield the kind of each filter, its share of the rows, and what it allows."""
    yield "none", 1.0, None
    random = np.random.default_rng(3)
    for share in _SHARES[1:]:
        yield "random", share, random.random(len(vectors)) < share
        likeness = vectors @ vectors[random.integers(len(vectors))]
        least = np.quantile(likeness, 1 - share)
        yield "topic", share, likeness >= least


if __name__ == "__main__":
    main()
