"""The events of an answer, and the whole answer, from the generator that needs no model."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.support.service import RunningService
from tests.support.sse import ask, parse

LEAVE_QUESTION = "How many days of annual leave does a colleague in Hangzhou receive?"
TRAVEL_QUESTION = "出差住宿标准是每晚多少元？"


@pytest.mark.parametrize(
    ("question", "document", "words"),
    [(LEAVE_QUESTION, "leave.md", "fifteen days"), (TRAVEL_QUESTION, "差旅.md", "每晚五百元")],
)
def test_answer_streams_sources_then_text_with_citations_then_the_end(
    client: httpx.Client, question: str, document: str, words: str
) -> None:
    stream = ask(client, "handbook", question)
    assert stream.names[0] == "sources"
    assert stream.names[1] == "delta"
    assert stream.names[-1] == "done"
    assert set(stream.names[2:-1]) == {"delta", "citation"}
    sources = stream.only("sources")["sources"]
    assert [source["n"] for source in sources] == list(range(1, len(sources) + 1))
    assert sources[0]["document_id"] == document
    done = stream.only("done")
    assert done["text"] == stream.text
    assert words in done["text"]
    assert (done["grounded"], done["reason"], done["model"]) == (True, "", "extractive")
    assert done["citations"] == [event.data for event in stream.events if event.name == "citation"]
    usage, timings = done["usage"], done["timings"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert min(usage["prompt_tokens"], usage["completion_tokens"]) > 0
    assert 0 < timings["retrieval_ms"] <= timings["first_token_ms"] <= timings["total_ms"]


def test_stream_is_not_held_back_by_proxies_or_caches(client: httpx.Client) -> None:
    reply = client.post("/v1/answers", json={"collection": "handbook", "question": LEAVE_QUESTION})
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["cache-control"] == "no-cache, no-transform"
    assert reply.headers["x-accel-buffering"] == "no"
    assert "content-length" not in reply.headers


@pytest.mark.parametrize("question", [LEAVE_QUESTION, TRAVEL_QUESTION])
def test_citation_points_at_the_claim_and_at_its_words_in_the_document(client: httpx.Client, question: str) -> None:
    done = ask(client, "handbook", question).only("done")
    assert done["citations"]
    for citation in done["citations"]:
        claim = done["text"][citation["answer_start"] : citation["answer_end"]]
        path = f"/v1/collections/handbook/documents/{citation['document_id']}/text"
        text = client.get(path).json()["text"]
        assert text[citation["char_start"] : citation["char_end"]] == citation["quote"]
        assert claim == citation["quote"]  # this generator quotes word for word
        assert done["text"][citation["answer_end"] :].lstrip().startswith(f"[{citation['n']}]")
        assert citation["support"] == 1


def test_whole_answer_says_what_the_stream_says(client: httpx.Client) -> None:
    stream = ask(client, "handbook", LEAVE_QUESTION)
    body = {"collection": "handbook", "question": LEAVE_QUESTION, "stream": False}
    reply = client.post("/v1/answers", json=body)
    assert reply.headers["content-type"] == "application/json"
    whole, streamed = reply.json(), {**stream.only("sources"), **stream.only("done")}
    for name in ("answer_id", "conversation_id", "timings"):
        whole.pop(name)
        streamed.pop(name)
    assert whole == streamed


def test_events_and_answer_are_what_the_published_description_says(client: httpx.Client) -> None:
    components = client.get("/openapi.json").json()["components"]

    def check(name: str, value: Any) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": components}
        Draft202012Validator(schema).validate(value)
        assert set(value) == set(components["schemas"][name]["properties"])

    stream = ask(client, "handbook", LEAVE_QUESTION)
    check("AnswerOut", {**stream.only("sources"), **stream.only("done")})
    for source in stream.only("sources")["sources"]:
        check("SourceOut", source)
    for event in stream.events:
        if event.name == "citation":
            check("CitationOut", event.data)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Who won the football world cup in 1998?", "The documents do not answer"),
        ("一九九八年谁赢得了足球世界杯？", "文档"),
    ],
)
def test_unanswerable_question_is_refused_in_its_own_language(
    client: httpx.Client, question: str, words: str
) -> None:
    stream = ask(client, "handbook", question)
    done = stream.only("done")
    assert (done["grounded"], done["reason"]) == (False, "no-evidence")
    assert words in done["text"]
    assert done["text"] == stream.text
    assert done["citations"] == done["unsupported"] == []


@pytest.mark.parametrize(
    ("collection", "options"),
    [
        ("empty", {}),
        ("handbook", {"filter": {"document_ids": ["nowhere"]}}),
        ("handbook", {"filter": {"metadata": {"team": "kitchen"}}}),
    ],
)
def test_nothing_to_search_is_said_and_not_guessed(
    client: httpx.Client, collection: str, options: dict[str, Any]
) -> None:
    stream = ask(client, collection, LEAVE_QUESTION, **options)
    assert stream.only("sources")["sources"] == []
    assert stream.only("done")["reason"] == "no-documents"
    assert "no documents" in stream.text


def test_k_and_filter_choose_the_sources(client: httpx.Client) -> None:
    def documents(**options: Any) -> list[str]:
        sources = ask(client, "handbook", LEAVE_QUESTION, **options).only("sources")["sources"]
        return [source["document_id"] for source in sources]

    assert documents(k=1) == ["leave.md"]
    assert documents(filter={"document_ids": ["差旅.md"]}) == ["差旅.md"]
    assert documents(filter={"metadata": {"team": ["security", "other"]}}) == ["badges"]
    assert documents(filter={"lang": "zh"}) == ["差旅.md"]


def test_length_limit_ends_the_answer_and_says_so(client: httpx.Client) -> None:
    question = "How much annual leave does a colleague receive, and when does unused annual leave lapse?"
    whole = ask(client, "handbook", question).only("done")
    short = ask(client, "handbook", question, params={"max_tokens": 1}).only("done")
    assert len(whole["citations"]) > len(short["citations"]) == 1
    assert (whole["finish_reason"], short["finish_reason"]) == ("stop", "length")


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"collection": "nowhere"}, 404, "nowhere"),
        ({"question": "x" * 100_000}, 413, "100,000"),
        ({"question": " \n"}, 422, "empty"),
        ({"k": 100_000}, 422, "at most"),
        ({"temperature": 0}, 422, "temperature"),
        ({"params": {"temperature": 9}}, 422, "temperature"),
        ({"params": {"top_logprobs": 2}}, 422, "logprobs"),
        ({"conversation_id": "../x"}, 422, "conversation_id"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_bad_question_is_a_problem_with_a_status_and_never_a_stream(
    client: httpx.Client, changes: dict[str, Any], status: int, words: str, stream: bool
) -> None:
    body = {"collection": "handbook", "question": LEAVE_QUESTION, "stream": stream, **changes}
    reply = client.post("/v1/answers", json=body)
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert words in reply.json()["detail"]


def test_text_that_is_no_character_is_answered_all_the_same(client: httpx.Client) -> None:
    # Half a surrogate pair, as a cut JavaScript string sends it.
    body = b'{"collection": "handbook", "question": "How many days of annual leave? \\ud83d"}'
    reply = client.post("/v1/answers", content=body)
    assert reply.status_code in {200, 422}, reply.text
    if reply.status_code == 200:
        assert parse(reply.content).names[-1] == "done"


def test_answer_needs_a_key_with_the_scope_to_ask(handbook: RunningService) -> None:
    body = {"collection": "handbook", "question": LEAVE_QUESTION}
    with handbook.client() as admin:
        key = admin.post("/v1/keys", json={"name": "reader", "scopes": ["search"]}).json()["key"]
    for presented, status in ((None, 401), ("rs_wrong", 401), (key, 403)):
        with handbook.client(presented) as client:
            assert client.post("/v1/answers", json=body).status_code == status
