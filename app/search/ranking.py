"""How a request may have its passages ranked and shown: `ranking` and `passages` of /v1/search and /v1/answers."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.retrieval.options import PassageOptions, RankingOptions
from core.errors import InvalidInput
from core.settings import Settings
from core.types import SearchMode
from indexes.dense import LEAST_EFFORT, MOST_EFFORT
from indexes.fusion import Fusion, FusionMethod, Normalisation, Weights

# What is only there where both lists are.
_OF_FUSION = ("fusion", "weights", "normalisation", "rrf_k", "translate")


class WeightsIn(BaseModel):
    """How much each list counts; only the ratio matters."""

    model_config = ConfigDict(extra="forbid")

    dense: float = Field(1, ge=0, le=1000)
    lexical: float = Field(1, ge=0, le=1000)

    @model_validator(mode="after")
    def _one_counts(self) -> Self:
        if not self.dense + self.lexical:
            raise ValueError("one of the weights has to be above 0")
        return self


class DepthsIn(BaseModel):
    """How many passages each list proposes; null for the usual number."""

    model_config = ConfigDict(extra="forbid")

    dense: int | None = Field(None, ge=1)
    lexical: int | None = Field(None, ge=1)


class RankingIn(BaseModel):
    """How the order of the hits is made; what is left out is the service's own way."""

    model_config = ConfigDict(extra="forbid")

    fusion: FusionMethod = Field(
        "adaptive",
        description="`adaptive`: by what each list knows about the question. `rrf`: by reciprocal ranks. "
        "`weighted`: by the sum of normalised scores.",
    )
    weights: WeightsIn = Field(default_factory=WeightsIn)
    normalisation: Normalisation = Field("min-max", description="Of the scores, for `weighted`.")
    rrf_k: float = Field(60, gt=0, le=10_000, description="For `rrf`: a list counts 1 / (rrf_k + rank).")
    depths: DepthsIn = Field(default_factory=DepthsIn)
    translate: bool = Field(True, description="Look for the question's words in the other language too.")
    collapse_duplicates: bool | None = Field(
        None, description="Show what says nothing beside a better hit with it; null: as the collection says."
    )
    rerank: bool = Field(True, description="Ask the reranker, where the server has one.")
    rerank_depth: int | None = Field(None, ge=1, description="Hits that the reranker reads; null: the server's.")
    diversity: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Maximal marginal relevance: 1 weighs relevance alone, 0 difference alone; null: none.",
    )

    effort: float = Field(
        1,
        ge=LEAST_EFFORT,
        le=MOST_EFFORT,
        description="How much of a large dense list is looked at, as a factor on what finds at least 0.95 of its "
        "best ten.",
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        for name, method in (("rrf_k", "rrf"), ("normalisation", "weighted")):
            if name in self.model_fields_set and self.fusion != method:
                raise ValueError(f"{name} counts only with fusion {method!r}, not {self.fusion!r}")
        return self

    def check(self, mode: SearchMode, settings: Settings) -> None:
        """Raise InvalidInput for what this mode has no place for, or what is past the settings' limits."""
        useless = [name for name in _OF_FUSION if name in self.model_fields_set]
        if mode == "lexical" and "effort" in self.model_fields_set:
            raise InvalidInput("ranking.effort is for the dense list, which mode lexical does not ask.")
        if mode != "hybrid" and useless:
            raise InvalidInput(f"ranking.{useless[0]} is for mode hybrid: a {mode} search fuses nothing.")
        if max(self.depths.dense or 0, self.depths.lexical or 0) > settings.max_depth:
            raise InvalidInput(f"ranking.depths may be at most {settings.max_depth}.")
        if (self.rerank_depth or 0) > settings.max_depth:
            raise InvalidInput(f"ranking.rerank_depth may be at most {settings.max_depth}.")

    def to_domain(self) -> RankingOptions:
        """Return the options as the search takes them."""
        return RankingOptions(
            fusion=Fusion(
                self.fusion, Weights(self.weights.lexical, self.weights.dense), self.normalisation, self.rrf_k
            ),
            dense_depth=self.depths.dense,
            lexical_depth=self.depths.lexical,
            translate=self.translate,
            collapse=self.collapse_duplicates,
            rerank=self.rerank,
            rerank_depth=self.rerank_depth,
            diversity=self.diversity,
            effort=self.effort,
        )


class PassagesIn(BaseModel):
    """How hits are shown: alone, or with their neighbours in the document as one passage.

    Answers join neighbours unless told otherwise, searches only where they are told.
    """

    model_config = ConfigDict(extra="forbid")

    merge_neighbours: bool | None = Field(
        None,
        description="Show hits that follow each other as one passage; null: an answer does, a search does not.",
    )
    window: int = Field(0, ge=0, le=10, description="Chunks more on either side of a hit.")
    max_tokens: int | None = Field(None, ge=32, le=8000, description="Longest passage; null: the server's.")

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        for name in ("window", "max_tokens"):
            if name in self.model_fields_set and self.merge_neighbours is False:
                raise ValueError(f"{name} counts only with merge_neighbours: true")
        return self

    def to_domain(self, *, merge: bool) -> PassageOptions:
        """Return the options as the search takes them; merge: whether neighbours are joined if nothing is said."""
        said = bool(self.model_fields_set & {"window", "max_tokens"})
        joined = merge or said if self.merge_neighbours is None else self.merge_neighbours
        return PassageOptions(joined, self.window, self.max_tokens)
