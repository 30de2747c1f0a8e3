"""From a clean document to chunks: structure first, then sentences, within the embedder's own token counts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from core.types import BlockKind, ChunkDraft, ParsedDocument
from ingest.pieces import Piece, TokenCounter, cut_pieces

# Below this share of the target a chunk is too little to be found or read alone.
_TRIVIAL_SHARE = 0.25
# From this share of its goal on, a chunk ends at a paragraph's end rather than inside the next one.
_PARAGRAPH_SHARE = 0.75
# A table's header row goes with every part of the table unless it takes more than this share of a chunk.
_CONTEXT_SHARE = 0.5
_LEADS_ON = frozenset({BlockKind.HEADING, BlockKind.TABLE_HEADER})


@dataclass(frozen=True)
class ChunkerConfig:
    """Sizes in the embedder's tokens: what a chunk is filled up to, and what none exceeds."""

    target_tokens: int
    max_tokens: int

    def __post_init__(self) -> None:
        if not 1 <= self.target_tokens <= self.max_tokens:
            raise ValueError(f"need 1 <= target_tokens <= max_tokens, got {self}")


@dataclass(frozen=True, slots=True)
class _Span:
    """Pieces first to last (inclusive) that make one chunk."""

    first: int
    last: int


def chunk(document: ParsedDocument, config: ChunkerConfig, count_tokens: TokenCounter) -> list[ChunkDraft]:
    """Return the chunks of a document, in order and without overlap.

    Together they hold every character of every block that is not whitespace, headings included. A chunk's text
    and context together stay within config.max_tokens by count_tokens; only a single character that counts for
    more is let through. Deterministic, and linear in the text: each piece and each chunk is counted once.
    """
    return _Chunker(document, config, count_tokens).chunks()


class _Chunker:
    def __init__(self, document: ParsedDocument, config: ChunkerConfig, count_tokens: TokenCounter) -> None:
        self._text = document.text
        self._config = config
        self._count = count_tokens
        self._pieces: Sequence[Piece] = cut_pieces(
            document, count_tokens, target_tokens=config.target_tokens, max_tokens=config.max_tokens
        )
        self._tokens_before = [0, *accumulate(piece.tokens for piece in self._pieces)]

    def chunks(self) -> list[ChunkDraft]:
        spans: list[_Span] = []
        for _, members in groupby(range(len(self._pieces)), key=lambda i: self._pieces[i].section):
            indices = list(members)
            spans += self._pack(indices[0], indices[-1])
        drafts: list[ChunkDraft] = []
        for span in self._merge_trivial(spans):
            for fitted, context, tokens in self._fit(span):
                drafts.append(self._draft(len(drafts), fitted, context, tokens))
        return drafts

    # Packing one section.

    def _pack(self, first: int, last: int) -> Iterator[_Span]:
        """Fill chunks evenly: a section of 1.2 targets becomes two halves, not a whole and a scrap."""
        total = self._tokens(first, last)
        goal = math.ceil(total / max(1, round(total / self._config.target_tokens)))
        goal = min(goal, self._config.max_tokens)
        start = first
        while start <= last:
            stop = self._fill(start, last, goal)
            yield _Span(start, stop)
            start = stop + 1

    def _fill(self, start: int, last: int, goal: int) -> int:
        """The last piece of the chunk that begins at start."""
        filled = self._context_tokens(start) + self._pieces[start].tokens
        stop = start
        while stop < last:
            following = self._pieces[stop + 1]
            if filled + following.tokens > self._config.max_tokens:
                break
            leads_on = self._pieces[stop].kind in _LEADS_ON
            # Rounding to the nearer side of the goal keeps the chunks around it.
            over = filled + following.tokens / 2 > goal
            at_end = following.starts_block and filled >= _PARAGRAPH_SHARE * goal
            breaks_here = following.starts_block and filled + following.tokens > goal
            if not leads_on and (over or (at_end and breaks_here)):
                break
            filled += following.tokens
            stop += 1
        # Headings and table headers belong to what follows them.
        while start < stop < last and self._pieces[stop].kind in _LEADS_ON:
            stop -= 1
        return stop

    # Joining what is too small.

    def _merge_trivial(self, spans: Sequence[_Span]) -> list[_Span]:
        """Join each trivial chunk with the neighbour whose headings it shares more of."""
        merged: list[_Span] = []
        waiting = list(reversed(spans))
        while waiting:
            span = waiting.pop()
            if not self._is_trivial(span):
                merged.append(span)
                continue
            before = self._affinity(merged[-1], span) if merged else -1
            after = self._affinity(span, waiting[-1]) if waiting else -1
            if after >= max(before, 0):
                waiting.append(_Span(span.first, waiting.pop().last))
            elif before >= 0:
                merged[-1] = _Span(merged[-1].first, span.last)
            else:
                merged.append(span)
        return merged

    def _is_trivial(self, span: _Span) -> bool:
        return self._tokens(span.first, span.last) < _TRIVIAL_SHARE * self._config.target_tokens

    def _affinity(self, left: _Span, right: _Span) -> int:
        """How many headings two neighbours share, -1 where they do not fit in one chunk."""
        size = self._context_tokens(left.first) + self._tokens(left.first, right.last)
        if size > self._config.max_tokens:
            return -1
        return len(_common_path((self._path(left), self._path(right))))

    # The finished chunk.

    def _fit(self, span: _Span) -> Iterator[tuple[_Span, str, int]]:
        """Yield a span with its context and the tokens of its text, halved until the ceiling is kept.

        The text as a whole is counted: the counts of its pieces need not add up to it.
        """
        context = self._context(span.first)
        tokens = self._count(self._range_text(span))
        if tokens + (self._count(context) if context else 0) <= self._config.max_tokens:
            yield span, context, tokens
        elif span.first == span.last:
            yield span, "", tokens
        else:
            middle = (span.first + span.last) // 2
            while middle > span.first and self._pieces[middle].kind in _LEADS_ON:
                middle -= 1
            yield from self._fit(_Span(span.first, middle))
            yield from self._fit(_Span(middle + 1, span.last))

    def _draft(self, ordinal: int, span: _Span, context: str, tokens: int) -> ChunkDraft:
        pages = [piece.page for piece in self._pieces[span.first : span.last + 1] if piece.page is not None]
        return ChunkDraft(
            ordinal=ordinal,
            text=self._range_text(span),
            char_start=self._pieces[span.first].start,
            char_end=self._pieces[span.last].end,
            heading_path=self._path(span),
            context=context,
            page_from=min(pages, default=None),
            page_to=max(pages, default=None),
            token_count=tokens,
        )

    def _range_text(self, span: _Span) -> str:
        return self._text[self._pieces[span.first].start : self._pieces[span.last].end]

    def _tokens(self, first: int, last: int) -> int:
        """Tokens of the pieces first to last, inclusive."""
        return self._tokens_before[last + 1] - self._tokens_before[first]

    def _path(self, span: _Span) -> tuple[str, ...]:
        """The headings that stand above all the content of a chunk, outermost first."""
        pieces = self._pieces[span.first : span.last + 1]
        content = [piece.heading_path for piece in pieces if piece.kind is not BlockKind.HEADING]
        return _common_path(content or [piece.heading_path for piece in pieces])

    def _header(self, first: int) -> Piece | None:
        """The header row of the table that a chunk beginning at first continues, if it is of use."""
        header = self._pieces[first].header
        if not 0 <= header < first or self._pieces[header].tokens > _CONTEXT_SHARE * self._config.max_tokens:
            return None
        return self._pieces[header]

    def _context(self, first: int) -> str:
        header = self._header(first)
        return self._text[header.start : header.end] if header else ""

    def _context_tokens(self, first: int) -> int:
        header = self._header(first)
        return header.tokens if header else 0


def _common_path(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    shared: list[str] = []
    for headings in zip(*paths, strict=False):
        if len(set(headings)) > 1:
            break
        shared.append(headings[0])
    return tuple(shared)
