"""LangChain: EnsembleRetriever over its FAISS store and its BM25Retriever."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import rjieba
from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.retrievers import BM25Retriever
from langchain_community.vectorstores import FAISS
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from benchmarks.engines.base import DEPTH, Vectors
from benchmarks.passages.corpus import Corpus, Passage, Question

_FILE = "faiss"


def words(text: str) -> list[str]:
    """Return the words of a text as `jieba.lcut` cuts it, which is how LangChain is told to read Chinese."""
    cut: list[str] = rjieba.cut(text.lower())
    return [word for word in cut if not word.isspace()]


class _Given(Embeddings):
    """Vectors that are there already, by their text."""

    def __init__(self) -> None:
        self.known: dict[str, Vectors] = {}

    def embed_query(self, text: str) -> list[float]:
        return self.known[text].tolist()

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


class LangChain:
    """FAISS can be saved; BM25Retriever is made from all documents at each start and at each change."""

    modes = ("hybrid",)
    packages = ("langchain-classic", "langchain-community", "langchain-core", "faiss-cpu", "rank-bm25", "rjieba")

    def __init__(self) -> None:
        self._given = _Given()

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Fill the FAISS store and save it."""
        pairs = ((corpus.text(number), corpus.vectors[number].tolist()) for number in range(corpus.size))
        ids = [str(number) for number in range(corpus.size)]
        store = FAISS.from_embeddings(pairs, self._given, [{"number": n} for n in range(corpus.size)], ids)
        store.save_local(str(folder), _FILE)

    def open(self, corpus: Corpus, folder: Path) -> None:
        """Load the FAISS store, and make the BM25 retriever from the documents."""
        self._given.known = {question.text: question.vector for question in corpus.questions}
        self._store = FAISS.load_local(str(folder), self._given, _FILE, allow_dangerous_deserialization=True)
        self._documents = {int(id_): self._store.docstore.search(id_) for id_ in map(str, range(corpus.size))}
        self._assemble()

    def _assemble(self) -> None:
        lexical = BM25Retriever.from_documents(self._documents.values(), preprocess_func=words, k=DEPTH)
        dense = self._store.as_retriever(search_kwargs={"k": DEPTH})
        self._ensemble = EnsembleRetriever(retrievers=[lexical, dense], weights=[0.5, 0.5])

    def search(self, mode: str, question: Question, k: int) -> list[int]:
        """Invoke the ensemble, which takes no k: the best k are cut from what it returns."""
        self._given.known.setdefault(question.text, question.vector)
        return [document.metadata["number"] for document in self._ensemble.invoke(question.text)[:k]]

    def add(self, passage: Passage) -> None:
        """Add to FAISS, and make the BM25 retriever anew."""
        document = Document(passage.text, metadata={"number": passage.id})
        self._documents[passage.id] = document
        self._store.add_embeddings(
            [(passage.text, passage.vector.tolist())], [document.metadata], [str(passage.id)]
        )
        self._assemble()

    def delete(self, number: int) -> None:
        """Delete from FAISS, and make the BM25 retriever anew."""
        del self._documents[number]
        self._store.delete([str(number)])
        self._assemble()

    def close(self) -> None:
        """Nothing is open."""
