"""A segment's vectors: compared one by one while they are few, else proposed by an inverted file."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.types import Embeddings
from indexes.dense.inverted import InvertedFile
from indexes.dense.kernels import Similarities, inner_products
from indexes.dense.tuning import LEAST_RECALL, TUNING_FILE, Tuning, tune
from indexes.dense.vectors import FILE_NAME, map_vectors, write_vectors
from indexes.lexical.matches import Mask, Rows
from indexes.top import top_places

log = logging.getLogger(__name__)

# Up to so many rows, comparing them all takes about as long as an inverted file.
EXACT_ROWS = 2048
# Comparing one raw vector somewhere costs as much as reading this many codes ...
_CODES_A_ROW = 12
# ... and an inverted file has fixed costs of as much as this many raw vectors.
_ROWS_ASIDE = 1000
# Rows that the codes propose for each hit that is asked for.
_PROPOSED_A_HIT = 4


@dataclass(frozen=True, slots=True)
class DenseSegment:
    """The L2-normalised vectors of one segment, float32 [N, d], mapped; with an inverted file if many."""

    vectors: Embeddings
    inverted: InvertedFile | None = None
    tuning: Tuning | None = None

    @classmethod
    def open(cls, folder: Path, *, searched: bool = True) -> DenseSegment:
        """Map the files that `save` wrote; raises FileNotFoundError, RuntimeError and ValueError if not whole.

        searched: by questions, which read the vectors here and there where an inverted file proposes them. A writer
        or a merge reads them from end to end and does without that file, whose codes would have to be read first.
        """
        if not searched or not (folder / TUNING_FILE).exists():
            return cls(cls.vectors_in(folder))
        vectors = map_vectors(folder / FILE_NAME, scattered=True)
        tuning = Tuning.read(folder / TUNING_FILE)
        inverted = InvertedFile.open(folder)
        if inverted.index.ntotal != len(vectors):
            raise ValueError(f"{inverted.index.ntotal} codes for {len(vectors)} vectors")
        return cls(vectors, inverted, tuning)

    @staticmethod
    def vectors_in(folder: Path) -> Embeddings:
        """Map the vectors that `save` wrote, float32 [N, d]; raises FileNotFoundError, ValueError."""
        return map_vectors(folder / FILE_NAME)

    @staticmethod
    def save(folder: Path, blocks: Iterable[Embeddings], exact_rows: int = EXACT_ROWS) -> None:
        """Write vectors in blocks, float32 [≤ n, d], in the order of their rows, holding one block at a time.

        Of more than exact_rows an inverted file is made too. If it does not find what an exact search finds, the
        segment stays without one, and the log says so.
        """
        write_vectors(folder / FILE_NAME, blocks)
        vectors = map_vectors(folder / FILE_NAME)
        if len(vectors) <= exact_rows:
            return
        try:
            inverted = InvertedFile.build(vectors)
        except ValueError as error:
            log.warning("%d vectors are searched one by one: %s.", len(vectors), error)
            return
        tuning = tune(inverted, vectors)
        if tuning.recall < LEAST_RECALL:
            log.warning(
                "%d vectors are searched one by one: an inverted file finds %.3f of the best ten, less than %.2f.",
                len(vectors),
                tuning.recall,
                LEAST_RECALL,
            )
            return
        inverted.save(folder)
        tuning.write(folder / TUNING_FILE)

    def propose(
        self, query: Embeddings, k: int, allowed: Mask | None, effort: float
    ) -> tuple[Rows, Similarities] | None:
        """Return rows among which the k best allowed ones are, in no order; None where comparing all is cheaper.

        query: float32 [d]; allowed: None where all rows are; effort: as `search.DenseSearch.top` takes it. With the
        rows come their inner products as the codes tell them.
        """
        if self.inverted is None or self.tuning is None:
            return None
        count = len(self.vectors) if allowed is None else int(np.count_nonzero(allowed))
        if not count:
            return None
        codes = min(1.0, self.tuning.share(count / len(self.vectors)) * effort) * len(self.vectors)
        proposed = int(max(self.tuning.refined, _PROPOSED_A_HIT * k) * effort)
        if count <= proposed + _ROWS_ASIDE + codes / _CODES_A_ROW:
            return None
        rows, estimates = self.inverted.propose(query, max(k, proposed), codes, allowed)
        return None if len(rows) < min(k, count) else (rows, estimates)

    def best(self, query: Embeddings, k: int, rows: Rows | None) -> tuple[Rows, Similarities]:
        """Return the k best of rows (ascending; None: all) with their inner products, best first; ties by row."""
        similarities = inner_products(query, self.vectors, rows)
        best = top_places(similarities, k)
        return best if rows is None else rows[best], similarities[best]
