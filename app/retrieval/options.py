"""What a question may say of how its passages are ranked; every default is the service's own way."""

from __future__ import annotations

from dataclasses import dataclass, field

from indexes.fusion import Fusion


@dataclass(frozen=True, slots=True)
class RankingOptions:
    """How the order of a question's passages is made.

    dense_depth, lexical_depth: how many passages a list proposes, None for the usual number. translate: whether the
    question's words are looked for in the other language too.
    """

    fusion: Fusion = field(default_factory=Fusion)
    dense_depth: int | None = None
    lexical_depth: int | None = None
    translate: bool = True
