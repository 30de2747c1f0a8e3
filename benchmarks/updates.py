"""What updates cost, what they do to searches, and whether the index stays level when everything is replaced.

    python -m benchmarks.updates [--sizes 10000,100000,1000000] [--readers-size 100000] [--seconds 60] [--again]

cost     documents added one by one, each with its commit, at each size
readers  16 threads that search while a writer adds 50 documents a second and merges
churn    every passage replaced five times, with a reader open

Takes the indexes that `benchmarks.retrieval` left, or builds them. Writes docs/benchmarks.md from all there is.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.engines.ours import Ours
from benchmarks.measuring.places import CORPUS, INDEXES, RESULTS
from benchmarks.measuring.store import Store
from benchmarks.passages.build import build_corpus
from benchmarks.passages.corpus import Corpus
from benchmarks.reporting.document import write_document
from benchmarks.updating.churn import churn
from benchmarks.updating.cost import copy_of, cost_per_document
from benchmarks.updating.readers import read_beside_writer
from core.settings import Settings

_PACED_S = 0.5


def main() -> int:
    """Measure what is missing and write the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,20000", help="passages for `cost`, with commas between")
    parser.add_argument("--documents", type=int, default=300, help="documents added at each size")
    parser.add_argument("--readers-size", type=int, default=20_000, help="passages for `readers`")
    parser.add_argument("--seconds", type=float, default=60, help="of searching beside the writer")
    parser.add_argument("--rate", type=int, default=50, help="documents a second that the writer adds")
    parser.add_argument("--churn-size", type=int, default=5_000, help="passages for `churn`")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is replaced")
    parser.add_argument("--again", action="store_true", help="measure again what has been measured")
    options = parser.parse_args()
    store = Store(RESULTS)
    for size in map(int, options.sizes.split(",")):
        if options.again or not store.read(f"cost-{size}"):
            corpus, folder = _index(size, "cost")
            store.write(f"cost-{size}", {"size": size, **cost_per_document(corpus, folder, options.documents)})
            shutil.rmtree(folder)
    size = options.readers_size
    for name, pause_s in (("paced", _PACED_S), ("at-once", 0.0)):
        if options.again or not store.read(f"readers-{name}-{size}"):
            corpus, folder = _index(size, "readers")
            figures = read_beside_writer(corpus, folder, options.seconds, options.rate, pause_s)
            store.write(f"readers-{name}-{size}", {"size": size, **figures})
            shutil.rmtree(folder)
    if options.again or not store.read(f"churn-{options.churn_size}"):
        corpus, folder = _index(options.churn_size, "churn")
        store.write(f"churn-{options.churn_size}", churn(corpus, folder, options.rounds))
        shutil.rmtree(folder)
    write_document(store)
    return 0


def _index(size: int, purpose: str) -> tuple[Corpus, Path]:
    """Return a corpus and a copy of our index over it, built if need be."""
    print(f"{purpose}, {size:,} passages", flush=True)
    corpus = build_corpus(CORPUS, size, Settings().models_dir)
    built = INDEXES / f"ours-{size}"
    if not any(built.glob("index/*/manifest.json")):
        shutil.rmtree(built, ignore_errors=True)
        Ours().build(corpus, built)
    return corpus, copy_of(built, INDEXES / f"{purpose}-{size}")


if __name__ == "__main__":
    sys.exit(main())
