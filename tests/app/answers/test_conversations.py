"""What the service remembers of an answer, for whom, and until when: on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support.service import RunningService
from tests.support.sse import ask

FIRST = "How many days of annual leave does a colleague in Hangzhou receive?"


@pytest.fixture(scope="module", autouse=True)
def _collection(service: RunningService) -> None:
    service.create_collection("notes")
    for city, days in (("Hangzhou", "fifteen"), ("Delft", "twenty-six")):
        text = f"Every colleague in {city} receives {days} days of annual leave a year."
        service.put("notes", city.lower(), text.encode())
    board = {"id": "board", "text": "The zanzibar bonus of directors is paid in April.", "groups": ["board"]}
    with service.client() as client:
        reply = client.post("/v1/collections/notes/documents/bulk", content=json.dumps(board))
        service.wait_for_job(reply.json()["id"])


@pytest.fixture
def client(service: RunningService) -> Iterator[httpx.Client]:
    """A client with a key of its own that may only ask."""
    with service.client(make_key(service)) as opened:
        yield opened


def make_key(service: RunningService, *groups: str) -> str:
    with service.client() as admin:
        reply = admin.post("/v1/keys", json={"name": "asker", "scopes": ["ask"], "groups": groups})
        return str(reply.json()["key"])


def test_follow_up_is_understood_within_its_conversation_only(client: httpx.Client) -> None:
    first = ask(client, "notes", FIRST).only("done")
    follow_up = ask(client, "notes", "And in Delft?", conversation_id=first["conversation_id"])
    assert "annual leave" in follow_up.only("sources")["question"]
    assert follow_up.only("done")["conversation_id"] == first["conversation_id"]
    assert "twenty-six days" in follow_up.text
    alone = ask(client, "notes", "And in Delft?")
    assert alone.only("sources")["question"] == "And in Delft?"
    assert alone.only("done")["conversation_id"] != first["conversation_id"]


def test_conversation_of_one_key_is_not_read_by_another(service: RunningService, client: httpx.Client) -> None:
    first = ask(client, "notes", FIRST).only("done")
    with service.client(make_key(service)) as other:
        guessed = ask(other, "notes", "And in Delft?", conversation_id=first["conversation_id"])
    assert guessed.only("sources")["question"] == "And in Delft?"


def test_verdict_on_an_answer_is_kept_for_the_key_that_asked(service: RunningService, client: httpx.Client) -> None:
    answer_id = ask(client, "notes", FIRST).only("done")["answer_id"]
    path = f"/v1/answers/{answer_id}/feedback"
    verdict = {"rating": "down", "reason": "too short", "correction": "Fifteen, from the first day on."}
    assert client.post(path, json=verdict).status_code == 204
    assert client.post(path, json={"rating": "sideways"}).status_code == 422
    assert client.post("/v1/answers/ans_unknown/feedback", json={"rating": "up"}).status_code == 404
    with service.client(make_key(service)) as other:
        assert other.post(path, json={"rating": "up"}).status_code == 404


def test_answer_never_holds_what_the_key_may_not_read(service: RunningService, client: httpx.Client) -> None:
    question = "When is the zanzibar bonus of directors paid?"
    outside = ask(client, "notes", question)
    assert "board" not in [source["document_id"] for source in outside.only("sources")["sources"]]
    assert "April" not in outside.text
    with service.client(make_key(service, "board")) as member:
        assert "April" in ask(member, "notes", question).text


def test_deleted_document_is_not_answered_from_nor_remembered(service: RunningService) -> None:
    service.put("notes", "code", b"The code of the vault is quokka-77.")
    with service.client() as admin:
        first = ask(admin, "notes", "What is the code of the vault?").only("done")
        assert "quokka-77" in first["text"]
        assert admin.delete("/v1/collections/notes/documents/code").status_code == 204
        again = ask(admin, "notes", "And what is it?", conversation_id=first["conversation_id"])
    assert "quokka-77" not in json.dumps([event.data for event in again.events])
