"""A model server that is down, slow, wrong or dies: the reader is told, and the next question is answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.support.faulty_model import GOOD, Act, FaultyModel, Reply, Status
from tests.support.service import RunningService, running_service
from tests.support.sse import Stream, ask, parse

QUESTION = "How many days of annual leave does a colleague receive?"
SAID = "Every colleague receives fifteen days of annual leave a year [1]."
BODY = {"collection": "handbook", "question": QUESTION}


@pytest.fixture(scope="module")
def model() -> Iterator[FaultyModel]:
    """The fault injector."""
    running = FaultyModel()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def service(model: FaultyModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service before it, with little patience: two answers at once and one that waits."""
    settings = {
        "generator": "openai",
        "llm_base_url": model.url,
        "llm_first_token_timeout_s": "2",
        "llm_idle_timeout_s": "2",
        "llm_retries": "2",
        "llm_concurrency": "2",
        "llm_queue": "1",
        "llm_queue_timeout_s": "2",
        "llm_max_tokens": "50",
        "ping_s": "0.1",
    }
    with running_service(tmp_path_factory.mktemp("faults"), **settings) as running:
        running.create_collection("handbook")
        text = b"Every colleague receives fifteen days of annual leave a year."
        running.put("handbook", "leave.txt", text)
        yield running


@pytest.fixture
def client(service: RunningService, model: FaultyModel) -> Iterator[httpx.Client]:
    """A client; when its test is over the service must still answer."""
    with service.client() as opened:
        yield opened
        model.release.set()
        model.will(GOOD)
        assert ask(opened, "handbook", QUESTION).only("done")["grounded"], "the service did not recover"


def problem_of(client: httpx.Client, status: int = 503) -> dict[str, Any]:
    """Ask, and return the problem that both forms of the reply are."""
    problems = []
    for stream in (True, False):
        reply = client.post("/v1/answers", json={**BODY, "stream": stream})
        assert reply.status_code == status, reply.text
        assert reply.headers["content-type"] == "application/problem+json"
        assert (status == 503) == ("retry-after" in reply.headers)
        problems.append(reply.json())
    assert problems[0] == problems[1]
    return dict(problems[0])


def test_model_server_that_is_down_is_named_and_comes_back(client: httpx.Client, model: FaultyModel) -> None:
    assert client.get("/readyz").status_code == 200
    model.stop()
    problem = problem_of(client)
    assert problem["type"] == "urn:ragstone:problem:generator-unavailable"
    assert problem["detail"] == f"The model server at {model.url} cannot be reached (Connection refused)."
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    assert client.post("/v1/search", json={"collection": "handbook", "query": "leave"}).is_success
    model.start()
    assert client.get("/readyz").status_code == 200
    assert ask(client, "handbook", QUESTION).text == SAID


@pytest.mark.parametrize("status", [Status(500), Status(503), Status(429, retry_after="0")])
def test_failure_before_the_first_word_is_tried_again(
    client: httpx.Client, model: FaultyModel, status: Status
) -> None:
    model.will(status, (Act.RESET,), GOOD)
    assert ask(client, "handbook", QUESTION).text == SAID
    assert len(model.requests) == 3


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Status(500), "answered 500: out of memory"),
        (Status(429, "slow down", "0"), "answered 429: slow down"),
        ((Act.RESET,), "broke"),
        ((Act.END,), "too early"),
    ],
)
def test_failure_that_stays_is_told_after_three_attempts(
    client: httpx.Client, model: FaultyModel, reply: Reply, words: str
) -> None:
    model.will(*[reply] * 6)
    assert words in problem_of(client)["detail"]
    assert len(model.requests) == 6


@pytest.mark.parametrize(
    ("reply", "status", "words"),
    [
        (Status(400, "top_k is too low"), 422, "answered 400: top_k is too low"),
        (Status(401, "wrong key"), 503, "answered 401: wrong key"),
        (Status(404, "no such model"), 503, "answered 404: no such model"),
        ((b"{'not': json",), 503, "no chunk of a chat"),
        ((b'{"choices": 3}',), 503, "no chunk of a chat"),
        ((b'{"error": {"message": "CUDA error"}}',), 503, "CUDA error"),
        ((Act.HANG,), 503, "within 2 seconds"),
        ((b'{"choices": []}', Act.HANG), 503, "within 2 seconds"),
    ],
)
def test_failure_that_another_attempt_would_not_mend_is_told_at_once(
    client: httpx.Client, model: FaultyModel, reply: Reply, status: int, words: str
) -> None:
    model.will(reply, reply)
    assert words in problem_of(client, status)["detail"]
    assert len(model.requests) == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Act.RESET, "broke"),
        (Act.END, "too early"),
        (Act.HANG, "silent for 2 seconds"),
        (b"<html>", "no chunk of a chat"),
        (b'{"error": {"message": "CUDA error"}}', "CUDA error"),
    ],
)
def test_failure_amid_an_answer_is_an_error_event_with_what_was_said(
    client: httpx.Client, model: FaultyModel, fault: bytes | Act, words: str
) -> None:
    reply: Reply = ("Every colleague receives", " fifteen days", fault)
    model.will(reply, reply)
    stream = ask(client, "handbook", QUESTION)
    assert stream.names[-1] == "error"
    assert "done" not in stream.names
    error = stream.only("error")
    assert (error["status"], error["type"]) == (503, "urn:ragstone:problem:generator-unavailable")
    assert words in error["detail"]
    assert error["text"] == stream.text == "Every colleague receives fifteen days"
    whole = client.post("/v1/answers", json={**BODY, "stream": False})
    assert (whole.status_code, whole.json()["detail"]) == (503, error["detail"])


def test_failure_reaches_stock_clients_as_their_own_exceptions(
    service: RunningService, client: httpx.Client, model: FaultyModel
) -> None:
    asked: Any = {"model": "handbook", "messages": [{"role": "user", "content": QUESTION}]}
    with OpenAI(base_url=f"{service.url}/v1", api_key=service.admin_key, max_retries=0) as stock:
        model.will(*[Status(500)] * 3)
        with pytest.raises(openai.InternalServerError, match="out of memory") as raised:
            stock.chat.completions.create(**asked)
        assert raised.value.response.headers["retry-after"].isdigit()
        model.will(("Fifteen days", Act.RESET))
        with pytest.raises(openai.APIError, match="broke"):
            list(stock.chat.completions.create(**asked, stream=True))


@pytest.mark.parametrize("marker", [("[", "1", "]"), (" [1", "]"), ("【1】",), (" [^1]",)])
def test_marker_cut_by_the_stream_is_one_citation(
    client: httpx.Client, model: FaultyModel, marker: tuple[str, ...]
) -> None:
    model.will(("Every colleague receives fifteen days of annual leave", *marker, "."))
    stream = ask(client, "handbook", QUESTION)
    assert stream.text.endswith("[1].")
    assert [citation["n"] for citation in stream.only("done")["citations"]] == [1]


def test_line_separators_of_unicode_are_text_and_end_no_event(client: httpx.Client, model: FaultyModel) -> None:
    words = ("Every colleague\u2028receives", "\u0085fifteen days\u2029of annual\x1cleave a year [1].")
    model.will(tuple(json_with_raw_separators(text) for text in words))
    stream = ask(client, "handbook", QUESTION)
    assert stream.text == "".join(words)


def json_with_raw_separators(text: str) -> bytes:
    """A chunk as serde and Go write it: only what JSON forbids is escaped."""
    escaped = text.replace("\x1c", "\\u001c")
    return f'{{"choices":[{{"index":0,"delta":{{"content":"{escaped}"}}}}]}}'.encode()


def test_source_number_that_does_not_exist_is_left_out_and_not_cited(
    client: httpx.Client, model: FaultyModel
) -> None:
    model.will(("The canteen serves soup [7]", "[0]."))
    stream = ask(client, "handbook", QUESTION)
    done = stream.only("done")
    assert stream.text == "The canteen serves soup."
    assert (done["citations"], done["grounded"], done["reason"]) == ([], False, "uncited")
    assert [done["text"][u["answer_start"] : u["answer_end"]] for u in done["unsupported"]] == [stream.text]


def test_model_that_never_ends_is_ended(client: httpx.Client, model: FaultyModel) -> None:
    model.will(("the same again and ", Act.FOREVER))
    done = ask(client, "handbook", QUESTION).only("done")
    assert done["finish_reason"] == "length"
    assert model.reader_left.wait(10), "the model server was left writing"


def test_reader_who_goes_frees_the_model(client: httpx.Client, model: FaultyModel) -> None:
    endless: Reply = ("Every colleague ", Act.IDLE)
    model.will(endless)
    with client.stream("POST", "/v1/answers", json=BODY) as reply:
        assert next(reply.iter_raw())
    assert model.reader_left.wait(20), "the model server was left writing"
    model.will(endless)
    with pytest.raises(httpx.ReadTimeout):
        client.post("/v1/answers", json={**BODY, "stream": False}, timeout=1)
    assert model.reader_left.wait(20), "the model server was left writing"


def test_pings_keep_a_silent_stream_alive(client: httpx.Client, model: FaultyModel) -> None:
    model.will(("Every colleague receives ", Act.HOLD, "fifteen days of annual leave a year [1]."))
    with client.stream("POST", "/v1/answers", json=BODY) as reply:
        body = b""
        for piece in reply.iter_raw():
            body += piece
            if b": ping\n\n" in body:
                model.release.set()
    stream = parse(body)
    assert stream.comments >= 1
    assert stream.only("done")["grounded"]


def test_questions_past_limit_and_queue_are_told_when_to_come_again(
    service: RunningService, client: httpx.Client, model: FaultyModel
) -> None:
    held: Reply = ("Every colleague receives ", Act.HOLD, "fifteen days of annual leave a year [1].")
    model.will(held, held, *[GOOD] * 20)
    running = [_Reader(service) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:  # one finds a place in the queue, and waits there in vain
        replies = list(pool.map(lambda _: client.post("/v1/answers", json=BODY), range(2)))
    refused, waited = sorted(replies, key=lambda reply: reply.status_code)
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:ragstone:problem:overloaded")
    assert (waited.status_code, waited.json()["type"]) == (503, "urn:ragstone:problem:unavailable")
    for reply in (refused, waited):
        assert 1 <= int(reply.headers["retry-after"]) <= 60
        assert "again" in reply.json()["detail"]
    model.release.set()
    assert [reader.stream().text for reader in running] == [SAID, SAID]


def test_readers_who_go_while_they_wait_leave_no_gap_in_the_queue(
    service: RunningService, client: httpx.Client, model: FaultyModel
) -> None:
    held: Reply = ("Every colleague receives ", Act.HOLD, "fifteen days of annual leave a year [1].")
    model.will(held, held, *[GOOD] * 20)
    running = [_Reader(service) for _ in range(2)]
    for _ in range(3):
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/answers", json=BODY, timeout=0.3)
    model.release.set()
    assert [reader.stream().text for reader in running] == [SAID, SAID]
    with ThreadPoolExecutor(2) as pool:
        again = list(pool.map(lambda _: ask(client, "handbook", QUESTION).text, range(2)))
    assert again == [SAID, SAID]


class _Reader:
    """Asks on a thread of its own; made once the first piece of its answer has come."""

    def __init__(self, service: RunningService) -> None:
        self._service = service
        self._begun = threading.Event()
        self._body = b""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self._begun.wait(20)

    def _read(self) -> None:
        with self._service.client() as client, client.stream("POST", "/v1/answers", json=BODY) as reply:
            for piece in reply.iter_raw():
                self._body += piece
                self._begun.set()

    def stream(self) -> Stream:
        self._thread.join(20)
        return parse(self._body)
