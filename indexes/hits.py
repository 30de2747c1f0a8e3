"""What an index proposes for a question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.types import Hit, Ids, Ranks
from indexes.columnar import Columnar

Floats = NDArray[np.float64]
NOT_LISTED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Hits(Columnar[Hit]):
    """Hits, best first. dense_ranks, lexical_ranks: in each list from 1, or NOT_LISTED.

    cosines: None where the dense list was not asked.
    """

    chunk_ids: Ids
    scores: Floats
    dense_ranks: NDArray[np.int64]
    lexical_ranks: NDArray[np.int64]
    cosines: Floats | None
    lexical_scores: Floats

    def __len__(self) -> int:
        return len(self.chunk_ids)

    def made(self, span: slice) -> list[Hit]:  # noqa: D102 - see Columnar
        ids = self.chunk_ids[span].tolist()
        columns = (self.scores, self.dense_ranks, self.lexical_ranks, self.lexical_scores)
        cosines = [0.0] * len(ids) if self.cosines is None else self.cosines[span].tolist()
        return [
            Hit(
                chunk_id=chunk_id,
                score=score,
                ranks=Ranks(dense=dense or None, lexical=lexical or None),
                dense_score=cosine if dense else None,
                lexical_score=lexical_score if lexical else None,
            )
            for chunk_id, cosine, score, dense, lexical, lexical_score in zip(
                ids, cosines, *(column[span].tolist() for column in columns), strict=True
            )
        ]
