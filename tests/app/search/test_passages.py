"""What is shown of what was found: copies collapsed, neighbours joined, and passages that differ put first."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.service import ROOT, RunningService

SOURCES = ROOT / "examples" / "sources"
POLICIES = [f"finance/expense-policy-{year}.pdf" for year in (2024, 2025)]
NOTE = "The visitors' car park is closed on Sundays. Guests leave their cars in the street behind the canteen."
OTHERS = [
    f"The visitors' car park has {count} places on level {level}; guests ask the reception for a permit."
    for level, count in enumerate((12, 18, 25, 31, 44, 52))
]


@pytest.fixture(scope="module")
def copies(examples: RunningService) -> RunningService:
    """The collection `copies`: two policies, each as PDF and as Markdown; one note 60 times, and six others."""
    examples.create_collection("copies")
    for name in POLICIES:
        data = (ROOT / "examples" / "documents" / name).read_bytes()
        examples.feed("copies", {name: data, f"{name}.md": (SOURCES / f"{name}.md").read_bytes()})
    notes = {f"copy-{i}": NOTE for i in range(60)} | {f"other-{i}": text for i, text in enumerate(OTHERS)}
    lines = "\n".join(json.dumps({"id": id_, "title": "Parking", "text": text}) for id_, text in notes.items())
    with examples.client() as client:
        job = client.post("/v1/collections/copies/documents/bulk", content=lines.encode()).json()
    assert examples.wait_for_job(job["id"])["state"] == "succeeded"
    return examples


def text_of(client: httpx.Client, collection: str, document_id: str) -> str:
    text: str = client.get(f"/v1/collections/{collection}/documents/{document_id}/text").json()["text"]
    return text


def collapsed(service: RunningService, query: str, **options: Any) -> list[dict[str, Any]]:
    return service.search("copies", query, ranking={"collapse_duplicates": True}, **options)


def test_k_hits_remain_when_copies_are_collapsed(copies: RunningService) -> None:
    plain = copies.search("copies", "visitors' car park on Sundays", k=7)
    assert {hit["text"] for hit in plain} == {NOTE}
    hits = collapsed(copies, "visitors' car park on Sundays", k=7)
    assert len(hits) == 7
    assert {hit["text"] for hit in hits} == {NOTE, *OTHERS}
    assert hits[0]["score"] == pytest.approx(plain[0]["score"]), "the best one stays"
    others = hits[0]["duplicates"]
    assert others
    assert {other["similarity"] for other in others} == {1.0}
    assert {other["title"] for other in others} == {"Parking"}
    shown = [hits[0]["document_id"], *(other["document_id"] for other in others)]
    assert len(shown) == len(set(shown))
    assert not any(hit["duplicates"] for hit in hits[1:])


@pytest.mark.parametrize(
    ("query", "facts"),
    [
        ("How much is paid for meals with customers?", ("CNY 200", "CNY 260")),
        ("Until when must a claim be filed?", ("60 calendar days", "45 calendar days")),
        ("What may I claim for a desk at home?", ("CNY 1,000", "CNY 1,800")),
        ("What if a receipt is lost?", ("CNY 200, three times", "CNY 300, twice")),
    ],
)
def test_changed_clause_of_a_policy_is_never_hidden_by_its_other_version(
    copies: RunningService, query: str, facts: tuple[str, str]
) -> None:
    hits = collapsed(copies, query, k=6)
    for fact in facts:
        holding = [hit for hit in hits if fact in hit["text"]]
        assert len(holding) == 1, f"{fact} is shown {len(holding)} times"
        (other,) = holding[0]["duplicates"]
        assert {holding[0]["document_id"].removesuffix(".md"), other["document_id"].removesuffix(".md")} <= {
            POLICIES[facts.index(fact)]
        }, "the PDF and the Markdown of one version are copies, two versions are not"


def test_collection_decides_unless_the_request_does(copies: RunningService) -> None:
    with copies.client() as client:
        changed = client.put("/v1/collections/copies", json={"collapse_duplicates": True}).json()
        try:
            assert changed["collapse_duplicates"] is True
            assert copies.search("copies", "car park on Sundays", k=3)[0]["duplicates"]
            asked = copies.search("copies", "car park on Sundays", k=3, ranking={"collapse_duplicates": False})
            assert {hit["text"] for hit in asked} == {NOTE}
        finally:
            client.put("/v1/collections/copies", json={"collapse_duplicates": False})


def test_diversity_puts_something_else_before_a_copy(copies: RunningService) -> None:
    some = {"document_ids": [*(f"copy-{i}" for i in range(5)), "other-1", "other-2", *POLICIES]}

    def texts(diversity: float | None) -> list[str]:
        ranking = {"diversity": diversity}
        hits = copies.search("copies", "car park closed on Sundays", k=4, ranking=ranking, filter=some)
        return [hit["text"] for hit in hits]

    assert texts(None) == texts(1) == [NOTE] * 4
    first, second, *_ = texts(0.5)
    assert first == NOTE
    assert second != NOTE


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_diversity_works_in_every_mode(examples: RunningService, mode: str) -> None:
    plain = examples.search("examples", "paid leave", k=5, mode=mode)
    diverse = examples.search("examples", "paid leave", k=5, mode=mode, ranking={"diversity": 0.3})
    assert len(diverse) == len(plain) == 5
    assert diverse[0]["chunk_id"] == plain[0]["chunk_id"]
    assert [hit["chunk_id"] for hit in diverse] != [hit["chunk_id"] for hit in plain]


@pytest.mark.parametrize("window", [0, 2])
@pytest.mark.parametrize("query", ["What is paid on business trips?", "故障代码 E-1042 怎么处理？"])
def test_joined_passage_is_the_exact_text_of_its_range(
    examples: RunningService, client: httpx.Client, query: str, window: int
) -> None:
    passages = {"merge_neighbours": True, "window": window, "max_tokens": 1000}
    plain = examples.search("examples", query, k=20)
    hits = examples.search("examples", query, k=20, passages=passages)
    assert any(len(hit["chunk_ids"]) > 1 for hit in hits)
    shown = [chunk_id for hit in hits for chunk_id in hit["chunk_ids"]]
    assert len(shown) == len(set(shown)), "a chunk is shown twice"
    assert {hit["chunk_id"] for hit in plain} <= set(shown), "a hit is lost"
    if not window:
        assert {hit["chunk_id"] for hit in plain} == set(shown)
    for hit in hits:
        text = text_of(client, "examples", hit["document_id"])
        assert hit["text"] == text[hit["char_start"] : hit["char_end"]]
        for part in plain:
            if part["chunk_id"] in hit["chunk_ids"]:
                assert hit["char_start"] <= part["char_start"] < part["char_end"] <= hit["char_end"]
                assert part["text"] in hit["text"]
    order = [hit["chunk_id"] for hit in plain]
    places = [order.index(hit["chunk_id"]) for hit in hits]
    assert places == sorted(places), "a passage stands where its best hit stood"


def test_offsets_of_joined_passages_count_code_points(examples: RunningService, client: httpx.Client) -> None:
    """The database cuts the text: it must not count bytes or UTF-16 units."""
    paragraphs = [f"😀𠮷 第{i}段：报告第{i}部分讲的是仓库温度记录。" * 12 for i in range(6)]
    examples.put("examples", "emoji.txt", "\n\n".join(paragraphs).encode())
    hits = examples.search(
        "examples", "仓库温度记录", filter={"document_ids": ["emoji.txt"]}, passages={"merge_neighbours": True}
    )
    text = text_of(client, "examples", "emoji.txt")
    assert any(len(hit["chunk_ids"]) > 1 for hit in hits)
    assert all(hit["text"] == text[hit["char_start"] : hit["char_end"]] for hit in hits)


def test_passages_that_cannot_be_are_named(client: httpx.Client) -> None:
    for passages, words in (
        ({"window": 1, "merge_neighbours": False}, "window counts only with merge_neighbours"),
        ({"merge_neighbours": True, "window": 99}, "passages.window"),
        ({"merge_neighbours": True, "max_tokens": 1}, "passages.max_tokens"),
    ):
        reply = client.post("/v1/search", json={"collection": "examples", "query": "x", "passages": passages})
        assert reply.status_code == 422
        assert words in reply.json()["detail"]
