"""Which lexical engine searches: by the setting, and by what is installed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

from indexes.lexical.bm25 import VARIANTS
from indexes.lexical.live import LivePostings
from indexes.lexical.matches import LexicalSearch
from indexes.lexical.search import Bm25Search

log = logging.getLogger(__name__)


def open_lexical_search(name: str, segments: Sequence[LivePostings]) -> LexicalSearch:
    """Return an engine over segments; name: a value of the setting `lexical`."""
    if name == "rank-bm25":
        from indexes.lexical.rank_bm25 import RankBm25Search  # noqa: PLC0415 - only where it is chosen

        return RankBm25Search(segments)
    return _own_engine()(segments, VARIANTS[name])


def warm_up() -> None:
    """Do what the first search would wait for."""
    if _own_engine() is not Bm25Search:
        from indexes.lexical import compiled  # noqa: PLC0415 - as below

        compiled.warm_up()


@cache
def _own_engine() -> type[Bm25Search]:
    """Return the compiled engine where numba is installed, else the one in numpy, and say so once."""
    try:
        from indexes.lexical.compiled import CompiledBm25Search  # noqa: PLC0415 - its absence is handled here
    except ImportError:
        log.info("Words are searched by numpy: `make run EXTRAS=fast` installs numba, with which it is faster.")
        return Bm25Search
    return CompiledBm25Search
