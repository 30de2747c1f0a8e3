"""Haystack: both retrievers of its InMemoryDocumentStore, joined by reciprocal ranks in a pipeline."""

from __future__ import annotations

from pathlib import Path

from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from benchmarks.engines.base import DEPTH
from benchmarks.passages.corpus import Corpus, Passage, Question

_FILE = "store.json"


class Haystack:
    """The store's own pattern for words takes Chinese by characters."""

    modes = ("hybrid",)
    packages = ("haystack-ai", "numpy")

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Write the documents and save the store."""
        store = InMemoryDocumentStore()
        store.write_documents([_document(corpus.passage(number)) for number in range(corpus.size)])
        folder.mkdir(parents=True, exist_ok=True)
        store.save_to_disk(str(folder / _FILE))

    def open(self, corpus: Corpus, folder: Path) -> None:
        """Load the store."""
        self._store = InMemoryDocumentStore.load_from_disk(str(folder / _FILE))
        self._pipeline = Pipeline()
        self._pipeline.add_component("lexical", InMemoryBM25Retriever(self._store, top_k=DEPTH))
        self._pipeline.add_component("dense", InMemoryEmbeddingRetriever(self._store, top_k=DEPTH))
        joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=10)
        self._pipeline.add_component("joined", joiner)
        self._pipeline.connect("lexical", "joined")
        self._pipeline.connect("dense", "joined")

    def search(self, mode: str, question: Question, k: int) -> list[int]:
        """Run the pipeline."""
        asked = {"lexical": {"query": question.text}, "dense": {"query_embedding": question.vector.tolist()}}
        return [int(document.id) for document in self._pipeline.run(asked)["joined"]["documents"][:k]]

    def add(self, passage: Passage) -> None:
        """Write one document."""
        self._store.write_documents([_document(passage)])

    def delete(self, number: int) -> None:
        """Delete one document."""
        self._store.delete_documents([str(number)])

    def close(self) -> None:
        """Nothing is open."""


def _document(passage: Passage) -> Document:
    return Document(id=str(passage.id), content=passage.text, embedding=passage.vector.tolist())
