"""The OpenAI-compatible embedder against a real HTTP server that serves real vectors and fails on demand."""

import socket
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core.errors import EmbedderUnavailable
from indexes.embedders.e5 import E5Embedder
from indexes.embedders.openai import OpenAIEmbedder
from tests.support.embeddings_server import EmbeddingsServer, Fault, embeddings_server
from tests.support.shared_data import passages


def _client(
    server: EmbeddingsServer, *, key: str = "sk-secret", timeout_s: float = 30, batch: int = 4, model: str = "any"
) -> OpenAIEmbedder:
    return OpenAIEmbedder(model, server.url, key, batch=batch, concurrency=2, timeout_s=timeout_s, backoff_s=0.01)


def test_vectors_keep_the_order_of_the_texts_and_length_one(e5: E5Embedder) -> None:
    texts = [text[:100] for text in passages("squad2", 11)]
    with embeddings_server(e5) as server:
        client = _client(server)
        np.testing.assert_allclose(client.embed_passages(texts), e5.embed_passages(texts), atol=1e-6)
        client.close()


def test_requests_hold_no_more_texts_and_are_no_more_at_once_than_set(e5: E5Embedder) -> None:
    with embeddings_server(e5) as server:
        client = _client(server, batch=3)
        client.embed_passages([f"text {i}" for i in range(20)])
        client.close()
        assert max(map(len, server.requests)) == 3
        assert 1 <= server.most_at_once <= 2


def test_requests_hold_texts_of_like_length_within_the_bound_of_tokens(e5: E5Embedder) -> None:
    texts = [f"word{i} " * (60 if i % 3 else 5) for i in range(30)]
    with embeddings_server(e5) as server:
        client = OpenAIEmbedder("any", server.url, "sk-secret", batch=8, batch_tokens=512)
        np.testing.assert_allclose(client.embed_passages(texts), e5.embed_passages(texts), atol=1e-6)
        client.close()
        for request in server.requests:
            assert len(request) * max(map(client.count_tokens, request)) <= 512
        assert sum(len({len(text) > 100 for text in request}) > 1 for request in server.requests) <= 1


def test_query_gives_one_vector(e5: E5Embedder) -> None:
    with embeddings_server(e5) as server:
        client = _client(server)
        vector = client.embed_query("年假")
        assert vector.shape == (client.dimension,) == (384,)
        np.testing.assert_allclose(vector, e5.embed_passages(["年假"])[0], atol=1e-6)
        client.close()


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.SERVER_ERROR, Fault.CLOSED])
def test_passing_fault_is_outlived(e5: E5Embedder, fault: Fault) -> None:
    with embeddings_server(e5, fault, fault) as server:
        client = _client(server)
        np.testing.assert_allclose(client.embed_query("x"), e5.embed_passages(["x"])[0], atol=1e-6)
        client.close()
        assert len(server.requests) == 3


def test_hanging_server_is_given_up_and_asked_again(e5: E5Embedder) -> None:
    with embeddings_server(e5, Fault.HANG) as server:
        client = _client(server, timeout_s=0.5)
        assert client.embed_query("x").shape == (384,)
        client.close()
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "message", "requests"),
    [
        (Fault.SERVER_ERROR, "500.*out of memory", 3),
        (Fault.CLOSED, "does not answer after 3 attempts", 3),
        (Fault.RATE_LIMITED_FOR_LONG, "429.*come back tomorrow", 1),
        (Fault.REFUSED, "refused the request: 400", 1),
        (Fault.NOT_JSON, "did not answer in JSON", 1),
        (Fault.ONE_SHORT, "returned 0 vectors for 1 texts", 1),
        (Fault.NOT_A_NUMBER, "not finite", 1),
        (Fault.ZEROS, "zeros", 1),
    ],
)
def test_lasting_fault_names_the_endpoint_and_never_the_key(
    e5: E5Embedder, fault: Fault, message: str, requests: int
) -> None:
    with embeddings_server(e5, *[fault] * 9) as server:
        client = _client(server)
        with pytest.raises(EmbedderUnavailable, match=message) as raised:
            client.embed_query("x")
        client.close()
        assert server.url in raised.value.detail
        assert "sk-secret" not in raised.value.detail
        assert len(server.requests) == requests


def test_wrong_key_is_not_repeated_in_the_message(e5: E5Embedder) -> None:
    with embeddings_server(e5) as server:
        client = _client(server, key="sk-wrong")
        with pytest.raises(EmbedderUnavailable, match="401") as raised:
            client.embed_query("x")
        client.close()
        assert "sk-wrong" not in raised.value.detail


def test_vectors_of_different_lengths_are_refused(e5: E5Embedder) -> None:
    with embeddings_server(e5, Fault.OTHER_LENGTH) as server:
        client = _client(server)
        with pytest.raises(EmbedderUnavailable, match="different lengths"):
            client.embed_passages(["a", "b"])
        client.close()


def test_vectors_of_another_length_than_the_first_are_refused(e5: E5Embedder) -> None:
    with embeddings_server(e5) as server:
        client = _client(server)
        assert client.dimension == 384
        server.faults.append(Fault.OTHER_LENGTH)
        with pytest.raises(EmbedderUnavailable, match="different lengths"):
            client.embed_query("a")
        client.close()


def test_server_that_is_not_there_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        client = OpenAIEmbedder("any", url, backoff_s=0.01)
        with pytest.raises(EmbedderUnavailable, match=url):
            client.embed_query("x")
        client.close()


def test_empty_and_broken_texts_are_sent_in_a_form_that_servers_take(e5: E5Embedder) -> None:
    with embeddings_server(e5) as server:
        client = _client(server)
        client.embed_passages(["", "a\ud800b"])
        client.close()
        assert {" ", "a?b"} in map(set, server.requests)


def test_family_prompts_are_added(e5: E5Embedder) -> None:
    with embeddings_server(e5) as server:
        client = _client(server, model="intfloat/multilingual-e5-large")
        client.embed_query("a")
        client.embed_passages(["b"])
        client.close()
        assert ["query: a"] in server.requests
        assert ["passage: b"] in server.requests


def test_queries_pass_while_passages_wait_for_a_hanging_server(e5: E5Embedder) -> None:
    with embeddings_server(e5) as server, ThreadPoolExecutor(1) as pool:
        client = _client(server, batch=1, timeout_s=20)
        assert client.dimension == 384
        server.faults.extend([Fault.HANG, Fault.HANG])
        bulk = pool.submit(client.embed_passages, ["a", "b"])
        while len(server.requests) < 3:
            assert not bulk.done()
        assert client.embed_query("x").shape == (384,)
        assert not bulk.done()
        server.stopped.set()
        assert bulk.result().shape == (2, 384)
        client.close()


@pytest.mark.parametrize(
    "text", ["", "Hello world", "员工入职满一年后可享受带薪年休假", "E-1042 v2.3.1", "🤖🦾", "a\n b"]
)
def test_token_estimate_is_not_below_the_real_count(e5: E5Embedder, text: str) -> None:
    client = OpenAIEmbedder("any", "http://127.0.0.1:9/v1")
    assert client.count_tokens(text) >= e5.count_tokens(text)
    client.close()


def test_token_estimate_is_not_below_the_real_count_on_passages(e5: E5Embedder) -> None:
    client = OpenAIEmbedder("any", "http://127.0.0.1:9/v1")
    texts = [*passages("cmrc2018", 100), *passages("drcd", 100), *passages("squad2", 100)]
    assert [text for text in texts if client.count_tokens(text) < e5.count_tokens(text)] == []
    client.close()
