"""Ragstone's index beside what people assemble otherwise, and beside raw engines: same passages, same vectors.

    python -m benchmarks.retrieval [--sizes 20000,100000,1000000] [--engines ours,bm25s,...] [--again ours]

Each engine and size runs in processes of its own; what is measured stays in build/benchmarks and is not measured
again, except with --again. The peers live in an environment of their own, .venv-bench, which is made if need be.
Writes docs/benchmarks.md from all that is there. The passages' vectors take tens of minutes the first time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.engines.registry import ENGINES, Entry
from benchmarks.measuring.places import CORPUS, INDEXES, RESULTS, peers_python
from benchmarks.measuring.process import drop_from_page_cache
from benchmarks.measuring.store import Figures, Store
from benchmarks.passages.build import build_corpus
from benchmarks.reporting.document import write_document
from core.settings import Settings

_BUILD_TIMEOUT_S = 3 * 3600


def main() -> int:
    """Measure what is missing and write the document; returns 1 if an engine failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="20000", help="passages, with commas between")
    parser.add_argument("--engines", default=",".join(ENGINES), help="with commas between")
    parser.add_argument("--again", default="", help="engines to measure again, with commas between; all: each one")
    parser.add_argument("--seconds", type=float, default=8.0, help="for each mode of an engine")
    options = parser.parse_args()
    names = options.engines.split(",")
    unknown = [name for name in names if name not in ENGINES]
    if unknown:
        parser.error(f"there is no engine {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    again = names if options.again == "all" else options.again.split(",")
    store = Store(RESULTS)
    failed = False
    for size in map(int, options.sizes.split(",")):
        build_corpus(CORPUS, size, Settings().models_dir)
        for name in names:
            if size > ENGINES[name].most or (name not in again and store.read(f"{name}-{size}")):
                continue
            print(f"{ENGINES[name].title}, {size:,} passages", flush=True)
            try:
                store.write(f"{name}-{size}", measure(name, size, options.seconds))
            except subprocess.SubprocessError as error:
                print(f"  failed: {error}", flush=True)
                failed = True
    write_document(store)
    return int(failed)


def measure(name: str, size: int, seconds: float) -> Figures:
    """Build an engine's index and measure it, each in a process; raises SubprocessError where one fails.

    Our index stays for the benchmark of updates; the others' are removed.
    """
    folder = INDEXES / f"{name}-{size}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        figures = _child("build", name, size, folder, seconds)
        drop_from_page_cache(folder)
        figures |= _child("serve", name, size, folder, seconds)
    finally:
        if name != "ours":
            shutil.rmtree(folder)
    for mode, measured in figures["modes"].items():
        recall = f", recall@10 {measured['recall_at_10']:.3f}" if "recall_at_10" in measured else ""
        spread = f"p50 {measured['p50_ms']:.2f}, p99 {measured['p99_ms']:.2f}"
        speed = f"{measured['cpu_ms']:8.2f} ms of processor, {spread}"
        print(f"  {mode:<20} {speed}{recall}")
    return {**figures, "engine": name, "size": size}


def _child(step: str, name: str, size: int, folder: Path, seconds: float) -> Figures:
    out = folder.with_suffix(".json")
    entry: Entry = ENGINES[name]
    python = peers_python() if entry.peer else Path(sys.executable)
    command = [str(python), "-m", "benchmarks.measuring.child", step, "--engine", name, "--size", str(size)]
    command += ["--corpus", str(CORPUS), "--folder", str(folder), "--out", str(out), "--seconds", str(seconds)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    environment["PYTHONDONTWRITEBYTECODE"] = ""  # a start with all imports to compile is nobody's cold start
    if step == "serve":  # one search, one thread: for everybody
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    command += ["--started", str(time.time())]
    subprocess.run(command, env=environment, check=True, timeout=_BUILD_TIMEOUT_S)
    read: Figures = json.loads(out.read_text("utf-8"))
    out.unlink()
    return read


if __name__ == "__main__":
    sys.exit(main())
