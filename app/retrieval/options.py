"""What a question may say of how its passages are ranked and shown; every default is the service's own way."""

from __future__ import annotations

from dataclasses import dataclass, field

from indexes.fusion import Fusion


@dataclass(frozen=True, slots=True)
class RankingOptions:
    """How the order of a question's passages is made.

    dense_depth, lexical_depth: how many passages a list proposes, None for the usual number. translate: whether the
    question's words are looked for in the other language too. collapse: whether passages that say nothing beside a
    better one are shown with it; None for the collection's way. rerank: whether the reranker is asked where there
    is one; rerank_depth: how many passages it reads, None for the setting's. diversity: the weight of relevance
    against difference, 0 to 1; None to leave the order as it is. effort: how much of a large dense list is looked
    at, as a factor.
    """

    fusion: Fusion = field(default_factory=Fusion)
    dense_depth: int | None = None
    lexical_depth: int | None = None
    translate: bool = True
    collapse: bool | None = None
    rerank: bool = True
    rerank_depth: int | None = None
    diversity: float | None = None
    effort: float = 1.0


@dataclass(frozen=True, slots=True)
class PassageOptions:
    """Whether neighbouring chunks are shown as one passage, with `window` chunks more on either side of a hit.

    max_tokens: the longest passage; None for the setting's.
    """

    merge_neighbours: bool = False
    window: int = 0
    max_tokens: int | None = None
