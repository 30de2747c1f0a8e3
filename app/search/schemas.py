"""What /v1/search takes and returns."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from app.search.filters import FilterIn
from app.search.ranking import PassagesIn, RankingIn
from core.types import SearchMode, Source


class SearchRequest(BaseModel):
    """A query on one collection."""

    model_config = ConfigDict(extra="forbid")

    collection: str = Field(max_length=63)
    query: str = Field(min_length=1)
    k: int = Field(10, ge=1)
    mode: SearchMode = "hybrid"
    filter: FilterIn = Field(default_factory=FilterIn)
    ranking: RankingIn = Field(default_factory=RankingIn)
    passages: PassagesIn = Field(default_factory=PassagesIn)


class RanksOut(BaseModel):
    """Rank in each list from 1; null where that list did not propose the hit."""

    dense: int | None
    lexical: int | None
    rerank: int | None


class DuplicateOut(BaseModel):
    """A hit that says nothing beside the one that it is shown with."""

    chunk_id: int
    document_id: str
    title: str
    score: float
    similarity: float = Field(description="Share of the shown passage's words that it holds, 0.5 to 1.")


class HitOut(BaseModel):
    """A passage, exactly `text[char_start:char_end]` of its document; offsets count Unicode code points."""

    document_id: str
    chunk_id: int
    title: str
    uri: str
    text: str
    heading: str
    context: str = Field(description="Header row of a table that the passage continues; not part of the text.")
    lang: str
    page_from: int | None
    page_to: int | None
    char_start: int
    char_end: int
    score: float = Field(description="By which both lists were fused.")
    ranks: RanksOut
    dense_score: float | None = Field(description="Cosine with the question.")
    lexical_score: float | None = Field(description="BM25 score.")
    rerank_score: float | None = Field(description="The reranker's; null where it did not read the hit.")
    chunk_ids: list[int] = Field(description="The chunks of the passage, in the order of the text.")
    duplicates: list[DuplicateOut] = Field(description="Hits left out because they say nothing beside this one.")

    @classmethod
    def of(cls, source: Source) -> HitOut:
        """Show a source."""
        return cls.model_validate(source, from_attributes=True)


class SearchTimings(BaseModel):
    """Where the time went, in milliseconds."""

    embed_ms: float
    search_ms: float
    hydrate_ms: float
    rerank_ms: float


class SearchResponse(BaseModel):
    """The hits, best first."""

    hits: list[HitOut]
    reranked: bool = Field(description="Whether the reranker had its say; without it the fused order stands.")
    timings: SearchTimings
