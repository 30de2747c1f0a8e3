"""Joined passages are cut from what the database holds now: nothing that is gone, or not for the caller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from app.documents.repository import delete_document
from app.retrieval.hydration import Passage, Scope, hydrate
from app.retrieval.neighbours import merge_neighbours
from core.database import Database
from core.models import Chunk, Collection, Document, Revision
from core.types import Caller, Hit, Ranks
from tests.support.rows import add_collection, add_revision

ADMIN = Caller("admin", frozenset({"admin"}))
ANYONE = Caller("k", frozenset({"search"}))
PARTS = ["😀 Erster Teil.", "𠮷野家", "第三部分。", "The last part."]
GAP = "\n\n"
TEXT = GAP.join(PARTS)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with two documents of four chunks each; the board's is not for anyone."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ragstone.db'}"
    else:
        url = request.getfixturevalue("postgres_url").replace("postgresql://", "postgresql+psycopg://")
    made = Database(url)
    made.migrate()
    with made.write() as session:
        collection = add_collection(session, "docs")
        for name, groups in (("open", []), ("board", ["board"])):
            revision = add_revision(session, collection, name, groups=groups)
            revision.text = TEXT
            session.query(Chunk).filter_by(revision_id=revision.id).delete()
            for ordinal, part in enumerate(PARTS):
                start = TEXT.index(part)
                session.add(
                    Chunk(
                        revision_id=revision.id,
                        generation_id=collection.active_generation_id,
                        ordinal=ordinal,
                        text=part,
                        context=f"context {ordinal}",
                        heading_path=["Top", "Early" if ordinal < 2 else "Late"],
                        page_from=ordinal + 1,
                        page_to=ordinal + 1,
                        char_start=start,
                        char_end=start + len(part),
                        token_count=10,
                    )
                )
    yield made
    made.close()


def found(database: Database, caller: Caller, name: str, *ordinals: int) -> tuple[Scope, list[Passage]]:
    with database.read() as session:
        collection = session.query(Collection).one()
        scope = Scope(caller, collection.id, collection.active_generation_id or 0)
        chunks = session.query(Chunk.id, Chunk.ordinal).join(Revision, Revision.id == Chunk.revision_id)
        ids = {ordinal: id_ for id_, ordinal in chunks.filter(Revision.filename == name)}
    hits = [Hit(ids[ordinal], 1.0 - rank / 10, Ranks()) for rank, ordinal in enumerate(ordinals)]
    passages, _ = hydrate(database, scope, None, hits, 10)
    return scope, passages


def test_what_lies_between_chunks_belongs_to_the_passage(database: Database) -> None:
    scope, passages = found(database, ADMIN, "open", 1, 0, 3)
    first, second = merge_neighbours(database, scope, passages, window=0, max_tokens=100)
    assert first.text == PARTS[0] + GAP + PARTS[1] == TEXT[first.char_start : first.char_end]
    assert (first.heading, first.context) == ("Top › Early", "context 0")
    assert (first.page_from, first.page_to) == (1, 2)
    assert first.chunk_id == passages[0].source.chunk_id, "the best hit stands for the passage"
    assert first.score == passages[0].source.score
    assert list(first.chunk_ids) == [passages[1].source.chunk_id, passages[0].source.chunk_id]
    assert second == passages[2].source


def test_window_takes_what_no_list_proposed(database: Database) -> None:
    scope, passages = found(database, ADMIN, "open", 1)
    (joined,) = merge_neighbours(database, scope, passages, window=1, max_tokens=100)
    assert joined.text == GAP.join(PARTS[:3])
    assert joined.heading == "Top"
    (bounded,) = merge_neighbours(database, scope, passages, window=3, max_tokens=20)
    assert bounded.text == GAP.join(PARTS[:2])


def test_document_deleted_since_it_was_found_is_left_out(database: Database) -> None:
    scope, passages = found(database, ADMIN, "open", 1, 2)
    with database.write() as session:
        delete_document(session, session.query(Document).filter_by(external_id="open").one())
    assert merge_neighbours(database, scope, passages, window=0, max_tokens=100) == []


def test_joining_shows_nothing_that_the_caller_may_not_read(database: Database) -> None:
    scope, passages = found(database, ADMIN, "board", 1, 2)
    assert len(passages) == 2
    others = Scope(ANYONE, scope.collection_id, scope.generation_id)
    assert merge_neighbours(database, others, passages, window=1, max_tokens=100) == []


def test_hits_that_the_check_drops_make_room_for_later_ones(database: Database) -> None:
    scope, passages = found(database, ADMIN, "open", 0, 1, 2, 3)
    gone = [Hit(10_000 + i, 2.0, Ranks()) for i in range(300)]
    hits = [*gone, *(Hit(passage.source.chunk_id, passage.source.score, Ranks()) for passage in passages)]
    kept, dropped = hydrate(database, scope, None, hits, 2)
    assert [passage.source for passage in kept] == [passage.source for passage in passages[:2]]
    assert dropped
    _, dropped = hydrate(database, scope, None, hits[300:], 2)
    assert not dropped


def test_hits_of_several_batches_are_of_one_state(database: Database) -> None:
    scope, (passage,) = found(database, ADMIN, "open", 0)
    with database.write() as session:
        newer = add_revision(session, session.query(Collection).one(), "open", live=False).id
        chunk = session.query(Chunk.id).filter_by(revision_id=newer).scalar()
    hits = [Hit(id_, 1.0, Ranks()) for id_ in (passage.source.chunk_id, *range(10_000, 10_300), chunk)]

    to_come = [newer]

    def replace_meanwhile(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if to_come and statement.startswith("SELECT"):
            live = to_come.pop()
            with database.write() as session:
                session.query(Document).filter_by(external_id="open").one().live_revision_id = live

    event.listen(Engine, "after_cursor_execute", replace_meanwhile)
    try:
        kept, _ = hydrate(database, scope, None, hits, 10)
    finally:
        event.remove(Engine, "after_cursor_execute", replace_meanwhile)
    assert [each.revision_id for each in kept] == [passage.revision_id]
    after, _ = hydrate(database, scope, None, hits, 10)
    assert [each.revision_id for each in after] == [newer]


def test_a_thousand_documents_are_joined_in_batches(database: Database) -> None:
    """Each found with a window of its own: more conditions than SQLite takes in one statement."""
    scope, (passage,) = found(database, ADMIN, "open", 1)
    strangers = [Passage(passage.source, 10_000 + i, 0, 10) for i in range(1200)]
    joined = merge_neighbours(database, scope, [passage, *strangers], window=1, max_tokens=100)
    assert joined[0].text == GAP.join(PARTS[:3])
