"""Loading or measuring one model holds up nobody who wants another."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import EmbedderMismatch, EmbedderUnavailable
from core.settings import Settings
from indexes.embedders.e5 import E5Embedder
from indexes.embedders.pool import EmbedderPool
from tests.support.embeddings_server import Fault, embeddings_server


def _pool(folder: Path, url: str) -> EmbedderPool:
    return EmbedderPool(
        Settings(data_dir=folder, embed_base_url=url, embed_api_key="sk-secret", embed_timeout_s=20)
    )


def test_nobody_waits_for_the_measuring_of_another_model(e5: E5Embedder, tmp_path: Path) -> None:
    with embeddings_server(e5, Fault.HANG) as server, ThreadPoolExecutor(1) as thread:
        pool = _pool(tmp_path, server.url)
        measured = thread.submit(pool.reference, pool.get("openai:slow"))
        while not server.requests:
            assert not measured.done()
        assert pool.get("openai:slow").fingerprint == "openai:slow/recipe-1"
        assert pool.reference(pool.get("e5")).slope > 0
        assert not measured.done()
        server.stopped.set()
        assert measured.result().slope > 0
        pool.close()


def test_each_model_is_opened_and_measured_once_for_all_threads(e5: E5Embedder, tmp_path: Path) -> None:
    with embeddings_server(e5) as server, ThreadPoolExecutor(8) as threads:
        pool = _pool(tmp_path, server.url)
        embedders = list(threads.map(pool.get, ["openai:one"] * 8))
        assert len(set(map(id, embedders))) == 1
        assert len(set(map(id, threads.map(pool.reference, embedders)))) == 1
        asked = [text for request in server.requests for text in request]
        assert len(asked) == len(set(asked))
        pool.close()


def test_what_failed_is_tried_again(e5: E5Embedder, tmp_path: Path) -> None:
    with embeddings_server(e5, Fault.REFUSED) as server:
        pool = _pool(tmp_path, server.url)
        embedder = pool.get("openai:one")
        with pytest.raises(EmbedderUnavailable):
            pool.reference(embedder)
        assert pool.reference(embedder).slope > 0
        pool.close()


def test_model_that_has_changed_under_its_name_is_refused(tmp_path: Path) -> None:
    pool = _pool(tmp_path, "http://127.0.0.1:9/v1")
    with pytest.raises(EmbedderMismatch, match="is now openai:one/recipe-1"):
        pool.bound("openai:one", "openai:one/recipe-0")
    pool.close()
