"""The engines by name: where each one is, in which environment it runs, and at how many passages it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Literal, cast

from benchmarks.engines.base import Maker

Kind = Literal["ours", "lexical", "dense", "assembled"]


@dataclass(frozen=True, slots=True)
class Entry:
    """title: as in the tables; peer: it runs in the peers' environment; most: passages that it is measured with."""

    title: str
    kind: Kind
    module: str
    name: str
    most: int
    peer: bool = True

    def maker(self) -> Maker:
        """Return the engine's class; only its own environment can import it."""
        return cast(Maker, getattr(import_module(f"benchmarks.engines.{self.module}"), self.name))


_MILLION = 1_000_000

ENGINES = {
    "ours": Entry("Ragstone", "ours", "ours", "Ours", _MILLION, peer=False),
    "ours-base": Entry("Ragstone without numba", "ours", "ours", "WithoutNumba", 100_000, peer=False),
    "bm25s": Entry("bm25s + numba", "lexical", "raw_lexical", "Bm25s", _MILLION),
    "tantivy": Entry("tantivy", "lexical", "raw_lexical", "Tantivy", _MILLION),
    "faiss-flat": Entry("FAISS flat", "dense", "raw_dense", "Flat", _MILLION),
    "faiss-ivf": Entry("FAISS IVF, SQ8", "dense", "raw_dense", "Ivf", _MILLION),
    "llama-index": Entry("LlamaIndex + FAISS", "assembled", "llama_index", "LlamaIndex", 100_000),
    "llama-index-own": Entry("LlamaIndex, its own store", "assembled", "llama_index", "OwnStore", 100_000),
    "langchain": Entry("LangChain", "assembled", "langchain", "LangChain", 100_000),
    "haystack": Entry("Haystack", "assembled", "haystack", "Haystack", 100_000),
    "txtai": Entry("txtai", "assembled", "txtai", "Txtai", 100_000),
}
