"""The units that a chunk is packed from: whole blocks where they are small, else sentences, lines or less."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.sentences import split_sentences
from core.types import Block, BlockKind, ParsedDocument

TokenCounter = Callable[[str], int]
Range = tuple[int, int]

_TABLE = frozenset({BlockKind.TABLE_HEADER, BlockKind.TABLE_ROW})
_LINE = re.compile(r"[^\n]*\S[^\n]*")
# Sentences shorter than this are packed together with the next one: counting tokens costs a call for each.
_SENTENCE_GROUP_CHARS = 48
# Where an overlong sentence is best cut, and how much of a cut may be given up to find such a place.
_SOFT_BREAK = re.compile(r"[，、,;；:：)）\]】|]|\s")
_SOFT_BREAK_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of the document's text that is not cut further.

    section numbers the run of headings and content that it belongs to; header is the index of the piece that
    heads its table, -1 outside tables. tokens counts its text alone.
    """

    start: int
    end: int
    tokens: int
    kind: BlockKind
    page: int | None
    section: int
    heading_path: tuple[str, ...]
    starts_block: bool
    header: int = -1


def cut_pieces(
    document: ParsedDocument, count_tokens: TokenCounter, *, target_tokens: int, max_tokens: int
) -> list[Piece]:
    """Return the document's pieces in order, none over max_tokens unless it is a single character.

    A new section begins with the headings of level 1 to 3 that directly precede content.
    """
    pieces: list[Piece] = []
    path: list[tuple[int, str]] = []
    section, header = 0, -1
    after_content = False
    for block in document.blocks:
        text = document.text[block.char_start : block.char_end]
        if block.kind is BlockKind.HEADING:
            if after_content and block.level <= 3:
                section += 1
                after_content = False
            while path and path[-1][0] >= block.level:
                path.pop()
            path.append((block.level, text))
        else:
            after_content = True
        if block.kind is BlockKind.TABLE_HEADER:
            header = len(pieces)
        elif block.kind is not BlockKind.TABLE_ROW:
            header = -1
        for number, (start, end, tokens) in enumerate(
            _ranges(document.text, block, count_tokens, target_tokens, max_tokens)
        ):
            pieces.append(
                Piece(
                    start=start,
                    end=end,
                    tokens=tokens,
                    kind=block.kind,
                    page=block.page,
                    section=section,
                    heading_path=tuple(heading for _, heading in path),
                    starts_block=number == 0,
                    header=header,
                )
            )
    return pieces


def _ranges(
    text: str, block: Block, count_tokens: TokenCounter, target_tokens: int, max_tokens: int
) -> Iterator[tuple[int, int, int]]:
    whole = (block.char_start, block.char_end)
    # A block that holds several targets is cut whatever its exact count: no need to count all of it.
    surely_long = whole[1] - whole[0] > 16 * max_tokens
    keeps_whole = max_tokens if block.kind in _TABLE else target_tokens
    tokens = 0 if surely_long else count_tokens(text[whole[0] : whole[1]])
    if not surely_long and tokens <= keeps_whole:
        yield (*whole, tokens)
        return
    for start, end in _parts(text, block):
        tokens = count_tokens(text[start:end])
        if tokens <= max_tokens:
            yield start, end, tokens
        else:
            yield from _cut(text, (start, end), tokens, count_tokens, max_tokens)


def _parts(text: str, block: Block) -> Iterator[Range]:
    """The sentences of a block (the lines of code), short ones together with the next."""
    inside = text[block.char_start : block.char_end]
    if block.kind is BlockKind.CODE:
        ranges = [match.span() for match in _LINE.finditer(inside)]
    else:
        ranges = split_sentences(inside)
    group_start = -1
    for number, (start, end) in enumerate(ranges):
        if group_start < 0:
            group_start = start
        if end - group_start >= _SENTENCE_GROUP_CHARS or number == len(ranges) - 1:
            yield block.char_start + group_start, block.char_start + end
            group_start = -1


def _cut(
    text: str, span: Range, tokens: int, count_tokens: TokenCounter, max_tokens: int
) -> Iterator[tuple[int, int, int]]:
    """Cut one overlong sentence into pieces of at most max_tokens, at a comma or a space where one is near."""
    start, end = span
    guess = max(1, (end - start) * max_tokens // max(tokens, 1))
    while start < end:
        stop = min(end, start + guess)
        while (tokens := count_tokens(text[start:stop])) > max_tokens and stop - start > 1:
            stop = start + max(1, min((stop - start) * max_tokens // tokens, stop - start - 1))
        if stop < end:
            better = _soft_break(text, start, stop)
            if better < stop:
                stop, tokens = better, count_tokens(text[start:better])
                if tokens > max_tokens:  # a counter for which less text can be more tokens
                    continue_at = start + max(1, (better - start) // 2)
                    stop, tokens = continue_at, count_tokens(text[start:continue_at])
        yield from _trimmed(text, start, stop, tokens)
        start = stop


def _trimmed(text: str, start: int, stop: int, tokens: int) -> Iterator[tuple[int, int, int]]:
    while start < stop and text[start].isspace():
        start += 1
    while stop > start and text[stop - 1].isspace():
        stop -= 1
    if start < stop:
        yield start, stop, tokens


def _soft_break(text: str, start: int, stop: int) -> int:
    earliest = stop - int((stop - start) * _SOFT_BREAK_SHARE)
    breaks = [match.end() for match in _SOFT_BREAK.finditer(text, max(earliest, start), stop)]
    return breaks[-1] if breaks else stop
