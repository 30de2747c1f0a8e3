"""What one more document costs at a size: time and bytes written, its commit and the merges that follow."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from benchmarks.engines.ours import commit, merge
from benchmarks.measuring.latency import quantile
from benchmarks.measuring.process import written_bytes
from benchmarks.measuring.store import Figures
from benchmarks.passages.corpus import Corpus


def copy_of(index: Path, to: Path) -> Path:
    """Return a copy that shares the files' bytes: the index never changes a file, it only replaces it."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(index, to, copy_function=os.link)
    return to


def cost_per_document(corpus: Corpus, folder: Path, documents: int) -> Figures:
    """Add documents one by one, each with its own commit, and do the merges that are due after every hundred."""
    times: list[float] = []
    merging_s = 0.0
    passages = [corpus.passage(corpus.size + place) for place in range(documents)]
    before = written_bytes()
    for place, passage in enumerate(passages, 1):
        began = time.perf_counter()
        commit(folder, [passage])
        times.append(time.perf_counter() - began)
        if place % 100 == 0:
            began = time.perf_counter()
            merge(folder)
            merging_s += time.perf_counter() - began
    written = written_bytes() - before
    return {
        "documents": documents,
        "ms_per_document": 1000 * (sum(times) + merging_s) / documents,
        "commit_p50_ms": 1000 * quantile(times, 0.5),
        "commit_p99_ms": 1000 * quantile(times, 0.99),
        "merging_ms_per_document": 1000 * merging_s / documents,
        "bytes_written_per_document": written / documents,
    }
