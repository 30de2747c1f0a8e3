"""Passages and files of the shared data sets, which lie beside the checkout."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def passages(dataset: str, count: int) -> list[str]:
    """Return the texts of the first count passages of a set; fails if the set is missing or smaller."""
    with (SHARED_DATA / dataset / "corpus.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in islice(lines, count)]
    assert len(texts) == count, f"{dataset} has only {len(texts)} passages"
    return texts


def shared_file(*parts: str) -> Path:
    """Return a file of the shared data; fails with what is missing where it is not there."""
    path = SHARED_DATA.joinpath(*parts)
    assert path.exists(), f"this test reads {path}, which is missing: the shared data must lie beside the checkout"
    return path
