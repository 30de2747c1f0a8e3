"""Neighbouring chunks as one passage: the exact text of the document from the first to the last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from app.retrieval.hydration import Passage, Scope, heading_of
from core.database import Database
from core.models import Chunk, Document, Revision
from core.types import Source
from core.visibility import readable_by, readable_chunks

# SQLite parses a thousand conditions at most.
_BATCH = 100
_OneOf = tuple[int, int]  # a chunk: its revision and its ordinal there


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring chunks of a revision, first to last (inclusive); best is the hit that stands for them."""

    revision_id: int
    first: int
    last: int
    best: int


def merge_neighbours(
    database: Database, scope: Scope, passages: Sequence[Passage], *, window: int, max_tokens: int
) -> list[Source]:
    """Join hits that are neighbours in their document, with up to `window` chunks more on either side of a hit.

    A joined passage stands where its best hit stood and is at most max_tokens long; no text is in two of them. Its
    text is `text[char_start:char_end]` of the document, with whatever lies between the chunks. What was deleted
    since it was found is left out.
    """
    hits = {(passage.revision_id, passage.ordinal): passage for passage in passages}
    with database.read() as session:
        around = _chunks_around(session, scope, hits, window) if window else {}
        tokens = {place: passage.token_count for place, passage in hits.items()}
        tokens |= {place: chunk.token_count for place, chunk in around.items()}
        runs = join(list(hits), tokens, window, max_tokens)
        return [source for run in runs if (source := _joined(session, scope, run, hits, around)) is not None]


def join(hits: Sequence[_OneOf], tokens: Mapping[_OneOf, int], window: int, max_tokens: int) -> list[Run]:
    """Return runs of chunks such that each hit is in one of them, in the order of their best hits.

    hits: best first, each once. tokens: the size of every chunk that may be taken, hits among them. The best hit
    grows first: by neighbours that are hits, and then by those at most `window` chunks from one of its hits. A
    side that does not fit into max_tokens any more grows no further.
    """
    wanted, taken = set(hits), set[_OneOf]()
    runs: list[Run] = []
    for hit in hits:
        if hit not in taken:
            run = _grow(hit, wanted - taken, tokens.keys() - taken, tokens, window, max_tokens)
            runs.append(run)
            taken |= {(run.revision_id, ordinal) for ordinal in range(run.first, run.last + 1)}
    return runs


def _grow(
    hit: _OneOf,
    wanted: Set[_OneOf],
    free: Set[_OneOf],
    tokens: Mapping[_OneOf, int],
    window: int,
    max_tokens: int,
) -> Run:
    revision_id, best = hit
    first = last = best
    outermost = [best, best]  # the hits nearest to either end, from which the window counts
    size = tokens[hit]
    closed = [False, False]
    while not all(closed):
        sides = [(revision_id, first - 1), (revision_id, last + 1)]
        # A neighbour that is a hit comes before one that is not, whichever side it is on.
        side = min((0, 1), key=lambda i: (closed[i], sides[i] not in wanted, i))
        beside = sides[side]
        near = beside in wanted or abs(beside[1] - outermost[side]) <= window
        if beside not in free or not near or size + tokens[beside] > max_tokens:
            closed[side] = True
            continue
        size += tokens[beside]
        first, last = min(first, beside[1]), max(last, beside[1])
        if beside in wanted:
            outermost[side] = beside[1]
    return Run(revision_id, first, last, best)


def _chunks_around(session: Session, scope: Scope, hits: Iterable[_OneOf], window: int) -> dict[_OneOf, Chunk]:
    """Fetch the chunks that are at most `window` from a hit."""
    ordinals: dict[int, set[int]] = defaultdict(set)
    for revision_id, ordinal in hits:
        ordinals[revision_id].update(range(max(0, ordinal - window), ordinal + window + 1))
    found: dict[_OneOf, Chunk] = {}
    statement = readable_chunks(scope.caller, scope.collection_id, scope.generation_id)
    conditions = [and_(Chunk.revision_id == id_, Chunk.ordinal.in_(near)) for id_, near in ordinals.items()]
    for start in range(0, len(conditions), _BATCH):
        rows = session.execute(statement.where(or_(*conditions[start : start + _BATCH])))
        found |= {(chunk.revision_id, chunk.ordinal): chunk for chunk, _, _ in rows}
    return found


def _joined(
    session: Session, scope: Scope, run: Run, hits: Mapping[_OneOf, Passage], around: Mapping[_OneOf, Chunk]
) -> Source | None:
    """Return a run as one source; None where its document is gone."""
    best = hits[run.revision_id, run.best].source
    if run.first == run.last:
        return best
    places = [(run.revision_id, ordinal) for ordinal in range(run.first, run.last + 1)]
    parts = [hits[place].source if place in hits else _shown(around[place], best) for place in places]
    start, end = parts[0].char_start, parts[-1].char_end
    text = session.scalar(_text(scope, run.revision_id, start, end))
    if text is None:
        return None
    pages = [page for part in parts for page in (part.page_from, part.page_to) if page is not None]
    return replace(
        best,
        text=text,
        char_start=start,
        char_end=end,
        heading=_common_heading([part.heading for part in parts]),
        context=parts[0].context,
        page_from=min(pages, default=None),
        page_to=max(pages, default=None),
        chunk_ids=tuple(part.chunk_id for part in parts),
        duplicates=tuple(chain.from_iterable(part.duplicates for part in parts)),
    )


def _shown(chunk: Chunk, beside: Source) -> Source:
    """A chunk that no list proposed, as a part of the passage beside it."""
    return replace(
        beside,
        chunk_id=chunk.id,
        heading=heading_of(chunk.heading_path),
        context=chunk.context,
        page_from=chunk.page_from,
        page_to=chunk.page_to,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        duplicates=(),
    )


def _text(scope: Scope, revision_id: int, start: int, end: int) -> Select[str]:
    """The characters of a live revision that the caller may read, cut where they are kept."""
    return (
        select(func.substr(Revision.text, start + 1, end - start))
        .join(Document, Document.live_revision_id == Revision.id)
        .where(Revision.id == revision_id, readable_by(scope.caller))
    )


def _common_heading(headings: Sequence[str]) -> str:
    """The headings that stand above all of a passage."""
    shared: list[str] = []
    for level in zip(*(heading.split(" › ") for heading in headings), strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return heading_of(shared)
