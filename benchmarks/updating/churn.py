"""Everything replaced again and again: whether files, bytes and memory stay level."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from benchmarks.engines.ours import Ours, merge, substitute
from benchmarks.measuring.process import memory, size_of
from benchmarks.measuring.store import Figures
from benchmarks.passages.corpus import Corpus

_A_COMMIT = 50
_COMMITS_A_SAMPLE = 10
_SEED = 5


def churn(corpus: Corpus, folder: Path, rounds: int) -> Figures:
    """Replace every passage, as an update of its document does: old chunk and new one in one commit.

    A reader is open all the time. Merges that commits have left are done at every sample, as an idle worker does.
    """
    rng = random.Random(_SEED)
    engine = Ours()
    engine.open(corpus, folder)
    samples: list[list[float]] = []
    made = 0
    current = list(range(corpus.size))
    for _ in range(rounds):
        order = list(range(corpus.size))
        rng.shuffle(order)
        for first in range(0, corpus.size, _A_COMMIT):
            numbers = order[first : first + _A_COMMIT]
            old = [current[number] for number in numbers]
            for number in numbers:
                made += 1
                current[number] = corpus.size + made
            substitute(folder, old, [replace(corpus.passage(number), id=current[number]) for number in numbers])
            if first // _A_COMMIT % _COMMITS_A_SAMPLE == 0:
                merge(folder)
                for question in corpus.questions[:20]:
                    engine.search("hybrid", question, 10)
                corpus.release()
                held = memory()
                files, size = size_of(folder)
                samples.append([made / corpus.size, files, size / 1e6, held.own / 1e6, held.mapped / 1e6])
    found = {number for question in corpus.questions for number in engine.search("hybrid", question, 10)}
    engine.close()
    stale = found - set(current)
    return {
        "passages": corpus.size,
        "rounds": rounds,
        "stale_results": len(stale),
        "columns": ["times replaced", "files", "MB on disk", "MB of its own", "MB mapped"],
        "samples": samples,
    }
