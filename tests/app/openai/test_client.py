"""The stock `openai` client asks us as it would ask OpenAI."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import unquote

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.app.openai.conftest import QUESTION, openai_client
from tests.support.service import RunningService

ASKED: list[Any] = [{"role": "user", "content": QUESTION}]


def test_collections_are_the_models(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["handbook"]
    model = client.models.retrieve("handbook")
    assert (model.object, model.owned_by) == ("model", "ragstone")


def test_completion_is_grounded_and_annotated(client: OpenAI) -> None:
    completion = client.chat.completions.create(model="handbook", messages=ASKED)
    (choice,) = completion.choices
    content = choice.message.content or ""
    assert "fifteen days" in content
    assert (choice.message.role, choice.finish_reason) == ("assistant", "stop")
    assert (completion.object, completion.model) == ("chat.completion", "handbook")
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 0
    assert choice.message.annotations
    for annotation in choice.message.annotations:
        cited = annotation.url_citation
        assert annotation.type == "url_citation"
        assert content[cited.start_index : cited.end_index] == cast(Any, cited).quote
    assert cast(Any, completion).ragstone["grounded"] is True


def test_annotation_of_a_document_without_an_address_leads_to_it_here(client: OpenAI) -> None:
    question: list[Any] = [{"role": "user", "content": "How many days of annual leave in Delft?"}]
    completion = client.chat.completions.create(model="handbook", messages=question)
    urls = [a.url_citation.url for a in completion.choices[0].message.annotations or []]
    (url,) = [url for url in urls if "delft" in url]
    assert " " not in url
    reply = httpx.get(url, headers={"Authorization": f"Bearer {client.api_key}"}, trust_env=False)
    assert reply.json()["id"] == unquote(url.rsplit("/", 1)[1])


def test_streamed_completion_says_the_same(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="handbook", messages=ASKED)
    chunks = list(client.chat.completions.create(model="handbook", messages=ASKED, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.object == "chat.completion.chunk" and chunk.id == chunks[0].id for chunk in chunks)
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert all(chunk.usage is None for chunk in chunks)
    last = cast(Any, chunks[-1].choices[0].delta)
    assert last.annotations == [a.model_dump() for a in whole.choices[0].message.annotations or []]


def test_usage_comes_in_a_chunk_of_its_own_when_asked_for(client: OpenAI) -> None:
    options: Any = {"include_usage": True}
    stream = client.chat.completions.create(model="handbook", messages=ASKED, stream=True, stream_options=options)
    *before, last = list(stream)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0
    assert all(chunk.usage is None and chunk.choices for chunk in before)


def test_clients_helper_for_streams_accumulates_our_chunks(client: OpenAI) -> None:
    with client.chat.completions.stream(model="handbook", messages=ASKED) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()
    assert "fifteen days" in text
    assert final.choices[0].message.content == text


async def test_async_client_works_both_ways(handbook: RunningService) -> None:
    key = handbook.admin_key
    async with AsyncOpenAI(base_url=f"{handbook.url}/v1", api_key=key, max_retries=0) as client:
        whole = await client.chat.completions.create(model="handbook", messages=ASKED)
        stream = await client.chat.completions.create(model="handbook", messages=ASKED, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert [model.id async for model in client.models.list()] == ["handbook"]
    assert text == whole.choices[0].message.content
    assert "fifteen days" in text


def test_history_gives_a_follow_up_its_meaning(client: OpenAI) -> None:
    messages: list[Any] = [
        {"role": "system", "content": "Answer like a pirate."},
        *ASKED,
        {"role": "assistant", "content": "Fifteen days. [1]"},
        {"role": "user", "content": [{"type": "text", "text": "And in Delft?"}]},
    ]
    completion = client.chat.completions.create(model="handbook", messages=messages)
    assert "twenty-six" in (completion.choices[0].message.content or "")
    assert "annual leave" in cast(Any, completion).ragstone["question"]


def test_our_own_options_go_in_the_extra_body(client: OpenAI) -> None:
    extra = {"ragstone": {"k": 1}, "top_k": 5, "min_p": 0.1, "repetition_penalty": 1.1}
    completion = client.chat.completions.create(model="handbook", messages=ASKED, extra_body=extra)
    assert len(cast(Any, completion).ragstone["sources"]) == 1


def test_parameters_that_ask_for_nothing_are_accepted(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="handbook", messages=ASKED, n=1, user="u", tools=[], tool_choice="none", store=False, temperature=0
    )
    assert completion.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("changes", "error", "code", "words"),
    [
        ({"model": "nowhere"}, openai.NotFoundError, "model_not_found", "nowhere"),
        ({"n": 2}, openai.BadRequestError, "unsupported_parameter", "n may only be 1"),
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            openai.BadRequestError,
            "unsupported_parameter",
            "tools",
        ),
        ({"messages": []}, openai.BadRequestError, "invalid_input", "messages"),
        ({"temperature": 9}, openai.BadRequestError, "invalid_input", "temperature"),
        (
            {"messages": [{"role": "assistant", "content": "x"}]},
            openai.BadRequestError,
            "invalid_input",
            "question",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            openai.BadRequestError,
            "unsupported_parameter",
            "image_url",
        ),
        ({"messages": [{"role": "user", "content": "x" * 100_000}]}, openai.APIStatusError, "too_large", "100,000"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_bad_request_raises_the_clients_own_exception(
    client: OpenAI, changes: dict[str, Any], error: type[openai.APIStatusError], code: str, words: str, stream: bool
) -> None:
    request: dict[str, Any] = {"model": "handbook", "messages": ASKED, "stream": stream, **changes}
    with pytest.raises(error) as raised:
        client.chat.completions.create(**request)
    assert raised.value.code == code
    assert words in raised.value.message
    body = cast(dict[str, Any], raised.value.body)
    assert set(body) == {"message", "type", "param", "code"}


def test_wrong_key_or_scope_raises_the_clients_own_exception(handbook: RunningService) -> None:
    with handbook.client() as admin:
        key = admin.post("/v1/keys", json={"name": "reader", "scopes": ["search"]}).json()["key"]
    with openai_client(handbook, "rs_wrong") as client, pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model="handbook", messages=ASKED)
    with openai_client(handbook, key) as client, pytest.raises(openai.PermissionDeniedError):
        client.models.list()
