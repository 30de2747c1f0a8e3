"""LlamaIndex: QueryFusionRetriever over a vector index and its BM25Retriever (bm25s)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
from llama_index.core import MockEmbedding, QueryBundle, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.retrievers.bm25 import BM25Retriever
from llama_index.vector_stores.faiss import FaissVectorStore

from benchmarks.engines.base import DEPTH, CannotError
from benchmarks.passages.corpus import DIMENSION, Corpus, Passage, Question

# The retriever takes no tokeniser, only a pattern: Chinese by characters, other words as by default.
_PATTERN = r"(?u)[\u3400-\u9fff]|[^\W\u3400-\u9fff]{2,}"
_LEXICAL = "bm25"


class LlamaIndex:
    """With FAISS, which cannot delete; BM25Retriever is made from all nodes at each change."""

    modes = ("hybrid",)
    packages = ("llama-index-core", "llama-index-retrievers-bm25", "llama-index-vector-stores-faiss", "faiss-cpu")

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Make both parts and persist them."""
        nodes = [_node(corpus.passage(number)) for number in range(corpus.size)]
        context = StorageContext.from_defaults(vector_store=self._store())
        index = VectorStoreIndex(
            [], storage_context=context, embed_model=self._embedder(), store_nodes_override=True
        )
        index.insert_nodes(nodes)
        index.storage_context.persist(str(folder))
        self._lexical(nodes).persist(str(folder / _LEXICAL))

    def open(self, corpus: Corpus, folder: Path) -> None:
        """Load both parts."""
        context = StorageContext.from_defaults(persist_dir=str(folder), **self._stored(folder))
        self._index = load_index_from_storage(context, embed_model=self._embedder())
        self._assemble(BM25Retriever.from_persist_dir(str(folder / _LEXICAL)))

    def _store(self) -> Any:
        return FaissVectorStore(faiss.IndexFlatIP(DIMENSION))

    def _stored(self, folder: Path) -> dict[str, Any]:
        return {"vector_store": FaissVectorStore.from_persist_dir(str(folder))}

    def _embedder(self) -> MockEmbedding:
        return MockEmbedding(DIMENSION)  # never asked: nodes and questions bring their vectors

    def _lexical(self, nodes: list[TextNode]) -> BM25Retriever:
        return BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=DEPTH, token_pattern=_PATTERN)

    def _assemble(self, lexical: BM25Retriever) -> None:
        lexical.similarity_top_k = DEPTH
        dense = self._index.as_retriever(similarity_top_k=DEPTH)
        self._fusion = QueryFusionRetriever(
            [dense, lexical],
            llm=MockLLM(),
            mode=FUSION_MODES.RECIPROCAL_RANK,
            similarity_top_k=10,
            num_queries=1,
            use_async=False,
        )

    def search(self, mode: str, question: Question, k: int) -> list[int]:
        """Retrieve by fusion."""
        bundle = QueryBundle(question.text, embedding=question.vector.tolist())
        return [int(found.node.node_id) for found in self._fusion.retrieve(bundle)[:k]]

    def add(self, passage: Passage) -> None:
        """Insert into the vector index, and make the BM25 retriever anew."""
        self._index.insert_nodes([_node(passage)])
        self._assemble(self._lexical(list(self._index.docstore.docs.values())))

    def delete(self, number: int) -> None:
        """Not to be had with FAISS."""
        raise CannotError("FaissVectorStore.delete is not implemented")

    def close(self) -> None:
        """Nothing is open."""


class OwnStore(LlamaIndex):
    """With LlamaIndex's own vector store, which can delete."""

    packages = ("llama-index-core", "llama-index-retrievers-bm25")

    def _store(self) -> Any:
        return SimpleVectorStore()

    def _stored(self, folder: Path) -> dict[str, Any]:
        return {}

    def delete(self, number: int) -> None:
        """Delete from the vector index, and make the BM25 retriever anew."""
        self._index.delete_nodes([str(number)], delete_from_docstore=True)
        self._assemble(self._lexical(list(self._index.docstore.docs.values())))


def _node(passage: Passage) -> TextNode:
    return TextNode(id_=str(passage.id), text=passage.text, embedding=passage.vector.tolist())
