"""Searches of many readers while a writer adds documents and merges: how long they take, second by second."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.engines.ours import Ours, commit, merge
from benchmarks.measuring.latency import quantile
from benchmarks.measuring.store import Figures
from benchmarks.passages.corpus import SPARE, Corpus

READERS = 16
_MERGE_EVERY_S = 2.0
_LONGEST_START_S = 120.0

Sample = tuple[float, float]
"""Seconds since the start, and the seconds that a search took."""


def read_beside_writer(
    corpus: Corpus, folder: Path, seconds: float, documents_a_second: int, pause_s: float
) -> Figures:
    """Let 16 threads of a process search, alone and then beside a writer in another process.

    pause_s: what a reader waits between two searches; 0: it asks again at once.
    """
    alone = _read(corpus, folder, seconds / 3, pause_s)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    writer = context.Process(target=_write, args=(corpus, folder, documents_a_second, there), daemon=True)
    writer.start()
    try:
        if not here.poll(_LONGEST_START_S):
            raise RuntimeError("the writer did not start")
        here.recv()
        beside = _read(corpus, folder, seconds, pause_s)
        here.send("stop")
        written: Figures = here.recv()
    finally:
        writer.join(_LONGEST_START_S)
        writer.kill()
    return {"pause_s": pause_s, "alone": _summary(alone), "beside": _summary(beside), "writer": written}


def _read(corpus: Corpus, folder: Path, seconds: float, pause_s: float) -> list[Sample]:
    engine = Ours()
    engine.open(corpus, folder)
    questions = corpus.questions
    for question in questions[:100]:
        engine.search("hybrid", question, 10)
    samples: list[list[Sample]] = [[] for _ in range(READERS)]
    began = time.perf_counter()

    def read(place: int) -> None:
        asked = place
        due = began + pause_s * place / READERS
        while (now := time.perf_counter()) - began < seconds:
            if due > now:
                time.sleep(due - now)
            started = time.perf_counter()
            engine.search("hybrid", questions[asked % len(questions)], 10)
            ended = time.perf_counter()
            samples[place].append((started - began, ended - started))
            due = max(due + pause_s, ended) if pause_s else ended
            asked += READERS

    threads = [threading.Thread(target=read, args=(place,)) for place in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.close()
    return [sample for each in samples for sample in each]


def _write(corpus: Corpus, folder: Path, documents_a_second: int, parent: Connection) -> None:
    """Add what is due, each document in a commit of its own unless the commits fall behind, and merge."""
    parent.send("ready")
    stopped = threading.Event()
    merges: list[int] = []
    compactor = threading.Thread(target=_merge, args=(folder, merges, stopped))
    compactor.start()
    began = time.perf_counter()
    written = commits = 0
    late_s = 0.0
    while not parent.poll():
        now = time.perf_counter()
        due = int((now - began) * documents_a_second) - written
        if due < 1:
            time.sleep(0.002)
            continue
        late_s = max(late_s, due / documents_a_second)
        # The spare passages come round again: a passage that is in the index already is replaced.
        numbers = range(written, written + due)
        commit(folder, [corpus.passage(corpus.size + number % SPARE) for number in numbers])
        written, commits = written + due, commits + 1
    seconds = time.perf_counter() - began
    stopped.set()
    compactor.join()
    parent.send(
        {
            "documents_a_second": written / seconds,
            "commits_a_second": commits / seconds,
            "merges_beside": sum(merges),
            "most_behind_s": late_s,
        }
    )


def _merge(folder: Path, merges: list[int], stopped: threading.Event) -> None:
    """Look for merges as often as the worker's compactor does, in a thread of its own as that is."""
    while not stopped.wait(_MERGE_EVERY_S):
        merges.append(merge(folder))


def _summary(samples: Sequence[Sample]) -> Figures:
    times = [seconds for _, seconds in samples]
    by_second: defaultdict[int, list[float]] = defaultdict(list)
    for at, seconds in samples:
        by_second[int(at)].append(seconds)
    last = max(at for at, _ in samples)
    return {
        "searches_a_second": len(samples) / last,
        "p50_ms": 1000 * quantile(times, 0.5),
        "p99_ms": 1000 * quantile(times, 0.99),
        "p99_to_p50": quantile(times, 0.99) / quantile(times, 0.5),
        "worst_ms": 1000 * max(times),
        "by_second": [
            [second, 1000 * quantile(each, 0.5), 1000 * quantile(each, 0.99)]
            for second, each in sorted(by_second.items())
        ],
    }
