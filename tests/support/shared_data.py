"""Passages of the shared data sets, which lie beside the checkout."""

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
