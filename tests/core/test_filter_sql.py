"""A filter finds the same documents on both databases, and those that its definition says."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from core.database import Database
from core.filter_sql import matches
from core.filters import Filter
from core.models import Collection, Document
from core.types import Caller
from core.visibility import readable_chunks, readable_documents
from tests.support.attributes import GROUPS, attributes, filters, holds, readable
from tests.support.rows import add_collection, add_revision

_MOST = 12


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_filters_mean_the_same_in_sql_as_in_words(database: Database, data: st.DataObject) -> None:
    documents = data.draw(st.tuples(*(attributes(number) for number in range(_MOST))))
    with database.write() as session:
        session.execute(delete(Collection))
        collection = add_collection(session, "docs")
        for each in documents:
            revision = add_revision(
                session, collection, each.document_id, meta=each.metadata, lang=each.lang, groups=each.groups
            )
            revision.created_at = each.updated_at
            session.get_one(Document, revision.document_id).created_at = each.created_at
    for wanted in data.draw(st.lists(filters, min_size=5, max_size=5)):
        groups = data.draw(st.frozensets(st.sampled_from(GROUPS)))
        expected = {each.document_id for each in documents if holds(wanted, each) and readable(each, groups)}
        assert found(database, wanted, groups) == expected


def found(database: Database, wanted: Filter, groups: frozenset[str]) -> set[str]:
    caller = Caller("k", frozenset({"search"}), groups=groups)
    with database.read() as session:
        collection = session.scalars(select(Collection)).one()
        chunks = readable_chunks(caller, collection.id, collection.active_generation_id or 0)
        documents = readable_documents(caller, collection.id)
        names = [document.external_id for document, _ in session.execute(documents.where(matches(wanted)))]
        texts = [chunk.text for chunk, _, _ in session.execute(chunks.where(matches(wanted)))]
        assert sorted(texts) == sorted(names)
        assert len(set(names)) == len(names)
        return set(names)
