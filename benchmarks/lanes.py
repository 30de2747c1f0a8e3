"""A question beside passages that are embedded in bulk: in one process, and in a worker on the same cores.

    python -m benchmarks.lanes [--queries 200] [--model PATH]

Prints p50 and p99 in milliseconds of embedding a question: alone, beside a thread that embeds passages without a
pause, and beside a process that does, with the priority of a worker (`RAGSTONE_WORKER_NICE`) and without; in turns,
a quarter of the questions at a time. --model names a sentence-transformers model in place of the embedded default.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from core.settings import Settings
from indexes.embedders import Embedder, open_embedder_named

_CORPUS = Path(__file__).resolve().parents[2] / "shared" / "data" / "squad2" / "corpus.jsonl"
_QUERIES = ("如何申请年假？", "What does error E-1042 mean?", "谁可以批准出差？", "Who is on call tonight?")
_ROUNDS = 4


def main() -> None:
    """Run the benchmark and print its figures, one a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=200, help="questions for each line")
    parser.add_argument("--model", default="", help="a sentence-transformers model")
    parser.add_argument("--bulk", type=int, metavar="NICE", help=argparse.SUPPRESS)
    parser.add_argument("--models-dir", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    spec = f"st:{arguments.model}" if arguments.model else "e5"
    if arguments.bulk is not None:
        os.nice(arguments.bulk)
        _embed_forever(_opened(spec, arguments.models_dir))
    with tempfile.TemporaryDirectory() as folder:
        embedder = _opened(spec, Path(folder))
        command = [sys.executable, "-m", "benchmarks.lanes", "--model", arguments.model, "--models-dir", folder]
        nice = Settings().worker_nice
        loads = {
            "alone": _nothing,
            "beside a thread": lambda: _beside_thread(embedder),
            "beside a process": lambda: _beside_process([*command, "--bulk", "0"]),
            f"beside a process, nice {nice}": lambda: _beside_process([*command, "--bulk", str(nice)]),
        }
        times: dict[str, list[float]] = {name: [] for name in loads}
        for _ in range(_ROUNDS):
            for name, load in loads.items():
                with load():
                    times[name] += _query_ms(embedder, arguments.queries // _ROUNDS)
        for name, measured in times.items():
            p50, p99 = np.percentile(measured, [50, 99])
            print(f"{name:<28} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms")
        embedder.close()


def _opened(spec: str, models_dir: Path) -> Embedder:
    return open_embedder_named(spec, Settings(data_dir=models_dir))


def _query_ms(embedder: Embedder, count: int) -> list[float]:
    times = []
    for number in range(count):
        started = time.perf_counter()
        embedder.embed_query(_QUERIES[number % len(_QUERIES)])
        times.append((time.perf_counter() - started) * 1000)
    return times


def _passages() -> list[str]:
    with _CORPUS.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in islice(lines, 128)]


def _embed_forever(embedder: Embedder) -> None:
    passages = _passages()
    embedder.embed_passages(passages[:2])
    print("ready", flush=True)
    while True:
        embedder.embed_passages(passages)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _beside_thread(embedder: Embedder) -> Iterator[None]:
    passages, ended = _passages(), threading.Event()

    def embed() -> None:
        while not ended.is_set():
            embedder.embed_passages(passages[:32])

    thread = threading.Thread(target=embed)
    thread.start()
    time.sleep(0.2)
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _beside_process(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the process that embeds did not start")
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
