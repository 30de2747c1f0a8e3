"""Filters and groups over HTTP: what a caller asks for is what is found, and nothing of another's is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.service import ADMIN_KEY, RunningService

MODES = ("hybrid", "dense", "lexical")
QUESTION = "Which ticket is about printers?"


@pytest.fixture(scope="module", autouse=True)
def _tickets(service: RunningService) -> None:
    service.create_collection("tickets")
    feed(
        service,
        [
            {
                "id": f"t{n}",
                "text": f"Ticket about printers number {n}." if n < 8 else f"关于打印机的工单，编号{n}。",
                "metadata": {
                    "year": 2020 + n,
                    "tags": ["odd", "small"] if n % 2 else [],
                    "due": f"2025-03-{n + 1:02d}T09:00:00+02:00",
                    "score": str(n),
                }
                | ({"owner": None} if n == 3 else {}),
                "groups": ["board"] if n in {4, 9} else ["board", "legal"] if n == 5 else [],
            }
            for n in range(10)
        ],
    )


def feed(service: RunningService, lines: list[dict[str, Any]]) -> None:
    with service.client() as client:
        reply = client.post(
            "/v1/collections/tickets/documents/bulk", content="\n".join(json.dumps(line) for line in lines)
        )
        assert reply.status_code == 202, reply.text
    assert service.wait_for_job(reply.json()["id"])["state"] == "succeeded"


def found(service: RunningService, wanted: dict[str, Any], key: str = ADMIN_KEY, mode: str = "hybrid") -> set[str]:
    """The ids that a search finds, the same as the documents list shows under the filter."""
    body = {"collection": "tickets", "query": QUESTION, "k": 50, "filter": wanted, "mode": mode}
    if mode == "lexical":
        body["query"] = "printers 打印机"
    with service.client(key) as client:
        reply = client.post("/v1/search", json=body)
        assert reply.status_code == 200, reply.text
        hits = {hit["document_id"] for hit in reply.json()["hits"]}
        listed = client.get("/v1/collections/tickets/documents", params={"filter": json.dumps(wanted)})
        assert {document["id"] for document in listed.json()["documents"]} == hits
    return hits


def numbers(*which: int) -> set[str]:
    return {f"t{n}" for n in which}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"document_ids": ["t1", "t2", "none"]}, numbers(1, 2)),
        ({"document_ids": []}, set()),
        ({"lang": ""}, numbers(*range(10))),
        ({"lang": "zh"}, numbers(8, 9)),
        ({"lang": {"ne": "zh"}}, numbers(*range(8))),
        ({"metadata": {"year": 2021}}, numbers(1)),
        ({"metadata": {"year": [2021, 2022, "2023"]}}, numbers(1, 2)),
        ({"metadata": {"tags": "odd"}}, numbers(1, 3, 5, 7, 9)),
        ({"metadata": {"tags": {"exists": True}, "year": {"lt": 2022}}}, numbers(0, 1)),
        ({"metadata": {"year": {"gt": 2022, "lte": 2024}}}, numbers(3, 4)),
        ({"metadata": {"score": {"gte": 5}}}, set()),
        ({"metadata": {"due": {"lt": "2025-03-02T07:30:00Z"}}}, numbers(0, 1)),
        ({"metadata": {"due": {"gte": "2025-03-09"}}}, numbers(8, 9)),
        ({"metadata": {"owner": {"eq": None}}}, numbers(3)),
        ({"metadata": {"owner": {"ne": "x"}, "year": {"not_in": list(range(2022, 2030))}}}, numbers(0, 1)),
        ({"not": {"metadata": {"owner": {"exists": False}}}}, numbers(3)),
        ({"or": [{"lang": "zh"}, {"metadata": {"year": 2020}}], "not": {"document_ids": ["t9"]}}, numbers(0, 8)),
        ({"and": [{"or": [{"document_ids": ["t1"]}, {"document_ids": ["t2"]}]}, {"metadata": {"tags": "small"}}]},
         numbers(1)),
        ({"created_at": {"gt": "2024-01-01"}, "updated_at": {"lt": "2024-01-01"}}, set()),
    ],
)  # fmt: skip
def test_search_and_list_find_what_the_filter_says(
    service: RunningService, wanted: dict[str, Any], expected: set[str]
) -> None:
    assert found(service, wanted) == expected


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_is_limited_before_it_is_cut(service: RunningService, mode: str) -> None:
    assert found(service, {"metadata": {"year": {"gte": 2026}}}, mode=mode) == numbers(6, 7, 8, 9)


@pytest.fixture(scope="module")
def keys(service: RunningService) -> dict[str, str]:
    """A key for each group, and one without."""
    made = {}
    with service.client() as client:
        for group in ("board", "legal", "Board", ""):
            body = {"name": group or "none", "scopes": ["search", "ask"], "groups": [group] if group else []}
            made[group] = client.post("/v1/keys", json=body).json()["key"]
    return made


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wanted", [{}, {"not": {"document_ids": ["none"]}}, {"metadata": {"tags": "odd"}}])
def test_nobody_finds_a_document_of_a_group_that_is_not_theirs(
    service: RunningService, keys: dict[str, str], mode: str, wanted: dict[str, Any]
) -> None:
    every = found(service, wanted, mode=mode)
    others = numbers(4, 5, 9)
    assert found(service, wanted, keys["board"], mode) == every
    assert found(service, wanted, keys["legal"], mode) == every - numbers(4, 9)
    assert found(service, wanted, keys["Board"], mode) == every - others
    assert found(service, wanted, keys[""], mode) == every - others


def test_answers_keep_to_filter_and_groups(service: RunningService, keys: dict[str, str]) -> None:
    wanted = {"metadata": {"year": {"gte": 2024, "lt": 2027}}}
    asked = {"collection": "tickets", "question": QUESTION, "k": 10, "filter": wanted, "stream": False}
    chat = {
        "model": "tickets",
        "messages": [{"role": "user", "content": QUESTION}],
        "ragstone": {"filter": wanted, "k": 10},
    }
    for group, expected in (("board", numbers(4, 5, 6)), ("legal", numbers(5, 6)), ("", numbers(6))):
        with service.client(keys[group]) as client:
            answer = client.post("/v1/answers", json=asked).json()
            completion = client.post("/v1/chat/completions", json=chat).json()["ragstone"]
        for sources in (answer["sources"], completion["sources"]):
            assert {source["document_id"] for source in sources} == expected


def test_changed_metadata_and_groups_hold_at_once_for_the_same_text(
    service: RunningService, keys: dict[str, str]
) -> None:
    """The bytes are the same: what changes is a revision all the same."""
    line = {"id": "moving", "text": "Ticket about printers on the move.", "metadata": {"stage": "old"}}
    feed(service, [line])
    with service.client() as client:
        before = client.get("/v1/collections/tickets/documents/moving").json()
    assert found(service, {"metadata": {"stage": "old"}}, keys[""]) == {"moving"}
    feed(service, [line | {"metadata": {"stage": "new"}, "groups": ["legal"]}])
    assert found(service, {"metadata": {"stage": "old"}}) == set()
    assert found(service, {"metadata": {"stage": "new"}}, keys["legal"]) == {"moving"}
    assert found(service, {"metadata": {"stage": "new"}}, keys[""]) == set()
    with service.client() as client:
        after = client.get("/v1/collections/tickets/documents/moving").json()
        assert after["created_at"] == before["created_at"]
        # What is shown of a time is what a filter compares with, to the microsecond.
        same = {name: {"gte": after[name], "lte": after[name]} for name in ("created_at", "updated_at")}
        assert found(service, same) == {"moving"}
        assert found(service, {"document_ids": ["moving"], "updated_at": {"lte": before["updated_at"]}}) == set()
        client.delete("/v1/collections/tickets/documents/moving")


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"metadata": {"year": {"gte": "soon"}}}, "filter.metadata.year.gte: should be a number or a date"),
        ({"metadata": {"year": {"gte": True}}}, "filter.metadata.year.gte: should be a number or a date"),
        ({"metadata": {"year": {"above": 1}}}, "filter.metadata.year.above"),
        ({"metadata": {"year": {}}}, "filter.metadata.year: has no operator: there are eq, ne, in, not_in, gt"),
        ({"metadata": {"year": {"gte": 1, "lt": "2025-01-01"}}}, "has a number and a date as bounds"),
        ({"metadata": {"year": [{"gte": 1}]}}, "filter.metadata.year.in.0: should be a text, a number"),
        ({"metadata": {"year": 10**400}}, "filter.metadata.year.eq: should be a number that fits into 64 bits"),
        ({"metadata": {"a": "\0"}}, "may not contain U+0000"),
        ({"created_at": {"gte": 2024}}, "filter.created_at.gte: should be a date"),
        ({"created_at": {"gte": "2023-02-29"}}, "filter.created_at.gte: should be a date"),
        ({"or": [{"lang": "zh"}, {"and": [{"langs": "zh"}]}]}, "filter.or.1.and.0.langs"),
        ({"or": []}, "filter.or"),
        ({"or": [{"metadata": {"year": year}} for year in range(101)]}, "101 conditions: at most 100"),
        (
            {"and": [{"document_ids": [str(n) for n in range(900)]} for _ in range(3)]},
            "2,700 values: at most 2,000",
        ),
        (json.loads('{"not":' * 9 + '{"lang": "zh"}' + "}" * 9), "nested deeper than the 8 levels"),
    ],
)
def test_filter_that_cannot_be_is_named(service: RunningService, wanted: dict[str, Any], named: str) -> None:
    asked = {"collection": "tickets", "filter": wanted}
    chat = {"model": "tickets", "messages": [{"role": "user", "content": "x"}], "ragstone": {"filter": wanted}}
    with service.client() as client:
        for reply in (
            client.post("/v1/search", json=asked | {"query": "x"}),
            client.post("/v1/answers", json=asked | {"question": "x"}),
            client.get("/v1/collections/tickets/documents", params={"filter": json.dumps(wanted)}),
        ):
            assert reply.status_code == 422
            assert reply.headers["content-type"] == "application/problem+json"
            assert named in reply.json()["detail"]
        reply = client.post("/v1/chat/completions", json=chat)
        assert reply.status_code == 400
        assert named in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "bad", "text": "x", "metadata": {"n": 1e999}}',
        '{"id": "bad", "text": "x", "metadata": {"n": 1' + "0" * 400 + "}}",
        '{"id": "bad", "text": "x", "metadata": {"n": 1' + "0" * 5000 + "}}",
        '{"id": "bad", "text": "x", "metadata": {"n": "\\u0000"}}',
        '{"id": "bad", "text": "x", "metadata": {"\\ud800": 1}}',
        '{"id": "bad", "text": "x", "metadata": {"n": [{}]}}',
        '{"id": "bad", "text": "x", "title": "\\u0000"}',
        '{"id": "bad", "text": "x", "groups": ["\\u0000"]}',
        "[" * 100_000,
    ],
    ids=lambda line: line[22:60],
)
def test_metadata_that_no_filter_could_compare_is_refused(service: RunningService, line: str) -> None:
    """One such value in PostgreSQL would fail every filter on its collection."""
    with service.client() as client:
        reply = client.post("/v1/collections/tickets/documents/bulk", content=line)
        assert (reply.status_code, reply.json()["detail"][:6]) == (422, "Line 1")
        refused = client.put("/v1/collections/tickets/documents/bad", params={"title": "\0"}, content=b"x")
        assert refused.status_code == 422
