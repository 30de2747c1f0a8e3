"""The domain's plain data, passed between stages. Offsets count Unicode code points throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]
Ids = NDArray[np.int64]
JsonScalar = str | int | float | bool | None
Metadata = Mapping[str, JsonScalar | list[JsonScalar]]
SearchMode = Literal["hybrid", "dense", "lexical"]


class BlockKind(StrEnum):
    """What a block of a parsed document is; the chunker treats each kind by its own rule."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    TABLE_HEADER = "table_header"
    TABLE_ROW = "table_row"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit of a parsed document: `text[char_start:char_end]` is its text.

    level is 1 to 6 for a heading and 0 otherwise; page counts from 1 and is None where a format has no pages.
    """

    kind: BlockKind
    char_start: int
    char_end: int
    page: int | None = None
    level: int = 0


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document's text with its structure. Blocks are in order and do not overlap."""

    text: str
    blocks: Sequence[Block]
    title: str = ""
    language: str = ""
    page_count: int | None = None
    metadata: Mapping[str, JsonScalar] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A passage cut by the chunker: `text == document.text[char_start:char_end]`.

    context is what a reader needs to understand the passage but that lies outside its range: the header row
    of a table cut in several chunks. It is indexed and embedded with the passage, never quoted.
    """

    ordinal: int
    text: str
    char_start: int
    char_end: int
    heading_path: Sequence[str]
    context: str
    page_from: int | None
    page_to: int | None
    token_count: int


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a filter goes by and who may read, of a document's revision: they change only with it.

    created_at: when the document first came; updated_at: when this revision did; seconds since the epoch. Without
    groups every key of the collection reads it.
    """

    document_id: str = ""
    lang: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    metadata: Metadata = field(default_factory=dict)
    groups: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index holds of a chunk."""

    chunk_id: int
    title: str
    heading: str
    body: str
    embedding: Embeddings
    attributes: Attributes = field(default_factory=Attributes)


@dataclass(frozen=True, slots=True)
class Ranks:
    """A hit's rank in each list that proposed it, from 1; None where the list did not propose it."""

    dense: int | None = None
    lexical: int | None = None
    rerank: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that the index proposes, with what each list said of it.

    score is the fused score; dense_score a cosine, lexical_score a BM25 score, each None where that list
    did not propose the chunk.
    """

    chunk_id: int
    score: float
    ranks: Ranks
    dense_score: float | None = None
    lexical_score: float | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A hit that says nothing beside another one, and is shown with it.

    similarity: the share of the other's words that it holds, 0.5 to 1.
    """

    chunk_id: int
    document_id: str
    title: str
    score: float
    similarity: float


@dataclass(frozen=True, slots=True)
class Source:
    """A hydrated hit as the reader sees it: one chunk, or neighbouring chunks of a document in one passage.

    chunk_id is the best of chunk_ids, which stand in the order of the text; scores and ranks are that chunk's.
    """

    document_id: str
    chunk_id: int
    title: str
    uri: str
    text: str
    heading: str
    context: str
    lang: str
    page_from: int | None
    page_to: int | None
    char_start: int
    char_end: int
    score: float
    ranks: Ranks
    dense_score: float | None = None
    lexical_score: float | None = None
    rerank_score: float | None = None
    chunk_ids: Sequence[int] = ()
    duplicates: Sequence[Duplicate] = ()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the scopes and the limits of a key. collections None means all of them.

    origins are the web origins that a browser may use the key from; without any, no browser page of another
    origin may.
    """

    key_id: str
    scopes: frozenset[str]
    collections: frozenset[str] | None = None
    groups: frozenset[str] = frozenset()
    origins: tuple[str, ...] = ()

    @property
    def is_admin(self) -> bool:
        """An administrator reads every document, whatever its groups."""
        return "admin" in self.scopes
