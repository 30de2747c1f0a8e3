"""Embedding on this machine: ONNX Runtime against the package's own engine, in turns, on real passages.

    python -m benchmarks.embedding [--passages 48] [--rounds 3] [--threads 0] [CORPUS.jsonl ...]

Prints passages a second of both and their ratio, the cosines between their vectors, the milliseconds of a
query alone and while passages are embedded, the memory, what a worker gains by embedding all documents of a lease
together, and what keeping a vector in SQLite costs beside embedding it. The package's engine runs with OpenMP's
threads sleeping while they wait, which is at least as fast as its default and far faster on a busy machine.
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

from core.database import Database
from core.models import Chunk, Collection, Document, Generation, Revision
from core.types import Embeddings
from core.vectors import content_hash, store_vectors, stored_vectors
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
    together = _together_ratio(e5, texts, arguments.rounds)
    print(f"documents together        {statistics.median(together):.2f} x one by one   {_rounded(together)}")
    kept_us, found_us = _keeping_us(vectors)
    share = kept_us * statistics.median(ours) / 1e6
    print(
        f"a vector kept in SQLite   {kept_us:.0f} us ({share:.1%} of embedding it), found again {found_us:.0f} us"
    )
    e5.close()


def _together_ratio(e5: E5Embedder, texts: Sequence[str], rounds: int) -> list[float]:
    """How much faster documents of three passages are embedded as one batch than one after another."""
    documents = [texts[start : start + 3] for start in range(0, len(texts), 3)]
    return [
        _seconds(lambda: [e5.embed_passages(document) for document in documents])
        / _seconds(lambda: e5.embed_passages(texts))
        for _ in range(rounds)
    ]


def _keeping_us(vectors: Embeddings) -> tuple[float, float]:
    """Microseconds for each vector to keep it, in pieces of 128 with a commit each, and to find it again."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/vectors.db")
        database.migrate()
        keys = [content_hash(str(number)) for number in range(4096)]
        chunks = _add_chunks(database, keys)
        pieces = [keys[start : start + 128] for start in range(0, len(keys), 128)]
        kept, found = [], []
        for piece in pieces:
            made = dict(zip(piece, np.resize(vectors, (len(piece), vectors.shape[1])), strict=True))
            kept.append(_seconds(partial(_keep, database, made, [chunks[key] for key in piece])) / len(piece))
            found.append(_seconds(partial(_find, database, piece, vectors.shape[1])) / len(piece))
        database.close()
    return statistics.median(kept) * 1e6, statistics.median(found) * 1e6


def _add_chunks(database: Database, keys: Sequence[bytes]) -> dict[bytes, int]:
    with database.write() as session:
        collection = Collection(name="bench", settings={})
        session.add(collection)
        session.flush()
        recipe = {"embedder": "e5", "fingerprint": "f", "dimension": 384, "analyser": "1"}
        sizes = {"chunk_target_tokens": 100, "chunk_max_tokens": 200}
        generation = Generation(collection_id=collection.id, state="active", **recipe, **sizes)
        document = Document(collection_id=collection.id, external_id="d")
        session.add_all([generation, document])
        session.flush()
        original = {"blob_sha256": "", "size_bytes": 1, "content_type": "", "filename": "d", "content_key": ""}
        revision = Revision(document_id=document.id, **original)
        session.add(revision)
        session.flush()
        rows = [
            Chunk(
                revision_id=revision.id,
                generation_id=generation.id,
                ordinal=number,
                text="x" * 400,
                context="",
                heading_path=[],
                char_start=0,
                char_end=1,
                token_count=1,
                content_hash=key,
            )
            for number, key in enumerate(keys)
        ]
        session.add_all(rows)
        session.flush()
        return {key: row.id for key, row in zip(keys, rows, strict=True)}


def _keep(database: Database, vectors: dict[bytes, Embeddings], chunk_ids: Sequence[int]) -> None:
    with database.write() as session:
        store_vectors(session, "f", vectors, chunk_ids)


def _find(database: Database, keys: Sequence[bytes], dimension: int) -> None:
    with database.read() as session:
        if len(stored_vectors(session, "f", keys, dimension)) != len(keys):
            raise RuntimeError("a vector that was kept is not there")


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
