"""One engine at one size, in a process and an environment of its own; `benchmarks.retrieval` starts it.

    python -m benchmarks.measuring.child build|serve --engine NAME --size N --corpus DIR --folder DIR --out FILE

`serve` is timed from its start, so nothing is imported before it is needed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring.process import Memory, memory, size_of
from benchmarks.passages.corpus import Corpus, Passage, Question

if TYPE_CHECKING:
    from benchmarks.engines.base import Engine

_K = 10
_THREADS = 8
_UPDATES = 5
_UPDATES_BUDGET_S = 40.0
_GIVE_UP_S = 120.0
# What an engine still does after its first result is not part of a search.
_SETTLES_S = 10.0
_LEAST_SEARCHES = 24


def main() -> None:
    """Do the step and write what it measured as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=("build", "serve"))
    parser.add_argument("--engine", required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each mode")
    parser.add_argument("--started", type=float, default=time.time(), help="when this process was asked for")
    options = parser.parse_args()
    corpus = Corpus(options.corpus, options.size)
    step = _build if options.step == "build" else _serve
    options.out.write_text(json.dumps(step(corpus, options)), "utf-8")


def _build(corpus: Corpus, options: argparse.Namespace) -> dict[str, Any]:
    engine = _engine(options.engine)
    began = time.perf_counter()
    engine.build(corpus, options.folder)
    seconds = time.perf_counter() - began
    files, size = size_of(options.folder)
    return {"build_s": seconds, "files": files, "index_bytes": size}


def _serve(corpus: Corpus, options: argparse.Namespace) -> dict[str, Any]:
    engine = _engine(options.engine)
    first = corpus.questions[0]
    before = memory()
    began = time.perf_counter()
    engine.open(corpus, options.folder)
    engine.search(engine.modes[0], first, _K)
    open_s = time.perf_counter() - began
    cold_s = time.time() - options.started
    corpus.release()
    at_first_result = _bytes(memory(), before)
    time.sleep(_SETTLES_S)
    held = memory()
    _ = corpus.vocabulary  # which some engine asks for with its first terms
    of_corpus = memory().less(held)
    measured: dict[str, Any] = {
        "versions": {name: version(name) for name in engine.packages},
        "cold_start_s": cold_s,
        "open_and_first_result_s": open_s,
        "memory_at_first_result": at_first_result,
        "modes": {mode: _measure(engine, mode, corpus, options.seconds) for mode in engine.modes},
    }
    corpus.release()
    measured["memory"] = _bytes(memory().less(of_corpus), before)
    measured["updates"] = _updates(engine, corpus)
    engine.close()
    return measured


def _measure(engine: Engine, mode: str, corpus: Corpus, seconds: float) -> dict[str, Any]:
    """Measure a mode at the ten best, and a single list also at the depth that fusion takes of it."""
    from benchmarks.engines.base import DEPTH  # noqa: PLC0415 - see above

    measured = _speed(engine, mode, corpus, seconds, _K)
    if mode.startswith(("dense", "lexical")):
        found = [engine.search(mode, question, _K) for question in corpus.questions[: measured["searches"]]]
        measured["found"] = found
        measured["deep"] = _speed(engine, mode, corpus, seconds / 2, DEPTH)
        if mode.startswith("dense"):
            measured["recall_at_10"] = _recall(found, corpus)
    return measured


def _recall(found: Sequence[list[int]], corpus: Corpus) -> float:
    """Return the share of the exact nearest passages that were found, among those in the question's own language.

    Our dense list weighs each language by itself, so that what it holds of another language says nothing of recall.
    """
    right = wanted = 0
    for numbers, question, nearest in zip(found, corpus.questions, corpus.nearest.tolist(), strict=False):
        own = {number for number in numbers if number >= 0 and corpus.language(number) == question.language}
        right += len(own & set(nearest[: len(own)]))
        wanted += len(own)
    return right / wanted


def _speed(engine: Engine, mode: str, corpus: Corpus, seconds: float, k: int) -> dict[str, Any]:
    from benchmarks.measuring.latency import one_after_another, quantile, side_by_side  # noqa: PLC0415

    def search(question: Question) -> list[int]:
        return engine.search(mode, question, k)

    one_after_another(search, corpus.questions[:50], seconds / 4, 3)  # warms up
    cpu_before = time.process_time()
    times = one_after_another(search, corpus.questions, seconds, _LEAST_SEARCHES)
    cpu_s = time.process_time() - cpu_before
    measured: dict[str, Any] = {
        "searches": min(len(times), len(corpus.questions)),
        "cpu_ms": 1000 * cpu_s / len(times),
        "one_thread_qps": len(times) / sum(times),
        "p50_ms": 1000 * quantile(times, 0.5),
        "p99_ms": 1000 * quantile(times, 0.99),
    }
    if k == _K:
        qps, times = side_by_side(search, corpus.questions, _THREADS, seconds / 2)
        measured["threads"] = _THREADS
        measured["threads_qps"] = qps
        measured["threads_p50_ms"] = 1000 * quantile(times, 0.5)
        measured["threads_p99_ms"] = 1000 * quantile(times, 0.99)
    return measured


def _updates(engine: Engine, corpus: Corpus) -> dict[str, Any]:
    """Measure how long until a passage is found that was not there, and until it is gone; "cannot" says why not."""
    measured: dict[str, Any] = {}
    for name in ("add", "delete"):
        there = name == "add"
        times: list[float] = []
        measured[name] = {"times_s": times}
        for place in range(_UPDATES):
            try:
                times.append(_until(engine, corpus.passage(corpus.size + place if there else place), there=there))
            except _Cannot as reason:
                measured[name]["cannot"] = str(reason)
                break
            if sum(times) > _UPDATES_BUDGET_S:
                break
    return measured


class _Cannot(Exception):
    pass


def _until(engine: Engine, passage: Passage, *, there: bool) -> float:
    from benchmarks.engines.base import CannotError  # noqa: PLC0415

    asked = Question(passage.text, passage.language, passage.terms.tolist(), passage.vector, passage.vector)
    mode = engine.modes[-1] if engine.modes[0].startswith("dense") else engine.modes[0]
    began = time.perf_counter()
    try:
        if there:
            engine.add(passage)
        else:
            engine.delete(passage.id)
    except CannotError as reason:
        raise _Cannot(str(reason)) from None
    while (passage.id in engine.search(mode, asked, _K)) != there:
        if time.perf_counter() - began > _GIVE_UP_S:
            raise _Cannot(f"not seen after {_GIVE_UP_S:.0f} s")
    return time.perf_counter() - began


def _engine(name: str) -> Engine:
    from benchmarks.engines.registry import ENGINES  # noqa: PLC0415 - see above

    return ENGINES[name].maker()()


def _bytes(now: Memory, before: Memory) -> dict[str, int]:
    """Return what the process holds, and how much of it has come since."""
    return {
        "total": now.total,
        "own": now.own,
        "mapped": now.mapped,
        "since_import": now.total - before.total,
        "own_since_import": now.own - before.own,
    }


if __name__ == "__main__":
    main()
