"""Which lexical engine searches: by the setting, and by what is installed and loaded."""

from __future__ import annotations

from collections.abc import Sequence

from indexes.lexical.bm25 import VARIANTS, Variant
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import LexicalSearch, Matches
from indexes.lexical.search import Bm25Search
from indexes.loops import LOOPS


def open_lexical_search(name: str, segments: Sequence[LivePostings]) -> LexicalSearch:
    """Return an engine over segments; name: a value of the setting `lexical`."""
    if name == "rank-bm25":
        from indexes.lexical.rank_bm25 import RankBm25Search  # noqa: PLC0415 - only where it is chosen

        return RankBm25Search(segments)
    return OwnSearch(segments, VARIANTS[name])


class OwnSearch:
    """Our own BM25: by compiled loops as soon as they are loaded, by numpy before."""

    def __init__(self, segments: Sequence[LivePostings], variant: Variant) -> None:
        self._segments = segments
        self._variant = variant
        self.engine = self._fastest() if LOOPS.ready else Bm25Search(segments, variant)

    def match(self, terms: Sequence[str]) -> Matches:
        """Look a question's terms up; a term asked twice counts twice."""
        if type(self.engine) is Bm25Search and LOOPS.want():
            self.engine = self._fastest()
        return self.engine.match(terms)

    def _fastest(self) -> Bm25Search:
        from indexes.lexical.compiled import CompiledBm25Search  # noqa: PLC0415 - only where numba is

        return CompiledBm25Search(self._segments, self._variant)
