"""bm25s and tantivy, raw: they get the terms that our analyser makes, so that all do the same work."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import bm25s
import tantivy

from benchmarks.engines.base import CannotError
from benchmarks.passages.corpus import Corpus, Passage, Question

_FILE = "bm25s"


class Bm25s:
    """bm25s with numba, Lucene's idf, and the k1 and b of our own index: its ranking is the exact one."""

    modes = ("lexical",)
    packages = ("bm25s", "numba", "numpy")

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Score every term of every passage beforehand, as bm25s does."""
        known = list(
            range(len(corpus.vocabulary))
        )  # one object for each number: there are 10^8 of them in a million
        ids = [[known[term] for term in corpus.terms(number).tolist()] for number in range(corpus.size)]
        tokens = bm25s.tokenization.Tokenized(ids=ids, vocab={str(i): i for i in range(len(corpus.vocabulary))})
        index = bm25s.BM25(method="lucene", k1=1.5, b=0.75, backend="numba")
        index.index(tokens, show_progress=False)
        index.save(str(folder / _FILE))

    def open(self, corpus: Corpus, folder: Path) -> None:
        """Load arrays and vocabulary."""
        self._index = bm25s.BM25.load(str(folder / _FILE))
        self._index.activate_numba_scorer()

    def search(self, mode: str, question: Question, k: int) -> list[int]:
        """Retrieve the k best."""
        found, _ = self._index.retrieve([list(map(str, question.terms))], k=k, show_progress=False)
        best: list[int] = found[0].tolist()
        return best

    def add(self, passage: Passage) -> None:
        """Not to be had."""
        raise CannotError("rebuild")

    def delete(self, number: int) -> None:
        """Not to be had."""
        raise CannotError("rebuild")

    def close(self) -> None:
        """Nothing is open."""


class Tantivy:
    """tantivy with its own BM25 (k1 = 1.2, b = 0.75, lengths rounded to one byte)."""

    modes = ("lexical",)
    packages = ("tantivy",)

    def __init__(self) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("number", stored=True, indexed=True, fast=True)
        builder.add_text_field("terms", stored=False, tokenizer_name="terms", index_option="freq")
        self._schema = builder.build()

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Index in one commit, and merge into one segment."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._open(folder)
        for number in range(corpus.size):
            self._write(number, corpus.terms(number).tolist())
        self._writer.commit()

    def open(self, corpus: Corpus, folder: Path) -> None:
        """Map the segments."""
        self._open(folder)

    def _open(self, folder: Path) -> None:
        self._index = tantivy.Index(self._schema, str(folder))
        analyser = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer("terms", analyser)
        self._writer = self._index.writer(256_000_000, 1)
        self._searcher = self._index.searcher()

    def search(self, mode: str, question: Question, k: int) -> list[int]:
        """Ask for any of the terms; one asked twice weighs twice."""
        clauses = []
        for term, times in Counter(question.terms).items():
            one = tantivy.Query.term_query(self._schema, "terms", str(term), "freq")
            clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(one, times) if times > 1 else one))
        searcher = self._searcher
        hits = searcher.search(tantivy.Query.boolean_query(clauses), k, count=False).hits
        if not hits:
            return []
        found: list[int] = searcher.fast_field_values("number", [address for _, address in hits])
        return found

    def add(self, passage: Passage) -> None:
        """Commit one passage."""
        self._write(passage.id, passage.terms.tolist())
        self._commit()

    def delete(self, number: int) -> None:
        """Commit one deletion."""
        self._writer.delete_documents_by_term("number", number)
        self._commit()

    def _write(self, number: int, terms: list[int]) -> None:
        document = tantivy.Document(terms=" ".join(map(str, terms)), number=number)
        self._writer.add_document(document)

    def _commit(self) -> None:
        self._writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()

    def close(self) -> None:
        """Stop the writer's threads."""
        self._writer.wait_merging_threads()
