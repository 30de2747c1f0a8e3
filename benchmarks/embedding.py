"""Embedding on this machine: ONNX Runtime against the package's own engine, in turns, on real passages.

    python -m benchmarks.embedding [--passages 48] [--rounds 3] [--threads 0] [CORPUS.jsonl ...]

Prints passages a second of both and their ratio, the cosines between their vectors, the milliseconds of a
query alone and while passages are embedded, and the memory. The package's engine runs with OpenMP's threads
sleeping while they wait, which is at least as fast as its default and far faster on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from indexes.embedders.e5 import E5Embedder
from indexes.embedders.e5.package_engine import PackageEngine

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_CORPORA = [_SHARED / name / "corpus.jsonl" for name in ("cmrc2018", "squad2")]
_QUERIES = ("如何申请年假？", "What does error E-1042 mean?", "谁可以批准出差？", "Who is on call tonight?")


def main() -> None:
    """Run the benchmark and print its figures, one a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="*", type=Path, default=_CORPORA, help="JSON lines with a `text` each")
    parser.add_argument("--passages", type=int, default=48, help="passages in a round, from all corpora")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each with both engines")
    parser.add_argument("--threads", type=int, default=0, help="threads of ONNX Runtime; 0: the cores")
    arguments = parser.parse_args()
    texts = _texts(arguments.corpora, arguments.passages)

    before_mb = _resident_mb()
    with tempfile.TemporaryDirectory() as models_dir:
        first_s = _first_start_s(models_dir)
        started = time.perf_counter()
        e5 = E5Embedder(Path(models_dir), arguments.threads)
        again_s = time.perf_counter() - started
    opened_mb = _resident_mb()
    print(f"engine                    {e5.engine_name}, {e5.fingerprint}")
    print(f"start, first and again    {first_s:.2f} s, {again_s:.2f} s")
    print(f"passages                  {len(texts)}, {np.mean([e5.count_tokens(t) for t in texts]):.0f} tokens each")

    vectors = e5.embed_passages(texts)
    print(f"memory, open and in use   +{opened_mb - before_mb:.0f} MB, +{_resident_mb() - before_mb:.0f} MB")
    package = PackageEngine()
    cosines = np.sum(vectors * package.embed_passages(texts), axis=1)
    print(f"cosine, least and mean    {cosines.min():.5f}, {cosines.mean():.5f}")

    ours, theirs = [], []
    for _ in range(arguments.rounds):
        theirs.append(len(texts) / _seconds(lambda: package.embed_passages(texts)))
        ours.append(len(texts) / _seconds(lambda: e5.embed_passages(texts)))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    print(f"passages/s, package       {statistics.median(theirs):.1f}   {_rounded(theirs)}")
    print(f"passages/s, ONNX Runtime  {statistics.median(ours):.1f}   {_rounded(ours)}")
    print(f"ratio                     {statistics.median(ratios):.2f}   {_rounded(ratios)}")

    print(f"query, package            {_query_ms(package.embed_query)}")
    print(f"query, ONNX Runtime       {_query_ms(e5.embed_query)}")
    with ThreadPoolExecutor(1) as pool:
        bulk = pool.submit(e5.embed_passages, texts)
        print(f"query beside passages     {_query_ms(e5.embed_query)}, passages still running: {not bulk.done()}")
    e5.close()


def _first_start_s(models_dir: str) -> float:
    """Seconds of a start that finds nothing, imports included; in a process of its own, for its memory stays."""
    program = "import sys, pathlib, indexes.embedders.e5 as e5; e5.E5Embedder(pathlib.Path(sys.argv[1]))"
    return _seconds(lambda: subprocess.run([sys.executable, "-c", program, models_dir], check=True))


def _texts(corpora: Sequence[Path], count: int) -> list[str]:
    texts: list[str] = []
    for corpus in corpora:
        with corpus.open(encoding="utf-8") as lines:
            texts += [json.loads(line)["text"] for line in islice(lines, count // len(corpora))]
    return texts


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _query_ms(embed: Callable[[str], object], repeats: int = 10) -> str:
    """Median and worst milliseconds."""
    times = [1000 * _seconds(partial(embed, text)) for text in _QUERIES * repeats]
    return f"{statistics.median(times):.1f} ms, at worst {max(times):.1f}"


def _rounded(values: Sequence[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


def _resident_mb() -> float:
    """Resident memory of this process (Linux)."""
    status = Path("/proc/self/status").read_text("utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1000


if __name__ == "__main__":
    main()
