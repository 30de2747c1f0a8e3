"""An answer's sources are passages joined from neighbouring chunks, and its citations exact all the same."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.support.service import RunningService

# Long enough for several chunks of 100 tokens, each about what is asked; characters beyond the basic plane first.
RULES = "# 🗄️ Storage\n\n" + "\n\n".join(
    f"𠮷 Rule {number}. Reels of cable type C{number} are stored in hall {number}, at most {number * 10} on a "
    f"pallet. Whoever takes a reel from hall {number} writes its number in the book of that hall, and returns the "
    f"empty reel within {number} days. 三号仓库的电缆盘每托盘最多{number}个，取用须登记，空盘须在{number}天内归还。"
    for number in range(1, 9)
)
QUESTION = "How many reels of cable are stored on a pallet in hall 4?"


@pytest.fixture(scope="module")
def storage(handbook: RunningService) -> RunningService:
    assert handbook.put("handbook", "storage.md", RULES.encode(), "text/markdown")["state"] == "succeeded"
    return handbook


def ask(client: httpx.Client, **options: Any) -> dict[str, Any]:
    body = {"collection": "handbook", "question": QUESTION, "stream": False, "k": 6}
    filters = {"document_ids": ["storage.md"]}
    answer: dict[str, Any] = client.post("/v1/answers", json=body | {"filter": filters} | options).json()
    return answer


def test_citations_of_joined_sources_are_exact(storage: RunningService, client: httpx.Client) -> None:
    answer = ask(client)
    text = client.get("/v1/collections/handbook/documents/storage.md/text").json()["text"]
    assert any(len(source["chunk_ids"]) > 1 for source in answer["sources"])
    for source in answer["sources"]:
        assert source["text"] == text[source["char_start"] : source["char_end"]]
    assert answer["grounded"]
    assert answer["citations"]
    for citation in answer["citations"]:
        assert citation["quote"] == text[citation["char_start"] : citation["char_end"]]
        source = answer["sources"][citation["n"] - 1]
        assert source["char_start"] <= citation["char_start"] < citation["char_end"] <= source["char_end"]
    assert "at most 40 on a pallet" in answer["text"]


def test_request_can_leave_them_apart_or_ask_for_more_around(storage: RunningService, client: httpx.Client) -> None:
    apart = ask(client, passages={"merge_neighbours": False})
    assert [len(source["chunk_ids"]) for source in apart["sources"]] == [1] * 6
    wider = ask(client, k=1, passages={"window": 1})
    (source,) = wider["sources"]
    assert len(source["chunk_ids"]) == 3
    small = ask(client, passages={"max_tokens": 32})
    assert all(len(source["chunk_ids"]) == 1 for source in small["sources"])


def test_language_model_reads_no_text_twice(storage: RunningService, client: httpx.Client) -> None:
    sources = ask(client, passages={"window": 2})["sources"]
    ranges = sorted((source["char_start"], source["char_end"]) for source in sources)
    assert all(end <= start for (_, end), (start, _) in pairwise(ranges))
