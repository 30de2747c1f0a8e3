"""Who sees which documents, by one statement on both databases."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import select

from core.database import Database
from core.filter_sql import matches
from core.filters import AllOf, Exists, Field, Filter, Name, Not, OneOf, Within
from core.models import Collection, Document
from core.types import Caller
from core.visibility import readable_chunks, readable_documents
from tests.support.rows import add_collection, add_revision

ADMIN = Caller("admin", frozenset({"admin"}))
ANYONE = Caller("k", frozenset({"search"}))
DOCUMENTS: Mapping[str, Mapping[str, object]] = {
    "open": {"team": "a", "year": 2024, "price": 1.5, "draft": False, "note": None},
    "zh": {"team": "b", "year": 2025, "price": 2.0, "draft": True},
    "other": {"team": 'it\'s "quoted" 部门', "year": "2025", "price": "free", "draft": "maybe"},
}


def member(*groups: str) -> Caller:
    return Caller("m", frozenset({"search"}), groups=frozenset(groups))


@pytest.fixture
def filled(database: Database) -> Database:
    with database.write() as session:
        collection = add_collection(session, "docs")
        for name, meta in DOCUMENTS.items():
            add_revision(session, collection, name, meta=dict(meta), lang="zh" if name == "zh" else "en")  # type: ignore[arg-type]
        add_revision(session, collection, "board", groups=["board"])
        add_revision(session, collection, "shared", groups=["board", "legal"])
        add_revision(session, collection, "waiting", live=False)
        add_revision(session, collection, "updated")
        add_revision(session, collection, "updated", groups=["board"])  # the new revision closes it
        add_revision(session, add_collection(session, "elsewhere"), "foreign")
    return database


def seen(database: Database, caller: Caller, wanted: Filter | None = None) -> set[str]:
    """What a caller may read, checked to be the same for documents and for chunks."""
    with database.read() as session:
        collection = session.scalars(select(Collection).where(Collection.name == "docs")).one()
        condition = matches(wanted)
        documents = readable_documents(caller, collection.id).where(condition)
        chunks = readable_chunks(caller, collection.id, collection.active_generation_id or 0).where(condition)
        names = {document.external_id for document, _ in session.execute(documents)}
        found = [chunk.text for chunk, _, _ in session.execute(chunks)]
        assert len(found) == len(set(found))
        assert set(found) == names
        return names


def test_groups_decide_who_reads(filled: Database) -> None:
    assert seen(filled, ANYONE) == {"open", "zh", "other"}
    assert seen(filled, member("legal")) == {"open", "zh", "other", "shared"}
    assert seen(filled, member("board", "x")) == {"open", "zh", "other", "board", "shared", "updated"}
    assert seen(filled, member("Board")) == {"open", "zh", "other"}
    assert seen(filled, ADMIN) == {"open", "zh", "other", "board", "shared", "updated"}


def test_document_without_a_live_revision_is_seen_by_nobody(filled: Database) -> None:
    assert "waiting" not in seen(filled, ADMIN)
    with filled.write() as session:
        document = session.scalars(select(Document).where(Document.external_id == "open")).one()
        document.live_revision_id = None
    assert "open" not in seen(filled, ADMIN)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"team": "a"}, {"open"}),
        ({"team": ["a", "b"]}, {"open", "zh"}),
        ({"team": 'it\'s "quoted" 部门'}, {"other"}),
        ({"year": 2025}, {"zh"}),
        ({"year": "2025"}, {"other"}),
        ({"price": True}, set()),
        ({"draft": 0}, set()),
        ({"year": 2025.0}, {"zh"}),
        ({"price": 1.5}, {"open"}),
        ({"draft": True}, {"zh"}),
        ({"draft": False}, {"open"}),
        ({"note": None}, {"open"}),
        ({"team": "a", "year": 2025}, set()),
        ({"missing": "x"}, set()),
        ({"team": "%"}, set()),
        ({"a'b\"c.d": "x"}, set()),
        ({"team": []}, set()),
    ],
)
def test_metadata_filters_compare_value_and_type(
    filled: Database, metadata: dict[str, object], expected: set[str]
) -> None:
    conditions = [
        OneOf(Field(Name.METADATA, key), tuple(value) if isinstance(value, list) else (value,))  # type: ignore[arg-type]
        for key, value in metadata.items()
    ]
    assert seen(filled, ANYONE, AllOf(tuple(conditions))) == expected


YEAR = Field(Name.METADATA, "year")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Within(YEAR, "number", gte=2024, lt=2025), {"open"}),
        (Within(YEAR, "number", gt=2024), {"zh"}),  # the text "2025" is no number
        (Within(Field(Name.METADATA, "price"), "number", gte=1.5, lte=2), {"open", "zh"}),
        (Not(Within(YEAR, "number", gt=2024)), {"open", "other"}),
        (Exists(Field(Name.METADATA, "note")), {"open"}),
        (Not(OneOf(Field(Name.METADATA, "note"), ("x",))), {"open", "zh", "other"}),
    ],
)
def test_ranges_and_complements(filled: Database, wanted: Filter, expected: set[str]) -> None:
    assert seen(filled, ANYONE, wanted) == expected


def test_filters_by_language_and_id_never_widen_what_a_caller_sees(filled: Database) -> None:
    zh = OneOf(Field(Name.LANG), ("zh",))
    names = Field(Name.DOCUMENT_ID)
    assert seen(filled, ANYONE, zh) == {"zh"}
    assert seen(filled, ANYONE, OneOf(names, ("open", "board", "foreign"))) == {"open"}
    assert seen(filled, member("board"), AllOf((OneOf(names, ("board",)), zh))) == set()
    assert seen(filled, ANYONE, Not(OneOf(names, ("open",)))) == {"zh", "other"}
