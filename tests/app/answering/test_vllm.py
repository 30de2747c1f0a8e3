"""A real vLLM writes the answers: streams, usage, log probabilities, sampling, and what a reader who goes frees.

The model's weights are random, so its words are noise and cite nothing; everything about them is real.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpx
import pytest
from openai import OpenAI

from tests.support.service import RunningService, running_service
from tests.support.sse import Stream, ask

pytestmark = pytest.mark.vllm

QUESTION = "How many days of paid leave does an employee have in a year?"
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
GREEDY = {"temperature": 0, "max_tokens": 24}


@pytest.fixture(scope="module")
def service(vllm_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service before the vLLM, with one document."""
    folder = tmp_path_factory.mktemp("vllm")
    with running_service(folder, generator="openai", llm_base_url=vllm_url) as running:
        running.create_collection("handbook")
        text = b"An employee has twenty days of paid leave in a year, and five more after ten years."
        running.put("handbook", "leave.txt", text)
        with running.client() as client:
            write(client)  # from here on the prompt is in vLLM's prefix cache: the same arithmetic for all tests
        yield running


@pytest.fixture
def client(service: RunningService) -> Iterator[httpx.Client]:
    """A client with the admin key."""
    with service.client() as opened:
        yield opened


@pytest.fixture
def stock(service: RunningService) -> Iterator[OpenAI]:
    """The stock OpenAI client."""
    with OpenAI(base_url=f"{service.url}/v1", api_key=service.admin_key, max_retries=0) as opened:
        yield opened


def write(client: httpx.Client, **params: Any) -> Stream:
    """Ask and let the model write with these parameters."""
    return ask(client, "handbook", QUESTION, params={**GREEDY, **params})


def metric(vllm_url: str, name: str) -> float:
    """The value of one of vLLM's metrics."""
    text = httpx.get(f"{vllm_url.removesuffix('/v1')}/metrics", trust_env=False).text
    (value,) = re.findall(rf"^vllm:{name}{{[^}}]*}} (\S+)$", text, re.MULTILINE)
    return float(value)


def test_answer_streams_and_its_usage_is_what_vllm_counted(client: httpx.Client, vllm_url: str) -> None:
    before = metric(vllm_url, "prompt_tokens_total"), metric(vllm_url, "generation_tokens_total")
    stream = write(client, ignore_eos=True)
    done = stream.only("done")
    assert stream.names.count("delta") > 1
    assert done["text"] == stream.text != ""
    assert (done["model"], done["finish_reason"]) == ("tiny", "length")
    assert done["usage"]["completion_tokens"] == 24
    after = metric(vllm_url, "prompt_tokens_total"), metric(vllm_url, "generation_tokens_total")
    counted = done["usage"]["prompt_tokens"], done["usage"]["completion_tokens"]
    assert (after[0] - before[0], after[1] - before[1]) == counted


def test_stock_client_streams_the_same_words_with_usage(stock: OpenAI, client: httpx.Client) -> None:
    options: Any = {"include_usage": True}
    chunks = list(
        stock.chat.completions.create(
            model="handbook", messages=ASKED, stream=True, stream_options=options, temperature=0, max_tokens=24
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    done = write(client).only("done")
    assert text == done["text"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.model_dump(include=set(done["usage"])) == done["usage"]


def test_log_probabilities_come_for_every_token(client: httpx.Client, stock: OpenAI) -> None:
    stream = write(client, logprobs=True, top_logprobs=3, ignore_eos=True)
    items = [item for event in stream.events for item in event.data.get("logprobs", ())]
    assert len(items) == 24
    assert all(len(item["top_logprobs"]) == 3 and item["logprob"] <= 0 for item in items)
    completion = stock.chat.completions.create(
        model="handbook",
        messages=ASKED,
        temperature=0,
        max_tokens=24,
        logprobs=True,
        extra_body={"ignore_eos": True},
    )
    assert completion.choices[0].logprobs is not None
    tokens = [item.token for item in completion.choices[0].logprobs.content or ()]
    assert tokens == [item["token"] for item in items]


def test_stop_string_ends_the_answer_before_it(client: httpx.Client) -> None:
    whole = write(client, ignore_eos=True).text
    stop = whole[len(whole) // 2 :][:3]
    done = write(client, ignore_eos=True, stop=[stop]).only("done")
    assert done["text"].rstrip() == whole[: whole.index(stop)].rstrip()
    assert done["finish_reason"] == "stop"


def test_same_seed_writes_the_same_words(client: httpx.Client) -> None:
    def words(seed: int) -> str:
        return write(client, temperature=1, seed=seed, ignore_eos=True).text

    assert words(1) == words(1)
    assert len({words(seed) for seed in range(1, 5)}) > 1


@pytest.mark.parametrize(
    "params",
    [
        {"structured_outputs": {"choice": ["fifteen days", "twenty days"]}},
        {"structured_outputs": {"regex": "(fifteen|twenty) days"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"enum": ["x y"]}}}},
    ],
)
def test_guided_decoding_is_passed_through(client: httpx.Client, params: dict[str, Any]) -> None:
    assert write(client, **params).text in {"fifteen days", "twenty days", '"x y"'}


def test_guided_json_goes_through_the_stock_client(stock: OpenAI) -> None:
    # No object: between its parts blanks are allowed, and noise writes them for ever.
    form: Any = {"type": "json_schema", "json_schema": {"name": "paid", "schema": {"type": "boolean"}}}
    completion = stock.chat.completions.create(
        model="handbook", messages=ASKED, temperature=0, max_tokens=24, response_format=form
    )
    assert isinstance(json.loads(completion.choices[0].message.content or ""), bool)


def test_every_sampling_parameter_is_accepted(client: httpx.Client) -> None:
    params = {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 20,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
        "frequency_penalty": 0.2,
        "presence_penalty": -0.2,
        "min_tokens": 3,
        "max_tokens": 9,
        "stop": ["zzz"],
        "stop_token_ids": [2],
        "include_stop_str_in_output": True,
        "ignore_eos": True,
        "bad_words": ["leave"],
        "logit_bias": {"5": -100},
        "seed": 7,
        "logprobs": True,
        "top_logprobs": 0,
        "chat_template_kwargs": {"enable_thinking": False},
        "priority": 0,
    }
    done = write(client, **params).only("done")
    assert 3 <= done["usage"]["completion_tokens"] <= 9


def test_sampling_parameters_have_their_effect(client: httpx.Client) -> None:
    def variety(**params: Any) -> int:
        return len(set(write(client, ignore_eos=True, max_tokens=60, **params).text))

    wild = variety(temperature=2, seed=1)
    for narrow in ({"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}):
        assert variety(temperature=2, seed=1, **narrow) < wild / 2, narrow
    greedy = variety(temperature=0)
    for spread in ({"repetition_penalty": 5}, {"frequency_penalty": 2}, {"presence_penalty": 2}):
        assert variety(temperature=0, **spread) > greedy, spread


def test_refusal_of_vllm_is_told_in_its_words(client: httpx.Client) -> None:
    body = {"collection": "handbook", "question": QUESTION, "params": {"structured_outputs": {"regex": "("}}}
    reply = client.post("/v1/answers", json=body)
    assert reply.status_code == 422, reply.text
    assert "refused the request: Grammar error" in reply.json()["detail"]


def test_readers_who_go_free_their_requests_in_vllm(service: RunningService, vllm_url: str) -> None:
    long = {"max_tokens": 1000, "ignore_eos": True}  # of noise: a second or so for one, several for eight
    answer = "/v1/answers", {"collection": "handbook", "question": QUESTION, "params": long}
    chat = "/v1/chat/completions", {"model": "handbook", "messages": ASKED, "stream": True, **long}
    before = metric(vllm_url, "generation_tokens_total")

    def leave(asked: tuple[str, dict[str, Any]]) -> None:
        with service.client() as client, client.stream("POST", asked[0], json=asked[1]) as reply:
            assert next(reply.iter_raw())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, [answer, chat] * 4))
    deadline = time.monotonic() + 60
    while metric(vllm_url, "num_requests_running") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert metric(vllm_url, "num_requests_running") == 0
    written = metric(vllm_url, "generation_tokens_total") - before
    assert written < 8 * 1000, "all of them were written to their end"


def test_eight_streams_at_once_all_complete(service: RunningService, vllm_url: str) -> None:
    def one(seed: int) -> Stream:
        with service.client() as client:
            return write(client, temperature=1, seed=seed, max_tokens=100, ignore_eos=True)

    with ThreadPoolExecutor(8) as pool:
        streams = list(pool.map(one, range(8)))
    for stream in streams:
        done = stream.only("done")
        assert (done["usage"]["completion_tokens"], done["finish_reason"]) == (100, "length")
        assert done["text"] == stream.text
    assert metric(vllm_url, "num_requests_running") == 0


def test_conversation_is_condensed_by_the_model_and_goes_on(client: httpx.Client, stock: OpenAI) -> None:
    first = write(client).only("done")
    again = ask(client, "handbook", QUESTION, conversation_id=first["conversation_id"], params=cast(Any, GREEDY))
    assert again.names[-1] == "done"
    messages = [*ASKED, {"role": "assistant", "content": first["text"]}, *ASKED]
    completion = stock.chat.completions.create(model="handbook", messages=messages, temperature=0, max_tokens=8)
    assert completion.choices[0].finish_reason in {"stop", "length"}
